/* SPDX-License-Identifier: Apache-2.0 */
/*
 * --genfakedata: events that come by themselves, for people who test a guest by
 * hand. Everything is posted as a command, on the virtual clock, so a replay
 * brings the same events without the one who asked for them.
 */
#include "config.h"

#include "sim/services/vhal_dump.h"

#include "sim/bundle.h"
#include "sim/core/text.h"

#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#define FAKES_MAX 64
#define JSON_MAX (16u << 20)

/* One generator: a line or a list of events. */
struct vhal_fake {
	struct vhal_fake *next;
	struct vhal_service *s;
	struct vtimer timer;
	unsigned int id;
	/* linear */
	int slot; /* -1: a list */
	double middle, current, dispersion, increment;
	vtime interval;
	/* list */
	json_t *events;
	size_t at;
	long rounds; /* left; negative: for ever */
	vtime base;
};

static void fake_free(struct vhal_fake *f)
{
	struct vhal_service *s = f->s;

	for (struct vhal_fake **p = &s->fakes; *p; p = &(*p)->next) {
		if (*p == f) {
			*p = f->next;
			s->n_fakes--;
			break;
		}
	}
	evq_disarm(s->env.q, &f->timer);
	json_decref(f->events);
	free(f);
}

void vhal_fakes_finish(struct vhal_service *s)
{
	while (s->fakes) {
		fake_free(s->fakes);
	}
}

static void inject(struct vhal_service *s, uint32_t slot, const char *value)
{
	char text[8192];

	if (snprintf(text, sizeof(text), "vhal-inject property='%s' value='%s'",
		     vhal_slot_name(s->env.vhal, slot), value) <
	    (int)sizeof(text)) {
		cmdq_post(s->env.cmdq, CMD_FROM_SERVICE, text);
	}
}

static void on_linear(struct vtimer *t, vtime now)
{
	struct vhal_fake *f = t->ctx;
	int32_t type = vhal_slot_config(f->s->env.vhal, (uint32_t)f->slot)
			       ->prop &
		       VHAL_TYPE_MASK;
	char buf[AV_NUM_TEXT_MAX];

	if (type == VHAL_TYPE_FLOAT) {
		av_f32_text((float)f->current, buf);
	} else {
		snprintf(buf, sizeof(buf), "%" PRId64, (int64_t)f->current);
	}
	inject(f->s, (uint32_t)f->slot, buf);
	f->current += f->increment;
	if (f->current > f->middle + f->dispersion) {
		f->current = f->middle - f->dispersion;
	}
	evq_arm(f->s->env.q, t, now + f->interval);
}

/* A JSON value as the text of a command's value; "" = cannot be said. */
static void json_text(const json_t *v, char *buf, size_t size);

static void json_list(const json_t *v, const char *open, const char *close,
		      char *buf, size_t size)
{
	size_t used = (size_t)snprintf(buf, size, "%s", open);
	char item[256];

	for (size_t i = 0; i < json_array_size(v) && used < size; i++) {
		json_text(json_array_get(v, i), item, sizeof(item));
		used += (size_t)snprintf(buf + used, size - used, "%s%s",
					 i ? "," : "", item);
	}
	if (used < size) {
		snprintf(buf + used, size - used, "%s", close);
	}
}

static void json_text(const json_t *v, char *buf, size_t size)
{
	static const char *const parts[][2] = { { "int32Values", "i32" },
						{ "int64Values", "i64" },
						{ "floatValues", "f" } };
	size_t used;
	char list[2048];

	buf[0] = '\0';
	if (json_is_integer(v)) {
		snprintf(buf, size, "%" JSON_INTEGER_FORMAT,
			 json_integer_value(v));
	} else if (json_is_real(v) && size >= AV_NUM_TEXT_MAX) {
		av_f32_text((float)json_real_value(v), buf);
	} else if (json_is_boolean(v)) {
		snprintf(buf, size, "%d", json_is_true(v));
	} else if (json_is_string(v) &&
		   !strpbrk(json_string_value(v), "'\\\"")) {
		snprintf(buf, size, "%s", json_string_value(v));
	} else if (json_is_array(v)) {
		json_list(v, "[", "]", buf, size);
	} else if (json_is_object(v)) {
		const char *s = json_string_value(
			json_object_get(v, "stringValue"));

		used = (size_t)snprintf(buf, size, "{");
		for (size_t i = 0; i < 3 && used < size; i++) {
			const json_t *p = json_object_get(v, parts[i][0]);

			if (json_array_size(p) > 0) {
				json_list(p, "[", "]", list, sizeof(list));
				used += (size_t)snprintf(
					buf + used, size - used, "%s%s:%s",
					used > 1 ? "," : "", parts[i][1],
					list);
			}
		}
		if (s && !strpbrk(s, "'\\\"") && used < size) {
			used += (size_t)snprintf(buf + used, size - used,
						 "%ss:\"%s\"",
						 used > 1 ? "," : "", s);
		}
		if (used < size) {
			snprintf(buf + used, size - used, "}");
		}
	}
}

