/* SPDX-License-Identifier: Apache-2.0 */
/* Big-endian numbers in bytes, wherever they lie: network order. */
#ifndef AVSIM_CORE_BE_H
#define AVSIM_CORE_BE_H

#include <stddef.h>
#include <stdint.h>

static inline uint16_t av_be16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t av_be32(const uint8_t *p)
{
	return (uint32_t)av_be16(p) << 16 | av_be16(p + 2);
}

/* The low 16 bits of @v. */
static inline void av_put_be16(uint8_t *p, size_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void av_put_be32(uint8_t *p, uint32_t v)
{
	av_put_be16(p, v >> 16);
	av_put_be16(p + 2, v);
}

#endif
