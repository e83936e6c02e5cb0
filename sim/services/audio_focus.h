/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Client of a guest's AudioFocusControlServer: tells it which sounds of the car
 * want to be heard. Here the guest is the server.
 */
#ifndef AVSIM_SERVICES_AUDIO_FOCUS_H
#define AVSIM_SERVICES_AUDIO_FOCUS_H

#include "sim/core/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

struct audio_focus;
struct audio_sessions;
struct av_stream;
struct bus;

struct audio_focus_env {
	uv_loop_t *loop;
	struct bus *bus;
	const struct audio_sessions *sessions;
	const char *address; /* path of a unix socket, HOST:PORT, vsock:CID:PORT */
	/* Connects to a guest's vsock port; NULL: no vsock here. */
	int (*vsock)(void *ctx, uint64_t cid, uint32_t port,
		     struct av_stream **out);
	void *ctx;
	/* "android" (NULL): usages are 1000.., as guests of Android 11 pass
	 * on; "policy": 14.., the order of the audio policy schema, which
	 * later ones make names of */
	const char *usages;
};

/* Connects now or later, for ever. 0, -EINVAL for a bad address or usages. */
int audio_focus_create(const struct audio_focus_env *env,
		       struct audio_focus **out, struct av_err *err);
/* Sends the releases of what is still on. */
void audio_focus_destroy(struct audio_focus *f);

struct audio_focus_stats {
	bool connected;
	unsigned int sessions;
	uint64_t connections, messages, heartbeats, failed, dropped;
};
void audio_focus_stats(const struct audio_focus *f,
		       struct audio_focus_stats *out);

#endif
