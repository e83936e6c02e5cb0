/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many bits a frame has on the wire, to the stuff bit (ISO 11898-1:2015).
 *
 * From start of frame on, a complementary bit follows every five equal ones. In
 * classic frames this goes on through the CRC, so the CRC is computed; in FD
 * frames it ends with the data: the CRC field has stuff bits at fixed places,
 * and its length depends on the data length only.
 */
#include "config.h"

#include "sim/can/ecu.h"
#include "sim/can/stuff_table.h"

/* Bits behind the CRC: delimiter, ACK slot and delimiter, end of frame. */
#define TAIL_BITS 10
/* Superposed error flags (6 to 12 bits) and delimiter; the longest. */
#define ERROR_BITS 20

/* Polynomial 0x4599, by byte. */
/* clang-format off */
static const uint16_t crc15_table[256] = {
	0x0000, 0x4599, 0x4EAB, 0x0B32, 0x58CF, 0x1D56, 0x1664, 0x53FD,
	0x7407, 0x319E, 0x3AAC, 0x7F35, 0x2CC8, 0x6951, 0x6263, 0x27FA,
	0x2D97, 0x680E, 0x633C, 0x26A5, 0x7558, 0x30C1, 0x3BF3, 0x7E6A,
	0x5990, 0x1C09, 0x173B, 0x52A2, 0x015F, 0x44C6, 0x4FF4, 0x0A6D,
	0x5B2E, 0x1EB7, 0x1585, 0x501C, 0x03E1, 0x4678, 0x4D4A, 0x08D3,
	0x2F29, 0x6AB0, 0x6182, 0x241B, 0x77E6, 0x327F, 0x394D, 0x7CD4,
	0x76B9, 0x3320, 0x3812, 0x7D8B, 0x2E76, 0x6BEF, 0x60DD, 0x2544,
	0x02BE, 0x4727, 0x4C15, 0x098C, 0x5A71, 0x1FE8, 0x14DA, 0x5143,
	0x73C5, 0x365C, 0x3D6E, 0x78F7, 0x2B0A, 0x6E93, 0x65A1, 0x2038,
	0x07C2, 0x425B, 0x4969, 0x0CF0, 0x5F0D, 0x1A94, 0x11A6, 0x543F,
	0x5E52, 0x1BCB, 0x10F9, 0x5560, 0x069D, 0x4304, 0x4836, 0x0DAF,
	0x2A55, 0x6FCC, 0x64FE, 0x2167, 0x729A, 0x3703, 0x3C31, 0x79A8,
	0x28EB, 0x6D72, 0x6640, 0x23D9, 0x7024, 0x35BD, 0x3E8F, 0x7B16,
	0x5CEC, 0x1975, 0x1247, 0x57DE, 0x0423, 0x41BA, 0x4A88, 0x0F11,
	0x057C, 0x40E5, 0x4BD7, 0x0E4E, 0x5DB3, 0x182A, 0x1318, 0x5681,
	0x717B, 0x34E2, 0x3FD0, 0x7A49, 0x29B4, 0x6C2D, 0x671F, 0x2286,
	0x2213, 0x678A, 0x6CB8, 0x2921, 0x7ADC, 0x3F45, 0x3477, 0x71EE,
	0x5614, 0x138D, 0x18BF, 0x5D26, 0x0EDB, 0x4B42, 0x4070, 0x05E9,
	0x0F84, 0x4A1D, 0x412F, 0x04B6, 0x574B, 0x12D2, 0x19E0, 0x5C79,
	0x7B83, 0x3E1A, 0x3528, 0x70B1, 0x234C, 0x66D5, 0x6DE7, 0x287E,
	0x793D, 0x3CA4, 0x3796, 0x720F, 0x21F2, 0x646B, 0x6F59, 0x2AC0,
	0x0D3A, 0x48A3, 0x4391, 0x0608, 0x55F5, 0x106C, 0x1B5E, 0x5EC7,
	0x54AA, 0x1133, 0x1A01, 0x5F98, 0x0C65, 0x49FC, 0x42CE, 0x0757,
	0x20AD, 0x6534, 0x6E06, 0x2B9F, 0x7862, 0x3DFB, 0x36C9, 0x7350,
	0x51D6, 0x144F, 0x1F7D, 0x5AE4, 0x0919, 0x4C80, 0x47B2, 0x022B,
	0x25D1, 0x6048, 0x6B7A, 0x2EE3, 0x7D1E, 0x3887, 0x33B5, 0x762C,
	0x7C41, 0x39D8, 0x32EA, 0x7773, 0x248E, 0x6117, 0x6A25, 0x2FBC,
	0x0846, 0x4DDF, 0x46ED, 0x0374, 0x5089, 0x1510, 0x1E22, 0x5BBB,
	0x0AF8, 0x4F61, 0x4453, 0x01CA, 0x5237, 0x17AE, 0x1C9C, 0x5905,
	0x7EFF, 0x3B66, 0x3054, 0x75CD, 0x2630, 0x63A9, 0x689B, 0x2D02,
	0x276F, 0x62F6, 0x69C4, 0x2C5D, 0x7FA0, 0x3A39, 0x310B, 0x7492,
	0x5368, 0x16F1, 0x1DC3, 0x585A, 0x0BA7, 0x4E3E, 0x450C, 0x0095,
};
/* clang-format on */

