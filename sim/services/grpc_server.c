/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 *
 * A connection is an nghttp2 server session fed with the stream's bytes. Each
 * HTTP/2 stream is a call: its DATA collects in call->in until a length-prefixed
 * message is whole, which is unpacked and handed to the method. Answers collect
 * in call->out; nghttp2 takes them when flow control allows (read_out()), and
 * what it frames goes to the carrier until that is full.
 *
 * States of a call: HEADERS (waiting for the end of the request headers) ->
 * OPEN (messages may come and go) -> FINISHED (status queued behind the last
 * bytes of out). It is freed when nghttp2 closes the stream, whoever ended it.
 *
 * Output is not written where it is made: connections with something to send are
 * flushed once per loop turn (a uv_prepare), so that a burst of events becomes
 * few large writes.
 *
 * Whose fault: a peer that breaks HTTP/2 loses its connection; a request that
 * breaks gRPC gets a status; both are counted. Limits: message, unpacked size,
 * queue, calls per connection, headers per call, resets and pings and settings
 * per connection. A peer that takes nothing of what waits for it for STALL_S
 * loses the call (its window is shut) or the connection (its socket is full).
 */
#include "config.h"

#include "sim/services/grpc_server_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RESETS_MAX 500		 /* by the peer, per window */
#define RESET_WINDOW_NS UINT64_C(10000000000)
#define OUT_PENDING_MAX (256u << 10) /* framed bytes waiting for the carrier */
#define STALL_S 30

static void conn_settle(struct grpc_conn *c);

/* ---- sending ---- */

void grpc_conn_dirty(struct grpc_conn *c)
{
	if (!c->dirty && !c->dead) {
		c->dirty = true;
		c->next_dirty = c->server->dirty;
		c->server->dirty = c;
	}
}

/* Push what waits to the carrier. Return: false if the stream died. */
static bool push_pending(struct grpc_conn *c)
{
	while (grpc_buf_len(&c->pending) > 0 && !c->blocked) {
		ssize_t n = av_stream_write(c->stream,
					    c->pending.v + c->pending.head,
					    grpc_buf_len(&c->pending));

		if (n < 0) {
			return false;
		}
		if ((size_t)n < grpc_buf_len(&c->pending)) {
			c->blocked = true;
		}
		if (n > 0) {
			c->moved = c->server->second;
		}
		grpc_buf_drop(&c->pending, (size_t)n);
	}
	return true;
}

static void conn_flush(struct grpc_conn *c)
{
	for (;;) {
		const uint8_t *data;
		ssize_t n;
		uint8_t *to;

		/* gather frames into one write */
		while (grpc_buf_len(&c->pending) < OUT_PENDING_MAX) {
			n = nghttp2_session_mem_send(c->session, &data);
			if (n < 0) {
				grpc_conn_kill(c);
				return;
			}
			if (n == 0) {
				break;
			}
			to = grpc_buf_grow(&c->pending, (size_t)n);
			if (!to) {
				grpc_conn_kill(c);
				return;
			}
			memcpy(to, data, (size_t)n);
		}
		if (grpc_buf_len(&c->pending) == 0 || c->blocked) {
			break;
		}
		if (!push_pending(c)) {
			return; /* on_closed comes from the loop */
		}
	}
	if (!c->dead && grpc_buf_len(&c->pending) == 0 &&
	    !nghttp2_session_want_read(c->session) &&
	    !nghttp2_session_want_write(c->session)) {
		grpc_conn_kill(c); /* GOAWAY is out, nothing is open */
	}
}

static void on_flush(uv_prepare_t *p)
{
	struct grpc_server *s = p->data;

	while (s->dirty) {
		struct grpc_conn *c = s->dirty;

		s->dirty = c->next_dirty;
		c->dirty = false;
		if (!c->dead) {
			conn_flush(c);
		}
		if (c->dead) {
			conn_settle(c);
		}
	}
}

/* ---- peers that do not read ---- */

