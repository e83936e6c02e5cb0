/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 *
 * A session is a tap (recordings/rec_live.h) whose records become packets
 * (recordings/perfetto.h) in a store of bounded size. It puts no timer into the
 * simulation: whether its time is up is seen with the next record, or with the
 * next call. A tap cannot be taken down from within, so a session that has
 * enough only says so, and the next call settles it.
 *
 * Sessions outlive the connection that started them, as the reference client
 * makes one for each call. Those that are over wait to be fetched; where room is
 * wanted for another one the oldest of them goes, but not while it is being read.
 */
#include "config.h"

#include "sim/services/tracing.h"

#include "recordings/perfetto.h"
#include "recordings/rec_live.h"
#include "scenarios/fault.h"
#include "sim/core/log.h"
#include "sim/services/trace_store.h"
#include "sim/services/tracing_config.h"
#include "sim/world.h"
#include "tracing.pb-c.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BACKLOG (256u << 10) /* bytes queued on a call before it holds */
#define CLOCK_EVERY VT_S     /* virtual and host time are tied so often */

struct session {
	struct tracing *all;
	struct session *next; /* in order of their numbers */
	uint64_t id;
	struct tracing_config config;
	struct trace_store store;
	struct perfetto *trace; /* NULL: it is over, the store is a file */
	struct rec_live *live;
	vtime until; /* its end, at the latest */
	vtime next_clock;
	uint64_t lost; /* records */
	bool enough;   /* wants no more: full, or its time is up */
	unsigned int readers;
};

struct tracing {
	struct services_env env;
	struct grpc_service service;
	struct session *first;
	uint64_t last_id;
	struct av_log_limit limit;
	struct tracing_stats stats; /* started, refused */
};

/* A file under way. */
struct reader {
	struct session *s;
	const struct trace_block *next; /* NULL: all was sent */
};

/* ---- recording ---- */

static void put_packet(void *ctx, bool head, const uint8_t *data, size_t len)
{
	struct session *s = ctx;

	if (!trace_store_put(&s->store, head, data, len)) {
		s->enough = true;
	}
}

/* The host's clock, for the trace alone: by it tools find the place of a guest's
 * trace, whose wall clock is set by the host's. */
static void tie_clocks(struct session *s, vtime now)
{
	uv_timeval64_t tv;

	if (now >= s->next_clock && uv_gettimeofday(&tv) == 0) {
		perfetto_clock(s->trace, now,
			       tv.tv_sec * VT_S + tv.tv_usec * 1000);
		s->next_clock = now + CLOCK_EVERY;
	}
}

static void on_record(void *ctx, const struct rec_record *rec)
{
	struct session *s = ctx;

	if (s->enough) {
		return;
	}
	if (!rec) {
		s->lost++;
	} else if (rec->t > s->until) {
		s->enough = true;
	} else {
		tie_clocks(s, rec->t);
		perfetto_put(s->trace, rec);
		s->until = s->enough ? rec->t : s->until;
	}
}

/* Values and faults that are there already; without them most tracks would stay
 * empty until something changes. */
static void put_present(struct session *s, vtime now)
{
	const struct world *w = s->all->env.w;
	const char *f;

	if (s->config.channels & 1u << REC_VHAL) {
		for (uint32_t i = 0; i < vhal_n_slots(w->vhal); i++) {
			rec_live_vhal(s->live,
				      &(struct vhal_event){
					      .t = now,
					      .value = vhal_get(w->vhal, i),
					      .name = vhal_slot_name(w->vhal,
								     i),
					      .slot = i });
		}
	}
	for (size_t i = 0; (s->config.channels & 1u << REC_FAULT) &&
			   (f = faults_active(w->faults, i));
	     i++) {
		size_t len = strcspn(f, " ");
		char key[64], text[512];

		snprintf(key, sizeof(key), "%.*s", (int)(len < 63 ? len : 63),
			 f);
		snprintf(text, sizeof(text), "begin%s", f + len);
		rec_live_text(s->live, REC_FAULT,
			      &(struct text_event){
				      .t = now, .key = key, .text = text });
	}
}

static void put_ignored(struct session *s, vtime now)
{
	char text[sizeof(s->config.ignored) + 40];
	unsigned int held;

	if (!s->config.ignored[0]) {
		return;
	}
	snprintf(text, sizeof(text), "not heeded here: %s", s->config.ignored);
	perfetto_note(s->trace, now, text);
	if (av_log_limited(&s->all->limit, now, &held)) {
		av_log(AV_LOG_WARN, "tracing",
		       "session %llu: of its configuration these mean nothing "
		       "to avsim: %s",
		       (unsigned long long)s->id, s->config.ignored);
	}
}

