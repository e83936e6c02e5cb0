/* SPDX-License-Identifier: Apache-2.0 */
/* Virtqueues, both formats, against drivers that keep the rules and such that
 * do not. */
#include "config.h"

#include "virtq_rig.h"

#include "test.h"

#define EVERYTHING                                                             \
	(VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX | VIRTIO_F_VERSION_1)

/* One body, a test for each format. */
#define BOTH(name)                                                             \
	static void name(bool packed);                                         \
	TEST(name##_split)                                                     \
	{                                                                      \
		name(false);                                                   \
	}                                                                      \
	TEST(name##_packed)                                                    \
	{                                                                      \
		name(true);                                                    \
	}                                                                      \
	static void name(bool packed)
#define T2(name) T(name##_split), T(name##_packed)

static struct iovec g_iov[VIRTQ_IOV_MAX];

static struct vq_chain chain(void)
{
	return (struct vq_chain){ .iov = g_iov, .max_iov = VIRTQ_IOV_MAX };
}

static struct rig *running(bool packed, uint16_t num, uint64_t features)
{
	struct rig *r = rig_create(packed, num, features);

	CHECK_EQ(rig_start(r), 0);
	rig_calls(r); /* the one of every start */
	return r;
}

/* Pop, push @written, flush. */
static void serve(struct rig *r, uint32_t written)
{
	struct vq_chain c = chain();

	CHECK_EQ(virtq_pop(r->q, &c), 1);
	virtq_push(r->q, &c, written);
	virtq_flush(r->q);
}

static void check_used(struct rig *r, int id, uint32_t len)
{
	uint16_t got;
	uint32_t got_len;

	CHECK_EQ(rig_used(r, &got, &got_len), 1);
	CHECK_EQ(got, id);
	CHECK_EQ(got_len, len);
}

static void check_broken(struct rig *r, const char *why)
{
	struct vq_chain c = chain();
	struct virtq_counts n;

	CHECK_EQ(virtq_pop(r->q, &c), 0);
	CHECK(virtq_broken(r->q));
	CHECK_STR(virtq_why(r->q), why);
	CHECK_EQ(rig_errors(r), 1);
	CHECK_EQ(virtq_pop(r->q, &c), 0); /* stays so, said once */
	CHECK_EQ(rig_errors(r), 0);
	virtq_get_counts(r->q, &n);
	CHECK_EQ(n.broken, 1);
	rig_destroy(r);
}

/* ---- driver keeps the rules ---- */

BOTH(chain_arrives_with_its_bytes_and_goes_back_with_ours)
{
	struct rig *r = running(packed, 8, EVERYTHING);
	struct vq_chain c = chain();
	char buf[16];
	int id;

	memcpy(mem_at(&r->mem, BORDER - 4096), "0123456789abcdef", 16);
	id = rig_request(r, 100);
	CHECK_EQ(virtq_pop(r->q, &c), 1);
	CHECK_EQ(c.n_out, 1);
	CHECK_EQ(c.n_in, 1);
	CHECK_EQ(c.out_len, 16);
	CHECK_EQ(c.in_len, 100);
	CHECK_EQ(vq_read(&c, 4, buf, 16), 12);
	CHECK(!memcmp(buf, "456789abcdef", 12));
	CHECK_EQ(vq_write(&c, 98, "xyz", 3), 2);
	CHECK(!memcmp(mem_at(&r->mem, BORDER + 8192 + 98), "xy", 2));
	CHECK_EQ(virtq_in_flight(r->q), 1);
	virtq_push(r->q, &c, 100);
	virtq_flush(r->q);
	CHECK_EQ(virtq_in_flight(r->q), 0);
	check_used(r, id, 100);
	CHECK_EQ(rig_calls(r), 1);
	CHECK_EQ(virtq_pop(r->q, &c), 0);
	rig_destroy(r);
}

BOTH(written_is_never_more_than_there_is_room)
{
	struct rig *r = running(packed, 8, 0);
	int id = rig_request(r, 10);

	serve(r, 11);
	check_used(r, id, 10);
	rig_destroy(r);
}

BOTH(indices_wrap)
{
	struct rig *r = running(packed, 8, EVERYTHING);

	for (int i = 0; i < 70000; i++) {
		int a = rig_request(r, 64), b = rig_request(r, 64);

		CHECK(a >= 0 && b >= 0);
		serve(r, 1);
		serve(r, 2);
		check_used(r, a, 1);
		check_used(r, b, 2);
	}
	CHECK(!virtq_broken(r->q));
	rig_destroy(r);
}

BOTH(odd_chains_fill_a_ring_to_its_end)
{
	struct rig *r = running(packed, 8, 0);
	struct buf b[7] = { { BORDER, 1, false }, { BORDER, 1, false },
			    { BORDER, 1, false }, { BORDER, 1, false },
			    { BORDER, 1, false }, { BORDER, 1, false },
			    { BORDER, 1, true } };

	for (uint16_t i = 0; i < 5000; i++) {
		uint16_t n = (uint16_t)(i % 7 + 1);
		int x = rig_offer(r, b + 7 - n, n), y = -1;

		if (n < 7) {
			y = rig_offer(r, b + n, (uint16_t)(7 - n));
		}
		serve(r, 1);
		check_used(r, x, 1);
		if (y >= 0) {
			serve(r, 1);
			check_used(r, y, 1);
		}
	}
	rig_destroy(r);
}

BOTH(completions_may_come_in_any_order)
{
	struct rig *r = running(packed, 16, EVERYTHING);
	struct iovec iov[4][4];
	struct vq_chain c[4];
	int id[4];

	for (int i = 0; i < 4; i++) {
		id[i] = rig_request(r, 64);
		c[i] = (struct vq_chain){ .iov = iov[i], .max_iov = 4 };
		CHECK_EQ(virtq_pop(r->q, &c[i]), 1);
	}
	CHECK_EQ(virtq_in_flight(r->q), 4);
	virtq_push(r->q, &c[2], 2);
	virtq_push(r->q, &c[0], 0);
	virtq_flush(r->q);
	virtq_push(r->q, &c[3], 3);
	virtq_push(r->q, &c[1], 1);
	virtq_flush(r->q);
	check_used(r, id[2], 2);
	check_used(r, id[0], 0);
	check_used(r, id[3], 3);
	check_used(r, id[1], 1);
	rig_destroy(r);
}

BOTH(in_order_holds_younger_ones_back)
{
	struct rig *r = running(packed, 16, VIRTIO_F_IN_ORDER);
	struct iovec iov[3][4];
	struct vq_chain c[3];
	uint16_t id[3], got;
	uint32_t len;

	for (int lap = 0; lap < 100; lap++) {
		for (int i = 0; i < 3; i++) {
			id[i] = (uint16_t)rig_request(r, 64);
			c[i] = (struct vq_chain){ .iov = iov[i], .max_iov = 4 };
			CHECK_EQ(virtq_pop(r->q, &c[i]), 1);
		}
		virtq_push(r->q, &c[2], 2);
		virtq_push(r->q, &c[1], 1);
		virtq_flush(r->q);
		CHECK_EQ(rig_used(r, &got, &len), 0);
		virtq_push(r->q, &c[0], 0);
		virtq_flush(r->q);
		for (int i = 0; i < 3; i++) {
			check_used(r, id[i], (uint32_t)i);
		}
	}
	rig_destroy(r);
}

BOTH(unpopped_chain_comes_again)
{
	struct rig *r = running(packed, 4, EVERYTHING);
	struct iovec iov[2][4];
	struct vq_chain a = { .iov = iov[0], .max_iov = 4 };
	struct vq_chain b = { .iov = iov[1], .max_iov = 4 };

	for (int lap = 0; lap < 50; lap++) {
		int x = rig_request(r, 64), y = rig_request(r, 64);

		CHECK_EQ(virtq_pop(r->q, &a), 1);
		CHECK_EQ(virtq_pop(r->q, &b), 1);
		virtq_unpop(r->q, &b);
		virtq_unpop(r->q, &a);
		CHECK_EQ(virtq_in_flight(r->q), 0);
		CHECK(virtq_ready(r->q));
		serve(r, 1);
		serve(r, 2);
		check_used(r, x, 1);
		check_used(r, y, 2);
	}
	rig_destroy(r);
}

BOTH(stop_and_start_go_on_where_it_was)
{
	struct rig *r = running(packed, 8, EVERYTHING);

	for (int i = 0; i < 100; i++) {
		int id = rig_request(r, 64), later;

		serve(r, 7);
		later = rig_request(r, 64);
		r->s.base = virtq_stop(r->q);
		CHECK(!virtq_running(r->q));
		CHECK_EQ(rig_start(r), 0);
		serve(r, 8);
		check_used(r, id, 7);
		check_used(r, later, 8);
	}
	rig_destroy(r);
}

TEST(in_order_goes_on_behind_the_used_index)
{
	struct rig *r = running(false, 8, VIRTIO_F_IN_ORDER);
	struct vq_chain c = chain();
	int a = rig_request(r, 64), b = rig_request(r, 64);

	/* A back-end took two, gave back one and died; the front-end knows
	 * only that two were taken. */
	serve(r, 1);
	CHECK_EQ(virtq_pop(r->q, &c), 1);
	r->s.base = virtq_stop(r->q);
	CHECK_EQ(r->s.base, 2);
	CHECK_EQ(rig_start(r), 0);
	serve(r, 2);
	check_used(r, a, 1);
	check_used(r, b, 2);
	rig_destroy(r);
}

TEST(split_finds_its_place_by_the_used_index)
{
	struct rig *r = rig_create(false, 8, 0);
	int id;

	r->avail_pos = r->used_pos = 65530;
	r->avail[1] = r->used[1] = 65530;
	r->s.base = 65530;
	CHECK_EQ(rig_start(r), 0);
	for (int i = 0; i < 20; i++) {
		id = rig_request(r, 64);
		serve(r, 3);
		check_used(r, id, 3);
	}
	CHECK_EQ(virtq_stop(r->q), (uint16_t)(65530 + 20));
	rig_destroy(r);
}

BOTH(largest_ring_works)
{
	struct rig *r = running(packed, VIRTQ_SIZE_MAX,
				EVERYTHING | VIRTIO_F_IN_ORDER);

	for (int i = 0; i < 3 * VIRTQ_SIZE_MAX; i++) {
		int id = rig_request(r, 64);

		serve(r, 3);
		check_used(r, id, 3);
	}
	rig_destroy(r);
}

TEST(packed_ring_need_not_be_a_power_of_two)
{
	struct rig *r = running(true, 7, EVERYTHING);

	for (int i = 0; i < 200; i++) {
		int id = rig_request(r, 64);

		serve(r, 3);
		check_used(r, id, 3);
	}
	rig_destroy(r);
}

/* ---- notifications ---- */

/* Interrupt when completion @n (from 0) comes; packed: each takes 2 of 8. */
static void event_at(struct rig *r, uint16_t n)
{
	rig_used_event(r, (uint16_t)(r->packed ? 2 * n % 8 : n),
		       2 * n / 8 % 2 == 0);
}

BOTH(driver_is_interrupted_at_its_event_only)
{
	struct rig *r = running(packed, 8, EVERYTHING);

	event_at(r, 4);
	for (int i = 0; i < 17; i++) {
		int id = rig_request(r, 64);

		serve(r, 1);
		check_used(r, id, 1);
		/* The first after a start comes in any case. */
		CHECK_EQ(rig_calls(r), i == 0 || i == 4 || i == 10);
		if (i == 4) {
			event_at(r, 10);
		}
	}
	rig_destroy(r);
}

BOTH(burst_across_the_event_interrupts_once)
{
	struct rig *r = running(packed, 16, EVERYTHING);
	struct iovec iov[4][4];
	struct vq_chain c[4];
	int id = rig_request(r, 64);

	serve(r, 1);
	check_used(r, id, 1);
	CHECK_EQ(rig_calls(r), 1);
	rig_used_event(r, packed ? 4 : 2, true);
	for (int i = 0; i < 4; i++) {
		rig_request(r, 64);
		c[i] = (struct vq_chain){ .iov = iov[i], .max_iov = 4 };
		CHECK_EQ(virtq_pop(r->q, &c[i]), 1);
	}
	for (int i = 0; i < 4; i++) {
		virtq_push(r->q, &c[i], 0);
	}
	CHECK_EQ(rig_calls(r), 0);
	virtq_flush(r->q);
	CHECK_EQ(rig_calls(r), 1);
	virtq_flush(r->q); /* nothing new */
	CHECK_EQ(rig_calls(r), 0);
	rig_destroy(r);
}

/* Pop, push, expose; the driver sees it. */
static void expose_one(struct rig *r)
{
	struct vq_chain c = chain();
	int id = rig_request(r, 64);

	CHECK_EQ(virtq_pop(r->q, &c), 1);
	virtq_push(r->q, &c, 1);
	virtq_expose(r->q);
	check_used(r, id, 1);
}

BOTH(exposed_ones_are_seen_and_interrupt_with_the_flush)
{
	struct rig *r = running(packed, 8, EVERYTHING);

	expose_one(r);
	CHECK_EQ(rig_calls(r), 0);
	virtq_flush(r->q);
	CHECK_EQ(rig_calls(r), 1);
	virtq_flush(r->q);
	CHECK_EQ(rig_calls(r), 0);
	event_at(r, 2);
	expose_one(r);
	expose_one(r);
	expose_one(r);
	CHECK_EQ(rig_calls(r), 0);
	virtq_flush(r->q);
	CHECK_EQ(rig_calls(r), 1);
	rig_destroy(r);
}

BOTH(laps_of_exposed_ones_pass_no_event_by)
{
	struct rig *r = running(packed, 8, EVERYTHING);
	uint64_t calls = 0;

	expose_one(r);
	virtq_flush(r->q);
	CHECK_EQ(rig_calls(r), 1);
	event_at(r, 2);
	for (int i = 0; i < 6; i++) {
		expose_one(r);
		calls += rig_calls(r);
	}
	virtq_flush(r->q);
	CHECK_EQ(calls + rig_calls(r), 1);
	rig_destroy(r);
}

BOTH(driver_that_wants_no_interrupts_gets_none)
{
	struct rig *r = running(packed, 8, 0);

	rig_request(r, 64);
	serve(r, 1);
	CHECK_EQ(rig_calls(r), 1);
	if (packed) {
		r->avail[1] = 1;
	} else {
		r->avail[0] = 1;
	}
	rig_request(r, 64);
	serve(r, 1);
	CHECK_EQ(rig_calls(r), 0);
	rig_destroy(r);
}

static void check_kicks(bool packed, uint64_t features)
{
	struct rig *r = running(packed, 8, features);
	bool event_idx = features & VIRTIO_F_EVENT_IDX;
	struct vq_chain c = chain();
	uint16_t old;

	for (int i = 0; i < 100; i++) {
		CHECK_EQ(virtq_pop(r->q, &c), 0);
		old = r->avail_pos;
		rig_request(r, 64);
		CHECK(rig_would_kick(r, old, event_idx));
		if (event_idx) { /* one was enough */
			old = r->avail_pos;
			rig_request(r, 64);
			CHECK(!rig_would_kick(r, old, event_idx));
			serve(r, 0);
			check_used(r, c.head, 0);
		}
		c = chain();
		CHECK_EQ(virtq_pop(r->q, &c), 1);
		virtq_push(r->q, &c, 0);
		virtq_flush(r->q);
		check_used(r, c.head, 0);
	}
	CHECK_EQ(virtq_want_kick(r->q, false), false);
	CHECK_EQ(virtq_pop(r->q, &c), 0);
	old = r->avail_pos;
	rig_request(r, 64);
	CHECK(!packed && event_idx ? true
				   : !rig_would_kick(r, old, event_idx));
	CHECK_EQ(virtq_want_kick(r->q, true), true);
	CHECK_EQ(virtq_pop(r->q, &c), 1);
	CHECK_EQ(virtq_want_kick(r->q, true), false);
	rig_destroy(r);
}

BOTH(driver_kicks_only_an_idle_device_with_event_index)
{
	check_kicks(packed, EVERYTHING);
}

BOTH(driver_kicks_as_flags_say_without_event_index)
{
	check_kicks(packed, 0);
}

BOTH(start_and_new_call_descriptor_signal_once)
{
	struct rig *r = rig_create(packed, 8, 0);

	CHECK_EQ(rig_start(r), 0);
	CHECK_EQ(rig_calls(r), 1);
	virtq_set_call(r->q, r->call_fd);
	CHECK_EQ(rig_calls(r), 1);
	virtq_set_call(r->q, -1);
	rig_request(r, 64);
	serve(r, 0);
	CHECK_EQ(rig_calls(r), 0);
	rig_destroy(r);
}

/* ---- indirect ---- */

/* A table of @n at @at, as a split driver chains it. */
static void make_table(struct rig *r, uint64_t at, const struct buf *b,
		       uint16_t n)
{
	for (uint16_t i = 0; i < n; i++) {
		bool more = !r->packed && i + 1 < n;
		uint16_t flags = buf_flags(&b[i], more);
		struct wire_desc d = { b[i].gpa, b[i].len, flags,
				       (uint16_t)(i + 1) };
		uint8_t bytes[16];

		if (r->packed) {
			d.a = 0xdead; /* id and next mean nothing here */
			d.b = flags | D_NEXT;
		}
		memcpy(bytes, &d, 16);
		for (uint64_t k = 0; k < 16; k++) {
			*(uint8_t *)mem_at(&r->mem, at + 16u * i + k) =
				bytes[k];
		}
	}
}

static int offer_table(struct rig *r, uint64_t at, uint32_t len)
{
	struct buf b = { at, len, false };

	return rig_offer_flags(r, &b, 1, D_INDIRECT);
}

static const struct buf five[5] = {
	{ GPA0 + 0x100000, 1, false }, { GPA0 + 0x110000, 2, false },
	{ GPA0 + 0x120000, 3, false }, { GPA0 + 0x130000, 400, true },
	{ GPA0 + 0x140000, 5, true },
};

static void check_table_at(bool packed, uint64_t at)
{
	struct rig *r = running(packed, 8, EVERYTHING);
	struct vq_chain c = chain();
	int id;

	make_table(r, at, five, 5);
	id = offer_table(r, at, 80);
	CHECK_EQ(virtq_pop(r->q, &c), 1);
	CHECK_EQ(c.n_out, 3);
	CHECK_EQ(c.n_in, 2);
	CHECK_EQ(c.out_len, 6);
	CHECK_EQ(c.in_len, 405);
	CHECK(c.iov[4].iov_base == mem_at(&r->mem, GPA0 + 0x140000));
	virtq_push(r->q, &c, 405);
	virtq_flush(r->q);
	check_used(r, id, 405);
	rig_destroy(r);
}

BOTH(indirect_table_is_read)
{
	check_table_at(packed, GPA0 + 0x200000);
}

BOTH(indirect_table_may_lie_across_regions)
{
	check_table_at(packed, BORDER - 16);
	check_table_at(packed, BORDER - 40); /* in the middle of an entry */
}

BOTH(indirect_table_may_lie_at_an_odd_address)
{
	check_table_at(packed, GPA0 + 0x200001);
}

TEST(split_indirect_may_follow_direct_descriptors)
{
	struct rig *r = running(false, 8, EVERYTHING);
	struct vq_chain c = chain();

	make_table(r, GPA0 + 0x200000, five + 2, 3);
	r->desc[0] = (struct wire_desc){ BORDER, 7, D_NEXT, 3 };
	r->desc[3] =
		(struct wire_desc){ GPA0 + 0x200000, 48, D_INDIRECT | D_WRITE, 0 };
	split_offer(r, 0);
	CHECK_EQ(virtq_pop(r->q, &c), 1);
	CHECK_EQ(c.n_out, 2);
	CHECK_EQ(c.out_len, 10);
	CHECK_EQ(c.n_in, 2);
	rig_destroy(r);
}

BOTH(indirect_table_of_1024_is_the_largest)
{
	struct rig *r = running(packed, 8, EVERYTHING);
	struct vq_chain c = chain();
	struct buf b[VIRTQ_CHAIN_MAX];

	for (uint16_t i = 0; i < VIRTQ_CHAIN_MAX; i++) {
		b[i] = (struct buf){ BORDER - 8 + i, 1, i >= 1000 };
	}
	make_table(r, GPA0 + 0x200000, b, VIRTQ_CHAIN_MAX);
	offer_table(r, GPA0 + 0x200000, 16 * VIRTQ_CHAIN_MAX);
	CHECK_EQ(virtq_pop(r->q, &c), 1);
	CHECK_EQ(c.n_out, 1000);
	CHECK_EQ(c.in_len, 24);
	offer_table(r, GPA0 + 0x200000, 16 * (VIRTQ_CHAIN_MAX + 1));
	check_broken(r, "indirect table of a wrong length");
}

static void check_bad_table_len(bool packed, uint32_t len)
{
	struct rig *r = running(packed, 8, EVERYTHING);

	offer_table(r, GPA0 + 0x200000, len);
	check_broken(r, "indirect table of a wrong length");
}

BOTH(indirect_length_is_whole_entries)
{
	check_bad_table_len(packed, 0);
	check_bad_table_len(packed, 15);
	check_bad_table_len(packed, 17);
	check_bad_table_len(packed, 0xffffffff);
	check_bad_table_len(packed, 0xfffffff0);
}

BOTH(indirect_needs_to_be_negotiated)
{
	struct rig *r = running(packed, 8, 0);

	make_table(r, GPA0 + 0x200000, five, 5);
	offer_table(r, GPA0 + 0x200000, 80);
	check_broken(r, "indirect descriptor, not negotiated");
}

BOTH(indirect_tables_do_not_nest)
{
	struct rig *r = running(packed, 8, EVERYTHING);
	struct wire_desc *t = mem_at(&r->mem, GPA0 + 0x200000);

	make_table(r, GPA0 + 0x200000, five, 5);
	*(packed ? &t[1].b : &t[1].a) |= D_INDIRECT;
	offer_table(r, GPA0 + 0x200000, 80);
	check_broken(r, "indirect table inside another");
}

BOTH(indirect_table_outside_memory_breaks)
{
	struct rig *r = running(packed, 8, EVERYTHING);

	offer_table(r, BORDER + REGION - 16, 32);
	check_broken(r, "indirect table outside the guest's memory");
	r = running(packed, 8, EVERYTHING);
	offer_table(r, UINT64_MAX - 15, 32);
	check_broken(r, "indirect table beyond the end of addresses");
}

TEST(split_indirect_with_next_breaks)
{
	struct rig *r = running(false, 8, EVERYTHING);

	make_table(r, GPA0 + 0x200000, five, 5);
	r->desc[0] = (struct wire_desc){ GPA0 + 0x200000, 80,
					 D_INDIRECT | D_NEXT, 1 };
	split_offer(r, 0);
	check_broken(r, "indirect descriptor with a next one");
}

TEST(split_indirect_loops_break)
{
	struct rig *r = running(false, 8, EVERYTHING);
	struct wire_desc *t = mem_at(&r->mem, GPA0 + 0x200000);

	for (int i = 0; i < 2; i++) {
		t[i] = (struct wire_desc){ BORDER, 1, D_NEXT,
					   (uint16_t)!i };
	}
	offer_table(r, GPA0 + 0x200000, 32);
	check_broken(r, "looped indirect table");
	r = running(false, 8, EVERYTHING);
	t = mem_at(&r->mem, GPA0 + 0x200000);
	t[0] = (struct wire_desc){ BORDER, 1, D_NEXT, 2 };
	offer_table(r, GPA0 + 0x200000, 32);
	check_broken(r, "next beyond the indirect table");
}

TEST(packed_indirect_in_a_list_breaks)
{
	struct rig *r = running(true, 8, EVERYTHING);
	struct wire_desc d[2] = {
		{ BORDER, 1, 0, D_NEXT },
		{ GPA0 + 0x200000, 80, 0, D_INDIRECT },
	};

	make_table(r, GPA0 + 0x200000, five, 5);
	packed_offer(r, d, 2);
	check_broken(r, "indirect descriptor in a list");
}

TEST(direct_and_indirect_count_together)
{
	struct rig *r = running(false, 8, EVERYTHING);
	struct buf b[VIRTQ_CHAIN_MAX];

	for (uint16_t i = 0; i < VIRTQ_CHAIN_MAX; i++) {
		b[i] = (struct buf){ BORDER, 1, true };
	}
	make_table(r, GPA0 + 0x200000, b, VIRTQ_CHAIN_MAX);
	r->desc[0] = (struct wire_desc){ BORDER, 7, D_NEXT, 3 };
	r->desc[3] = (struct wire_desc){ GPA0 + 0x200000,
					 16 * VIRTQ_CHAIN_MAX, D_INDIRECT, 0 };
	split_offer(r, 0);
	check_broken(r, "chain of too many descriptors");
}

/* ---- buffers ---- */

BOTH(buffer_across_regions_comes_in_pieces)
{
	struct rig *r = running(packed, 8, 0);
	struct buf b = { BORDER - 3, 10, true };
	struct vq_chain c = chain();
	struct iovec iov[3];

	rig_offer(r, &b, 1);
	CHECK_EQ(virtq_pop(r->q, &c), 1);
	CHECK_EQ(c.n_in, 2);
	CHECK_EQ(c.in_len, 10);
	CHECK_EQ(vq_fill(&c, 1, 'x', 100), 9);
	CHECK(!memcmp(mem_at(&r->mem, BORDER - 3), "\0xx", 3));
	CHECK(!memcmp(mem_at(&r->mem, BORDER), "xxxxxxx\0", 8));
	CHECK_EQ(vq_in(&c, 2, 3, iov, 3), 2);
	CHECK(iov[0].iov_base == mem_at(&r->mem, BORDER - 1));
	CHECK_EQ(iov[0].iov_len, 1);
	CHECK_EQ(iov[1].iov_len, 2);
	CHECK_EQ(vq_in(&c, 2, 3, iov, 1), -E2BIG);
	CHECK_EQ(vq_in(&c, 2, 9, iov, 3), -ERANGE);
	CHECK_EQ(vq_in(&c, 10, 0, iov, 3), 0);
	CHECK_EQ(vq_in(&c, 11, 1, iov, 3), -ERANGE);
	CHECK_EQ(vq_out(&c, 0, 1, iov, 3), -ERANGE);
	rig_destroy(r);
}

BOTH(empty_buffers_are_no_pieces)
{
	struct rig *r = running(packed, 8, 0);
	struct buf b[3] = { { 0, 0, false },
			    { BORDER, 5, false },
			    { UINT64_MAX, 0, true } };
	struct vq_chain c = chain();
	char buf[8];

	rig_offer(r, b, 3);
	CHECK_EQ(virtq_pop(r->q, &c), 1);
	CHECK_EQ(c.n_out, 1);
	CHECK_EQ(c.n_in, 0);
	CHECK_EQ(vq_read(&c, 0, buf, 8), 5);
	CHECK_EQ(vq_write(&c, 0, buf, 8), 0);
	rig_destroy(r);
}

BOTH(bytes_are_found_however_the_driver_cuts_them)
{
	struct rig *r = running(packed, 64, 0);
	struct buf b[40];
	struct vq_chain c = chain();
	char buf[20];

	for (uint16_t i = 0; i < 40; i++) {
		b[i] = (struct buf){ BORDER + 100u * i, 1, i >= 20 };
		*(char *)mem_at(&r->mem, b[i].gpa) = (char)('a' + i);
	}
	rig_offer(r, b, 40);
	CHECK_EQ(virtq_pop(r->q, &c), 1);
	CHECK_EQ(vq_read(&c, 3, buf, 10), 10);
	CHECK(!memcmp(buf, "defghijklm", 10));
	CHECK_EQ(vq_write(&c, 17, "XYZZZ", 5), 3);
	CHECK_EQ(*(char *)mem_at(&r->mem, b[39].gpa), 'Z');
	rig_destroy(r);
}

BOTH(chain_that_does_not_fit_the_device_is_answered_and_counted)
{
	struct rig *r = running(packed, 16, 0);
	struct buf b[5];
	struct iovec iov[4];
	struct vq_chain c = { .iov = iov, .max_iov = 4 };
	struct virtq_counts n;
	int big, small;

	for (uint16_t i = 0; i < 5; i++) {
		b[i] = (struct buf){ BORDER + i, 1, true };
	}
	big = rig_offer(r, b, 5);
	small = rig_offer(r, b, 4);
	CHECK_EQ(virtq_pop(r->q, &c), 1);
	CHECK_EQ(c.n_in, 4);
	virtq_push(r->q, &c, 4);
	virtq_flush(r->q);
	check_used(r, big, 0);
	check_used(r, small, 4);
	virtq_get_counts(r->q, &n);
	CHECK_EQ(n.too_long, 1);
	CHECK_EQ(n.bytes_out, 4);
	rig_destroy(r);
}

static void check_bad_buffer(bool packed, uint64_t gpa, uint32_t len,
			     const char *why)
{
	struct rig *r = running(packed, 8, 0);
	struct buf b = { gpa, len, true };

	rig_offer(r, &b, 1);
	check_broken(r, why);
}

BOTH(buffer_outside_memory_breaks)
{
	const char *outside = "buffer outside the guest's memory";

	check_bad_buffer(packed, 0, 1, outside);
	check_bad_buffer(packed, GPA0 - 1, 2, outside);
	check_bad_buffer(packed, BORDER + REGION - 1, 2, outside);
	check_bad_buffer(packed, BORDER, 0xffffffff, outside);
	check_bad_buffer(packed, UINT64_MAX - 4095, 4096,
			 "buffer beyond the end of addresses");
}

BOTH(four_gigabytes_in_one_chain_break)
{
	/* The memory is small, so the same part is offered again and again. */
	struct rig *r = running(packed, 2048, 0);
	struct buf b[1024];

	for (int i = 0; i < 1024; i++) {
		b[i] = (struct buf){ GPA0, REGION, true };
	}
	rig_offer(r, b, 1024);
	check_broken(r, "chain of 4 GiB and more");
}

BOTH(readable_behind_writable_breaks)
{
	struct rig *r = running(packed, 8, 0);
	struct buf b[2] = { { BORDER, 1, true }, { BORDER, 1, false } };

	rig_offer(r, b, 2);
	check_broken(r, "readable buffer behind a writable one");
}

/* ---- rings ---- */

TEST(split_index_jump_breaks)
{
	struct rig *r = running(false, 8, 0);

	r->avail[1] = 9;
	check_broken(r, "available index jumps beyond the ring");
	r = running(false, 8, 0);
	r->avail[1] = 0xffff;
	check_broken(r, "available index jumps beyond the ring");
}

TEST(split_head_and_next_beyond_the_ring_break)
{
	struct rig *r = running(false, 8, 0);

	split_offer(r, 8);
	check_broken(r, "head beyond the ring");
	r = running(false, 8, 0);
	r->desc[0] = (struct wire_desc){ BORDER, 1, D_NEXT, 8 };
	split_offer(r, 0);
	check_broken(r, "next beyond the ring");
}

TEST(split_loops_break)
{
	struct rig *r = running(false, 8, 0);

	r->desc[0] = (struct wire_desc){ BORDER, 1, D_NEXT, 1 };
	r->desc[1] = (struct wire_desc){ BORDER, 1, D_NEXT, 0 };
	split_offer(r, 0);
	check_broken(r, "looped chain");
	r = running(false, 8, 0);
	r->desc[5] = (struct wire_desc){ BORDER, 1, D_NEXT, 5 };
	split_offer(r, 5);
	check_broken(r, "looped chain");
	r = running(false, 2048, 0);
	r->desc[0] = (struct wire_desc){ BORDER, 1, D_NEXT, 0 };
	split_offer(r, 0);
	check_broken(r, "chain of too many descriptors");
}

TEST(split_head_offered_twice_breaks)
{
	struct rig *r = running(false, 8, 0);
	struct vq_chain c = chain();

	r->desc[3] = (struct wire_desc){ BORDER, 1, 0, 0 };
	split_offer(r, 3);
	split_offer(r, 3);
	CHECK_EQ(virtq_pop(r->q, &c), 1);
	check_broken(r, "head already in flight");
}

TEST(packed_id_offered_twice_breaks)
{
	struct rig *r = running(true, 8, 0);
	struct wire_desc d = { BORDER, 1, 3, 0 };
	struct vq_chain c = chain();

	packed_offer(r, &d, 1);
	packed_offer(r, &d, 1);
	CHECK_EQ(virtq_pop(r->q, &c), 1);
	check_broken(r, "buffer id already in flight");
}

TEST(packed_id_beyond_the_ring_breaks)
{
	struct rig *r = running(true, 8, 0);
	struct wire_desc d = { BORDER, 1, 8, 0 };

	packed_offer(r, &d, 1);
	check_broken(r, "buffer id beyond the ring");
}

TEST(packed_loops_break)
{
	struct rig *r = running(true, 8, 0);
	struct wire_desc d[8];

	for (int i = 0; i < 8; i++) {
		d[i] = (struct wire_desc){ BORDER, 1, 0, D_NEXT };
	}
	packed_offer(r, d, 8);
	check_broken(r, "more descriptors than slots");
}

TEST(packed_driver_does_not_overtake_us)
{
	struct rig *r = running(true, 8, 0);
	struct vq_chain c = chain();

	/* All slots taken, none given back, and a lap more offered. */
	for (uint16_t i = 0; i < 8; i++) {
		struct wire_desc d = { BORDER, 1, i, 0 };

		packed_offer(r, &d, 1);
		CHECK_EQ(virtq_pop(r->q, &c), 1);
	}
	packed_offer(r, &(struct wire_desc){ BORDER, 1, 0, 0 }, 1);
	check_broken(r, "more descriptors than slots");
}

BOTH(chains_in_flight_at_a_break_end_quietly)
{
	struct rig *r = running(packed, 8, 0);
	struct vq_chain c = chain();
	uint16_t id;
	uint32_t len;

	rig_request(r, 64);
	CHECK_EQ(virtq_pop(r->q, &c), 1);
	virtq_break(r->q, "as a device says");
	CHECK_STR(virtq_why(r->q), "as a device says");
	virtq_push(r->q, &c, 1);
	virtq_flush(r->q);
	CHECK_EQ(virtq_in_flight(r->q), 0);
	CHECK_EQ(rig_used(r, &id, &len), 0);
	CHECK_EQ(virtq_ready(r->q), false);
	CHECK_EQ(virtq_want_kick(r->q, true), false);
	virtq_stop(r->q);
	CHECK(virtq_broken(r->q)); /* until it is started anew */
	rig_rings(r);
	CHECK_EQ(rig_start(r), 0);
	CHECK(!virtq_broken(r->q));
	CHECK(!virtq_why(r->q));
	rig_destroy(r);
}

BOTH(flood_of_oversized_chains_ends)
{
	/* A guest with a second processor refills as we skip: the ring's own
	 * descriptors stay put, only the index runs. */
	struct rig *r = running(packed, 4, 0);
	struct buf b[2] = { { BORDER, 1, true }, { BORDER + 9, 1, true } };
	struct iovec iov[1];
	struct vq_chain c = { .iov = iov, .max_iov = 1 };
	struct virtq_counts n;

	for (int i = 0; i < 2; i++) {
		rig_offer(r, b, 2);
	}
	CHECK_EQ(virtq_pop(r->q, &c), 0);
	virtq_get_counts(r->q, &n);
	CHECK_EQ(n.too_long, 2);
	rig_destroy(r);
}

BOTH(memory_that_goes_away_breaks)
{
	struct rig *r = running(packed, 8, 0);

	rig_request(r, 64);
	r->mem.gone[0] = true;
	r->mem.gen++;
	check_broken(r, "ring outside the guest's memory");
}

BOTH(memory_that_moves_is_followed)
{
	struct rig *r = running(packed, 8, 0);
	struct vq_chain c = chain();
	uint8_t *other = rig_region();
	int id = rig_request(r, 64);

	serve(r, 1);
	check_used(r, id, 1);
	memcpy(other, r->mem.host[1], REGION);
	munmap(r->mem.host[1], REGION);
	r->mem.host[1] = other;
	r->mem.gen++;
	rig_request(r, 64);
	CHECK_EQ(virtq_pop(r->q, &c), 1);
	CHECK(c.iov[1].iov_base == other + 8192);
	rig_destroy(r);
}

BOTH(bad_rings_do_not_start)
{
	struct rig *r = rig_create(packed, 8, 0);
	struct virtq_setup good = r->s;
	struct av_err err = { .code = 0 };

	r->s.num = 0;
	CHECK_EQ(virtq_start(r->q, &r->s, &err), -EINVAL);
	CHECK(err.msg[0]);
	r->s.num = 32769;
	CHECK_EQ(rig_start(r), -EINVAL);
	r->s = good;
	r->s.desc += 8;
	CHECK_EQ(rig_start(r), -EINVAL);
	r->s = good;
	r->s.used += 1;
	CHECK_EQ(rig_start(r), -EINVAL);
	r->s = good;
	r->s.avail = UVA0;
	CHECK_EQ(rig_start(r), -EINVAL);
	r->s = good;
	r->s.desc = UVA0 + BORDER - 16;
	CHECK_EQ(rig_start(r), -EINVAL);
	if (packed) {
		r->s = good;
		r->s.base = 8;
		CHECK_EQ(rig_start(r), -EINVAL);
	} else {
		r->s = good;
		r->s.num = 6;
		CHECK_EQ(rig_start(r), -EINVAL);
	}
	CHECK(!virtq_running(r->q));
	r->s = good;
	CHECK_EQ(rig_start(r), 0);
	rig_destroy(r);
}

BOTH(overlapping_rings_hurt_nobody_else)
{
	struct rig *r = rig_create(packed, 8, 0);
	struct vq_chain c = chain();

	r->s.used = r->s.desc;
	r->s.avail = r->s.desc;
	if (rig_start(r)) {
		fail_msg("refused");
	}
	for (int i = 0; i < 100 && virtq_pop(r->q, &c) == 1; i++) {
		virtq_push(r->q, &c, 0);
		virtq_flush(r->q);
	}
	rig_destroy(r);
}

/* ---- dirty log ---- */

BOTH(what_we_write_is_logged)
{
	struct rig *r = rig_create(packed, 8, 0);
	struct buf b[2] = { { BORDER - 3, 10, true }, { BORDER + 99, 5, true } };

	r->mem.logging = true;
	CHECK_EQ(rig_start(r), 0);
	rig_offer(r, b, 2);
	r->mem.dirty_bytes = 0;
	serve(r, 12);
	CHECK_EQ(r->mem.dirty_bytes, 12); /* buffers; the ring only if told */
	virtq_set_log(r->q, true, 0xabc000);
	rig_offer(r, b, 2);
	r->mem.dirty_bytes = 0;
	serve(r, 0);
	CHECK_EQ(r->mem.dirty_bytes, packed ? 16 + 2 : 8 + 2);
	CHECK_EQ(r->mem.last_dirty, packed ? GPA0 + 2 * 16 + 14 : 0xabc002);
	rig_destroy(r);
}

/* A front-end takes the marks and copies the page between the two. */
BOTH(what_publishes_is_logged_once_more)
{
	struct rig *r = rig_create(packed, 8, 0);
	struct vq_chain c = { .iov = g_iov, .max_iov = VIRTQ_IOV_MAX };

	r->mem.logging = true;
	r->s.log_used = true;
	r->s.log_used_addr = r->s.used - UVA0;
	CHECK_EQ(rig_start(r), 0);
	for (int i = 0; i < 3; i++) {
		rig_request(r, 5);
		rig_request(r, 5);
		CHECK_EQ(virtq_pop(r->q, &c), 1);
		virtq_push(r->q, &c, 5);
		CHECK_EQ(virtq_pop(r->q, &c), 1);
		virtq_push(r->q, &c, 5);
		r->mem.dirty_bytes = 0;
		virtq_flush(r->q);
		CHECK_EQ(r->mem.dirty_bytes, 2);
		/* the first one's flags; or the index */
		CHECK_EQ(r->mem.last_dirty,
			 packed ? GPA0 + 16 * (i * 4 % 8) + 14
				: r->s.used - UVA0 + 2);
		for (int k = 0; k < 2; k++) {
			uint16_t id;
			uint32_t len;

			CHECK_EQ(rig_used(r, &id, &len), 1);
		}
	}
	r->mem.dirty_bytes = 0;
	virtq_want_kick(r->q, false);
	CHECK_EQ(r->mem.dirty_bytes, packed ? 4 : 2);
	CHECK_EQ(r->mem.last_dirty, r->s.used - UVA0);
	rig_destroy(r);
}

/* ---- in flight ---- */

static void *table_of(struct rig *r)
{
	size_t n = virtq_inflight_size(r->num, r->packed);
	void *t = aligned_alloc(64, n);

	CHECK_EQ(n % 64, 0);
	virtq_inflight_init(t, r->num, r->packed);
	r->s.inflight = t;
	r->s.inflight_num = r->num;
	return t;
}

/* The back-end dies and another one comes. QEMU makes up a base: the used index
 * (split), the one of the last start (packed). */
static void die(struct rig *r)
{
	virtq_destroy(r->q);
	r->q = virtq_create(0);
	if (!r->packed) {
		r->s.base = r->used[1];
	}
	CHECK_EQ(rig_start(r), 0);
}

BOTH(requests_in_flight_come_again_in_their_order)
{
	struct rig *r = rig_create(packed, 32, EVERYTHING);
	void *table = table_of(r);
	struct iovec iov[6][4];
	struct vq_chain c[6];
	int id[7];

	CHECK_EQ(rig_start(r), 0);
	for (int lap = 0; lap < 40; lap++) {
		for (int i = 0; i < 6; i++) {
			id[i] = rig_request(r, 64);
			c[i] = (struct vq_chain){ .iov = iov[i], .max_iov = 4 };
			CHECK_EQ(virtq_pop(r->q, &c[i]), 1);
		}
		virtq_push(r->q, &c[3], 3);
		virtq_push(r->q, &c[1], 1);
		virtq_flush(r->q);
		virtq_push(r->q, &c[0], 77); /* done, not yet published */
		id[6] = rig_request(r, 64);  /* never seen */
		die(r);
		check_used(r, id[3], 3);
		check_used(r, id[1], 1);
		CHECK(virtq_ready(r->q));
		serve(r, 10);
		check_used(r, id[0], 10);
		serve(r, 12);
		check_used(r, id[2], 12);
		die(r); /* again, while recovering */
		serve(r, 14);
		check_used(r, id[4], 14);
		serve(r, 15);
		check_used(r, id[5], 15);
		serve(r, 16);
		check_used(r, id[6], 16);
		CHECK_EQ(virtq_ready(r->q), false);
	}
	rig_destroy(r);
	free(table);
}

BOTH(stop_without_finishing_keeps_the_rest)
{
	struct rig *r = rig_create(packed, 8, EVERYTHING);
	void *table = table_of(r);
	struct iovec iov[2][4];
	struct vq_chain a = { .iov = iov[0], .max_iov = 4 };
	struct vq_chain b = { .iov = iov[1], .max_iov = 4 };

	CHECK_EQ(rig_start(r), 0);
	for (int lap = 0; lap < 20; lap++) {
		int x = rig_request(r, 64), y = rig_request(r, 64);

		CHECK_EQ(virtq_pop(r->q, &a), 1);
		CHECK_EQ(virtq_pop(r->q, &b), 1);
		virtq_push(r->q, &b, 5);
		r->s.base = virtq_stop(r->q);
		CHECK_EQ(rig_start(r), 0);
		check_used(r, y, 5);
		serve(r, 6);
		check_used(r, x, 6);
	}
	rig_destroy(r);
	free(table);
}

BOTH(unpop_leaves_nothing_in_the_table)
{
	struct rig *r = rig_create(packed, 8, EVERYTHING);
	void *table = table_of(r);
	struct vq_chain c = chain();

	CHECK_EQ(rig_start(r), 0);
	for (int lap = 0; lap < 20; lap++) {
		int x = rig_request(r, 64), y = rig_request(r, 64);

		CHECK_EQ(virtq_pop(r->q, &c), 1);
		virtq_unpop(r->q, &c);
		die(r);
		CHECK_EQ(virtq_pop(r->q, &c), 1);
		CHECK_EQ(c.head, x);
		die(r);
		CHECK_EQ(virtq_pop(r->q, &c), 1); /* one that comes again */
		virtq_unpop(r->q, &c);
		serve(r, 1);
		serve(r, 2);
		check_used(r, x, 1);
		check_used(r, y, 2);
	}
	rig_destroy(r);
	free(table);
}

BOTH(table_that_does_not_fit_is_refused)
{
	struct rig *r = rig_create(packed, 8, 0);
	uint8_t *table = table_of(r);
	struct av_err err = { .code = 0 };

	r->s.inflight_num = 4;
	CHECK_EQ(virtq_start(r->q, &r->s, &err), -EINVAL);
	r->s.inflight_num = 8;
	table[8] = 9;
	CHECK_EQ(virtq_start(r->q, &r->s, &err), -EINVAL);
	CHECK_STR(err.msg, "queue 0: in-flight table of version 9");
	r->s.inflight = table + 1;
	CHECK_EQ(virtq_start(r->q, &r->s, &err), -EINVAL);
	rig_destroy(r);
	free(table);
}

/* A front-end may write anything into the table between two starts. */
BOTH(nonsense_in_the_table_is_survived)
{
	struct rig *r = rig_create(packed, 8, EVERYTHING);
	uint8_t *table = table_of(r);
	size_t n = virtq_inflight_size(8, packed);
	uint32_t x = 1;

	for (int lap = 0; lap < 20000; lap++) {
		struct vq_chain c = chain();

		rig_rings(r);
		for (size_t i = 0; i < n; i++) {
			x = x * 1664525 + 1013904223;
			table[i] = lap & 1 ? (uint8_t)(x >> 24)
					   : (uint8_t)(x >> 24 & 9);
		}
		table[8] = 1;
		table[9] = 0;
		rig_request(r, 64);
		if (rig_start(r)) {
			continue;
		}
		for (int i = 0; i < 20 && virtq_pop(r->q, &c) == 1; i++) {
			virtq_push(r->q, &c, 0);
		}
		virtq_flush(r->q);
		virtq_stop(r->q);
	}
	rig_destroy(r);
	free(table);
}

int main(void)
{
	return RUN_TESTS(
		T2(chain_arrives_with_its_bytes_and_goes_back_with_ours),
		T2(written_is_never_more_than_there_is_room), T2(indices_wrap),
		T2(odd_chains_fill_a_ring_to_its_end),
		T2(completions_may_come_in_any_order),
		T2(in_order_holds_younger_ones_back),
		T2(unpopped_chain_comes_again),
		T2(stop_and_start_go_on_where_it_was),
		T(in_order_goes_on_behind_the_used_index),
		T(split_finds_its_place_by_the_used_index),
		T2(largest_ring_works),
		T(packed_ring_need_not_be_a_power_of_two),
		T2(driver_is_interrupted_at_its_event_only),
		T2(burst_across_the_event_interrupts_once),
		T2(exposed_ones_are_seen_and_interrupt_with_the_flush),
		T2(laps_of_exposed_ones_pass_no_event_by),
		T2(driver_that_wants_no_interrupts_gets_none),
		T2(driver_kicks_only_an_idle_device_with_event_index),
		T2(driver_kicks_as_flags_say_without_event_index),
		T2(start_and_new_call_descriptor_signal_once),
		T2(indirect_table_is_read),
		T2(indirect_table_may_lie_across_regions),
		T2(indirect_table_may_lie_at_an_odd_address),
		T(split_indirect_may_follow_direct_descriptors),
		T2(indirect_table_of_1024_is_the_largest),
		T2(indirect_length_is_whole_entries),
		T2(indirect_needs_to_be_negotiated),
		T2(indirect_tables_do_not_nest),
		T2(indirect_table_outside_memory_breaks),
		T(split_indirect_with_next_breaks),
		T(split_indirect_loops_break),
		T(packed_indirect_in_a_list_breaks),
		T(direct_and_indirect_count_together),
		T2(buffer_across_regions_comes_in_pieces),
		T2(empty_buffers_are_no_pieces),
		T2(bytes_are_found_however_the_driver_cuts_them),
		T2(chain_that_does_not_fit_the_device_is_answered_and_counted),
		T2(buffer_outside_memory_breaks),
		T2(four_gigabytes_in_one_chain_break),
		T2(readable_behind_writable_breaks), T(split_index_jump_breaks),
		T(split_head_and_next_beyond_the_ring_break),
		T(split_loops_break), T(split_head_offered_twice_breaks),
		T(packed_id_offered_twice_breaks),
		T(packed_id_beyond_the_ring_breaks), T(packed_loops_break),
		T(packed_driver_does_not_overtake_us),
		T2(chains_in_flight_at_a_break_end_quietly),
		T2(flood_of_oversized_chains_ends),
		T2(memory_that_goes_away_breaks),
		T2(memory_that_moves_is_followed), T2(bad_rings_do_not_start),
		T2(overlapping_rings_hurt_nobody_else),
		T2(what_we_write_is_logged),
		T2(what_publishes_is_logged_once_more),
		T2(requests_in_flight_come_again_in_their_order),
		T2(stop_without_finishing_keeps_the_rest),
		T2(unpop_leaves_nothing_in_the_table),
		T2(table_that_does_not_fit_is_refused),
		T2(nonsense_in_the_table_is_survived));
}
