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

#include "sim/core/log.h"
#include "sim/services/grpc_wire.h"

#include <errno.h>
#include <nghttp2/nghttp2.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define RESETS_MAX 500		 /* by the peer, per window */
#define RESET_WINDOW_NS UINT64_C(10000000000)
#define OUT_PENDING_MAX (256u << 10) /* framed bytes waiting for the carrier */
#define DEADLINE_TICK_MS 20
#define STALL_S 30
#define HEADERS_MAX 16384 /* of one call, by the count of HPACK */

enum call_state { CALL_HEADERS, CALL_OPEN, CALL_FINISHED };

struct grpc_call {
	struct conn *conn;
	struct grpc_call *next, *prev; /* of the connection */
	int32_t stream;
	enum call_state state;
	const struct grpc_service *service;
	const struct grpc_method *method;
	char path[128];
	struct grpc_buf in, out;
	bool headers_sent, deferred, started, half_closed, waits;
	bool content_type_ok, method_post, encoded;
	enum grpc_status status;
	char message[512];
	uint64_t start_ns, deadline_ns; /* 0 = none */
	size_t bytes_in, bytes_out, header_bytes;
	unsigned int moved; /* second when bytes went out, or none waited */
	void *user;
};

struct conn {
	struct grpc_server *server;
	struct conn *next, *prev;
	struct conn *next_dirty;
	struct av_stream *stream;
	nghttp2_session *session;
	struct grpc_call *calls;
	unsigned int n_calls;
	struct grpc_buf pending; /* framed, not taken by the carrier yet */
	bool dirty, dead, blocked;
	unsigned int resets;
	uint64_t reset_window;
	unsigned int moved; /* as of a call */
};

struct grpc_server {
	uv_loop_t *loop;
	const char *name;
	struct av_acceptor acceptor;
	const struct grpc_service **service;
	size_t n_services;
	struct conn *conns;
	struct conn *dirty;
	uv_prepare_t flusher;
	uv_timer_t deadlines;
	unsigned int n_deadlines;
	uv_timer_t seconds;
	unsigned int second; /* counts while there are connections */
	unsigned int stall_s;
	unsigned int n_handles; /* uv handles still open, for the end */
	struct grpc_server_stats stats;
	grpc_trace_fn *trace;
	void *trace_ctx;
	nghttp2_session_callbacks *callbacks;
	nghttp2_option *option;
};

static void conn_kill(struct conn *c);
static void conn_settle(struct conn *c);

/* ---- sending ---- */

static void mark_dirty(struct conn *c)
{
	if (!c->dirty && !c->dead) {
		c->dirty = true;
		c->next_dirty = c->server->dirty;
		c->server->dirty = c;
	}
}

/* Push what waits to the carrier. Return: false if the stream died. */
static bool push_pending(struct conn *c)
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

