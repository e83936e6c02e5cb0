/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "sim/services/door.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void leave(struct av_door *d)
{
	d->s = NULL;
	free(d->out);
	d->out = NULL;
	d->out_len = 0;
	d->ops->left(d);
}

static void on_data(struct av_stream *s, const void *buf, size_t len)
{
	struct av_door *d = s->user;

	d->ops->data(d, buf, len);
}

static void on_writable(struct av_stream *s)
{
	struct av_door *d = s->user;
	ssize_t n = d->out_len ? av_stream_write(s, d->out, d->out_len) : 0;

	if (n <= 0) {
		return;
	}
	d->out_len -= (size_t)n;
	memmove(d->out, d->out + n, d->out_len);
	if (!d->out_len && d->ops->hold) {
		av_stream_hold(s, false);
	}
}

static void on_closed(struct av_stream *s)
{
	leave(s->user);
}

static int on_accept(struct av_acceptor *a, struct av_stream *s)
{
	struct av_door *d = a->ctx;

	if (d->s) {
		return -EBUSY;
	}
	d->s = s;
	s->user = d;
	s->on_data = on_data;
	s->on_writable = on_writable;
	s->on_closed = on_closed;
	return 0;
}

void av_door_put(struct av_door *d, const void *buf, size_t len)
{
	ssize_t n = d->out_len ? 0 : av_stream_write(d->s, buf, len);
	uint8_t *more;

	if (n < 0 || (size_t)n == len ||
	    d->out_len + len > d->ops->waiting_max) {
		return;
	}
	len -= (size_t)n;
	more = realloc(d->out, d->out_len + len);
	if (!more) {
		return;
	}
	d->out = more;
	memcpy(d->out + d->out_len, (const uint8_t *)buf + n, len);
	d->out_len += len;
	if (d->ops->hold) {
		av_stream_hold(d->s, true);
	}
}

void av_door_init(struct av_door *d, const char *name,
		  const struct av_door_ops *ops, void *ctx)
{
	*d = (struct av_door){
		.acceptor = { .name = name, .accept = on_accept, .ctx = d },
		.ops = ops,
		.ctx = ctx,
	};
}

void av_door_close(struct av_door *d)
{
	struct av_stream *s = d->s;

	if (s) {
		leave(d);
		av_stream_close(s);
	}
}

struct av_acceptor *av_door_acceptor(struct av_door *doors, size_t n,
				     const char *name)
{
	for (size_t i = 0; i < n; i++) {
		if (!strcmp(doors[i].acceptor.name, name)) {
			return &doors[i].acceptor;
		}
	}
	return NULL;
}
