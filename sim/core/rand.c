/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "sim/core/rand.h"

#include <math.h>
#include <string.h>

static uint64_t splitmix64(uint64_t *x)
{
	uint64_t z = *x += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

void av_rand_init(struct av_rand *r, uint64_t seed, const char *stream)
{
	uint64_t x = UINT64_C(0xcbf29ce484222325); /* FNV-1a of the name */

	for (; *stream; stream++) {
		x = (x ^ (unsigned char)*stream) * UINT64_C(0x100000001b3);
	}
	x ^= splitmix64(&seed);
	for (int i = 0; i < 4; i++) {
		r->s[i] = splitmix64(&x);
	}
}

void av_rand_at(const struct av_rand *base, uint64_t n, struct av_rand *out)
{
	uint64_t x = n;

	x = splitmix64(&x) ^ base->s[0];
	for (int i = 0; i < 4; i++) {
		out->s[i] = splitmix64(&x) ^ base->s[i];
	}
}

static uint64_t rotl(uint64_t x, int k)
{
	return (x << k) | (x >> (64 - k));
}

uint64_t av_rand_u64(struct av_rand *r)
{
	uint64_t *s = r->s;
	uint64_t result = rotl(s[1] * 5, 7) * 9;
	uint64_t t = s[1] << 17;

	s[2] ^= s[0];
	s[3] ^= s[1];
	s[1] ^= s[2];
	s[0] ^= s[3];
	s[2] ^= t;
	s[3] = rotl(s[3], 45);
	return result;
}

double av_rand_unit(struct av_rand *r)
{
	return (double)(av_rand_u64(r) >> 11) * 0x1p-53;
}

double av_rand_gauss(struct av_rand *r)
{
	/* Box-Muller, cosine branch only: no state beside the stream */
	double u = 1.0 - av_rand_unit(r);
	double v = av_rand_unit(r);

	return sqrt(-2.0 * log(u)) * cos(6.283185307179586 * v);
}

uint64_t av_rand_below(struct av_rand *r, uint64_t n)
{
	/* reject the tail that would favour small results */
	uint64_t limit = UINT64_MAX - UINT64_MAX % n;
	uint64_t x;

	do {
		x = av_rand_u64(r);
	} while (x >= limit);
	return x % n;
}

void av_rand_bytes(struct av_rand *r, void *buf, size_t len)
{
	uint8_t *p = buf;

	while (len > 0) {
		uint64_t x = av_rand_u64(r);

		for (int i = 0; i < 8 && len > 0; i++, len--) {
			*p++ = (uint8_t)(x >> (8 * i));
		}
	}
}
