/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "recordings/rec_live.h"

#include "recordings/rec_gnss.h"
#include "recordings/rec_int.h"
#include "sim/signals/signals.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct rec_live {
	struct rec_live_env env;
	struct rec_scratch scratch;
	struct rec_text text;
};

#define NUM_EXACT_MAX (INT64_C(1) << 53)

/* As the events table would hold it. */
static struct rec_value value_of(const struct rec_put *p)
{
	switch (p->kind) {
	case ITEM_INT:
		return (struct rec_value){ .type = VALUE_INT, .i = p->i };
	case ITEM_FLOAT:
		return (struct rec_value){ .type = VALUE_REAL,
					   .d = rec_float_decimal(p->f) };
	case ITEM_DOUBLE:
		return (struct rec_value){ .type = VALUE_REAL, .d = p->d };
	case ITEM_TEXT:
		return (struct rec_value){ .type = VALUE_TEXT,
					   .text = p->text,
					   .len = p->text_len };
	default:
		return (struct rec_value){ .type = VALUE_NONE };
	}
}

static void give(struct rec_live *l, struct rec_put *p)
{
	char key[REC_KEY_MAX + 1];
	struct rec_record rec = { .t = p->t, .ch = p->ch, .key = key };
	const char *note;
	struct rec_value v;

	rec_put_size(p); /* also cuts what is too long */
	rec_key_clean(p->key, key);
	v = value_of(p);
	/* NaN is kept as text, since SQLite has none */
	if (v.type == VALUE_REAL && v.d != v.d) {
		v = (struct rec_value){ .type = VALUE_TEXT,
					.text = "nan",
					.len = 3 };
	}
	note = p->note && *p->note ? p->note : NULL;
	if (rec_value_text(&l->text, p->ch, &v, note, p->note_len) < 0) {
		l->env.fn(l->env.ctx, NULL);
		return;
	}
	rec.text = l->text.buf;
	if (!note && v.type == VALUE_REAL) {
		rec.val = REC_VAL_NUM;
		rec.num = v.d;
	} else if (!note && v.type == VALUE_INT && v.i <= NUM_EXACT_MAX &&
		   v.i >= -NUM_EXACT_MAX) {
		rec.val = REC_VAL_NUM;
		rec.num = (double)v.i;
	}
	l->env.fn(l->env.ctx, &rec);
}

static void give_values(struct rec_live *l, enum rec_channel ch, vtime t,
			const char *name, const double *v, size_t n)
{
	char key[REC_KEY_MAX + 1];
	struct rec_record rec = { .t = t, .ch = ch, .key = key };

	rec_key_clean(name, key);
	if (rec_values_text(&l->text, v, n) < 0) {
		l->env.fn(l->env.ctx, NULL);
		return;
	}
	rec.text = l->text.buf;
	if (n == 1) {
		rec.val = REC_VAL_NUM;
		rec.num = v[0];
	}
	l->env.fn(l->env.ctx, &rec);
}

static void give_text(struct rec_live *l, enum rec_channel ch, vtime t,
		      const char *key, const char *text)
{
	give(l, &(struct rec_put){ .ch = ch,
				   .kind = ITEM_TEXT,
				   .t = t,
				   .key = key,
				   .text = text });
}

/* ---- topics ---- */

static void on_can(void *ctx, const void *msg)
{
	struct rec_live *l = ctx;
	const struct can_frame *f = msg;
	char key[REC_CAN_KEY_MAX], text[REC_CAN_TEXT_MAX];
	struct rec_record rec = { .t = f->t, .ch = REC_CAN, .frame = f };

	if (l->env.bus_name) {
		rec_can_key(f, l->env.bus_name[f->bus], key);
		rec_can_text(f, text);
		rec.key = key;
		rec.text = text;
	}
	l->env.fn(l->env.ctx, &rec);
}

static void on_signal(void *ctx, const void *msg)
{
	struct rec_live *l = ctx;
	const struct signal_event *e = msg;

	give_values(l, REC_SIGNAL, e->t, signals_key(l->env.signals, e->idx),
		    &e->value, 1);
}

