/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Named random streams. Each consumer takes a stream of its own by name, so
 * that adding a consumer does not shift what the others draw. xoshiro256**
 * (Blackman and Vigna 2018), seeded by splitmix64 over seed and name.
 */
#ifndef AVSIM_CORE_RAND_H
#define AVSIM_CORE_RAND_H

#include <stddef.h>
#include <stdint.h>

struct av_rand {
	uint64_t s[4];
};

void av_rand_init(struct av_rand *r, uint64_t seed, const char *stream);
uint64_t av_rand_u64(struct av_rand *r);
/* Stream number @n below @base, which stays as it is: draws that depend on a
 * moment, not on what was drawn before. */
void av_rand_at(const struct av_rand *base, uint64_t n, struct av_rand *out);
double av_rand_unit(struct av_rand *r);	 /* uniform in [0, 1) */
double av_rand_gauss(struct av_rand *r); /* mean 0, deviation 1 */
uint64_t av_rand_below(struct av_rand *r, uint64_t n); /* 0 .. n - 1, n > 0 */
void av_rand_bytes(struct av_rand *r, void *buf, size_t len);

#endif
