/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each record that the world publishes is brought into the form in which it
 * would be recorded, and compared with the next one of the file.
 */
#include "config.h"

#include "recordings/replay_check.h"

#include "recordings/rec_gnss.h"

#include "recordings/rec_reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What the outside world did (requests and their latency, devices of a guest) is
 * evidence: a replay without that world does not bring it again. */
#define REPLAYED (~(1u << REC_DEVICE))

struct replay_check {
	struct rec_reader *reader;
	struct bus *bus;
	struct rec_scratch scratch;
	struct rec_text text;
	struct rec_record want;
	bool over; /* decided: no more comparing */
	struct replay_result res;
};

static void copy_line(const struct rec_record *rec, char out[512])
{
	char line[512];
	size_t n = rec_line(rec, line, sizeof(line));

	if (n > 0 && n < sizeof(line)) {
		line[n - 1] = '\0'; /* the newline */
	}
	snprintf(out, 512, "%s", line);
}

/* The file's next record in c->want. Return: false if the check is over. */
static bool next(struct replay_check *c)
{
	struct av_err err = { 0 };
	int ret;

	if (c->over) {
		return false;
	}
	ret = rec_next(c->reader, &c->want, &err);
	if (ret < 0) {
		snprintf(c->res.error, sizeof(c->res.error), "%s", err.msg);
		c->over = true;
		return false;
	}
	c->res.n_compared++;
	if (ret == 0) {
		snprintf(c->res.want, sizeof(c->res.want), "(end)");
	}
	return true;
}

/* @got: what came out; NULL parts of c->want mean the file has ended. */
static void differ(struct replay_check *c, const struct rec_record *got,
		   bool ended)
{
	c->over = true;
	c->res.differs = true;
	c->res.at = c->res.n_compared;
	copy_line(got, c->res.got);
	if (!ended) {
		copy_line(&c->want, c->res.want);
	}
}

static bool file_ended(const struct replay_check *c)
{
	return c->res.want[0] != '\0';
}

static bool same_frame(const struct can_frame *a, const struct can_frame *b)
{
	return a && a->t == b->t && a->id == b->id && a->bus == b->bus &&
	       a->flags == b->flags && a->len == b->len && a->tx == b->tx &&
	       !memcmp(a->data, b->data, b->len);
}

static void on_can(void *ctx, const void *msg)
{
	struct replay_check *c = ctx;
	const struct can_frame *f = msg;
	char key[REC_CAN_KEY_MAX], text[REC_CAN_TEXT_MAX];

	if (!next(c) ||
	    (!file_ended(c) && c->want.ch == REC_CAN &&
	     same_frame(c->want.frame, f))) {
		return;
	}
	rec_can_key(f, rec_bus_name(c->reader, f->bus), key);
	rec_can_text(f, text);
	differ(c,
	       &(struct rec_record){
		       .t = f->t, .ch = REC_CAN, .key = key, .text = text },
	       file_ended(c));
}

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

static void compare_text(struct replay_check *c, const struct rec_record *got)
{
	if (file_ended(c) || c->want.ch != got->ch || c->want.t != got->t ||
	    strcmp(c->want.key, got->key) != 0 ||
	    strcmp(c->want.text ? c->want.text : "", got->text) != 0) {
		differ(c, got, file_ended(c));
	}
}

static void compare(struct replay_check *c, struct rec_put *p)
{
	const char *note;
	struct rec_value v;
	char key[REC_KEY_MAX + 1];
	struct rec_record got = { .t = p->t, .ch = p->ch, .key = key };

	if (!next(c)) {
		return;
	}
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
	if (rec_value_text(&c->text, p->ch, &v, note, p->note_len) < 0) {
		snprintf(c->res.error, sizeof(c->res.error), "out of memory");
		c->over = true;
		return;
	}
	got.text = c->text.buf;
	compare_text(c, &got);
}

static void on_vhal(void *ctx, const void *msg)
{
	struct replay_check *c = ctx;
	struct rec_put p;

	if (!c->over && rec_put_vhal(msg, &c->scratch, &p) == 0) {
		compare(c, &p);
	}
}

static void on_command(void *ctx, const void *msg)
{
	struct replay_check *c = ctx;
	struct rec_put p;

	if (!c->over && rec_put_command(msg, &c->scratch, &p) == 0) {
		compare(c, &p);
	}
}

