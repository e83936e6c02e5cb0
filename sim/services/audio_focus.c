/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 *
 * The guest forgets a session after 5 s without a heartbeat, and all of them
 * when it restarts. So the client keeps, per session, what the guest knows:
 *
 *	NEW --(in a message)--> SENDING --(OK)--> KNOWN --(ends)--> ENDING
 *
 * and sends the difference, one message at a time: acquires of what is NEW,
 * releases of what is ENDING, and once a second everything KNOWN as a heartbeat.
 * A lost connection makes everything NEW again. A message that fails is sent up
 * to ATTEMPTS times, a second apart; then what was in it is given up until the
 * next connection, and said.
 *
 * All of this is by the wall clock: the guest lives by it. Nothing comes back
 * into the simulated world.
 */
#include "config.h"

#include "sim/services/audio_focus.h"

#include "sim/core/log.h"
#include "sim/services/audio_sessions.h"
#include "sim/services/grpc.h"
#include "sim/services/sock.h"

#include "audio_focus.pb-c.h"
#include "google/protobuf/empty.pb-c.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TICK_MS 1000 /* heartbeat, retry */
#define CALL_MS 1000 /* a guest answers at once */
#define ATTEMPTS 3
#define BACKOFF_MIN_MS 250
#define BACKOFF_MAX_MS 4000
#define PENDING_MAX (2 * AUDIO_SESSIONS_MAX) /* sessions and releases */

typedef AudioFocusControlProto__AudioFocusRequest request;
typedef AudioFocusControlProto__AudioFocusControlMessage control_message;

enum state { NEW, SENDING, KNOWN, ENDING, ENDING_SENDING, GIVEN_UP };

struct entry {
	struct audio_session s;
	enum state state;
	bool ended; /* while its acquire was on the way */
};

struct audio_focus {
	struct audio_focus_env env;
	char host[256];
	unsigned int port; /* 0 = unix socket */
	uint64_t cid;	   /* vsock; 0 = not */
	int32_t first_usage;
	struct grpc_client *client;
	uv_timer_t tick, reconnect;
	unsigned int n_handles;
	unsigned int backoff_ms, attempts;
	bool in_flight, ticking, said, beat_due;
	struct entry v[PENDING_MAX];
	size_t n;
	struct audio_focus_stats stats;
};

static void send_due(struct audio_focus *f);

/* ---- what the guest knows ---- */

static void forget(struct audio_focus *f, size_t i)
{
	f->n--;
	memmove(&f->v[i], &f->v[i + 1], (f->n - i) * sizeof(f->v[0]));
}

static struct entry *find(struct audio_focus *f, uint64_t id)
{
	for (size_t i = 0; i < f->n; i++) {
		if (f->v[i].s.id == id) {
			return &f->v[i];
		}
	}
	return NULL;
}

static void begin(struct audio_focus *f, const struct audio_session *s)
{
	/* cannot be full of sessions: then of releases; the oldest goes, the
	 * guest ends that session by itself */
	for (size_t i = 0; i < f->n && f->n == PENDING_MAX; i++) {
		if (f->v[i].state == ENDING) {
			forget(f, i);
		}
	}
	if (f->n < PENDING_MAX) {
		f->v[f->n++] = (struct entry){ .s = *s, .state = NEW };
	}
}

static void finish(struct audio_focus *f, uint64_t id)
{
	struct entry *e = find(f, id);

	if (!e) {
		return;
	}
	if (e->state == NEW || e->state == GIVEN_UP) {
		forget(f, (size_t)(e - f->v));
	} else if (e->state == SENDING) {
		e->ended = true;
	} else {
		e->state = ENDING;
	}
}

/* The message came back, or did not. */
static void settle(struct audio_focus *f, bool ok, bool give_up)
{
	for (size_t i = 0; i < f->n;) {
		struct entry *e = &f->v[i];

		if (e->state == SENDING) {
			e->state = ok	   ? (e->ended ? ENDING : KNOWN) :
				   give_up ? GIVEN_UP :
					     NEW;
			f->stats.dropped += !ok && give_up;
			if (!ok && e->ended) {
				forget(f, i);
				continue;
			}
		} else if (e->state == ENDING_SENDING) {
			if (ok || give_up) {
				f->stats.dropped += !ok;
				forget(f, i);
				continue;
			}
			e->state = ENDING;
		}
		i++;
	}
}

/* A new connection, perhaps to a guest that has started anew. */
static void all_new(struct audio_focus *f)
{
	for (size_t i = 0; i < f->n;) {
		struct entry *e = &f->v[i];

		if (e->state == SENDING && e->ended) {
			forget(f, i);
			continue;
		}
		if (e->state == ENDING_SENDING) {
			e->state = ENDING;
		} else if (e->state != ENDING) {
			e->state = NEW;
		}
		i++;
	}
}

/* ---- messages ---- */