struct stuffing {
	unsigned int state;
	unsigned int n; /* stuff bits so far */
};

static inline bool five_equal(const struct stuffing *s)
{
	return s->state % 5 == 4;
}

static inline void feed_bit(struct stuffing *s, unsigned int bit)
{
	unsigned int last = s->state / 5, run = s->state % 5 + 1;

	if (run == 5) {
		s->n++;
		last = !last;
		run = 1;
	}
	s->state = bit == last ? last * 5 + run : bit * 5;
}

static inline void feed_byte(struct stuffing *s, unsigned int v)
{
	unsigned int e = stuff_table[s->state][v & 0xFF];

	s->n += e & 3;
	s->state = e >> 2;
}

/*
 * Whole bytes are fed, so the bits in front of start of frame are filled up
 * with alternating ones that end recessive: these stuff nothing and leave the
 * start of frame a run of one. States before a filling that starts with 0 or 1:
 */
#define BEFORE_0 5
#define BEFORE_1 0

static inline unsigned int crc15_byte(unsigned int crc, unsigned int byte)
{
	return (crc << 8 ^ crc15_table[(crc >> 7 ^ byte) & 0xFF]) & 0x7FFF;
}

static unsigned int dlc_of(unsigned int len)
{
	return len <= 8    ? len
	       : len <= 24 ? 9 + (len - 9) / 4
	       : len <= 32 ? 13
	       : len <= 48 ? 14
			   : 15;
}

