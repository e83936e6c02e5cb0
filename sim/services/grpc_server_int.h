/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the two halves of the gRPC server share: grpc_server.c has connections,
 * grpc_call.c the calls on them.
 */
#ifndef AVSIM_SERVICES_GRPC_SERVER_INT_H
#define AVSIM_SERVICES_GRPC_SERVER_INT_H

#include "sim/services/grpc_wire.h"

#include <nghttp2/nghttp2.h>

#define GRPC_HEADERS_MAX 16384 /* of one call, by the count of HPACK */

enum grpc_call_state { CALL_HEADERS, CALL_OPEN, CALL_FINISHED };

struct grpc_call {
	struct grpc_conn *conn;
	struct grpc_call *next, *prev; /* of the connection */
	int32_t stream;
	enum grpc_call_state state;
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

struct grpc_conn {
	struct grpc_server *server;
	struct grpc_conn *next, *prev;
	struct grpc_conn *next_dirty;
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
	struct grpc_conn *conns;
	struct grpc_conn *dirty;
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

/* ---- grpc_server.c ---- */

/* There is something to send: flush in this turn of the loop. */
void grpc_conn_dirty(struct grpc_conn *c);
/* Give it up from inside a callback: the loop frees it. */
void grpc_conn_kill(struct grpc_conn *c);

/* ---- grpc_call.c; in the order in which they happen ---- */

struct grpc_call *grpc_call_begin(struct grpc_conn *conn, int32_t stream);
/* One request header. -E2BIG: more than GRPC_HEADERS_MAX. */
int grpc_call_header(struct grpc_call *c, const uint8_t *name, size_t namelen,
		     const uint8_t *value, size_t valuelen);
void grpc_call_headers_done(struct grpc_call *c);
void grpc_call_data(struct grpc_call *c, const uint8_t *data, size_t len);
/* The client has said all that it has to say. */
void grpc_call_half_closed(struct grpc_call *c);
/* Its stream is closed, whoever did that, or the connection ends. */
void grpc_call_free(struct grpc_call *c);

#endif
