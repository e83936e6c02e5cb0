/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "vdevices/bridge.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* One side: its stream, and what it read that the other has not taken yet. */
struct side {
	struct bridge *br;
	struct av_stream *s; /* NULL: gone */
	uint8_t *buf;
	size_t from, len;
	bool eof;  /* it sends no more */
	bool told; /* ... and the other side knows */
};

struct bridge {
	struct bridges *all;
	struct bridge *next, *prev;
	struct side side[2];
	void (*ended)(void *ctx);
	void *ctx;
	unsigned int busy; /* calls inside: do not free */
	bool over;
};

static struct side *other(struct side *a)
{
	return &a->br->side[a == a->br->side];
}

static void leave(struct bridge *br)
{
	if (--br->busy || !br->over) {
		return;
	}
	if (br->prev) {
		br->prev->next = br->next;
	} else {
		br->all->first = br->next;
	}
	if (br->next) {
		br->next->prev = br->prev;
	}
	free(br->side[0].buf);
	free(br->side[1].buf);
	free(br);
}

static void over(struct bridge *br)
{
	if (br->over) {
		return;
	}
	br->over = true;
	for (int i = 0; i < 2; i++) {
		struct av_stream *s = br->side[i].s;

		br->side[i].s = NULL;
		if (s) {
			av_stream_close(s);
		}
	}
	if (br->ended) {
		br->ended(br->ctx);
	}
}

/* Tell @to that @from has ended, once nothing of it waits any more. */
static void pass_eof(struct side *from)
{
	struct side *to = other(from);

	if (!from->eof || from->told || from->len || !to->s) {
		return;
	}
	from->told = true;
	if (to->eof && to->told) {
		over(from->br);
	} else {
		av_stream_end(to->s);
	}
}

/* Write what waits. */
static void flush(struct side *from)
{
	struct side *to = other(from);
	ssize_t n;

	if (from->len && to->s) {
		n = av_stream_write(to->s, from->buf + from->from, from->len);
		if (n < 0) {
			over(from->br);
			return;
		}
		from->from += (size_t)n;
		from->len -= (size_t)n;
		if (from->len) {
			return;
		}
		free(from->buf);
		from->buf = NULL;
		from->from = 0;
		if (from->s) {
			av_stream_hold(from->s, false);
		}
	}
	pass_eof(from);
}

static int keep(struct side *from, const void *buf, size_t len)
{
	uint8_t *p = malloc(from->len + len);

	if (!p) {
		return -ENOMEM;
	}
	if (from->len) {
		memcpy(p, from->buf + from->from, from->len);
	}
	memcpy(p + from->len, buf, len);
	free(from->buf);
	from->buf = p;
	from->from = 0;
	from->len += len;
	return 0;
}

static void on_data(struct av_stream *s, const void *buf, size_t len)
{
	struct side *from = s->user;
	struct bridge *br = from->br;
	struct side *to = other(from);
	ssize_t n = 0;

	br->busy++;
	if (!from->len && to->s) {
		n = av_stream_write(to->s, buf, len);
	}
	if (n < 0) {
		over(br);
	} else if ((size_t)n < len && !br->over) {
		if (from->s) {
			av_stream_hold(from->s, true);
		}
		if (keep(from, (const uint8_t *)buf + n, len - (size_t)n)) {
			over(br);
		}
	}
	leave(br);
}

static void on_writable(struct av_stream *s)
{
	struct side *to = s->user;
	struct bridge *br = to->br;

	br->busy++;
	flush(other(to));
	leave(br);
}

static void on_eof(struct av_stream *s)
{
	struct side *from = s->user;
	struct bridge *br = from->br;

	br->busy++;
	from->eof = true;
	pass_eof(from);
	leave(br);
}

static void on_closed(struct av_stream *s)
{
	struct side *from = s->user;
	struct bridge *br = from->br;

	br->busy++;
	from->s = NULL;
	from->eof = true;
	if (from->len) {
		flush(from); /* what it had said before; the rest is lost */
	}
	over(br);
	leave(br);
}

int bridge(struct bridges *all, struct av_stream *a,
		 struct av_stream *b, void (*ended)(void *ctx), void *ctx,
		 struct bridge **out)
{
	struct bridge *br = calloc(1, sizeof(*br));
	struct av_stream *s[2] = { a, b };

	if (!br) {
		return -ENOMEM;
	}
	br->all = all;
	br->ended = ended;
	br->ctx = ctx;
	br->next = all->first;
	if (br->next) {
		br->next->prev = br;
	}
	all->first = br;
	for (int i = 0; i < 2; i++) {
		br->side[i].br = br;
		br->side[i].s = s[i];
		s[i]->user = &br->side[i];
		s[i]->on_data = on_data;
		s[i]->on_writable = on_writable;
		s[i]->on_eof = on_eof;
		s[i]->on_closed = on_closed;
	}
	if (out) {
		*out = br;
	}
	return 0;
}

int bridge_first(struct bridge *br, const void *buf, size_t len)
{
	int ret = keep(&br->side[0], buf, len);

	if (!ret) {
		br->busy++;
		av_stream_hold(br->side[0].s, true);
		flush(&br->side[0]);
		leave(br);
	}
	return ret;
}

void bridges_end(struct bridges *all)
{
	while (all->first) {
		struct bridge *br = all->first;

		br->busy++;
		over(br);
		leave(br);
	}
}
