/* SPDX-License-Identifier: Apache-2.0 */
/*
 * avsim about itself: what happened last, how the run stands, what the
 * properties are.
 */
#include "config.h"

#include "sim/services/dumpstate_int.h"

#include "scenarios/fault.h"
#include "sim/world.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ---- events ---- */

struct event {
	vtime t;
	const char *channel;
	char key[80];
	char text[160]; /* cut */
};

struct event_ring {
	struct bus *bus;
	uint64_t n; /* ever */
	struct event v[DUMPSTATE_EVENTS];
};

static struct event *next_event(struct event_ring *r, vtime t,
				const char *channel, const char *key)
{
	struct event *e = &r->v[r->n++ % DUMPSTATE_EVENTS];

	e->t = t;
	e->channel = channel;
	snprintf(e->key, sizeof(e->key), "%s", key);
	return e;
}

#define ON_TEXT(name, channel)                                                 \
	static void name(void *ctx, const void *msg)                           \
	{                                                                      \
		const struct text_event *e = msg;                              \
		struct event *to = next_event(ctx, e->t, channel, e->key);     \
                                                                               \
		snprintf(to->text, sizeof(to->text), "%s", e->text);           \
	}
ON_TEXT(on_fault, "fault")
ON_TEXT(on_power, "power")
ON_TEXT(on_audio, "audio")
ON_TEXT(on_device, "device")
ON_TEXT(on_scenario, "scenario")

static void on_command(void *ctx, const void *msg)
{
	const struct cmd_event *e = msg;
	struct event *to = next_event(ctx, e->t, "command",
				      cmd_source_names[e->cmd->source]);

	snprintf(to->text, sizeof(to->text), "%s%s%s",
		 e->cmd->text ? e->cmd->text : "", e->ok ? "" : " refused: ",
		 e->ok ? "" : e->error);
}

static void on_vhal(void *ctx, const void *msg)
{
	const struct vhal_event *e = msg;
	struct event *to;

	if (e->why == VHAL_SAMPLED) {
		return; /* not low-rate */
	}
	to = next_event(ctx, e->t, "vhal", e->name);
	vhal_value_text(e->value, to->text, sizeof(to->text));
}

static const struct {
	enum av_topic_id topic;
	bus_fn *fn;
} taps[] = {
	{ TOPIC_COMMAND, on_command }, { TOPIC_FAULT, on_fault },
	{ TOPIC_VHAL, on_vhal },       { TOPIC_POWER, on_power },
	{ TOPIC_BT, on_device },       { TOPIC_AUDIO, on_audio },     { TOPIC_DEVICE, on_device },
	{ TOPIC_SCENARIO, on_scenario },
};
#define N_TAPS (sizeof(taps) / sizeof(taps[0]))

struct event_ring *event_ring_create(struct bus *bus, struct av_err *err)
{
	struct event_ring *r = calloc(1, sizeof(*r));

	if (!r) {
		av_err_set(err, -ENOMEM, "out of memory");
		return NULL;
	}
	r->bus = bus;
	for (size_t i = 0; i < N_TAPS; i++) {
		if (bus_subscribe(bus, taps[i].topic, STAGE_TAP, "dumpstate",
				  taps[i].fn, r, err) < 0) {
			event_ring_destroy(r);
			return NULL;
		}
	}
	return r;
}

void event_ring_destroy(struct event_ring *r)
{
	for (size_t i = 0; r && i < N_TAPS; i++) {
		bus_unsubscribe(r->bus, taps[i].fn, r);
	}
	free(r);
}

/* Time, channel, key, text: as in a canonical dump. */
void event_ring_print(const struct event_ring *r, FILE *out)
{
	uint64_t first = r->n > DUMPSTATE_EVENTS ? r->n - DUMPSTATE_EVENTS : 0;
	char t[VTIME_STR_MAX];

	for (uint64_t i = first; i < r->n; i++) {
		const struct event *e = &r->v[i % DUMPSTATE_EVENTS];

		vtime_format(e->t, t);
		fprintf(out, "%s\t%s\t%s\t%s\n", t, e->channel, e->key,
			e->text);
	}
}

/* ---- the run ---- */

static void print_pace(const struct pace *p, FILE *out)
{
	fprintf(out, "pace: ");
	if (p->speed == PACE_MAX) {
		fprintf(out, "as fast as possible");
	} else {
		fprintf(out, "%g x", p->speed);
	}
	fprintf(out, "%s\nlateness: %.3f ms at worst, %llu wake-ups late\n",
		p->paused ? ", paused" : "", (double)p->late_max_ns / 1e6,
		(unsigned long long)p->late_n);
}

static void print_expectations(const struct scenario *s, FILE *out)
{
	struct expect_status st;
	size_t n = scenario_expects(s, 0, &st);

	fprintf(out, "verdict: %s\n", verdict_names[scenario_verdict(s)]);
	for (size_t i = 0; i < n; i++) {
		scenario_expects(s, i, &st);
		fprintf(out, "expect %s: %s%s%s\n", verdict_names[st.verdict],
			st.text, st.reason ? ": " : "",
			st.reason ? st.reason : "");
	}
}

void dumpstate_print_status(const struct services_env *env, FILE *out)
{
	const struct world *w = env->w;
	const char *f;
	char t[VTIME_STR_MAX];

	vtime_format(evq_now(w->q), t);
	fprintf(out, "%s %s\n%s: %s\ntime: %s s\n", PACKAGE_NAME,
		PACKAGE_VERSION, env->replay ? "replay" : "scenario",
		env->title ? env->title : "", t);
	if (w->duration != VT_NEVER) {
		vtime_format(w->duration, t);
		fprintf(out, "duration: %s s\n", t);
	}
	fprintf(out, "seed: %llu\n", (unsigned long long)w->seed);
	if (env->recording) {
		fprintf(out, "recording: %s\n", env->recording);
	}
	print_pace(env->pace, out);
	for (size_t i = 0; (f = faults_active(w->faults, i)); i++) {
		fprintf(out, "fault: %s\n", f);
	}
	if (w->scenario) {
		print_expectations(w->scenario, out);
	}
}

/* ---- properties ---- */

void dumpstate_print_properties(const struct services_env *env, FILE *out)
{
	struct vhal *v = env->w->vhal;
	char stack[256], t[VTIME_STR_MAX];

	for (uint32_t slot = 0; slot < vhal_n_slots(v); slot++) {
		const struct vhal_value *val = vhal_get(v, slot);
		size_t n = vhal_value_text(val, stack, sizeof(stack));
		char *text = stack;

		if (n >= sizeof(stack)) {
			text = malloc(n + 1);
			if (!text) {
				return;
			}
			vhal_value_text(val, text, n + 1);
		}
		vtime_format(val->t, t);
		fprintf(out, "%s\t%s\t%s\n", t, vhal_slot_name(v, slot), text);
		if (text != stack) {
			free(text);
		}
	}
}
