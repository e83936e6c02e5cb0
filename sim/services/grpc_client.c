/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client half: one connection, any number of calls. Calls outlive nothing:
 * when the stream closes, every open one ends with UNAVAILABLE.
 */
#include "config.h"

#include "sim/services/grpc_wire.h"

#include <errno.h>
#include <nghttp2/nghttp2.h>
#include <stdlib.h>
#include <string.h>

#define REPLY_MAX (64u << 20) /* our own servers' answers may be large */
#define DEADLINE_TICK_MS 20

struct call {
	struct grpc_client *client;
	struct call *next, *prev;
	int32_t stream;
	const ProtobufCMessageDescriptor *out;
	struct grpc_buf body, in;
	grpc_reply_fn *reply;
	grpc_done_fn *done;
	void *ctx;
	uint64_t deadline_ns; /* 0 = none */
	bool has_status, over;
	enum grpc_status status;
	char message[512];
};

struct grpc_client {
	uv_loop_t *loop;
	struct av_stream *stream; /* NULL: gone */
	nghttp2_session *session;
	struct call *calls;
	struct grpc_buf pending;
	bool blocked;
	uv_prepare_t flusher;
	uv_timer_t deadlines;
	unsigned int n_handles;
};

static void lose(struct grpc_client *c, const char *why);

static void flush(struct grpc_client *c)
{
	while (c->stream && !c->blocked) {
		const uint8_t *data;
		ssize_t n = nghttp2_session_mem_send(c->session, &data);
		uint8_t *to;

		if (n < 0) {
			lose(c, "HTTP/2 error");
			return;
		}
		if (n > 0) {
			to = grpc_buf_grow(&c->pending, (size_t)n);
			if (!to) {
				lose(c, "out of memory");
				return;
			}
			memcpy(to, data, (size_t)n);
			if (grpc_buf_len(&c->pending) < 65536) {
				continue;
			}
		}
		if (grpc_buf_len(&c->pending) == 0) {
			return;
		}
		n = av_stream_write(c->stream, c->pending.v + c->pending.head,
				    grpc_buf_len(&c->pending));
		if (n < 0) {
			return; /* on_closed follows */
		}
		c->blocked = (size_t)n < grpc_buf_len(&c->pending);
		grpc_buf_drop(&c->pending, (size_t)n);
	}
}

static void on_flush(uv_prepare_t *p)
{
	flush(p->data);
}

/* ---- the end of calls ---- */

static void call_end(struct call *k, enum grpc_status status, const char *text)
{
	struct grpc_client *c = k->client;

	if (k->over) {
		return;
	}
	k->over = true;
	if (k->prev) {
		k->prev->next = k->next;
	} else {
		c->calls = k->next;
	}
	if (k->next) {
		k->next->prev = k->prev;
	}
	if (c->session) {
		nghttp2_session_set_stream_user_data(c->session, k->stream,
						     NULL);
	}
	k->done(k->ctx, status, text);
	grpc_buf_finish(&k->body);
	grpc_buf_finish(&k->in);
	free(k);
}

static void lose(struct grpc_client *c, const char *why)
{
	struct av_stream *s = c->stream;

	c->stream = NULL;
	if (s) {
		av_stream_close(s);
	}
	while (c->calls) {
		call_end(c->calls, GRPC_UNAVAILABLE, why);
	}
}

static void on_deadlines(uv_timer_t *t)
{
	struct grpc_client *c = t->data;
	uint64_t now = uv_hrtime();
	bool any = false;

	for (struct call *k = c->calls, *next; k; k = next) {
		next = k->next;
		if (k->deadline_ns && k->deadline_ns <= now) {
			nghttp2_submit_rst_stream(c->session, NGHTTP2_FLAG_NONE,
						  k->stream, NGHTTP2_CANCEL);
			call_end(k, GRPC_DEADLINE_EXCEEDED,
				 "deadline exceeded");
			next = c->calls; /* done() may have changed the list */
			continue;
		}
		any = any || k->deadline_ns;
	}
	if (!any) {
		uv_timer_stop(t);
	}
}

/* ---- nghttp2 ---- */

static struct call *call_of(nghttp2_session *session, int32_t stream)
{
	return nghttp2_session_get_stream_user_data(session, stream);
}

