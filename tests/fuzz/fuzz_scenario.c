/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A scenario file of any bytes: parse, and bind to a world of the bundled
 * vehicle, which compiles its conditions and checks its actions. Where the
 * first byte is '!', the rest is a command text instead.
 */
#include "config.h"

#include "scenarios/action.h"
#include "scenarios/scenario.h"
#include "sim/inputs.h"
#include "sim/world.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What parses has a canonical text that parses to the same text. */
static void command(const char *text)
{
	const struct action *act;
	char one[512], two[512];
	struct av_err err;
	struct args args;
	void *arena;
	size_t n;

	if (action_parse(text, &act, &args, &arena, &err) < 0) {
		return;
	}
	n = action_text(act, &args, one, sizeof(one));
	free(arena);
	if (n >= sizeof(one)) {
		return;
	}
	if (action_parse(one, &act, &args, &arena, &err) < 0) {
		abort();
	}
	action_text(act, &args, two, sizeof(two));
	free(arena);
	if (strcmp(one, two) != 0) {
		abort();
	}
}

/* Made once; only looked at. */
static struct world *a_world(void)
{
	const char *top = getenv("AVSIM_TOP_SRCDIR");
	static struct bundle inputs;
	struct world_opts o = { .inputs = &inputs, .until = VT_NEVER };
	static struct world *w;
	struct av_diags d = { 0 };
	struct av_err err;

	if (!w && (inputs_load(top ? top : ".", "parking", NULL, NULL, 0,
			       &inputs, &d, &err) < 0 ||
		   world_create(&o, &w, &d) < 0)) {
		abort();
	}
	return w;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct scenario_param set = { "speed", "5" };
	struct scenario *s = NULL;
	struct av_diags d = { 0 };
	char *text;

	if (size > 0 && data[0] == '!') {
		text = malloc(size);
		if (text) {
			memcpy(text, data + 1, size - 1);
			text[size - 1] = '\0';
			command(text);
			free(text);
		}
		return 0;
	}
	if (scenario_parse("fuzz.yaml", (const char *)data, size, &set,
			   size % 2, &s, &d) == 0) {
		scenario_bind(s, a_world(), NULL, &d);
	}
	scenario_destroy(s);
	av_diags_finish(&d);
	return 0;
}