static int start(struct session *s, struct av_err *err)
{
	const struct services_env *env = &s->all->env;
	struct world *w = env->w;
	vtime now = evq_now(w->q);
	struct rec_live_env live = { .bus = w->bus,
				     .who = "tracing",
				     .channels = s->config.channels,
				     .bus_name = w->bus_name,
				     .signals = w->signals,
				     .fn = on_record,
				     .ctx = s };

	trace_store_init(&s->store, s->config.size, s->config.ring);
	s->until = s->config.duration < VT_NEVER - now ?
			   now + s->config.duration :
			   VT_NEVER;
	s->next_clock = now;
	s->trace = perfetto_create(env->title, now, put_packet, s);
	if (!s->trace) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	perfetto_begins(s->trace, true);
	tie_clocks(s, now);
	put_ignored(s, now);
	if (rec_live_create(&live, &s->live, err) < 0) {
		return -ENOMEM;
	}
	put_present(s, now);
	perfetto_begins(s->trace, false);
	return 0;
}

static void stop(struct session *s, vtime now)
{
	uint64_t lost = s->lost + perfetto_lost(s->trace);
	char text[100];

	rec_live_destroy(s->live);
	s->live = NULL;
	perfetto_begins(s->trace, true);
	perfetto_end(s->trace, now);
	if (s->store.dropped > 0) {
		if (s->config.ring) {
			snprintf(text, sizeof(text),
				 "the first %llu packets gave way: %zu kB is "
				 "all there is room for",
				 (unsigned long long)s->store.dropped,
				 s->config.size / 1024);
		} else {
			snprintf(text, sizeof(text),
				 "full: there is room for no more than %zu kB",
				 s->config.size / 1024);
		}
		perfetto_note(s->trace, now, text);
	}
	if (lost > 0) {
		snprintf(text, sizeof(text),
			 "%llu records found no track, or no memory",
			 (unsigned long long)lost);
		perfetto_note(s->trace, now, text);
	}
	perfetto_destroy(s->trace);
	s->trace = NULL;
}

/* Take down what is over by itself. */
static void settle(struct tracing *t)
{
	vtime now = evq_now(t->env.w->q);

	for (struct session *s = t->first; s; s = s->next) {
		if (s->trace && (s->enough || now > s->until)) {
			stop(s, now < s->until ? now : s->until);
		}
	}
}

/* ---- sessions ---- */

static void session_free(struct session *s)
{
	rec_live_destroy(s->live);
	perfetto_destroy(s->trace);
	trace_store_finish(&s->store);
	free(s);
}

static struct session *find(struct tracing *t, uint64_t id)
{
	struct session *s = t->first;

	while (s && s->id != id) {
		s = s->next;
	}
	return s;
}

static size_t memory_of(const struct session *s)
{
	return s->trace ? s->config.size : trace_store_bytes(&s->store);
}

static bool drop_oldest(struct tracing *t)
{
	for (struct session **at = &t->first; *at; at = &(*at)->next) {
		struct session *s = *at;

		if (!s->trace && s->readers == 0) {
			*at = s->next;
			session_free(s);
			return true;
		}
	}
	return false;
}

/* Room for one more of @size bytes. */
static int make_room(struct tracing *t, size_t size, struct av_err *err)
{
	for (;;) {
		size_t bytes = size;
		unsigned int n = 1;

		for (const struct session *s = t->first; s; s = s->next) {
			bytes += memory_of(s);
			n++;
		}
		if (n <= TRACING_SESSIONS_MAX && bytes <= TRACING_MEMORY_MAX) {
			return 0;
		}
		if (!drop_oldest(t)) {
			return av_err_set(
				err, -ENOSPC,
				"%u sessions take %zu kB already, of at "
				"most %d with %u kB: stop one first",
				n - 1, (bytes - size) / 1024,
				TRACING_SESSIONS_MAX,
				TRACING_MEMORY_MAX / 1024);
		}
	}
}

static int new_session(struct tracing *t, const struct tracing_config *config,
		       uint64_t *id, struct av_err *err)
{
	struct session **end = &t->first;
	struct session *s;
	int ret = make_room(t, config->size, err);

	if (ret < 0) {
		return ret;
	}
	s = calloc(1, sizeof(*s));
	if (!s) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	s->all = t;
	s->id = t->last_id + 1;
	s->config = *config;
	ret = start(s, err);
	if (ret < 0) {
		session_free(s);
		return ret;
	}
	while (*end) {
		end = &(*end)->next;
	}
	*end = s;
	*id = t->last_id = s->id;
	t->stats.started++;
	return 0;
}

/* ---- methods ---- */

/* @error: NULL = done. */
static void answer(struct tracing *t, struct grpc_call *c, uint64_t id,
		   const char *error)
{
	TracingVmProto__RequestStatus status =
		TRACING_VM_PROTO__REQUEST_STATUS__INIT;
	TracingVmProto__TracingSessionIdentifier which =
		TRACING_VM_PROTO__TRACING_SESSION_IDENTIFIER__INIT;

	which.session_id = id;
	status.session_id = &which;
	status.is_ok = !error;
	if (error) {
		status.error_str = (char *)(uintptr_t)error;
		t->stats.refused++;
	}
	grpc_call_reply(c, &status.base);
}

