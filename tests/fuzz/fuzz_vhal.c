/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a property file: refused with messages and nothing loaded, or
 * taken, and then every slot must be found by its name, every value must read
 * back from its text, and a set and a sample of everything must hold. What is
 * JSON at all is judged against jansson. Bytes that start with '#' are a
 * value's text instead, read as every type.
 */
#include "config.h"

#include "sim/vhal/vhal.h"
#include "sim/vhal/vhal_json.h"

#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int ok)
{
	if (!ok) {
		abort();
	}
}

static char *text_of(const struct vhal_value *val)
{
	size_t n = vhal_value_text(val, NULL, 0);
	char *buf = malloc(n + 1);

	must(buf != NULL);
	must(vhal_value_text(val, buf, n + 1) == n && strlen(buf) == n);
	return buf;
}

/* Text of @val reads back to the same text. */
static void round_trip(const struct vhal *v, const struct vhal_value *val)
{
	char *a = text_of(val), *b;
	struct vhal_value back;
	struct av_err err;
	void *arena;

	must(vhal_value_parse(v, val->prop, val->area, a, &back, &arena,
			      &err) == 0);
	b = text_of(&back);
	must(!strcmp(a, b));
	free(arena);
	free(a);
	free(b);
}

static void no_event(void *ctx, const struct vhal_event *e)
{
	(void)ctx;
	must(e->value != NULL && e->name != NULL);
}

static void use(struct evq *q, struct vhal *v)
{
	struct vhal_sub *sub = vhal_sub_create(v, no_event, NULL);

	must(sub != NULL);
	for (uint32_t s = 0; s < vhal_n_slots(v); s++) {
		const struct vhal_value *val = vhal_get(v, s);
		int32_t prop, area;
		struct av_err err;

		must(vhal_slot_of(v, val->prop, val->area) == (int)s);
		must(vhal_find(v, vhal_slot_name(v, s), &prop, &area, &err) ==
		     0);
		must(prop == val->prop && area == val->area);
		round_trip(v, val);
		vhal_set(v, val, CMD_FROM_GUEST, &err);
		vhal_update_num(v, s, 3.5);
		vhal_update_elem(v, s, 2, 1e30);
		round_trip(v, val);
		vhal_sub_add(sub, s, 7);
	}
	must(vhal_start(v, NULL) == 0);
	evq_run_until(q, VT_S);
	vhal_sub_destroy(sub);
}

/* Both readers agree on what is JSON, but for depth, byte order marks (ours
 * alone takes one) and numbers no double holds. */
static void same_as_jansson(const char *s, size_t n)
{
	struct av_diags d = { 0 };
	struct vjson_doc doc;
	json_error_t e;
	json_t *root =
		json_loadb(s, n, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &e);
	int ours = vjson_parse("fuzz", s, n, &doc, &d) == 0;

	if (root && !ours && !memchr(s, 0, n)) { /* jansson stops there */
		must(strstr(d.v[0].msg, "nested too deeply") != NULL);
	}
	if (!root && ours) {
		must(json_error_code(&e) == json_error_numeric_overflow ||
		     (n >= 3 && !memcmp(s, "\xef\xbb\xbf", 3)));
	}
	vjson_finish(&doc);
	av_diags_finish(&d);
	json_decref(root);
}

static void values(const char *text)
{
	static const char all[] =
		"{\"properties\":["
		"{\"property\":555745281,\"access\":3,\"changeMode\":1},"
		"{\"property\":557842434,\"access\":3,\"changeMode\":1},"
		"{\"property\":557907971,\"access\":3,\"changeMode\":1},"
		"{\"property\":558891012,\"access\":3,\"changeMode\":1},"
		"{\"property\":558956549,\"access\":3,\"changeMode\":1},"
		"{\"property\":559939590,\"access\":3,\"changeMode\":1},"
		"{\"property\":560005127,\"access\":3,\"changeMode\":1},"
		"{\"property\":560988168,\"access\":3,\"changeMode\":1},"
		"{\"property\":568328201,\"access\":3,\"changeMode\":1},"
		"{\"property\":554696714,\"access\":3,\"changeMode\":1},"
		"{\"property\":\"VehicleProperty::HVAC_FAN_SPEED\",\"areas\":["
		"{\"areaId\":49},{\"areaId\":68}]}]}";
	struct evq *q = evq_create();
	struct vhal *v = vhal_create(q, NULL);
	struct av_diags d = { 0 };

	must(vhal_load(v, "all", all, strlen(all), &d) == 0);
	for (size_t i = 0; i < vhal_n_props(v); i++) {
		struct vhal_value val;
		struct av_err err;
		void *arena;
		int32_t prop, area;

		if (vhal_value_parse(v, vhal_prop_at(v, i)->prop, 0, text, &val,
				     &arena, &err) == 0) {
			round_trip(v, &val);
			vhal_set(v, &val, CMD_FROM_GUEST, &err);
			vhal_update(v, (uint32_t)i, &val);
			free(arena);
		}
		vhal_find(v, text, &prop, &area, &err);
	}
	vhal_destroy(v);
	evq_destroy(q);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *s = (const char *)data;
	struct av_diags d = { 0 };
	struct evq *q;
	struct vhal *v;
	int ret;

	if (size > 0 && s[0] == '#') {
		char *text = malloc(size);

		must(text != NULL);
		memcpy(text, s + 1, size - 1);
		text[size - 1] = '\0';
		values(text);
		free(text);
		return 0;
	}
	same_as_jansson(s, size);
	q = evq_create();
	v = vhal_create(q, NULL);
	must(q && v);
	ret = vhal_load(v, "fuzz", s, size, &d);
	must((ret < 0) == (d.n > 0));
	if (ret < 0) {
		must(vhal_n_props(v) == 0 && vhal_n_slots(v) == 0);
	} else {
		use(q, v);
	}
	av_diags_finish(&d);
	vhal_destroy(v);
	evq_destroy(q);
	return 0;
}
