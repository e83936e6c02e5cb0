/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dump of the AIDL generation: what a person types after `dumpsys` in the guest.
 * One row per option.
 */
#include "config.h"

#include "sim/services/vhal_dump.h"

#include "sim/core/text.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void dump_add(struct dump *d, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || d->failed) {
		return;
	}
	if (d->room - d->len < (size_t)n + 1) {
		size_t room = 2 * (d->len + (size_t)n) + 256;
		char *p = realloc(d->text, room);

		if (!p) {
			d->failed = true;
			return;
		}
		d->text = p;
		d->room = room;
	}
	va_start(ap, fmt);
	vsnprintf(d->text + d->len, d->room - d->len, fmt, ap);
	va_end(ap);
	d->len += (size_t)n;
}

static void add_value(struct dump *d, uint32_t slot)
{
	struct vhal *v = d->s->env.vhal;
	size_t n = vhal_value_text(vhal_get(v, slot), NULL, 0);
	char *text = malloc(n + 1);

	if (text) {
		vhal_value_text(vhal_get(v, slot), text, n + 1);
		dump_add(d, "%s = %s\n", vhal_slot_name(v, slot), text);
		free(text);
	}
}

/* "PROPERTY", "PROPERTY/AREA" or a number; complains and returns -1. */
static int find_slot(struct dump *d, const char *text)
{
	struct vhal *v = d->s->env.vhal;
	struct av_err err;
	int32_t prop, area;
	int slot = -1;

	if (vhal_find(v, text, &prop, &area, &err) < 0) {
		dump_add(d, "%s\n", err.msg);
		return -1;
	}
	slot = vhal_slot_of(v, prop, area);
	if (slot < 0) {
		dump_add(d, "%s has no such area\n", text);
	}
	return slot;
}

static void dump_all(struct dump *d)
{
	struct vhal *v = d->s->env.vhal;

	dump_add(d, "avsim VHAL: %zu properties, %zu with their areas\n",
		 vhal_n_props(v), vhal_n_slots(v));
	for (uint32_t i = 0; i < vhal_n_slots(v); i++) {
		add_value(d, i);
	}
}

static void dump_list(struct dump *d, char **args, size_t n)
{
	struct vhal *v = d->s->env.vhal;

	(void)args;
	(void)n;
	for (size_t i = 0; i < vhal_n_props(v); i++) {
		const struct vhal_prop_config *p = vhal_prop_at(v, i);

		dump_add(d, "%zu: %s 0x%08" PRIx32 "\n", i, p->name,
			 (uint32_t)p->prop);
	}
}

static void dump_get(struct dump *d, char **args, size_t n)
{
	struct vhal *v = d->s->env.vhal;

	for (size_t i = 0; i < n; i++) {
		struct av_err err;
		int32_t prop, area;
		bool any = false;

		/* a property without an area shows all of its areas */
		for (uint32_t slot = 0; slot < vhal_n_slots(v); slot++) {
			const struct vhal_prop_config *p =
				vhal_slot_config(v, slot);

			if (!strcmp(p->name, args[i]) ||
			    (vhal_find(v, args[i], &prop, &area, &err) == 0 &&
			     vhal_slot_of(v, prop, area) == (int)slot)) {
				add_value(d, slot);
				any = true;
			}
		}
		if (!any) {
			find_slot(d, args[i]);
		}
	}
	if (n == 0) {
		dump_add(d, "--get wants PROPERTY[/AREA]...\n");
	}
}

/*
 * PROP [-i N... | -i64 N... | -f X... | -s TEXT | -b HEX] [-a AREA] [-t TIME]
 * as one command. The reference tool repeats numbers after a letter.
 */
static void post(struct dump *d, const char *verb, char **args, size_t n)
{
	char name[256], value[4096] = "", text[8192];
	const char *area = NULL;
	size_t used = 0, count = 0;
	bool is_text = false;
	int slot, ret;

	if (n == 0) {
		dump_add(d, "which property?\n");
		return;
	}
	for (size_t i = 1; i < n; i++) {
		const char *a = args[i];

		if (!strcmp(a, "-a") && i + 1 < n) {
			area = args[++i];
		} else if (!strcmp(a, "-t") && i + 1 < n) {
			i++; /* the store stamps by itself */
		} else if (!strcmp(a, "-s") || !strcmp(a, "-b")) {
			is_text = true;
		} else if (strcmp(a, "-i") != 0 && strcmp(a, "-i64") != 0 &&
			   strcmp(a, "-f") != 0 && used < sizeof(value)) {
			used += (size_t)snprintf(value + used,
						 sizeof(value) - used, "%s%s",
						 count++ ? "," : "", a);
		}
	}
	if (used >= sizeof(value) || count == 0 || strchr(value, '\'')) {
		dump_add(d, "want a value: -i, -i64, -f, -s or -b\n");
		return;
	}
	snprintf(name, sizeof(name), "%s%s%s", args[0], area ? "/" : "",
		 area ? area : "");
	slot = find_slot(d, name);
	if (slot < 0) {
		return;
	}
	snprintf(text, sizeof(text),
		 count > 1 && !is_text ? "%s property='%s' value='[%s]'" :
					 "%s property='%s' value='%s'",
		 verb, vhal_slot_name(d->s->env.vhal, (uint32_t)slot), value);
	ret = cmdq_post(d->s->env.cmdq, CMD_FROM_SERVICE, text);
	dump_add(d, ret == 0 ? "%s: done with the next step\n" :
			       "%s: the command queue is full\n",
		 text);
}

static void dump_set(struct dump *d, char **args, size_t n)
{
	post(d, "set", args, n);
}

static void dump_inject(struct dump *d, char **args, size_t n)
{
	post(d, "vhal-inject", args, n);
}

static void dump_help(struct dump *d, char **args, size_t n);

static const struct dump_option {
	const char *name, *help;
	void (*run)(struct dump *d, char **args, size_t n);
} options[] = {
	{ "--help", "this text", dump_help },
	{ "--list", "all properties", dump_list },
	{ "--get", "PROPERTY[/AREA]...: present values", dump_get },
	{ "--set",
	  "PROPERTY -i N.. | -i64 N.. | -f X.. | -s TEXT | -b HEX [-a AREA]: "
	  "as a guest sets it",
	  dump_set },
	{ "--inject-event",
	  "the same: as the car itself changes it", dump_inject },
	{ "--genfakedata",
	  "make events, see --genfakedata without more", dump_genfakedata },
};

static void dump_help(struct dump *d, char **args, size_t n)
{
	(void)args;
	(void)n;
	dump_add(d, "avsim VHAL, options:\n  (none)  all present values\n");
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		dump_add(d, "  %s  %s\n", options[i].name, options[i].help);
	}
}

char *vhal_service_dump(struct vhal_service *s, char **args, size_t n,
			bool *more)
{
	struct dump d = { .s = s };
	const struct dump_option *o = NULL;

	*more = n == 0;
	if (n == 0) {
		dump_all(&d);
	} else {
		for (size_t i = 0; i < sizeof(options) / sizeof(options[0]);
		     i++) {
			if (!strcmp(options[i].name, args[0])) {
				o = &options[i];
			}
		}
		if (o) {
			o->run(&d, args + 1, n - 1);
		} else {
			dump_add(&d, "unknown option '%s'\n", args[0]);
			dump_help(&d, NULL, 0);
		}
	}
	if (d.failed) {
		free(d.text);
		return NULL;
	}
	return d.text ? d.text : strdup("");
}