static void on_vhal(void *ctx, const void *msg)
{
	struct rec_live *l = ctx;
	struct rec_put p;

	if (rec_put_vhal(msg, &l->scratch, &p) < 0) {
		l->env.fn(l->env.ctx, NULL);
	} else {
		give(l, &p);
	}
}

static void on_command(void *ctx, const void *msg)
{
	struct rec_live *l = ctx;
	struct rec_put p;

	if (rec_put_command(msg, &l->scratch, &p) < 0) {
		l->env.fn(l->env.ctx, NULL);
	} else {
		give(l, &p);
	}
}

static void on_imu(void *ctx, const void *msg)
{
	const struct imu_sample *s = msg;

	give_values(ctx, REC_IMU, s->t, s->name, s->value, s->n);
}

static void put_gnss(void *ctx, vtime t, const char *key, const double *v,
		     size_t n, const char *text)
{
	if (text) {
		give_text(ctx, REC_GNSS, t, key, text);
	} else {
		give_values(ctx, REC_GNSS, t, key, v, n);
	}
}

static void on_gnss(void *ctx, const void *msg)
{
	rec_gnss_split(msg, put_gnss, ctx);
}

void rec_live_text(struct rec_live *l, enum rec_channel ch,
		   const struct text_event *e)
{
	give_text(l, ch, e->t, e->key, e->text);
}

void rec_live_vhal(struct rec_live *l, const struct vhal_event *e)
{
	on_vhal(l, e);
}

#define ON_TEXT(name, channel)                                                 \
	static void name(void *ctx, const void *msg)                           \
	{                                                                      \
		rec_live_text(ctx, channel, msg);                              \
	}
ON_TEXT(on_fault, REC_FAULT)
ON_TEXT(on_power, REC_POWER)
ON_TEXT(on_audio, REC_AUDIO)
ON_TEXT(on_device, REC_DEVICE)
ON_TEXT(on_scenario, REC_SCENARIO)

static const struct {
	enum av_topic_id topic;
	enum rec_channel ch;
	bus_fn *fn;
} taps[] = {
	{ TOPIC_COMMAND, REC_COMMAND, on_command },
	{ TOPIC_FAULT, REC_FAULT, on_fault },
	{ TOPIC_CAN, REC_CAN, on_can },
	{ TOPIC_SIGNAL, REC_SIGNAL, on_signal },
	{ TOPIC_VHAL, REC_VHAL, on_vhal },
	{ TOPIC_IMU, REC_IMU, on_imu },
	{ TOPIC_GNSS, REC_GNSS, on_gnss },
	{ TOPIC_POWER, REC_POWER, on_power },
	{ TOPIC_AUDIO, REC_AUDIO, on_audio },
	{ TOPIC_BT, REC_DEVICE, on_device },
	{ TOPIC_DEVICE, REC_DEVICE, on_device },
	{ TOPIC_SERVICE, REC_DEVICE, on_device },
	{ TOPIC_SCENARIO, REC_SCENARIO, on_scenario },
};
#define N_TAPS (sizeof(taps) / sizeof(taps[0]))

int rec_live_create(const struct rec_live_env *env, struct rec_live **out,
		    struct av_err *err)
{
	struct rec_live *l = calloc(1, sizeof(*l));
	int ret = 0;

	if (!l) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	l->env = *env;
	for (size_t i = 0; i < N_TAPS && ret == 0; i++) {
		if (env->channels & (1u << taps[i].ch)) {
			ret = bus_subscribe(env->bus, taps[i].topic, STAGE_TAP,
					    env->who, taps[i].fn, l, err);
		}
	}
	if (ret < 0) {
		rec_live_destroy(l);
		return ret;
	}
	*out = l;
	return 0;
}

void rec_live_destroy(struct rec_live *l)
{
	if (!l) {
		return;
	}
	for (size_t i = 0; i < N_TAPS; i++) {
		bus_unsubscribe(l->env.bus, taps[i].fn, l);
	}
	free(l->scratch.buf);
	free(l->text.buf);
	free(l);
}