static void check_calls(struct grpc_conn *c)
{
	struct grpc_server *s = c->server;

	for (struct grpc_call *k = c->calls; k; k = k->next) {
		if (grpc_buf_len(&k->out) == 0) {
			k->moved = s->second;
		} else if (s->second - k->moved >= s->stall_s) {
			k->moved = s->second; /* once will do */
			s->stats.stalled++;
			nghttp2_submit_rst_stream(c->session, NGHTTP2_FLAG_NONE,
						  k->stream,
						  NGHTTP2_ENHANCE_YOUR_CALM);
			grpc_conn_dirty(c);
		}
	}
}

static void on_second(uv_timer_t *t)
{
	struct grpc_server *s = t->data;

	s->second++;
	for (struct grpc_conn *c = s->conns; c; c = c->next) {
		if (grpc_buf_len(&c->pending) == 0) {
			c->moved = s->second;
			check_calls(c);
		} else if (s->second - c->moved >= s->stall_s) {
			s->stats.stalled++;
			grpc_conn_kill(c);
		}
	}
	if (!s->conns) {
		uv_timer_stop(t);
	}
}

void grpc_server_set_stall(struct grpc_server *s, unsigned int seconds)
{
	s->stall_s = seconds;
}

/* ---- receiving: what nghttp2 has understood ---- */

static struct grpc_call *call_of(nghttp2_session *session, int32_t stream)
{
	return nghttp2_session_get_stream_user_data(session, stream);
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *f,
			    void *user)
{
	struct grpc_call *k;

	if (f->hd.type != NGHTTP2_HEADERS ||
	    f->headers.cat != NGHTTP2_HCAT_REQUEST) {
		return 0;
	}
	k = grpc_call_begin(user, f->hd.stream_id);
	if (!k) {
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	}
	nghttp2_session_set_stream_user_data(session, k->stream, k);
	return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *f,
		     const uint8_t *name, size_t namelen, const uint8_t *value,
		     size_t valuelen, uint8_t flags, void *user)
{
	struct grpc_call *c = call_of(session, f->hd.stream_id);

	(void)flags;
	(void)user;
	return c && grpc_call_header(c, name, namelen, value, valuelen) < 0 ?
		       NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE :
		       0;
}

static int on_data_chunk(nghttp2_session *session, uint8_t flags,
			 int32_t stream, const uint8_t *data, size_t len,
			 void *user)
{
	struct grpc_call *c = call_of(session, stream);

	(void)flags;
	(void)user;
	if (c) {
		grpc_call_data(c, data, len);
	}
	return 0;
}

/* Rapid reset (CVE-2023-44487): opening and cancelling calls costs the peer
 * nothing and us a call each. */
static bool too_many_resets(struct grpc_conn *c)
{
	uint64_t now = uv_hrtime();

	if (now - c->reset_window > RESET_WINDOW_NS) {
		c->reset_window = now;
		c->resets = 0;
	}
	return ++c->resets > RESETS_MAX;
}

static void calm(struct grpc_conn *c)
{
	c->server->stats.protocol_errors++;
	nghttp2_session_terminate_session(c->session,
					  NGHTTP2_ENHANCE_YOUR_CALM);
}

/* A malformed request: nghttp2 resets its stream. That costs the peer as little
 * as a reset of its own. */
static int on_invalid_frame(nghttp2_session *session, const nghttp2_frame *f,
			    int error, void *user)
{
	struct grpc_conn *c = user;

	(void)session;
	(void)f;
	(void)error;
	if (too_many_resets(c)) {
		calm(c);
	}
	return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *f,
		    void *user)
{
	struct grpc_conn *c = user;
	struct grpc_call *k;

	switch (f->hd.type) {
	case NGHTTP2_HEADERS:
	case NGHTTP2_DATA:
		k = call_of(session, f->hd.stream_id);
		if (!k) {
			break;
		}
		if (f->hd.type == NGHTTP2_HEADERS &&
		    k->state == CALL_HEADERS) {
			grpc_call_headers_done(k);
		}
		if (f->hd.flags & NGHTTP2_FLAG_END_STREAM) {
			grpc_call_half_closed(k);
		}
		break;
	case NGHTTP2_RST_STREAM:
		if (too_many_resets(c)) {
			calm(c);
		}
		break;
	default:
		break;
	}
	return 0;
}