static int on_header(nghttp2_session *session, const nghttp2_frame *f,
		     const uint8_t *name, size_t namelen, const uint8_t *value,
		     size_t valuelen, uint8_t flags, void *user)
{
	struct call *k = call_of(session, f->hd.stream_id);
	unsigned int n = 0;

	(void)flags;
	(void)user;
	if (!k) {
		return 0;
	}
	if (namelen == 11 && !memcmp(name, "grpc-status", 11)) {
		for (size_t i = 0; i < valuelen && i < 3; i++) {
			n = n * 10 + (unsigned int)(value[i] - '0');
		}
		k->has_status = true;
		k->status = n < GRPC_N_STATUS ? (enum grpc_status)n :
						GRPC_UNKNOWN;
	} else if (namelen == 12 && !memcmp(name, "grpc-message", 12)) {
		grpc_percent_decode(value, valuelen, k->message,
				    sizeof(k->message));
	} else if (namelen == 7 && !memcmp(name, ":status", 7) &&
		   !(valuelen == 3 && !memcmp(value, "200", 3))) {
		k->has_status = true;
		k->status = GRPC_UNAVAILABLE;
		snprintf(k->message, sizeof(k->message), "HTTP status %.*s",
			 (int)(valuelen < 16 ? valuelen : 16), value);
	}
	return 0;
}

static int on_data_chunk(nghttp2_session *session, uint8_t flags,
			 int32_t stream, const uint8_t *data, size_t len,
			 void *user)
{
	struct call *k = call_of(session, stream);
	const uint8_t *at;
	uint8_t *to;
	size_t n;
	int ret;

	(void)flags;
	(void)user;
	if (!k) {
		return 0;
	}
	to = grpc_buf_grow(&k->in, len);
	if (!to) {
		return NGHTTP2_ERR_NOMEM;
	}
	memcpy(to, data, len);
	while ((ret = grpc_buf_next(&k->in, REPLY_MAX, &at, &n)) > 0) {
		ProtobufCMessage *msg = grpc_unpack(k->out, at, n);

		if (!msg) {
			ret = -GRPC_INTERNAL;
			break;
		}
		if (k->reply) {
			k->reply(k->ctx, msg);
		}
		grpc_unpack_free(msg);
		/* reply() may have cancelled the call */
		k = call_of(session, stream);
		if (!k) {
			return 0;
		}
		grpc_buf_drop(&k->in, GRPC_PREFIX + n);
	}
	if (ret < 0) {
		nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, stream,
					  NGHTTP2_CANCEL);
		call_end(k, (enum grpc_status)-ret,
			 "the answer is not a message that can be read");
	}
	return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t stream,
			   uint32_t error_code, void *user)
{
	struct call *k = call_of(session, stream);

	(void)user;
	if (!k) {
		return 0;
	}
	if (k->has_status) {
		call_end(k, k->status, k->message);
	} else if (error_code == NGHTTP2_REFUSED_STREAM) {
		call_end(k, GRPC_UNAVAILABLE, "the server refused the call");
	} else if (error_code == NGHTTP2_CANCEL) {
		call_end(k, GRPC_CANCELLED, "cancelled by the server");
	} else {
		call_end(k, GRPC_INTERNAL, "the answer has no status");
	}
	return 0;
}

static ssize_t read_body(nghttp2_session *session, int32_t stream, uint8_t *buf,
			 size_t length, uint32_t *flags,
			 nghttp2_data_source *source, void *user)
{
	struct call *k = call_of(session, stream);
	size_t n;

	(void)source;
	(void)user;
	if (!k) {
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	}
	n = grpc_buf_len(&k->body);
	n = n > length ? length : n;
	memcpy(buf, k->body.v + k->body.head, n);
	grpc_buf_drop(&k->body, n);
	if (grpc_buf_len(&k->body) == 0) {
		*flags |= NGHTTP2_DATA_FLAG_EOF;
	}
	return (ssize_t)n;
}

/* ---- the stream ---- */

static void on_data(struct av_stream *s, const void *buf, size_t len)
{
	struct grpc_client *c = s->user;
	ssize_t n;

	n = nghttp2_session_mem_recv(c->session, buf, len);
	if (n < 0) {
		lose(c, "the server does not speak HTTP/2");
	}
}

static void on_writable(struct av_stream *s)
{
	struct grpc_client *c = s->user;

	c->blocked = false;
	flush(c);
}

static void on_closed(struct av_stream *s)
{
	struct grpc_client *c = s->user;

	c->stream = NULL;
	lose(c, "the connection was closed");
}

/* ---- public ---- */

static int make_session(struct grpc_client *c)
{
	static const nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_ENABLE_PUSH, 0 },
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 4 << 20 },
	};
	nghttp2_session_callbacks *cb;
	int ret;

	if (nghttp2_session_callbacks_new(&cb) != 0) {
		return -ENOMEM;
	}
	nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
		cb, on_data_chunk);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb,
							       on_stream_close);
	ret = nghttp2_session_client_new(&c->session, cb, c);
	nghttp2_session_callbacks_del(cb);
	if (ret != 0) {
		return -ENOMEM;
	}
	nghttp2_submit_settings(c->session, NGHTTP2_FLAG_NONE, settings, 2);
	nghttp2_session_set_local_window_size(c->session, NGHTTP2_FLAG_NONE, 0,
					      16 << 20);
	return 0;
}

