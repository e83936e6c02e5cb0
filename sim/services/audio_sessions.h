/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the car itself wants to be heard: sessions of audio focus, each with a
 * usage in a zone, that begin and end by scenario actions. Part of the simulated
 * world: on the virtual clock, the same with and without a guest. Publishes
 * TOPIC_AUDIO; a client (audio_focus.h) tells the guest.
 */
#ifndef AVSIM_SERVICES_AUDIO_SESSIONS_H
#define AVSIM_SERVICES_AUDIO_SESSIONS_H

#include "sim/core/bus.h"
#include "sim/core/evq.h"
#include "sim/topics.h"

#define AUDIO_SESSIONS_MAX 256 /* a guest ends as many in one check */
#define AUDIO_ZONE_MAX 63

/* enum audio_usage, NULL-ended: "emergency" "safety" "vehicle-status"
 * "announcement" */
extern const char *const audio_usage_names[];

struct audio_sessions;

struct audio_sessions *audio_sessions_create(struct evq *q, struct bus *bus,
					     uint64_t seed);
void audio_sessions_destroy(struct audio_sessions *a);

/**
 * audio_acquire() - Begin a session; its id is drawn from the seed
 * @want:	usage, zone and flags; id is ignored. Ducking and exclusive say
 *		nothing unless transient, and exclusive rules out ducking, so
 *		these are cleared, as the trout host library does
 * @length:	after which it ends by itself; VT_NEVER = when released
 *
 * Return: 0, -ENOSPC with AUDIO_SESSIONS_MAX at once, -ENOMEM.
 */
int audio_acquire(struct audio_sessions *a, const struct audio_session *want,
		  vtime length, struct av_err *err);

/* End the oldest session of @usage in @zone. 0, -ENOENT if there is none. */
int audio_release(struct audio_sessions *a, enum audio_usage usage, int zone,
		  struct av_err *err);

/* @i-th session that is on, oldest first, or NULL. */
const struct audio_session *audio_session_at(const struct audio_sessions *a,
					     size_t i);

#endif