static int on_stream_close(nghttp2_session *session, int32_t stream,
			   uint32_t error_code, void *user)
{
	struct grpc_call *c = call_of(session, stream);

	(void)error_code;
	(void)user;
	if (c) {
		nghttp2_session_set_stream_user_data(session, stream, NULL);
		grpc_call_free(c);
	}
	return 0;
}

/* The status went out while the client was still sending: tell it to stop, or
 * the stream would stay half open. */
static int on_frame_sent(nghttp2_session *session, const nghttp2_frame *f,
			 void *user)
{
	struct grpc_call *c;

	(void)user;
	if (f->hd.type != NGHTTP2_HEADERS ||
	    !(f->hd.flags & NGHTTP2_FLAG_END_STREAM)) {
		return 0;
	}
	c = call_of(session, f->hd.stream_id);
	if (c && !c->half_closed) {
		nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE,
					  f->hd.stream_id, NGHTTP2_NO_ERROR);
	}
	return 0;
}

/* ---- connections ---- */

static void conn_free(struct grpc_conn *c)
{
	struct grpc_server *s = c->server;

	while (c->calls) {
		grpc_call_free(c->calls);
	}
	if (c->prev) {
		c->prev->next = c->next;
	} else {
		s->conns = c->next;
	}
	if (c->next) {
		c->next->prev = c->prev;
	}
	for (struct grpc_conn **d = &s->dirty; *d; d = &(*d)->next_dirty) {
		if (*d == c) {
			*d = c->next_dirty;
			break;
		}
	}
	s->stats.open_connections--;
	nghttp2_session_del(c->session);
	grpc_buf_finish(&c->pending);
	free(c);
}

void grpc_conn_kill(struct grpc_conn *c)
{
	grpc_conn_dirty(c); /* so that the loop comes by */
	c->dead = true;
}

/* After every entry from the carrier: @c may be freed here. */
static void conn_settle(struct grpc_conn *c)
{
	struct av_stream *stream = c->stream;

	if (!c->dead) {
		grpc_conn_dirty(c);
		return;
	}
	conn_free(c);
	av_stream_close(stream);
}

static void on_stream_data(struct av_stream *stream, const void *buf,
			   size_t len)
{
	struct grpc_conn *c = stream->user;
	ssize_t n;

	n = nghttp2_session_mem_recv(c->session, buf, len);
	if (n < 0) {
		/* say why (GOAWAY is queued by nghttp2), then close */
		c->server->stats.protocol_errors++;
		conn_flush(c);
		c->dead = true;
	}
	conn_settle(c);
}

static void on_stream_writable(struct av_stream *stream)
{
	struct grpc_conn *c = stream->user;

	c->blocked = false;
	conn_flush(c);
	conn_settle(c);
}

static void on_stream_closed(struct av_stream *stream)
{
	struct grpc_conn *c = stream->user;

	c->dead = true;
	c->stream = NULL;
	conn_free(c);
}

static int accept_stream(struct av_acceptor *a, struct av_stream *stream)
{
	static const nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, GRPC_STREAMS_MAX },
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1 << 20 },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, GRPC_HEADERS_MAX },
	};
	struct grpc_server *s = a->ctx;
	struct grpc_conn *c = calloc(1, sizeof(*c));

	if (!c) {
		return -ENOMEM;
	}
	c->server = s;
	c->stream = stream;
	if (nghttp2_session_server_new2(&c->session, s->callbacks, c,
					s->option) != 0) {
		free(c);
		return -ENOMEM;
	}
	nghttp2_submit_settings(c->session, NGHTTP2_FLAG_NONE, settings,
				sizeof(settings) / sizeof(settings[0]));
	nghttp2_session_set_local_window_size(c->session, NGHTTP2_FLAG_NONE, 0,
					      8 << 20);
	c->next = s->conns;
	if (c->next) {
		c->next->prev = c;
	}
	if (!s->conns) {
		uv_timer_start(&s->seconds, on_second, 1000, 1000);
	}
	s->conns = c;
	c->moved = s->second;
	s->stats.connections++;
	s->stats.open_connections++;
	stream->user = c;
	stream->on_data = on_stream_data;
	stream->on_writable = on_stream_writable;
	stream->on_closed = on_stream_closed;
	grpc_conn_dirty(c);
	return 0;
}