struct grpc_client *grpc_client_create(uv_loop_t *loop, struct av_stream *s)
{
	struct grpc_client *c = calloc(1, sizeof(*c));

	if (!c || make_session(c) < 0) {
		free(c);
		av_stream_close(s);
		return NULL;
	}
	c->loop = loop;
	c->stream = s;
	s->user = c;
	s->on_data = on_data;
	s->on_writable = on_writable;
	s->on_closed = on_closed;
	uv_prepare_init(loop, &c->flusher);
	uv_timer_init(loop, &c->deadlines);
	c->flusher.data = c->deadlines.data = c;
	c->n_handles = 2;
	uv_prepare_start(&c->flusher, on_flush);
	uv_unref((uv_handle_t *)&c->flusher);
	return c;
}

static void handle_closed(uv_handle_t *h)
{
	struct grpc_client *c = h->data;

	if (--c->n_handles == 0) {
		nghttp2_session_del(c->session);
		grpc_buf_finish(&c->pending);
		free(c);
	}
}

void grpc_client_destroy(struct grpc_client *c)
{
	if (!c) {
		return;
	}
	if (c->stream) {
		flush(c); /* a cancel, say */
	}
	while (c->calls) {
		call_end(c->calls, GRPC_CANCELLED, "cancelled");
	}
	lose(c, "cancelled");
	uv_close((uv_handle_t *)&c->flusher, handle_closed);
	uv_close((uv_handle_t *)&c->deadlines, handle_closed);
}

bool grpc_client_alive(const struct grpc_client *c)
{
	return c->stream != NULL;
}

#define HEADER(n, v)                                                           \
	{                                                                      \
		.name = (uint8_t *)(uintptr_t)(n),                             \
		.value = (uint8_t *)(uintptr_t)(v),                            \
		.namelen = sizeof(n) - 1, .valuelen = strlen(v)                \
	}

int grpc_client_call(struct grpc_client *c, const char *path,
		     const ProtobufCMessage *msg,
		     const ProtobufCMessageDescriptor *out,
		     unsigned int timeout_ms, grpc_reply_fn *reply,
		     grpc_done_fn *done, void *ctx)
{
	char timeout[16];
	nghttp2_nv nv[] = {
		HEADER(":method", "POST"),
		HEADER(":scheme", "http"),
		HEADER(":path", path),
		HEADER(":authority", "localhost"),
		HEADER("te", "trailers"),
		HEADER("content-type", "application/grpc"),
		HEADER("user-agent", PACKAGE_NAME "/" PACKAGE_VERSION),
		{ 0 },
	};
	nghttp2_data_provider body = { .read_callback = read_body };
	struct call *k;

	if (!c->stream) {
		return -EPIPE;
	}
	k = calloc(1, sizeof(*k));
	if (!k || grpc_buf_message(&k->body, msg) < 0) {
		free(k);
		return -ENOMEM;
	}
	*k = (struct call){ .client = c,
			    .out = out,
			    .body = k->body,
			    .reply = reply,
			    .done = done,
			    .ctx = ctx };
	if (timeout_ms > 0) {
		snprintf(timeout, sizeof(timeout), "%um",
			 timeout_ms > 99999999 ? 99999999 : timeout_ms);
		nv[7] = (nghttp2_nv)HEADER("grpc-timeout", timeout);
		k->deadline_ns = uv_hrtime() + timeout_ms * UINT64_C(1000000);
		uv_timer_start(&c->deadlines, on_deadlines, DEADLINE_TICK_MS,
			       DEADLINE_TICK_MS);
	}
	k->stream = nghttp2_submit_request(c->session, NULL, nv,
					   timeout_ms > 0 ? 8 : 7, &body, k);
	if (k->stream < 0) {
		grpc_buf_finish(&k->body);
		free(k);
		return -EPIPE;
	}
	k->next = c->calls;
	if (k->next) {
		k->next->prev = k;
	}
	c->calls = k;
	return k->stream;
}

void grpc_client_cancel(struct grpc_client *c, int id)
{
	struct call *k = c->session ? call_of(c->session, id) : NULL;

	if (k) {
		nghttp2_submit_rst_stream(c->session, NGHTTP2_FLAG_NONE, id,
					  NGHTTP2_CANCEL);
		call_end(k, GRPC_CANCELLED, "cancelled");
	}
}