static void conn_flush(struct conn *c)
{
	for (;;) {
		const uint8_t *data;
		ssize_t n;
		uint8_t *to;

		/* gather frames into one write */
		while (grpc_buf_len(&c->pending) < OUT_PENDING_MAX) {
			n = nghttp2_session_mem_send(c->session, &data);
			if (n < 0) {
				conn_kill(c);
				return;
			}
			if (n == 0) {
				break;
			}
			to = grpc_buf_grow(&c->pending, (size_t)n);
			if (!to) {
				conn_kill(c);
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
		conn_kill(c); /* GOAWAY is out, nothing is open */
	}
}

static void on_flush(uv_prepare_t *p)
{
	struct grpc_server *s = p->data;

	while (s->dirty) {
		struct conn *c = s->dirty;

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

#define HEADER(n, v)                                                           \
	{                                                                      \
		.name = (uint8_t *)(uintptr_t)(n),                             \
		.value = (uint8_t *)(uintptr_t)(v),                            \
		.namelen = sizeof(n) - 1, .valuelen = strlen(v),               \
		.flags = NGHTTP2_NV_FLAG_NO_COPY_NAME                          \
	}

/* Status and message as headers; @out has room for 5. */
static size_t status_headers(const struct grpc_call *c, nghttp2_nv *out,
			     char number[8], char text[1024])
{
	size_t n = 0;

	snprintf(number, 8, "%d", (int)c->status);
	out[n++] = (nghttp2_nv)HEADER("grpc-status", number);
	if (c->message[0]) {
		grpc_percent_encode(c->message, text, 1024);
		out[n++] = (nghttp2_nv)HEADER("grpc-message", text);
	}
	return n;
}

/* nghttp2 asks for up to @length bytes of the answer's body. */
static ssize_t read_out(nghttp2_session *session, int32_t stream, uint8_t *buf,
			size_t length, uint32_t *flags,
			nghttp2_data_source *source, void *user)
{
	struct grpc_call *c = source->ptr;
	size_t n = grpc_buf_len(&c->out);
	nghttp2_nv nv[2];
	char number[8], text[1024];

	(void)user;
	if (n == 0 && c->state != CALL_FINISHED) {
		c->deferred = true;
		return NGHTTP2_ERR_DEFERRED;
	}
	if (n > length) {
		n = length;
	}
	if (n > 0) {
		memcpy(buf, c->out.v + c->out.head, n);
		grpc_buf_drop(&c->out, n);
		c->bytes_out += n;
		c->moved = c->conn->server->second;
	}
	if (grpc_buf_len(&c->out) == 0 && c->state == CALL_FINISHED) {
		*flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
		if (nghttp2_submit_trailer(session, stream, nv,
					   status_headers(c, nv, number,
							  text)) != 0) {
			return NGHTTP2_ERR_CALLBACK_FAILURE;
		}
	} else if (c->waits && grpc_buf_len(&c->out) < GRPC_QUEUE_MAX / 2) {
		c->waits = false;
		if (c->method && c->method->writable &&
		    c->state == CALL_OPEN) {
			c->method->writable(c, c->service->ctx);
		}
	}
	return (ssize_t)n;
}

static void submit_headers(struct grpc_call *c)
{
	nghttp2_nv nv[] = {
		HEADER(":status", "200"),
		HEADER("content-type", "application/grpc"),
		HEADER("grpc-accept-encoding", "identity"),
	};
	nghttp2_data_provider body = { .source.ptr = c,
				       .read_callback = read_out };

	c->headers_sent = true;
	if (nghttp2_submit_response(c->conn->session, c->stream, nv, 3,
				    &body) != 0) {
		conn_kill(c->conn);
	}
}

/* There is more in out, or the call has finished. */
static void kick(struct grpc_call *c)
{
	if (!c->headers_sent) {
		submit_headers(c);
	} else if (c->deferred) {
		c->deferred = false;
		nghttp2_session_resume_data(c->conn->session, c->stream);
	}
	mark_dirty(c->conn);
}

/* May one more message be queued? 0, -EPIPE, -ENOBUFS. */
static int may_send(struct grpc_call *c)
{
	if (c->state != CALL_OPEN || c->conn->dead) {
		return -EPIPE;
	}
	if (grpc_buf_len(&c->out) >= GRPC_QUEUE_MAX) {
		c->waits = true;
		return -ENOBUFS;
	}
	return 0;
}

int grpc_call_send(struct grpc_call *c, const ProtobufCMessage *msg)
{
	int ret = may_send(c);

	if (ret == 0) {
		ret = grpc_buf_message(&c->out, msg);
	}
	if (ret == 0) {
		kick(c);
	}
	return ret;
}

int grpc_call_send_packed(struct grpc_call *c, const uint8_t *msg, size_t len)
{
	int ret = may_send(c);

	if (ret == 0) {
		ret = grpc_buf_packed(&c->out, msg, len);
	}
	if (ret == 0) {
		kick(c);
	}
	return ret;
}

size_t grpc_call_queued(const struct grpc_call *c)
{
	return grpc_buf_len(&c->out);
}

void grpc_call_wait(struct grpc_call *c)
{
	c->waits = true;
}

static void set_deadline(struct grpc_call *c, uint64_t ns);

/* An error before anything was sent: one frame of headers, no body. */
static void submit_trailers_only(struct grpc_call *c)
{
	nghttp2_nv nv[4] = {
		HEADER(":status", "200"),
		HEADER("content-type", "application/grpc"),
	};
	char number[8], text[1024];
	size_t n = 2 + status_headers(c, nv + 2, number, text);

	c->headers_sent = true;
	if (nghttp2_submit_response(c->conn->session, c->stream, nv, n, NULL) !=
	    0) {
		conn_kill(c->conn);
		return;
	}
	mark_dirty(c->conn);
}

static void finish(struct grpc_call *c, enum grpc_status status,
		   const char *text)
{
	if (c->state == CALL_FINISHED || c->conn->dead) {
		return;
	}
	c->state = CALL_FINISHED;
	c->status = status;
	snprintf(c->message, sizeof(c->message), "%s", text);
	set_deadline(c, 0);
	if (status != GRPC_OK) {
		c->conn->server->stats.errors++;
	}
	if (!c->headers_sent && grpc_buf_len(&c->out) == 0) {
		submit_trailers_only(c);
	} else {
		kick(c);
	}
}

void grpc_call_finish(struct grpc_call *c, enum grpc_status status,
		      const char *fmt, ...)
{
	char text[sizeof(c->message)] = "";
	va_list ap;

	if (fmt) {
		va_start(ap, fmt);
		vsnprintf(text, sizeof(text), fmt, ap);
		va_end(ap);
	}
	finish(c, status, text);
}

void grpc_call_reply(struct grpc_call *c, const ProtobufCMessage *msg)
{
	int ret = grpc_call_send(c, msg);

	grpc_call_finish(c, ret < 0 ? GRPC_INTERNAL : GRPC_OK,
			 ret < 0 ? "out of memory" : NULL);
}

void grpc_call_set_user(struct grpc_call *c, void *user)
{
	c->user = user;
}

void *grpc_call_user(const struct grpc_call *c)
{
	return c->user;
}

const char *grpc_call_peer(const struct grpc_call *c)
{
	return c->conn->stream ? c->conn->stream->peer : "?";
}

/* ---- deadlines ---- */

static void on_deadlines(uv_timer_t *t)
{
	struct grpc_server *s = t->data;
	uint64_t now = uv_hrtime();

	for (struct conn *c = s->conns; c; c = c->next) {
		for (struct grpc_call *k = c->calls, *next; k; k = next) {
			next = k->next;
			if (k->deadline_ns && k->deadline_ns <= now) {
				finish(k, GRPC_DEADLINE_EXCEEDED,
				       "deadline exceeded");
			}
		}
	}
}

/* 0 takes it away. The timer only runs while some call has one. */
static void set_deadline(struct grpc_call *c, uint64_t ns)
{
	struct grpc_server *s = c->conn->server;
	unsigned int before = s->n_deadlines;

	s->n_deadlines += (ns != 0) - (c->deadline_ns != 0);
	c->deadline_ns = ns;
	if (before == 0 && s->n_deadlines > 0) {
		uv_timer_start(&s->deadlines, on_deadlines, DEADLINE_TICK_MS,
			       DEADLINE_TICK_MS);
	} else if (before > 0 && s->n_deadlines == 0) {
		uv_timer_stop(&s->deadlines);
	}
}

/* ---- peers that do not read ---- */

static void check_calls(struct conn *c)
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
			mark_dirty(c);
		}
	}
}

static void on_second(uv_timer_t *t)
{
	struct grpc_server *s = t->data;

	s->second++;
	for (struct conn *c = s->conns; c; c = c->next) {
		if (grpc_buf_len(&c->pending) == 0) {
			c->moved = s->second;
			check_calls(c);
		} else if (s->second - c->moved >= s->stall_s) {
			s->stats.stalled++;
			conn_kill(c);
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

/* ---- receiving ---- */

static struct grpc_call *call_of(nghttp2_session *session, int32_t stream)
{
	return nghttp2_session_get_stream_user_data(session, stream);
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *f,
			    void *user)
{
	struct conn *c = user;
	struct grpc_call *k;

	if (f->hd.type != NGHTTP2_HEADERS ||
	    f->headers.cat != NGHTTP2_HCAT_REQUEST) {
		return 0;
	}
	k = calloc(1, sizeof(*k));
	if (!k) {
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	}
	k->conn = c;
	k->stream = f->hd.stream_id;
	k->start_ns = uv_hrtime();
	k->moved = c->server->second;
	k->next = c->calls;
	if (k->next) {
		k->next->prev = k;
	}
	c->calls = k;
	c->n_calls++;
	c->server->stats.open_calls++;
	c->server->stats.calls++;
	nghttp2_session_set_stream_user_data(session, k->stream, k);
	return 0;
}

static bool is(const uint8_t *v, size_t len, const char *text)
{
	return strlen(text) == len && !memcmp(v, text, len);
}

static int on_header(nghttp2_session *session, const nghttp2_frame *f,
		     const uint8_t *name, size_t namelen, const uint8_t *value,
		     size_t valuelen, uint8_t flags, void *user)
{
	struct grpc_call *c = call_of(session, f->hd.stream_id);
	uint64_t ns;

	(void)flags;
	(void)user;
	if (!c || c->state != CALL_HEADERS) {
		return 0; /* trailers of a request mean nothing to us */
	}
	/* a few bytes on the wire can name a long header again and again */
	c->header_bytes += namelen + valuelen + 32;
	if (c->header_bytes > HEADERS_MAX) {
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	}
	if (is(name, namelen, ":path")) {
		snprintf(c->path, sizeof(c->path), "%.*s",
			 (int)(valuelen < 200 ? valuelen : 200), value);
	} else if (is(name, namelen, ":method")) {
		c->method_post = is(value, valuelen, "POST");
	} else if (is(name, namelen, "content-type")) {
		static const char want[] = "application/grpc";
		size_t n = sizeof(want) - 1;

		c->content_type_ok =
			valuelen >= n && !memcmp(value, want, n) &&
			(valuelen == n || value[n] == '+' || value[n] == ';');
	} else if (is(name, namelen, "grpc-encoding")) {
		c->encoded = !is(value, valuelen, "identity");
	} else if (is(name, namelen, "grpc-timeout")) {
		ns = grpc_timeout_ns(value, valuelen);
		if (ns == UINT64_MAX) {
			return 0; /* not a timeout: as if it were not there */
		}
		set_deadline(c, uv_hrtime() + (ns ? ns : 1));
	}
	return 0;
}

/* "/package.Service/Method" */
static void find_method(struct grpc_call *c)
{
	const struct grpc_server *s = c->conn->server;
	const char *slash = c->path[0] == '/' ? strchr(c->path + 1, '/') : NULL;
	size_t len = slash ? (size_t)(slash - c->path - 1) : 0;

	for (size_t i = 0; slash && i < s->n_services; i++) {
		const struct grpc_service *svc = s->service[i];

		if (strlen(svc->name) != len ||
		    memcmp(svc->name, c->path + 1, len) != 0) {
			continue;
		}
		c->service = svc;
		for (size_t k = 0; k < svc->n_methods; k++) {
			if (!strcmp(svc->method[k].name, slash + 1)) {
				c->method = &svc->method[k];
				return;
			}
		}
	}
}

static void refuse_http(struct grpc_call *c, const char *status)
{
	nghttp2_nv nv[] = { HEADER(":status", status) };

	c->state = CALL_FINISHED;
	c->headers_sent = true;
	nghttp2_submit_response(c->conn->session, c->stream, nv, 1, NULL);
	mark_dirty(c->conn);
}

static void headers_done(struct grpc_call *c)
{
	c->state = CALL_OPEN;
	if (!c->method_post) {
		refuse_http(c, "405");
		return;
	}
	if (!c->content_type_ok) {
		refuse_http(c, "415");
		return;
	}
	find_method(c);
	if (!c->method) {
		grpc_call_finish(c, GRPC_UNIMPLEMENTED,
				 "this server has no method %s", c->path);
	} else if (c->encoded) {
		grpc_call_finish(c, GRPC_UNIMPLEMENTED,
				 "only identity encoding is supported");
	}
}

static void one_message(struct grpc_call *c, const uint8_t *data, size_t len)
{
	ProtobufCMessage *msg;

	if (c->started && !c->method->client_streaming) {
		grpc_call_finish(c, GRPC_INVALID_ARGUMENT,
				 "more than one request message");
		return;
	}
	msg = grpc_unpack(c->method->in, data, len);
	if (!msg) {
		grpc_call_finish(c, GRPC_INVALID_ARGUMENT,
				 "the request is not a valid %s",
				 c->method->in->name);
		return;
	}
	c->started = true;
	c->method->message(c, c->service->ctx, msg);
	grpc_unpack_free(msg);
}

static void take_messages(struct grpc_call *c)
{
	const uint8_t *at;
	size_t len;
	int ret;

	while (c->state == CALL_OPEN && !c->conn->dead &&
	       (ret = grpc_buf_next(&c->in, GRPC_MESSAGE_MAX, &at, &len)) != 0) {
		if (ret == -GRPC_RESOURCE_EXHAUSTED) {
			grpc_call_finish(c, GRPC_RESOURCE_EXHAUSTED,
					 "a message is longer than %u bytes",
					 GRPC_MESSAGE_MAX);
		} else if (ret < 0) {
			grpc_call_finish(c, (enum grpc_status)-ret,
					 "compressed messages are not "
					 "supported");
		} else {
			/* a unary call's message is answered when the client
			 * has said all it has to say */
			if (!c->method->client_streaming && !c->half_closed) {
				return;
			}
			one_message(c, at, len);
			grpc_buf_drop(&c->in, GRPC_PREFIX + len);
		}
	}
}

static int on_data_chunk(nghttp2_session *session, uint8_t flags,
			 int32_t stream, const uint8_t *data, size_t len,
			 void *user)
{
	struct grpc_call *c = call_of(session, stream);
	uint8_t *to;

	(void)flags;
	(void)user;
	if (!c || c->state != CALL_OPEN) {
		return 0;
	}
	to = grpc_buf_grow(&c->in, len);
	if (!to) {
		grpc_call_finish(c, GRPC_RESOURCE_EXHAUSTED, "out of memory");
		return 0;
	}
	memcpy(to, data, len);
	c->bytes_in += len;
	if (grpc_buf_len(&c->in) > GRPC_MESSAGE_MAX + GRPC_PREFIX ||
	    c->method->client_streaming) {
		take_messages(c);
	} else {
		const uint8_t *at;
		size_t n;

		/* refuse a message that is too long at once */
		if (grpc_buf_next(&c->in, GRPC_MESSAGE_MAX, &at, &n) < 0) {
			take_messages(c);
		}
	}
	return 0;
}

static void request_done(struct grpc_call *c)
{
	take_messages(c);
	if (c->state != CALL_OPEN || c->conn->dead) {
		return;
	}
	if (grpc_buf_len(&c->in) > 0) {
		grpc_call_finish(c, GRPC_INVALID_ARGUMENT,
				 "the request ends in the middle of a message");
	} else if (!c->method->client_streaming && !c->started) {
		grpc_call_finish(c, GRPC_INVALID_ARGUMENT,
				 "no request message");
	} else if (c->method->client_streaming && c->method->half_closed) {
		c->method->half_closed(c, c->service->ctx);
	}
}

/* Rapid reset (CVE-2023-44487): opening and cancelling calls costs the peer
 * nothing and us a call each. */
static bool too_many_resets(struct conn *c)
{
	uint64_t now = uv_hrtime();

	if (now - c->reset_window > RESET_WINDOW_NS) {
		c->reset_window = now;
		c->resets = 0;
	}
	return ++c->resets > RESETS_MAX;
}

static void calm(struct conn *c)
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
	struct conn *c = user;

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
	struct conn *c = user;
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
			headers_done(k);
		}
		if (f->hd.flags & NGHTTP2_FLAG_END_STREAM) {
			k->half_closed = true;
			if (k->state == CALL_OPEN) {
				request_done(k);
			}
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

static void call_free(struct grpc_call *c, bool tell)
{
	struct conn *conn = c->conn;
	struct grpc_server *s = conn->server;

	set_deadline(c, 0);
	if (tell && c->started && c->method->ended) {
		c->method->ended(c, c->service->ctx);
	}
	if (s->trace && c->method) {
		s->trace(s->trace_ctx,
			 &(struct grpc_trace){
				 .path = c->path,
				 .peer = conn->stream ? conn->stream->peer :
							"?",
				 .status = c->state == CALL_FINISHED ?
						   c->status :
						   GRPC_CANCELLED,
				 .ns = uv_hrtime() - c->start_ns,
				 .bytes_in = c->bytes_in,
				 .bytes_out = c->bytes_out });
	}
	if (c->prev) {
		c->prev->next = c->next;
	} else {
		conn->calls = c->next;
	}
	if (c->next) {
		c->next->prev = c->prev;
	}
	conn->n_calls--;
	s->stats.open_calls--;
	grpc_buf_finish(&c->in);
	grpc_buf_finish(&c->out);
	free(c);
}

static int on_stream_close(nghttp2_session *session, int32_t stream,
			   uint32_t error_code, void *user)
{
	struct grpc_call *c = call_of(session, stream);

	(void)error_code;
	(void)user;
	if (c) {
		nghttp2_session_set_stream_user_data(session, stream, NULL);
		call_free(c, true);
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

static void conn_free(struct conn *c)
{
	struct grpc_server *s = c->server;

	while (c->calls) {
		call_free(c->calls, true);
	}
	if (c->prev) {
		c->prev->next = c->next;
	} else {
		s->conns = c->next;
	}
	if (c->next) {
		c->next->prev = c->prev;
	}
	for (struct conn **d = &s->dirty; *d; d = &(*d)->next_dirty) {
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

/* Give the connection up from inside a callback: the loop frees it. */
static void conn_kill(struct conn *c)
{
	mark_dirty(c); /* so that the loop comes by */
	c->dead = true;
}

/* After every entry from the carrier: @c may be freed here. */
static void conn_settle(struct conn *c)
{
	struct av_stream *stream = c->stream;

	if (!c->dead) {
		mark_dirty(c);
		return;
	}
	conn_free(c);
	av_stream_close(stream);
}

static void on_stream_data(struct av_stream *stream, const void *buf,
			   size_t len)
{
	struct conn *c = stream->user;
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
	struct conn *c = stream->user;

	c->blocked = false;
	conn_flush(c);
	conn_settle(c);
}

static void on_stream_closed(struct av_stream *stream)
{
	struct conn *c = stream->user;

	c->dead = true;
	c->stream = NULL;
	conn_free(c);
}

static int accept_stream(struct av_acceptor *a, struct av_stream *stream)
{
	static const nghttp2_settings_entry settings[] = {
		{ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, GRPC_STREAMS_MAX },
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 1 << 20 },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, HEADERS_MAX },
	};
	struct grpc_server *s = a->ctx;
	struct conn *c = calloc(1, sizeof(*c));

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
	mark_dirty(c);
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