static vtime event_time(const struct vhal_fake *f, size_t i)
{
	return (vtime)json_integer_value(json_object_get(
		json_array_get(f->events, i), "timestamp"));
}

/* The times in the file count from its first event. */
static void on_list(struct vtimer *t, vtime now)
{
	struct vhal_fake *f = t->ctx;
	const json_t *e = json_array_get(f->events, f->at);
	int slot = vhal_slot_of(
		f->s->env.vhal,
		(int32_t)json_integer_value(json_object_get(e, "prop")),
		(int32_t)json_integer_value(json_object_get(e, "areaId")));
	char value[4096];

	json_text(json_object_get(e, "value"), value, sizeof(value));
	if (slot >= 0 && value[0]) {
		inject(f->s, (uint32_t)slot, value);
	}
	if (++f->at == json_array_size(f->events)) {
		f->at = 0;
		f->base = now + VT_MS; /* a list of one instant shall not spin */
		if (f->rounds > 0 && --f->rounds == 0) {
			fake_free(f);
			return;
		}
	}
	evq_arm(f->s->env.q, t,
		f->base + event_time(f, f->at) - event_time(f, 0));
}

static struct vhal_fake *fake_create(struct dump *d, vtimer_fn *fn)
{
	struct vhal_fake *f = d->s->n_fakes < FAKES_MAX ? calloc(1, sizeof(*f)) :
							  NULL;

	if (!f) {
		dump_add(d, "too many generators: stop some\n");
		return NULL;
	}
	f->s = d->s;
	f->id = d->s->next_fake++;
	f->slot = -1;
	f->timer = (struct vtimer){ .fn = fn, .ctx = f };
	f->next = d->s->fakes;
	d->s->fakes = f;
	d->s->n_fakes++;
	return f;
}

static bool number(const char *text, double *out)
{
	return av_num_parse(text, strlen(text), out) == 0;
}

/* PROP MIDDLE CURRENT DISPERSION INCREMENT INTERVAL_NS */
static void start_linear(struct dump *d, char **args, size_t n)
{
	double v[5];
	struct vhal_fake *f;
	struct av_err err;
	int32_t prop, area;
	int32_t type;
	int slot;

	for (size_t i = 0; i < 5 && n == 6; i++) {
		n = number(args[i + 1], &v[i]) ? n : 0;
	}
	if (n != 6 || v[4] < 1e6) {
		dump_add(d, "want --startlinear PROPERTY[/AREA] MIDDLE CURRENT "
			    "DISPERSION INCREMENT INTERVAL_NS (1000000 or "
			    "more)\n");
		return;
	}
	if (vhal_find(d->s->env.vhal, args[0], &prop, &area, &err) < 0) {
		dump_add(d, "%s\n", err.msg);
		return;
	}
	slot = vhal_slot_of(d->s->env.vhal, prop, area);
	type = prop & VHAL_TYPE_MASK;
	if (slot < 0 || (type != VHAL_TYPE_FLOAT && type != VHAL_TYPE_INT32 &&
			 type != VHAL_TYPE_INT64)) {
		dump_add(d, "%s is not a single number\n", args[0]);
		return;
	}
	f = fake_create(d, on_linear);
	if (f) {
		f->slot = slot;
		f->middle = v[0];
		f->current = v[1];
		f->dispersion = v[2];
		f->increment = v[3];
		f->interval = (vtime)v[4];
		evq_arm(d->s->env.q, &f->timer, evq_now(d->s->env.q));
		dump_add(d, "linear generator for %s started\n",
			 vhal_slot_name(d->s->env.vhal, (uint32_t)slot));
	}
}

static void stop_linear(struct dump *d, char **args, size_t n)
{
	struct av_err err;
	int32_t prop = 0, area = 0;
	bool found = false;
	int slot = -1;

	if (n == 1 &&
	    vhal_find(d->s->env.vhal, args[0], &prop, &area, &err) == 0) {
		slot = vhal_slot_of(d->s->env.vhal, prop, area);
	}
	for (struct vhal_fake *f = d->s->fakes, *next; f; f = next) {
		next = f->next;
		if (slot >= 0 && f->slot == slot) {
			fake_free(f);
			found = true;
		}
	}
	dump_add(d, found ? "stopped\n" : "no such generator\n");
}