static unsigned int classic_bits(const struct can_frame *f)
{
	struct stuffing s = { .state = BEFORE_0 };
	unsigned int crc = 0, acc = 0, rtr = !!(f->flags & CAN_RTR);
	unsigned int n_data = rtr ? 0 : f->len, n;
	uint64_t head, fill;

	if (f->flags & CAN_EXT) {
		/* SOF 0, base id, SRR 1, IDE 1, rest, RTR, r1 0, r0 0, DLC */
		head = (uint64_t)(f->id >> 18) << 27 | UINT64_C(3) << 25 |
		       (uint64_t)(f->id & 0x3FFFF) << 7 | rtr << 6 | f->len;
		n = 39;
		fill = UINT64_C(1) << 39; /* 2 bits, 01 */
		crc = crc15_byte(crc, (unsigned int)(head >> 32) & 0xFF);
		crc = crc15_byte(crc, (unsigned int)(head >> 24) & 0xFF);
	} else {
		/* SOF 0, id, RTR, IDE 0, r0 0, DLC */
		head = (uint64_t)f->id << 7 | rtr << 6 | f->len;
		n = 19;
		fill = UINT64_C(0x15) << 19; /* 6 bits, 010101 */
	}
	/* zeros in front leave a CRC that starts at 0 alone */
	crc = crc15_byte(crc, (unsigned int)(head >> 16) & 0xFF);
	crc = crc15_byte(crc, (unsigned int)(head >> 8) & 0xFF);
	crc = crc15_byte(crc, (unsigned int)head & 0xFF);
	/* 25 or 41 bits: all but the last make whole bytes, which makes the
	 * data late by one bit, and the 15 bits of the CRC end it evenly */
	for (unsigned int k = (n + 6) / 8 * 8; k > 0; k -= 8) {
		feed_byte(&s, (unsigned int)((head | fill) >> (k - 7)));
	}
	acc = (unsigned int)head;
	for (unsigned int i = 0; i < n_data; i++) {
		acc = acc << 8 | f->data[i];
		crc = crc15_byte(crc, f->data[i]);
		feed_byte(&s, acc >> 1);
	}
	acc = acc << 15 | crc;
	feed_byte(&s, acc >> 8);
	feed_byte(&s, acc);
	return n + 8 * n_data + 15 + s.n + five_equal(&s) + TAIL_BITS;
}

static unsigned int fd_bits(const struct can_frame *f, unsigned int *data_bits)
{
	struct stuffing s = { .state = BEFORE_0 };
	unsigned int brs = !!(f->flags & CAN_BRS), esi = !!(f->flags & CAN_ESI);
	unsigned int nominal, fast, n, control;
	uint64_t head, fill;

	if (f->flags & CAN_EXT) {
		/* SOF 0, base id, SRR 1, IDE 1, rest, RRS 0, FDF 1, res 0, BRS
		 */
		head = (uint64_t)(f->id >> 18) << 24 | UINT64_C(3) << 22 |
		       (uint64_t)(f->id & 0x3FFFF) << 4 | 1u << 2 | brs;
		n = 36;
		fill = UINT64_C(5) << 36; /* 4 bits, 0101 */
	} else {
		/* SOF 0, id, RRS 0, IDE 0, FDF 1, res 0, BRS */
		head = (uint64_t)f->id << 5 | 1u << 2 | brs;
		n = 17;
		fill = UINT64_C(0x55) << 17; /* 7 bits, 1010101 */
		s.state = BEFORE_1;
	}
	for (unsigned int k = (n + 7) / 8 * 8; k > 0; k -= 8) {
		feed_byte(&s, (unsigned int)((head | fill) >> (k - 8)));
	}
	nominal = n + s.n;
	s.n = 0;
	control = esi << 4 | dlc_of(f->len);
	for (unsigned int k = 5; k > 0; k--) {
		feed_bit(&s, control >> (k - 1) & 1);
	}
	for (unsigned int i = 0; i < f->len; i++) {
		feed_byte(&s, f->data[i]);
	}
	/* a stuff bit due here is the CRC field's first fixed one */
	fast = 5 + 8u * f->len + s.n;
	/* stuff count 4, CRC 17 or 21, a fixed stuff bit before every 4 bits */
	fast += f->len <= 16 ? 4 + 17 + 6 : 4 + 21 + 7;
	/* the rate changes in the middle of BRS and of the CRC delimiter: one
	 * counts as slow and the other as fast */
	fast += 1;
	nominal += TAIL_BITS - 1;
	*data_bits = brs ? fast : 0;
	return nominal + fast;
}

unsigned int can_frame_bits(const struct can_frame *f, unsigned int *data_bits)
{
	unsigned int fast = 0, n;

	if (f->flags & CAN_ERR) {
		n = ERROR_BITS;
	} else if (f->flags & CAN_FD) {
		n = fd_bits(f, &fast);
	} else {
		n = classic_bits(f);
	}
	if (data_bits) {
		*data_bits = fast;
	}
	return n;
}