static void on_done(void *ctx, enum grpc_status status, const char *text)
{
	struct audio_focus *f = ctx;
	bool ok = status == GRPC_OK;

	f->in_flight = false;
	if (ok) {
		if (!f->stats.connected) {
			av_log(AV_LOG_INFO, "audio",
			       "the guest at %s takes audio focus",
			       f->env.address);
			f->stats.connected = true;
			f->stats.connections++;
			f->said = false;
		}
		f->attempts = 0;
		f->backoff_ms = BACKOFF_MIN_MS;
		settle(f, true, false);
		send_due(f);
		return;
	}
	f->stats.failed++;
	if (!f->client || !grpc_client_alive(f->client)) {
		return; /* lost: the tick sees it */
	}
	f->attempts++;
	if (f->attempts >= ATTEMPTS) {
		av_log(AV_LOG_ERR, "audio",
		       "the guest takes no audio focus: %s: %s",
		       grpc_status_name(status), text);
		f->attempts = 0;
		settle(f, false, true);
	} else {
		settle(f, false, false); /* again with the next tick */
	}
}

static void fill_request(const struct audio_focus *f,
			 const struct audio_session *s, request *out)
{
	audio_focus_control_proto__audio_focus_request__init(out);
	out->session_id = s->id;
	out->audio_usage = f->first_usage + (int32_t)s->usage;
	out->zone_id = s->zone;
	out->allow_duck = s->duck;
	out->is_transient = s->transient;
	out->is_exclusive = s->exclusive;
}

static void send_due(struct audio_focus *f)
{
	control_message m =
		AUDIO_FOCUS_CONTROL_PROTO__AUDIO_FOCUS_CONTROL_MESSAGE__INIT;
	request q[PENDING_MAX], *qs[PENDING_MAX];
	uint64_t ended[PENDING_MAX], active[PENDING_MAX];

	if (!f->client || f->in_flight) {
		return;
	}
	for (size_t i = 0; i < f->n; i++) {
		struct entry *e = &f->v[i];

		if (e->state == NEW) {
			qs[m.n_acquire_requests] = &q[m.n_acquire_requests];
			fill_request(f, &e->s, &q[m.n_acquire_requests++]);
			e->state = SENDING;
		} else if (e->state == ENDING) {
			ended[m.n_release_requests++] = e->s.id;
			e->state = ENDING_SENDING;
		} else if (e->state == KNOWN && f->beat_due) {
			active[m.n_active_sessions++] = e->s.id;
		}
	}
	f->beat_due = false;
	if (!m.n_acquire_requests && !m.n_release_requests &&
	    !m.n_active_sessions) {
		return;
	}
	m.acquire_requests = qs;
	m.release_requests = ended;
	m.active_sessions = active;
	f->stats.messages++;
	f->stats.heartbeats += m.n_active_sessions > 0;
	if (grpc_client_call(f->client,
			     "/audio_focus_control_proto."
			     "AudioFocusControlServer/AudioRequests",
			     &m.base, &google__protobuf__empty__descriptor,
			     CALL_MS, NULL, on_done, f) < 0) {
		settle(f, false, false);
		return;
	}
	f->in_flight = true;
}

/* ---- connection ---- */

static void on_reconnect(uv_timer_t *t);

static void retry_later(struct audio_focus *f)
{
	uv_timer_start(&f->reconnect, on_reconnect, f->backoff_ms, 0);
	f->backoff_ms = f->backoff_ms * 2 < BACKOFF_MAX_MS ? f->backoff_ms * 2 :
							     BACKOFF_MAX_MS;
}

static void lose(struct audio_focus *f, const char *why)
{
	struct grpc_client *c = f->client;

	if (!f->said) {
		av_log(AV_LOG_WARN, "audio",
		       "no audio focus in the guest at %s: %s; trying on",
		       f->env.address, why);
		f->said = true;
	}
	f->client = NULL;
	grpc_client_destroy(c); /* an open call ends, on_done() */
	f->in_flight = false;
	f->attempts = 0;
	f->stats.connected = false;
	all_new(f);
	retry_later(f);
}

static int dial(struct audio_focus *f, struct av_stream **s,
		struct av_err *err)
{
	int ret;

	if (!f->cid) {
		return f->port ? sock_connect_tcp(f->env.loop, f->host,
						  f->port, s, err)
			       : sock_connect_unix(f->env.loop,
						   f->env.address, s, err);
	}
	ret = f->env.vsock ? f->env.vsock(f->env.ctx, f->cid, f->port, s)
			   : -ENOENT;
	if (ret == -ENOENT) {
		/* none of ours: the guest of a VMM with the kernel's vsock */
		return sock_connect_vsock(f->env.loop, (uint32_t)f->cid,
					  f->port, s, err);
	}
	return ret == 0 ? 0
			: av_err_set(err, ret, "no guest of that CID is up");
}

static void connect_guest(struct audio_focus *f)
{
	struct av_stream *s;
	struct av_err err = { 0 };
	int ret = dial(f, &s, &err);

	if (ret == 0) {
		f->client = grpc_client_create(f->env.loop, s);
	}
	if (!f->client) {
		lose(f, ret < 0 ? err.msg : "out of memory");
		return;
	}
	send_due(f);
}