/* --path FILE [ROUNDS] | --content JSON [ROUNDS] */
static void start_json(struct dump *d, char **args, size_t n)
{
	bool is_path = n >= 2 && !strcmp(args[0], "--path");
	struct vhal_fake *f;
	struct av_err err;
	json_error_t jerr;
	json_t *events = NULL;
	char *data = NULL;
	size_t len = 0;
	vtime last = INT64_MIN;

	if (!is_path && !(n >= 2 && !strcmp(args[0], "--content"))) {
		dump_add(d, "want --startjson --path FILE [ROUNDS] or "
			    "--content JSON [ROUNDS]\n");
		return;
	}
	if (is_path) {
		if (av_read_file(args[1], JSON_MAX, &data, &len, &err) < 0) {
			dump_add(d, "%s\n", err.msg);
			return;
		}
		events = json_loadb(data, len, JSON_REJECT_DUPLICATES, &jerr);
		free(data);
	} else {
		events = json_loads(args[1], JSON_REJECT_DUPLICATES, &jerr);
	}
	if (!events) {
		dump_add(d, "%s:%d:%d: %s\n", is_path ? args[1] : "JSON",
			 jerr.line, jerr.column, jerr.text);
		return;
	}
	for (size_t i = 0; i < json_array_size(events); i++) {
		const json_t *t = json_object_get(json_array_get(events, i),
						  "timestamp");

		if (!json_is_integer(t) || json_integer_value(t) < last) {
			len = i + 1;
			break;
		}
		last = (vtime)json_integer_value(t);
		len = 0;
	}
	if (json_array_size(events) == 0 || len > 0) {
		dump_add(d, "want a list of events in order of their "
			    "timestamp; event %zu is not\n",
			 len);
		json_decref(events);
		return;
	}
	f = fake_create(d, on_list);
	if (!f) {
		json_decref(events);
		return;
	}
	f->events = events;
	f->rounds = n >= 3 ? strtol(args[2], NULL, 10) : 1;
	f->rounds = f->rounds == 0 ? 1 : f->rounds;
	f->base = evq_now(d->s->env.q);
	evq_arm(d->s->env.q, &f->timer, f->base);
	dump_add(d, "JSON generator %u started\n", f->id);
}

static void stop_json(struct dump *d, char **args, size_t n)
{
	bool found = false;

	for (struct vhal_fake *f = d->s->fakes, *next; f; f = next) {
		next = f->next;
		if (f->events && n == 1 &&
		    f->id == strtoul(args[0], NULL, 10)) {
			fake_free(f);
			found = true;
		}
	}
	dump_add(d, found ? "stopped\n" : "no such generator\n");
}

/* KEYCODE DISPLAY: down, then up, as the reference sends a press */
static void key_press(struct dump *d, char **args, size_t n)
{
	double v[2] = { 0, 0 };
	char text[128];

	if (n < 1 || !number(args[0], &v[0]) ||
	    (n > 1 && !number(args[1], &v[1]))) {
		dump_add(d, "want --keypress KEYCODE [DISPLAY]\n");
		return;
	}
	for (int action = 0; action < 2; action++) {
		snprintf(text, sizeof(text),
			 "vhal-inject property='HW_KEY_INPUT' "
			 "value='[%d,%d,%d]'",
			 action, (int)v[0], (int)v[1]);
		cmdq_post(d->s->env.cmdq, CMD_FROM_SERVICE, text);
	}
	dump_add(d, "key %d pressed\n", (int)v[0]);
}

static const struct fake_option {
	const char *name, *help;
	void (*run)(struct dump *d, char **args, size_t n);
} fake_options[] = {
	{ "--startlinear",
	  "PROPERTY[/AREA] MIDDLE CURRENT DISPERSION INCREMENT INTERVAL_NS",
	  start_linear },
	{ "--stoplinear", "PROPERTY[/AREA]", stop_linear },
	{ "--startjson", "--path FILE [ROUNDS] | --content JSON [ROUNDS]",
	  start_json },
	{ "--stopjson", "ID", stop_json },
	{ "--keypress", "KEYCODE [DISPLAY]", key_press },
};

void dump_genfakedata(struct dump *d, char **args, size_t n)
{
	size_t n_options = sizeof(fake_options) / sizeof(fake_options[0]);

	for (size_t i = 0; n > 0 && i < n_options; i++) {
		if (!strcmp(fake_options[i].name, args[0])) {
			fake_options[i].run(d, args + 1, n - 1);
			return;
		}
	}
	dump_add(d, "--genfakedata wants one of:\n");
	for (size_t i = 0; i < n_options; i++) {
		dump_add(d, "  %s %s\n", fake_options[i].name,
			 fake_options[i].help);
	}
}
