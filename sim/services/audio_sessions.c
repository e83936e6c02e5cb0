/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "sim/services/audio_sessions.h"

#include "sim/core/rand.h"

#include <errno.h>
#include <stdlib.h>

const char *const audio_usage_names[] = { "emergency", "safety",
					  "vehicle-status", "announcement",
					  NULL };

struct session {
	struct audio_session s;
	struct audio_sessions *all;
	struct session *next; /* younger */
	struct vtimer end;
};

struct audio_sessions {
	struct evq *q;
	struct bus *bus;
	struct session *first;
	size_t n;
	uint64_t id_high, id_low;
};

/*
 * The host library of trout makes ids of a thread id (high 16 bits) and the
 * clock (low 48 bits), never 0. Ours look alike, from seed and virtual clock.
 */
struct audio_sessions *audio_sessions_create(struct evq *q, struct bus *bus,
					     uint64_t seed)
{
	struct audio_sessions *a = calloc(1, sizeof(*a));
	struct av_rand r;

	if (!a) {
		return NULL;
	}
	a->q = q;
	a->bus = bus;
	av_rand_init(&r, seed, "audio focus");
	a->id_high = (1 + av_rand_below(&r, 0xffff)) << 48;
	a->id_low = av_rand_below(&r, UINT64_C(1) << 47);
	return a;
}

static uint64_t next_id(struct audio_sessions *a)
{
	a->id_low = (a->id_low + 1) & ((UINT64_C(1) << 48) - 1);
	return a->id_high | a->id_low;
}

static void publish(struct audio_sessions *a, const struct audio_session *s,
		    bool begins)
{
	char text[160];

	snprintf(text, sizeof(text),
		 "%s usage=%s zone=%d%s%s%s session=%016llx",
		 begins ? "acquire" : "release", audio_usage_names[s->usage],
		 s->zone, s->transient ? " transient" : "",
		 s->duck ? " duck" : "", s->exclusive ? " exclusive" : "",
		 (unsigned long long)s->id);
	bus_publish(a->bus, TOPIC_AUDIO,
		    &(struct audio_event){ .text = { .t = evq_now(a->q),
						     .key = "focus",
						     .text = text },
					   .session = *s,
					   .begins = begins });
}

static void end(struct session *x)
{
	struct audio_sessions *a = x->all;
	struct session **at = &a->first;

	while (*at != x) {
		at = &(*at)->next;
	}
	*at = x->next;
	a->n--;
	evq_disarm(a->q, &x->end);
	publish(a, &x->s, false);
	free(x);
}

static void on_end(struct vtimer *t, vtime now)
{
	(void)now;
	end(t->ctx);
}

int audio_acquire(struct audio_sessions *a, const struct audio_session *want,
		  vtime length, struct av_err *err)
{
	struct session *x, **at = &a->first;

	if (a->n >= AUDIO_SESSIONS_MAX) {
		return av_err_set(err, -ENOSPC, "%zu sessions of audio focus "
				  "are on already", a->n);
	}
	x = calloc(1, sizeof(*x));
	if (!x) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	x->s = *want;
	x->s.id = next_id(a);
	x->s.exclusive = want->exclusive && want->transient;
	x->s.duck = want->duck && want->transient && !want->exclusive;
	x->all = a;
	x->end = (struct vtimer){ .fn = on_end, .ctx = x };
	if (length != VT_NEVER &&
	    evq_arm(a->q, &x->end, evq_now(a->q) + length) < 0) {
		free(x);
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	while (*at) {
		at = &(*at)->next;
	}
	*at = x;
	a->n++;
	publish(a, &x->s, true);
	return 0;
}

int audio_release(struct audio_sessions *a, enum audio_usage usage, int zone,
		  struct av_err *err)
{
	for (struct session *x = a->first; x; x = x->next) {
		if (x->s.usage == usage && x->s.zone == zone) {
			end(x);
			return 0;
		}
	}
	return av_err_set(err, -ENOENT,
			  "no session of '%s' in zone %d to release",
			  audio_usage_names[usage], zone);
}

const struct audio_session *audio_session_at(const struct audio_sessions *a,
					     size_t i)
{
	struct session *x = a->first;

	while (x && i > 0) {
		x = x->next;
		i--;
	}
	return x ? &x->s : NULL;
}

void audio_sessions_destroy(struct audio_sessions *a)
{
	struct session *next;

	for (struct session *x = a ? a->first : NULL; x; x = next) {
		next = x->next;
		evq_disarm(a->q, &x->end);
		free(x);
	}
	free(a);
}
