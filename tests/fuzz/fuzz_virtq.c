/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rings whose contents and in-flight tables are the fuzzer's, with pops, pushes
 * and unpops in any order: every piece lies in the guest's memory, the counts
 * agree, and nothing else may happen.
 */
#include "config.h"

#include "tests/unit/virtq_rig.h"

#include <assert.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { MAX_TAKEN = 24, PIECES = 40, NUM_MAX = 32 };

struct input {
	const uint8_t *at, *end;
};

struct taken {
	struct vq_chain c;
	struct iovec iov[PIECES];
};

struct fuzz {
	struct rig *r;
	struct input in;
	uint8_t *table;
	size_t table_size;
	struct taken t[MAX_TAKEN];
	unsigned int n; /* taken, oldest first */
	bool can_unpop; /* the last one taken has not been passed by others */
};

static uint8_t byte(struct input *in)
{
	return in->at < in->end ? *in->at++ : 0;
}

static uint16_t word(struct input *in)
{
	uint16_t low = byte(in);

	return (uint16_t)(low | byte(in) << 8);
}

/* Addresses near what matters. */
static uint64_t address(struct input *in)
{
	uint8_t b = byte(in);
	uint64_t off = b >> 3;

	switch (b & 7) {
	case 0:
		return GPA0 + off;
	case 1:
		return BORDER - off;
	case 2:
		return BORDER + REGION - off;
	case 3:
		return GPA0 - off;
	case 4:
		return UINT64_MAX - off;
	default:
		return BORDER + off * 64;
	}
}

static uint32_t length(struct input *in)
{
	uint8_t b = byte(in);

	return b < 240   ? b
	       : b < 250 ? (b - 239u) * 4096u
			 : UINT32_MAX - b + 250;
}

static void check(const struct fuzz *f, const struct vq_chain *c)
{
	uint64_t total = 0;

	assert(c->n_out + c->n_in <= c->max_iov);
	for (unsigned int i = 0; i < (unsigned int)c->n_out + c->n_in; i++) {
		const uint8_t *p = c->iov[i].iov_base;
		size_t a = (size_t)(p - f->r->mem.host[0]);
		size_t b = (size_t)(p - f->r->mem.host[1]);

		assert(c->iov[i].iov_len > 0);
		assert((a < REGION && c->iov[i].iov_len <= REGION - a) ||
		       (b < REGION && c->iov[i].iov_len <= REGION - b));
		total += c->iov[i].iov_len;
	}
	assert(total == (uint64_t)c->out_len + c->in_len);
}

static void fix_iov(struct fuzz *f, unsigned int from)
{
	for (unsigned int i = from; i < f->n; i++) {
		f->t[i].c.iov = f->t[i].iov;
	}
}

static void pop(struct fuzz *f)
{
	struct taken *t = &f->t[f->n];

	if (f->n == MAX_TAKEN) {
		return;
	}
	t->c = (struct vq_chain){ .iov = t->iov,
				  .max_iov = byte(&f->in) % PIECES };
	if (virtq_pop(f->r->q, &t->c) == 1) {
		check(f, &t->c);
		f->n++;
		f->can_unpop = true;
	}
}

static void push(struct fuzz *f)
{
	unsigned int i = byte(&f->in);

	if (!f->n) {
		return;
	}
	i %= f->n;
	virtq_push(f->r->q, &f->t[i].c, length(&f->in));
	f->can_unpop = f->can_unpop && i + 1 < f->n;
	memmove(f->t + i, f->t + i + 1, (f->n - i - 1) * sizeof(f->t[0]));
	f->n--;
	fix_iov(f, i);
}

static void unpop(struct fuzz *f)
{
	if (f->n && f->can_unpop) {
		f->n--;
		virtq_unpop(f->r->q, &f->t[f->n].c);
		f->can_unpop = false;
	}
}

static void offer(struct fuzz *f)
{
	struct rig *r = f->r;
	uint8_t n = byte(&f->in) % 4 + 1, split = byte(&f->in) % 5;
	struct buf b[4];

	if (n > r->num) {
		n = 1;
	}
	for (uint8_t i = 0; i < n; i++) {
		b[i] = (struct buf){ BORDER - 8 + 64u * i, length(&f->in) + 1u,
				     i >= split };
	}
	rig_offer(r, b, n);
}