static void start_tracing(struct grpc_call *c, void *service,
			  const ProtobufCMessage *msg)
{
	const TracingVmProto__StartTracingRequest *r = (const void *)msg;
	struct tracing *t = service;
	struct tracing_config config;
	struct av_err err = { 0 };
	uint64_t id = 0;
	int ret;

	settle(t);
	ret = tracing_config_read(r->host_config, &config, &err);
	if (ret == 0) {
		ret = new_session(t, &config, &id, &err);
	}
	answer(t, c, id, ret < 0 ? err.msg : NULL);
}

static void stop_tracing(struct grpc_call *c, void *service,
			 const ProtobufCMessage *msg)
{
	const TracingVmProto__TracingSessionIdentifier *r = (const void *)msg;
	struct tracing *t = service;
	struct session *s;
	char text[80];

	settle(t);
	s = find(t, r->session_id);
	if (!s) {
		snprintf(text, sizeof(text), "there is no session %llu",
			 (unsigned long long)r->session_id);
		answer(t, c, 0, text);
		return;
	}
	if (s->trace) {
		stop(s, evq_now(t->env.w->q));
	}
	answer(t, c, s->id, NULL);
}

/* Send as much as may wait; the end when all was sent. */
static void pump(struct grpc_call *c, struct reader *r)
{
	TracingVmProto__TracingFileBuffer m =
		TRACING_VM_PROTO__TRACING_FILE_BUFFER__INIT;

	while (r->next) {
		if (grpc_call_queued(c) > BACKLOG) {
			grpc_call_wait(c);
			return;
		}
		m.buffer.data = (uint8_t *)(uintptr_t)trace_block_data(
			r->next, &m.buffer.len);
		if (grpc_call_send(c, &m.base) < 0) {
			grpc_call_finish(c, GRPC_RESOURCE_EXHAUSTED,
					 "out of memory");
			return;
		}
		r->next = trace_store_next(&r->s->store, r->next);
	}
	grpc_call_finish(c, GRPC_OK, NULL);
}

static void get_tracing_file(struct grpc_call *c, void *service,
			     const ProtobufCMessage *msg)
{
	const TracingVmProto__TracingSessionIdentifier *id = (const void *)msg;
	unsigned long long n = id->session_id;
	struct tracing *t = service;
	struct session *s;
	struct reader *r;

	settle(t);
	s = find(t, id->session_id);
	if (n == 0) {
		grpc_call_finish(c, GRPC_INVALID_ARGUMENT,
				 "0 is no session's number");
	} else if (!s) {
		grpc_call_finish(c, GRPC_NOT_FOUND,
				 "there is no session %llu (any more)", n);
	} else if (s->trace) {
		grpc_call_finish(c, GRPC_FAILED_PRECONDITION,
				 "session %llu still runs: stop it first", n);
	} else {
		r = calloc(1, sizeof(*r));
		if (!r) {
			grpc_call_finish(c, GRPC_RESOURCE_EXHAUSTED,
					 "out of memory");
			return;
		}
		r->s = s;
		r->next = trace_store_next(&s->store, NULL);
		s->readers++;
		grpc_call_set_user(c, r);
		pump(c, r);
	}
}

static void writable(struct grpc_call *c, void *service)
{
	struct reader *r = grpc_call_user(c);

	(void)service;
	if (r) {
		pump(c, r);
	}
}

static void ended(struct grpc_call *c, void *service)
{
	struct reader *r = grpc_call_user(c);

	(void)service;
	if (r) {
		r->s->readers--;
		free(r);
	}
}

static const struct grpc_method methods[] = {
	{ .name = "StartTracing",
	  .in = &tracing_vm_proto__start_tracing_request__descriptor,
	  .message = start_tracing },
	{ .name = "StopTracing",
	  .in = &tracing_vm_proto__tracing_session_identifier__descriptor,
	  .message = stop_tracing },
	{ .name = "GetTracingFile",
	  .in = &tracing_vm_proto__tracing_session_identifier__descriptor,
	  .message = get_tracing_file,
	  .writable = writable,
	  .ended = ended },
};

/* ---- creation ---- */

int tracing_create(const struct services_env *env, struct grpc_server *server,
		   struct tracing **out, struct av_err *err)
{
	struct tracing *t = calloc(1, sizeof(*t));

	if (!t) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	t->env = *env;
	t->service = (struct grpc_service){
		.name = "tracing_vm_proto.TracingServer",
		.method = methods,
		.n_methods = sizeof(methods) / sizeof(methods[0]),
		.ctx = t,
	};
	*out = t;
	return grpc_server_add(server, &t->service) < 0 ?
		       av_err_set(err, -ENOMEM, "out of memory") :
		       0;
}

void tracing_stats(struct tracing *t, struct tracing_stats *out)
{
	settle(t);
	*out = t->stats;
	for (const struct session *s = t->first; s; s = s->next) {
		out->running += s->trace != NULL;
		out->kept += s->trace == NULL;
		out->bytes += trace_store_bytes(&s->store);
	}
}

void tracing_destroy(struct tracing *t)
{
	while (t && t->first) {
		struct session *s = t->first;

		t->first = s->next;
		session_free(s);
	}
	free(t);
}
