/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "vdevices/health.h"

#include <time.h>

const char *const health_state_names[HEALTH_N] = {
	[HEALTH_WAITING] = "waiting", [HEALTH_CONNECTED] = "connected",
	[HEALTH_RUNNING] = "running", [HEALTH_BROKEN] = "broken",
	[HEALTH_DEAD] = "dead",
};

int64_t health_clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec;
}

/* Two buckets an octave: [1, 1.5) and [1.5, 2) times a power of two us. */
static unsigned int bucket(int64_t ns)
{
	uint64_t us = ns > 0 ? (uint64_t)ns / 1000 : 0;
	unsigned int octave, i;

	if (us == 0) {
		return 0;
	}
	octave = 63 - (unsigned int)__builtin_clzll(us);
	i = 1 + 2 * octave;
	if (octave && (us >> (octave - 1) & 1)) {
		i++;
	}
	return i < HEALTH_BUCKETS ? i : HEALTH_BUCKETS - 1;
}

static int64_t upper_ns(unsigned int i)
{
	int64_t us;

	if (i == 0) {
		return 1000;
	}
	us = INT64_C(1) << ((i - 1) / 2);
	return ((i - 1) % 2 ? 2 * us : us + (us + 1) / 2) * 1000;
}

void health_served(struct health *h, int64_t ns)
{
	health_add(&h->service[bucket(ns)], 1);
}

int64_t health_quantile(const struct health *h, double q)
{
	uint64_t n[HEALTH_BUCKETS];
	uint64_t all = 0, sum = 0;

	for (unsigned int i = 0; i < HEALTH_BUCKETS; i++) {
		n[i] = atomic_load_explicit(&h->service[i],
					    memory_order_relaxed);
		all += n[i];
	}
	for (unsigned int i = 0; i < HEALTH_BUCKETS; i++) {
		sum += n[i];
		if (all && (double)sum >= q * (double)all) {
			return upper_ns(i);
		}
	}
	return 0;
}