static void descriptor(struct fuzz *f)
{
	struct rig *r = f->r;
	uint16_t i = (uint16_t)(byte(&f->in) % r->num),
		 flags = byte(&f->in) & 7;
	struct wire_desc d = { address(&f->in), length(&f->in), 0, 0 };

	if (r->packed) {
		d.a = byte(&f->in);
		d.b = flags;
		packed_offer(r, &d, 1);
	} else {
		d.a = flags;
		d.b = byte(&f->in);
		r->desc[i] = d;
		split_offer(r, byte(&f->in));
	}
}

/* Three entries, where an address in BORDER + n * 64 finds them. */
static void table(struct fuzz *f)
{
	for (int i = 0; i < 3; i++) {
		struct wire_desc d = { address(&f->in), length(&f->in),
				       byte(&f->in) & 0x87,
				       byte(&f->in) & 0x87 };

		memcpy(mem_at(&f->r->mem, BORDER + 64u * (byte(&f->in) & 31) +
						  16u * (unsigned int)i),
		       &d, sizeof(d));
	}
}

static void poke(struct fuzz *f)
{
	uint16_t off = word(&f->in);
	size_t n = (size_t)(f->r->alloc - GPA0) / 2;
	uint16_t v = word(&f->in);

	memcpy(f->r->mem.host[0] + 2 * (off % n), &v, 2);
}

static void restart(struct fuzz *f, bool scribble)
{
	struct rig *r = f->r;
	uint32_t base;

	base = virtq_stop(r->q);
	f->n = 0;
	if (scribble && f->table) {
		for (int i = byte(&f->in) % 16; i > 0; i--) {
			f->table[word(&f->in) % f->table_size] = byte(&f->in);
		}
	}
	r->s.base = byte(&f->in) & 1 ? base : word(&f->in) * 65537u;
	rig_start(r);
}

static void step(struct fuzz *f)
{
	struct rig *r = f->r;
	uint16_t id;
	uint32_t len;

	switch (byte(&f->in) % 16) {
	case 0:
	case 1:
		offer(f);
		break;
	case 2:
		descriptor(f);
		break;
	case 3:
		table(f);
		break;
	case 4:
		poke(f);
		break;
	case 5:
	case 6:
	case 7:
		pop(f);
		break;
	case 8:
	case 9:
		push(f);
		break;
	case 10:
		unpop(f);
		break;
	case 11:
		virtq_flush(r->q);
		while (rig_used(r, &id, &len) == 1) {
		}
		break;
	case 12:
		virtq_want_kick(r->q, byte(&f->in) & 1);
		virtq_ready(r->q);
		break;
	case 13:
		restart(f, false);
		break;
	case 14:
		restart(f, true);
		break;
	default:
		r->mem.gone[1] = byte(&f->in) & 1;
		r->mem.gen++;
	}
	assert(!virtq_running(r->q) || virtq_in_flight(r->q) == f->n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t nums[] = { 1, 2, 4, 8, 16, NUM_MAX };
	struct fuzz *f = calloc(1, sizeof(*f));
	uint8_t how;
	uint16_t num;
	uint64_t features = VIRTIO_F_INDIRECT_DESC;

	assert(f);
	f->in = (struct input){ data, data + size };
	how = byte(&f->in);
	num = nums[byte(&f->in) % 6];
	features |= how & 2 ? VIRTIO_F_EVENT_IDX : 0;
	features |= how & 4 ? VIRTIO_F_IN_ORDER : 0;
	f->r = rig_create(how & 1, num, features);
	f->r->mem.logging = how & 16;
	f->r->s.log_used = how & 16;
	if (how & 8) {
		f->table_size = virtq_inflight_size(num, how & 1);
		f->table = aligned_alloc(64, f->table_size);
		virtq_inflight_init(f->table, num, how & 1);
		f->r->s.inflight = f->table;
		f->r->s.inflight_num = num;
	}
	rig_start(f->r);
	while (f->in.at < f->in.end) {
		step(f);
	}
	rig_destroy(f->r);
	free(f->table);
	free(f);
	return 0;
}