static void on_imu(void *ctx, const void *msg)
{
	struct replay_check *c = ctx;
	const struct imu_sample *s = msg;
	char key[REC_KEY_MAX + 1];
	struct rec_record got = { .t = s->t, .ch = REC_IMU, .key = key };

	if (!next(c)) {
		return;
	}
	rec_key_clean(s->name, key);
	if (rec_values_text(&c->text, s->value, s->n) < 0) {
		snprintf(c->res.error, sizeof(c->res.error), "out of memory");
		c->over = true;
		return;
	}
	got.text = c->text.buf;
	compare_text(c, &got);
}

struct gnss_got {
	struct replay_check *c;
	vtime t;
};

static void compare_gnss(void *ctx, const char *name, const double *v, size_t n,
			 const char *text)
{
	struct gnss_got *g = ctx;
	struct replay_check *c = g->c;
	struct rec_record got = { .t = g->t, .ch = REC_GNSS, .key = name };

	if (text) {
		compare(c, &(struct rec_put){ .ch = REC_GNSS,
					      .kind = ITEM_TEXT,
					      .t = g->t,
					      .key = name,
					      .text = text });
		return;
	}
	if (!next(c)) {
		return;
	}
	if (rec_values_text(&c->text, v, n) < 0) {
		snprintf(c->res.error, sizeof(c->res.error), "out of memory");
		c->over = true;
		return;
	}
	got.text = c->text.buf;
	compare_text(c, &got);
}

static void on_gnss(void *ctx, const void *msg)
{
	const struct gnss_event *e = msg;
	struct gnss_got g = { .c = ctx, .t = e->t };

	rec_gnss_split(e, compare_gnss, &g);
}

#define ON_TEXT(name, channel)                                                 \
	static void name(void *ctx, const void *msg)                           \
	{                                                                      \
		const struct text_event *e = msg;                              \
		struct rec_put p = { .ch = channel,                            \
				     .kind = ITEM_TEXT,                        \
				     .t = e->t,                                \
				     .key = e->key,                            \
				     .text = e->text };                        \
                                                                               \
		compare(ctx, &p);                                              \
	}
ON_TEXT(on_fault, REC_FAULT)
ON_TEXT(on_power, REC_POWER)
ON_TEXT(on_audio, REC_AUDIO)
ON_TEXT(on_scenario, REC_SCENARIO)

static const struct {
	enum av_topic_id topic;
	bus_fn *fn;
} taps[] = {
	{ TOPIC_COMMAND, on_command }, { TOPIC_FAULT, on_fault },
	{ TOPIC_CAN, on_can },	       { TOPIC_VHAL, on_vhal },
	{ TOPIC_IMU, on_imu },	       { TOPIC_GNSS, on_gnss },
	{ TOPIC_POWER, on_power },
	{ TOPIC_AUDIO, on_audio },
	{ TOPIC_SCENARIO, on_scenario },
};
#define N_TAPS (sizeof(taps) / sizeof(taps[0]))

int replay_check_create(const char *path, struct bus *bus,
			struct replay_check **out, struct av_err *err)
{
	struct replay_check *c = calloc(1, sizeof(*c));
	int ret;

	if (!c) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	c->bus = bus;
	ret = rec_open(path, &c->reader, err);
	if (ret == 0) {
		ret = rec_seek(c->reader,
			       &(struct rec_filter){ .to = VT_NEVER,
						     .channels = REPLAYED,
						     .text = true },
			       err);
	}
	for (size_t i = 0; i < N_TAPS && ret == 0; i++) {
		ret = bus_subscribe(bus, taps[i].topic, STAGE_TAP,
				    "replay check", taps[i].fn, c, err);
	}
	if (ret < 0) {
		replay_check_destroy(c);
		return ret;
	}
	*out = c;
	return 0;
}

void replay_check_stop(struct replay_check *c, struct replay_result *out)
{
	c->over = true;
	*out = c->res;
	if (out->differs) {
		out->n_compared--;
	}
}

void replay_check_finish(struct replay_check *c, struct replay_result *out)
{
	if (next(c)) {
		if (file_ended(c)) {
			c->res.n_compared--;
			c->res.want[0] = '\0';
		} else {
			c->over = c->res.differs = true;
			c->res.at = c->res.n_compared;
			copy_line(&c->want, c->res.want);
			snprintf(c->res.got, sizeof(c->res.got), "(end)");
		}
	}
	replay_check_stop(c, out);
}

void replay_check_destroy(struct replay_check *c)
{
	if (!c) {
		return;
	}
	for (size_t i = 0; i < N_TAPS; i++) {
		bus_unsubscribe(c->bus, taps[i].fn, c);
	}
	rec_close_reader(c->reader);
	free(c->scratch.buf);
	free(c->text.buf);
	free(c);
}
