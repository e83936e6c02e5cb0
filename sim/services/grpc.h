/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gRPC over any byte stream: a server and a client in the event loop's thread,
 * on nghttp2 (HTTP/2 framing) and protobuf-c (messages). Source: the gRPC over
 * HTTP/2 protocol document.
 */
#ifndef AVSIM_SERVICES_GRPC_H
#define AVSIM_SERVICES_GRPC_H

#include "sim/core/err.h"
#include "sim/services/stream.h"

#include <protobuf-c/protobuf-c.h>
#include <stdint.h>
#include <uv.h>

enum grpc_status {
	GRPC_OK = 0,
	GRPC_CANCELLED = 1,
	GRPC_UNKNOWN = 2,
	GRPC_INVALID_ARGUMENT = 3,
	GRPC_DEADLINE_EXCEEDED = 4,
	GRPC_NOT_FOUND = 5,
	GRPC_ALREADY_EXISTS = 6,
	GRPC_PERMISSION_DENIED = 7,
	GRPC_RESOURCE_EXHAUSTED = 8,
	GRPC_FAILED_PRECONDITION = 9,
	GRPC_ABORTED = 10,
	GRPC_OUT_OF_RANGE = 11,
	GRPC_UNIMPLEMENTED = 12,
	GRPC_INTERNAL = 13,
	GRPC_UNAVAILABLE = 14,
	GRPC_DATA_LOSS = 15,
	GRPC_UNAUTHENTICATED = 16,
	GRPC_N_STATUS
};

const char *grpc_status_name(enum grpc_status s); /* "INVALID_ARGUMENT" */

#define GRPC_MESSAGE_MAX (4u << 20)  /* of one request, as in gRPC itself */
#define GRPC_UNPACKED_MAX (64u << 20) /* memory one request may unpack into */
#define GRPC_QUEUE_MAX (8u << 20)    /* bytes waiting to go out on one call */
#define GRPC_STREAMS_MAX 256	     /* calls at once on one connection */

struct grpc_call;

/* One method. All callbacks run on the loop's thread. */
struct grpc_method {
	const char *name;
	const ProtobufCMessageDescriptor *in;
	/* A request message, borrowed for the call; for a unary or server
	 * streaming method exactly one. The handler answers at once or later,
	 * with grpc_call_send() and grpc_call_finish(). */
	void (*message)(struct grpc_call *c, void *service,
			const ProtobufCMessage *msg);
	/* More than one request message may come (bidirectional streams);
	 * @half_closed then says that no more will. */
	bool client_streaming;
	void (*half_closed)(struct grpc_call *c, void *service);
	/* Optional: the queue that made grpc_call_send() wait has drained. */
	void (*writable)(struct grpc_call *c, void *service);
	/* Optional: the call is over (finished, cancelled, connection lost,
	 * deadline). Drop every pointer to it. Called once for each call that
	 * had a message. */
	void (*ended)(struct grpc_call *c, void *service);
};

struct grpc_service {
	const char *name; /* "package.Service" */
	const struct grpc_method *method;
	size_t n_methods;
	void *ctx; /* the callbacks' @service */
};

/* ---- server ---- */

struct grpc_server;

/* What happened on one finished call, for the recording. */
struct grpc_trace {
	const char *path; /* "/package.Service/Method" */
	const char *peer;
	enum grpc_status status;
	uint64_t ns; /* wall time from headers to status */
	size_t bytes_in, bytes_out;
};
typedef void grpc_trace_fn(void *ctx, const struct grpc_trace *t);

struct grpc_server *grpc_server_create(uv_loop_t *loop, const char *name);
/* Ends all calls and connections; streams are closed. */
void grpc_server_destroy(struct grpc_server *s);
/* @svc: borrowed for the server's life. 0 or -ENOMEM. */
int grpc_server_add(struct grpc_server *s, const struct grpc_service *svc);
const struct grpc_service *grpc_server_service(const struct grpc_server *s,
					       size_t i); /* NULL past the end */
void grpc_server_set_trace(struct grpc_server *s, grpc_trace_fn *fn, void *ctx);
/* For carriers: streams accepted by it become connections. Borrowed. */
struct av_acceptor *grpc_server_acceptor(struct grpc_server *s);

/* How long a peer may take nothing of what waits for it; default 30 s. */
void grpc_server_set_stall(struct grpc_server *s, unsigned int seconds);

struct grpc_server_stats {
	uint64_t connections, calls, errors, protocol_errors;
	uint64_t stalled; /* calls and connections ended for not reading */
	unsigned int open_connections, open_calls;
};
void grpc_server_stats(const struct grpc_server *s,
		       struct grpc_server_stats *out);

/* ---- calls, as a server sees them ---- */

/**
 * grpc_call_send() - Queue one response message
 *
 * Return: 0; -ENOBUFS if GRPC_QUEUE_MAX would be passed (nothing queued; send
 * later, @writable tells when); -ENOMEM; -EPIPE after the end.
 */
int grpc_call_send(struct grpc_call *c, const ProtobufCMessage *msg);

/* The same for a message that is packed already (@msg borrowed). */
int grpc_call_send_packed(struct grpc_call *c, const uint8_t *msg, size_t len);

/* Bytes queued and not yet handed to the carrier. */
size_t grpc_call_queued(const struct grpc_call *c);

/* Have @writable called whenever some of what is queued went out, once. For who
 * wants to hold less than GRPC_QUEUE_MAX. */
void grpc_call_wait(struct grpc_call *c);

/* End the call; @fmt may be NULL. Nothing may be sent after. */
void grpc_call_finish(struct grpc_call *c, enum grpc_status status,
		      const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The usual unary answer: one message and OK (INTERNAL if it cannot be sent). */
void grpc_call_reply(struct grpc_call *c, const ProtobufCMessage *msg);

void grpc_call_set_user(struct grpc_call *c, void *user);
void *grpc_call_user(const struct grpc_call *c);
const char *grpc_call_peer(const struct grpc_call *c);

/* ---- client ---- */

struct grpc_client;

/* One reply message, borrowed; unpacked as @out of grpc_client_call(). */
typedef void grpc_reply_fn(void *ctx, const ProtobufCMessage *msg);
typedef void grpc_done_fn(void *ctx, enum grpc_status status, const char *text);

/* Takes @s, also on failure (NULL = out of memory). */
struct grpc_client *grpc_client_create(uv_loop_t *loop, struct av_stream *s);
/* Calls still open end with CANCELLED. */
void grpc_client_destroy(struct grpc_client *c);
bool grpc_client_alive(const struct grpc_client *c);

/**
 * grpc_client_call() - Call "/package.Service/Method"
 * @timeout_ms:	0 = none; after it the call ends with DEADLINE_EXCEEDED
 * @reply:	per message of the answer; may be NULL
 * @done:	exactly once, also if the connection breaks
 *
 * Return: an id > 0 for grpc_client_cancel(), -EPIPE, -ENOMEM.
 */
int grpc_client_call(struct grpc_client *c, const char *path,
		     const ProtobufCMessage *msg,
		     const ProtobufCMessageDescriptor *out,
		     unsigned int timeout_ms, grpc_reply_fn *reply,
		     grpc_done_fn *done, void *ctx);
void grpc_client_cancel(struct grpc_client *c, int id);

#endif