static void on_reconnect(uv_timer_t *t)
{
	struct audio_focus *f = t->data;

	if (!f->client) {
		connect_guest(f);
	}
}

static void on_tick(uv_timer_t *t)
{
	struct audio_focus *f = t->data;

	if (f->client && !grpc_client_alive(f->client)) {
		lose(f, "the connection was closed");
		return;
	}
	f->beat_due = true;
	send_due(f);
}

static void on_audio(void *ctx, const void *msg)
{
	struct audio_focus *f = ctx;
	const struct audio_event *e = msg;

	if (e->begins) {
		begin(f, &e->session);
	} else {
		finish(f, e->session.id);
	}
	send_due(f);
}

/* ---- creation ---- */

static int read_vsock(struct audio_focus *f, const char *text,
		      struct av_err *err)
{
	unsigned long port = 0;
	char *end;

	f->cid = strtoull(text, &end, 10);
	if (*end == ':' && end != text) {
		port = strtoul(end + 1, &end, 10);
	}
	if (f->cid < 3 || *end || port == 0 || port >= UINT32_MAX) {
		return av_err_set(err, -EINVAL,
				  "--audio-focus wants vsock:CID:PORT, for "
				  "example vsock:3:9410, not 'vsock:%.64s'",
				  text);
	}
	f->port = (unsigned int)port;
	return 0;
}

static int read_options(struct audio_focus *f, struct av_err *err)
{
	const char *a = f->env.address, *u = f->env.usages;
	const char *colon = strrchr(a, ':');
	unsigned long port;
	size_t len;
	char *end;

	if (u && strcmp(u, "android") != 0 && strcmp(u, "policy") != 0) {
		return av_err_set(err, -EINVAL,
				  "--audio-usages wants android (1000..) or "
				  "policy (14..), not '%.64s'",
				  u);
	}
	f->first_usage = u && !strcmp(u, "policy") ? 14 : 1000;
	if (strchr(a, '/')) {
		return 0;
	}
	if (!strncmp(a, "vsock:", 6)) {
		return read_vsock(f, a + 6, err);
	}
	port = colon ? strtoul(colon + 1, &end, 10) : 0;
	len = colon ? (size_t)(colon - a) : 0;
	if (len == 0 || len >= sizeof(f->host) || *end || port < 1 ||
	    port > 65535) {
		return av_err_set(err, -EINVAL,
				  "--audio-focus wants HOST:PORT, "
				  "vsock:CID:PORT or a path with a '/', not "
				  "'%.64s'",
				  a);
	}
	if (len > 2 && a[0] == '[' && a[len - 1] == ']') {
		a++;
		len -= 2;
	}
	snprintf(f->host, sizeof(f->host), "%.*s", (int)len, a);
	f->port = (unsigned int)port;
	return 0;
}

int audio_focus_create(const struct audio_focus_env *env,
		       struct audio_focus **out, struct av_err *err)
{
	struct audio_focus *f = calloc(1, sizeof(*f));
	const struct audio_session *s;
	int ret;

	if (!f) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	f->env = *env;
	f->backoff_ms = BACKOFF_MIN_MS;
	ret = read_options(f, err);
	if (ret == 0) {
		ret = bus_subscribe(env->bus, TOPIC_AUDIO, STAGE_TAP,
				    "audio focus", on_audio, f, err);
	}
	if (ret < 0) {
		free(f);
		return ret;
	}
	for (size_t i = 0; (s = audio_session_at(env->sessions, i)); i++) {
		begin(f, s);
	}
	uv_timer_init(env->loop, &f->tick);
	uv_timer_init(env->loop, &f->reconnect);
	f->tick.data = f->reconnect.data = f;
	f->n_handles = 2;
	uv_timer_start(&f->tick, on_tick, TICK_MS, TICK_MS);
	connect_guest(f);
	*out = f;
	return 0;
}

void audio_focus_stats(const struct audio_focus *f,
		       struct audio_focus_stats *out)
{
	*out = f->stats;
	out->sessions = 0;
	for (size_t i = 0; i < f->n; i++) {
		out->sessions += f->v[i].state < ENDING;
	}
}

static void handle_closed(uv_handle_t *h)
{
	struct audio_focus *f = h->data;

	if (--f->n_handles == 0) {
		free(f);
	}
}

void audio_focus_destroy(struct audio_focus *f)
{
	const struct audio_session *s;

	if (!f) {
		return;
	}
	bus_unsubscribe(f->env.bus, on_audio, f);
	for (size_t i = 0; (s = audio_session_at(f->env.sessions, i)); i++) {
		finish(f, s->id);
	}
	send_due(f); /* or on_done() does */
	for (uint64_t end = uv_hrtime() + CALL_MS * UINT64_C(1000000);
	     f->client && f->in_flight && grpc_client_alive(f->client) &&
	     uv_hrtime() < end;) {
		uv_run(f->env.loop, UV_RUN_ONCE);
	}
	grpc_client_destroy(f->client);
	uv_close((uv_handle_t *)&f->tick, handle_closed);
	uv_close((uv_handle_t *)&f->reconnect, handle_closed);
}
