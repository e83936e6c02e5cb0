/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One call of the gRPC server, from the first request header to the status; see
 * grpc_server.c for the whole.
 */
#include "config.h"

#include "sim/services/grpc_server_int.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define DEADLINE_TICK_MS 20

/* ---- answering ---- */

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
		grpc_conn_kill(c->conn);
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
	grpc_conn_dirty(c->conn);
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
		grpc_conn_kill(c->conn);
		return;
	}
	grpc_conn_dirty(c->conn);
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

	for (struct grpc_conn *c = s->conns; c; c = c->next) {
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

/* ---- the request ---- */

struct grpc_call *grpc_call_begin(struct grpc_conn *conn, int32_t stream)
{
	struct grpc_call *c = calloc(1, sizeof(*c));

	if (!c) {
		return NULL;
	}
	c->conn = conn;
	c->stream = stream;
	c->start_ns = uv_hrtime();
	c->moved = conn->server->second;
	c->next = conn->calls;
	if (c->next) {
		c->next->prev = c;
	}
	conn->calls = c;
	conn->n_calls++;
	conn->server->stats.open_calls++;
	conn->server->stats.calls++;
	return c;
}

static bool is(const uint8_t *v, size_t len, const char *text)
{
	return strlen(text) == len && !memcmp(v, text, len);
}

int grpc_call_header(struct grpc_call *c, const uint8_t *name, size_t namelen,
		     const uint8_t *value, size_t valuelen)
{
	uint64_t ns;

	if (c->state != CALL_HEADERS) {
		return 0; /* trailers of a request mean nothing to us */
	}
	/* a few bytes on the wire can name a long header again and again */
	c->header_bytes += namelen + valuelen + 32;
	if (c->header_bytes > GRPC_HEADERS_MAX) {
		return -E2BIG;
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
	grpc_conn_dirty(c->conn);
}

void grpc_call_headers_done(struct grpc_call *c)
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

void grpc_call_data(struct grpc_call *c, const uint8_t *data, size_t len)
{
	uint8_t *to;

	if (c->state != CALL_OPEN) {
		return;
	}
	to = grpc_buf_grow(&c->in, len);
	if (!to) {
		grpc_call_finish(c, GRPC_RESOURCE_EXHAUSTED, "out of memory");
		return;
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
}

void grpc_call_half_closed(struct grpc_call *c)
{
	c->half_closed = true;
	if (c->state != CALL_OPEN) {
		return;
	}
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

void grpc_call_free(struct grpc_call *c)
{
	struct grpc_conn *conn = c->conn;
	struct grpc_server *s = conn->server;

	set_deadline(c, 0);
	if (c->started && c->method->ended) {
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