/* ---- server ---- */

static int make_callbacks(struct grpc_server *s)
{
	if (nghttp2_session_callbacks_new(&s->callbacks) != 0 ||
	    nghttp2_option_new(&s->option) != 0) {
		return -ENOMEM;
	}
	nghttp2_session_callbacks_set_on_begin_headers_callback(
		s->callbacks, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(s->callbacks,
							 on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
		s->callbacks, on_data_chunk);
	nghttp2_session_callbacks_set_on_frame_recv_callback(s->callbacks,
							     on_frame);
	nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(
		s->callbacks, on_invalid_frame);
	nghttp2_session_callbacks_set_on_stream_close_callback(
		s->callbacks, on_stream_close);
	nghttp2_session_callbacks_set_on_frame_send_callback(s->callbacks,
							     on_frame_sent);
	nghttp2_option_set_max_outbound_ack(s->option, 1000);
	nghttp2_option_set_max_settings(s->option, 32);
	return 0;
}

struct grpc_server *grpc_server_create(uv_loop_t *loop, const char *name)
{
	struct grpc_server *s = calloc(1, sizeof(*s));

	if (!s || make_callbacks(s) < 0) {
		if (s) {
			nghttp2_session_callbacks_del(s->callbacks);
			nghttp2_option_del(s->option);
		}
		free(s);
		return NULL;
	}
	s->loop = loop;
	s->name = name;
	s->acceptor = (struct av_acceptor){ .name = name,
					    .accept = accept_stream,
					    .ctx = s };
	uv_prepare_init(loop, &s->flusher);
	uv_timer_init(loop, &s->deadlines);
	uv_timer_init(loop, &s->seconds);
	s->flusher.data = s->deadlines.data = s->seconds.data = s;
	s->n_handles = 3;
	s->stall_s = STALL_S;
	uv_prepare_start(&s->flusher, on_flush);
	uv_unref((uv_handle_t *)&s->flusher);
	uv_unref((uv_handle_t *)&s->deadlines);
	uv_unref((uv_handle_t *)&s->seconds);
	return s;
}

static void handle_closed(uv_handle_t *h)
{
	struct grpc_server *s = h->data;

	if (--s->n_handles == 0) {
		nghttp2_session_callbacks_del(s->callbacks);
		nghttp2_option_del(s->option);
		free(s->service);
		free(s);
	}
}

void grpc_server_destroy(struct grpc_server *s)
{
	if (!s) {
		return;
	}
	while (s->conns) {
		struct av_stream *stream = s->conns->stream;

		s->conns->dead = true;
		conn_free(s->conns);
		if (stream) {
			av_stream_close(stream);
		}
	}
	uv_close((uv_handle_t *)&s->flusher, handle_closed);
	uv_close((uv_handle_t *)&s->deadlines, handle_closed);
	uv_close((uv_handle_t *)&s->seconds, handle_closed);
}

int grpc_server_add(struct grpc_server *s, const struct grpc_service *svc)
{
	const struct grpc_service **v =
		realloc(s->service, (s->n_services + 1) * sizeof(*v));

	if (!v) {
		return -ENOMEM;
	}
	s->service = v;
	v[s->n_services++] = svc;
	return 0;
}

const struct grpc_service *grpc_server_service(const struct grpc_server *s,
					       size_t i)
{
	return i < s->n_services ? s->service[i] : NULL;
}

void grpc_server_set_trace(struct grpc_server *s, grpc_trace_fn *fn, void *ctx)
{
	s->trace = fn;
	s->trace_ctx = ctx;
}

struct av_acceptor *grpc_server_acceptor(struct grpc_server *s)
{
	return &s->acceptor;
}

void grpc_server_stats(const struct grpc_server *s,
		       struct grpc_server_stats *out)
{
	*out = s->stats;
}
