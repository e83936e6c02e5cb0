/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Each record that the world publishes, in the form in which it would be
 * recorded, is compared with the next one of the file.
 */
#include "config.h"

#include "recordings/replay_check.h"

#include "recordings/rec_live.h"
#include "recordings/rec_reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What the outside world did (requests and their latency, devices of a guest) is
 * evidence: a replay without that world does not bring it again. Signals are not
 * in a file, but derived from its frames. */
#define REPLAYED (~(1u << REC_DEVICE | 1u << REC_SIGNAL))

struct replay_check {
	struct rec_reader *reader;
	struct rec_live *live;
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

static void check_frame(struct replay_check *c, const struct can_frame *f)
{
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

static void on_record(void *ctx, const struct rec_record *got)
{
	struct replay_check *c = ctx;

	if (!got) {
		snprintf(c->res.error, sizeof(c->res.error), "out of memory");
		c->over = true;
	} else if (got->frame) {
		check_frame(c, got->frame);
	} else if (next(c) &&
		   (file_ended(c) || c->want.ch != got->ch ||
		    c->want.t != got->t || strcmp(c->want.key, got->key) != 0 ||
		    strcmp(c->want.text ? c->want.text : "", got->text) != 0)) {
		differ(c, got, file_ended(c));
	}
}

int replay_check_create(const char *path, struct bus *bus,
			struct replay_check **out, struct av_err *err)
{
	struct replay_check *c = calloc(1, sizeof(*c));
	int ret;

	if (!c) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	ret = rec_open(path, &c->reader, err);
	if (ret == 0) {
		ret = rec_seek(c->reader,
			       &(struct rec_filter){ .to = VT_NEVER,
						     .channels = REPLAYED,
						     .text = true },
			       err);
	}
	if (ret == 0) {
		ret = rec_live_create(&(struct rec_live_env){
					      .bus = bus,
					      .who = "replay check",
					      .channels = REPLAYED,
					      .fn = on_record,
					      .ctx = c },
				      &c->live, err);
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
	rec_live_destroy(c->live);
	rec_close_reader(c->reader);
	free(c);
}
