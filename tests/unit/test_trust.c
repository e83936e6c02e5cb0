/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a hostile guest or front-end may say, check by check. That the checks
 * are asked where they must be is for test_virtq, test_vhost_user and the
 * attack tests to show.
 */
#include "config.h"

#include "tests/unit/test.h"
#include "vdevices/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>

TEST(trust_driver_index_is_at_most_one_lap_ahead)
{
	CHECK(trust_avail(5, 5, 8));
	CHECK(trust_avail(13, 5, 8));
	CHECK(!trust_avail(14, 5, 8));
	CHECK(!trust_avail(4, 5, 8)); /* 65535 ahead */
	CHECK(trust_avail(3, 65531, 8));
	CHECK(!trust_avail(4, 65531, 8));
	CHECK(trust_avail(32768, 0, 32768));
	CHECK(!trust_avail(32769, 0, 32768));
}

TEST(trust_heads_and_links_are_inside_the_table)
{
	CHECK(trust_index(0, 1) && trust_index(255, 256));
	CHECK(!trust_index(256, 256) && !trust_index(0, 0));
	CHECK(!trust_index(UINT32_MAX, 256));
}

TEST(trust_ranges_do_not_wrap)
{
	CHECK(trust_range(0, UINT64_MAX));
	CHECK(trust_range(UINT64_MAX, 0));
	CHECK(!trust_range(UINT64_MAX, 1));
	CHECK(!trust_range(1, UINT64_MAX));
}

TEST(trust_indirect_tables_are_whole_some_and_not_huge)
{
	CHECK(!trust_indirect_len(0));
	CHECK(!trust_indirect_len(15) && !trust_indirect_len(17));
	CHECK(trust_indirect_len(16));
	CHECK(trust_indirect_len(16 * VIRTQ_CHAIN_MAX));
	CHECK(!trust_indirect_len(16 * (VIRTQ_CHAIN_MAX + 1)));
	CHECK(!trust_indirect_len(UINT32_MAX & ~15u));
}

TEST(trust_ring_sizes)
{
	for (int packed = 0; packed < 2; packed++) {
		CHECK(!trust_ring_num(0, packed));
		CHECK(!trust_ring_num(32769, packed));
		CHECK(!trust_ring_num(65536, packed));
		CHECK(!trust_ring_num(UINT32_MAX, packed));
		CHECK(trust_ring_num(1, packed));
		CHECK(trust_ring_num(32768, packed));
		CHECK_EQ(trust_ring_num(3, packed), packed);
		CHECK_EQ(trust_ring_num(32767, packed), packed);
	}
}

TEST(trust_ring_alignment)
{
	CHECK(trust_ring_align(16, 2, 4));
	CHECK(!trust_ring_align(8, 2, 4));
	CHECK(!trust_ring_align(16, 1, 4));
	CHECK(!trust_ring_align(16, 2, 2));
}

static int region_of(uint64_t gpa, uint64_t size, uint64_t uva, uint64_t offset,
		     int64_t file)
{
	struct gm_region r = { gpa, size, uva, offset };
	struct av_err err = { 0 };
	int ret = trust_region(&r, file, &err);

	CHECK_EQ(ret == 0, err.msg[0] == '\0');
	return ret;
}

TEST(trust_regions_are_some_bytes_of_their_file_and_do_not_wrap)
{
	CHECK_EQ(region_of(0, 4096, 0, 0, 4096), 0);
	CHECK_EQ(region_of(0, 4096, 0, 0, -1), 0); /* no regular file */
	CHECK_EQ(region_of(0, 0, 0, 0, 4096), -EINVAL);
	CHECK_EQ(region_of(0, 4097, 0, 0, 4096), -EINVAL);
	CHECK_EQ(region_of(0, 4096, 0, 1, 4096), -EINVAL);
	CHECK_EQ(region_of(0, 4095, 0, 1, 4096), 0);
	CHECK_EQ(region_of(0, 1, 0, 4096, 4096), -EINVAL);
	CHECK_EQ(region_of(0, UINT64_MAX, 0, 0, -1), -EINVAL);
	CHECK_EQ(region_of(0, 4096, 0, UINT64_MAX - 4095, -1), -EINVAL);
	CHECK_EQ(region_of(0, 4096, 0, UINT64_MAX, 4096), -EINVAL);
	CHECK_EQ(region_of(UINT64_MAX - 4095, 4096, 0, 0, 4096), -EINVAL);
	CHECK_EQ(region_of(0, 4096, UINT64_MAX - 4095, 0, 4096), -EINVAL);
	CHECK_EQ(region_of(UINT64_MAX - 4096, 4096, 0, 0, 4096), 0);
}

TEST(trust_regions_do_not_overlap_in_the_guest)
{
	const struct gm_region have[] = {
		{ .gpa = 0x10000, .size = 0x1000, .uva = 0x1000 },
		{ .gpa = 0x20000, .size = 0x1000, .uva = 0x2000 },
	};
	static const struct {
		uint64_t gpa, size;
		bool ok;
	} t[] = {
		{ 0x11000, 0x1000, true },  { 0xf000, 0x1000, true },
		{ 0xf001, 0x1000, false },  { 0x10fff, 1, false },
		{ 0x10800, 0x10, false },   { 0, 0x100000, false },
		{ 0x20000, 0x1000, false }, { 0x11000, 0xf001, false },
		{ 0x11000, 0xf000, true },
	};

	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		struct gm_region r = { .gpa = t[i].gpa,
				       .size = t[i].size,
				       .uva = 0x1000 };
		struct av_err err = { 0 };

		CHECK_EQ(trust_region_new(&r, have, 2, &err),
			 t[i].ok ? 0 : -EINVAL);
	}
}

static int msg_of(uint32_t flags, uint32_t size, size_t n_fds,
		  const struct trust_shape *shape)
{
	struct vu_header h = { 5, flags, size };
	struct av_err err = { 0 };
	int ret = trust_msg(&h, n_fds, shape, &err);

	CHECK_EQ(ret == 0, err.msg[0] == '\0');
	return ret;
}

TEST(trust_message_headers)
{
	static const struct trust_shape some = { 8, 40, 1 };
	static const struct trust_shape table = { 8, 1032, 32 };

	CHECK_EQ(msg_of(1, 8, 0, &some), 0);
	CHECK_EQ(msg_of(1 | VU_FLAG_NEED_REPLY, 40, 1, &some), 0);
	CHECK_EQ(msg_of(0, 8, 0, &some), -EPROTO);
	CHECK_EQ(msg_of(2, 8, 0, &some), -EPROTO);
	CHECK_EQ(msg_of(1 | VU_FLAG_REPLY, 8, 0, &some), -EPROTO);
	CHECK_EQ(msg_of(1, 7, 0, &some), -EPROTO);
	CHECK_EQ(msg_of(1, 41, 0, &some), -EPROTO);
	CHECK_EQ(msg_of(1, UINT32_MAX, 0, &some), -EPROTO);
	CHECK_EQ(msg_of(1, 8, 8, &some), 0);
	CHECK_EQ(msg_of(1, 8, 9, &some), -EPROTO);
	CHECK_EQ(msg_of(1, 1032, 32, &table), 0);
	CHECK_EQ(msg_of(1, 1032, 33, &table), -EPROTO);
	/* unknown: only what any message must keep */
	CHECK_EQ(msg_of(1, VU_MAX_PAYLOAD, 8, NULL), 0);
	CHECK_EQ(msg_of(1, VU_MAX_PAYLOAD + 1, 0, NULL), -EPROTO);
	CHECK_EQ(msg_of(1, 0, 9, NULL), -EPROTO);
}

TEST(trust_config_windows)
{
	CHECK(trust_config(0, 24, 24));
	CHECK(trust_config(24, 0, 24));
	CHECK(!trust_config(0, 25, 24));
	CHECK(!trust_config(25, 0, 24));
	CHECK(!trust_config(1, UINT32_MAX, 24));
	CHECK(!trust_config(UINT32_MAX, 1, 24));
	CHECK(trust_config(0, 256, 256));
	CHECK(!trust_config(0, 257, 257));
}

TEST(trust_in_flight_tables_fit_their_queues)
{
	struct vu_inflight f = { 0, 0, 2, 256 };
	struct av_err err = { 0 };
	size_t each = virtq_inflight_size(256, false);

	CHECK_EQ(trust_inflight(&f, 2, false, &err), 0);
	CHECK_EQ(trust_inflight(&f, 1, false, &err), -EINVAL);
	f.size = 2 * each;
	CHECK_EQ(trust_inflight(&f, 2, false, &err), 0);
	f.size--;
	CHECK_EQ(trust_inflight(&f, 2, false, &err), -EINVAL);
	f.queues = 0;
	CHECK_EQ(trust_inflight(&f, 2, false, &err), -EINVAL);
	f.queues = 1;
	CHECK_EQ(trust_inflight(&f, 2, false, &err), 0);
	f.queue_size = 0;
	CHECK_EQ(trust_inflight(&f, 2, false, &err), -EINVAL);
	f.queue_size = 255;
	CHECK_EQ(trust_inflight(&f, 2, false, &err), -EINVAL);
	f.size = 1 << 20;
	CHECK_EQ(trust_inflight(&f, 2, true, &err), 0);
	f.offset = 64;
	CHECK_EQ(trust_inflight(&f, 2, true, &err), 0);
	f.offset = 63;
	CHECK_EQ(trust_inflight(&f, 2, true, &err), -EINVAL);
	f.offset = 0;
	f.queue_size = 65535;
	CHECK_EQ(trust_inflight(&f, 2, true, &err), -EINVAL);
}

TEST(trust_chains_have_their_writable_buffers_last)
{
	CHECK(trust_order(false, false));
	CHECK(trust_order(false, true));
	CHECK(trust_order(true, true));
	CHECK(!trust_order(true, false));
	CHECK(trust_chain_len(VIRTQ_CHAIN_MAX));
	CHECK(!trust_chain_len(VIRTQ_CHAIN_MAX + 1));
}

TEST(trust_only_what_was_offered_and_is_there)
{
	struct av_err err = { 0 };

	CHECK_EQ(trust_bits(5, 7, &err), 0);
	CHECK_EQ(trust_bits(9, 7, &err), -EINVAL);
	CHECK_EQ(trust_bits(1ULL << 63, ~0ULL >> 1, &err), -EINVAL);
	CHECK_EQ(trust_queue(1, 2, &err), 0);
	CHECK_EQ(trust_queue(2, 2, &err), -EPROTO);
	CHECK_EQ(trust_queue(UINT64_MAX, 2, &err), -EPROTO);
	CHECK_EQ(trust_one_fd(1, &err), 0);
	CHECK_EQ(trust_one_fd(0, &err), -EPROTO);
	CHECK_EQ(trust_one_fd(2, &err), -EPROTO);
}

TEST(trust_memory_tables_have_all_that_they_name)
{
	const uint32_t head = offsetof(struct vu_mem_table, region);
	const uint32_t each = sizeof(struct vu_region);
	struct vu_mem_table t = { .n = 2 };
	struct av_err err = { 0 };

	CHECK_EQ(trust_mem_table(&t, head + 2 * each, 2, &err), 0);
	CHECK_EQ(trust_mem_table(&t, head + 2 * each - 1, 2, &err), -EPROTO);
	CHECK_EQ(trust_mem_table(&t, head + 2 * each, 1, &err), -EPROTO);
	t.n = VU_MAX_REGIONS;
	CHECK_EQ(trust_mem_table(&t, sizeof(t), VU_MAX_REGIONS, &err), 0);
	t.n = UINT32_MAX;
	CHECK_EQ(trust_mem_table(&t, sizeof(t), VU_MAX_REGIONS, &err), -EPROTO);
	CHECK_EQ(trust_log(sizeof(struct vu_log), 1, &err), 0);
	CHECK_EQ(trust_log(sizeof(struct vu_log), 0, &err), -EPROTO);
	CHECK_EQ(trust_log(8, 1, &err), -EPROTO);
}

TEST(trust_kicks_name_a_queue_and_bring_a_descriptor_or_none)
{
	struct av_err err = { 0 };

	CHECK_EQ(trust_event(7, 1, &err), 0);
	CHECK_EQ(trust_event(7, 0, &err), -EPROTO);
	CHECK_EQ(trust_event(7 | TRUST_FD_NONE, 0, &err), 0);
	CHECK_EQ(trust_event(7 | TRUST_FD_NONE << 1, 1, &err), -EPROTO);
	CHECK_EQ(trust_event(1ULL << 63, 1, &err), -EPROTO);
}

TEST(trust_config_messages_are_as_long_as_they_say)
{
	const uint32_t head = offsetof(struct vu_config, data);
	struct vu_config c = { .offset = 8, .size = 16 };
	struct av_err err = { 0 };

	CHECK_EQ(trust_config_read(&c, head + 16, 24, &err), 0);
	CHECK_EQ(trust_config_write(&c, head + 16, 24, &err), 0);
	/* a request may come without the bytes that it asks for */
	CHECK_EQ(trust_config_read(&c, head, 24, &err), 0);
	CHECK_EQ(trust_config_write(&c, head, 24, &err), -EPROTO);
	CHECK_EQ(trust_config_read(&c, head + 15, 24, &err), -EPROTO);
	CHECK_EQ(trust_config_write(&c, head + 17, 24, &err), -EPROTO);
	/* beyond the end is read as zeroes, and not written */
	CHECK_EQ(trust_config_read(&c, head + 16, 20, &err), 0);
	CHECK_EQ(trust_config_write(&c, head + 16, 20, &err), -ERANGE);
	CHECK_EQ(trust_config_read(&c, head + 16, 8, &err), -ERANGE);
	c.offset = UINT32_MAX;
	CHECK_EQ(trust_config_read(&c, head + 16, 24, &err), -ERANGE);
	CHECK_EQ(trust_config_write(&c, head + 16, 24, &err), -ERANGE);
}

TEST(trust_transfers_go_one_of_two_ways_while_stopped)
{
	struct vu_transfer t = { 0, 0 };
	struct av_err err = { 0 };

	CHECK_EQ(trust_transfer(&t, &err), 0);
	t.direction = 1;
	CHECK_EQ(trust_transfer(&t, &err), 0);
	t.phase = 1;
	CHECK_EQ(trust_transfer(&t, &err), -EINVAL);
	t = (struct vu_transfer){ 2, 0 };
	CHECK_EQ(trust_transfer(&t, &err), -EINVAL);
}

static bool event_mode(int fd)
{
	struct stat st;

	CHECK(fd >= 0);
	CHECK_EQ(fstat(fd, &st), 0);
	close(fd);
	return trust_event_mode(st.st_mode);
}

TEST(trust_event_descriptors_are_no_files_pipes_or_sockets)
{
	int p[2];

	CHECK(event_mode(eventfd(0, EFD_CLOEXEC)));
	CHECK(!event_mode(open("/dev/null", O_RDWR | O_CLOEXEC)));
	CHECK(!event_mode(open("/", O_RDONLY | O_CLOEXEC)));
	CHECK(!event_mode(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)));
	CHECK_EQ(pipe2(p, O_CLOEXEC), 0);
	CHECK(!event_mode(p[0]));
	CHECK(!event_mode(p[1]));
}

static bool state_mode(int fd)
{
	struct stat st;

	CHECK(fd >= 0);
	CHECK_EQ(fstat(fd, &st), 0);
	close(fd);
	return trust_state_mode(st.st_mode);
}

TEST(trust_state_descriptors_are_pipes_or_sockets)
{
	int p[2];

	CHECK_EQ(pipe2(p, O_CLOEXEC), 0);
	CHECK(state_mode(p[0]));
	CHECK(state_mode(p[1]));
	CHECK(state_mode(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)));
	CHECK(!state_mode(eventfd(0, EFD_CLOEXEC)));
	CHECK(!state_mode(open("/dev/null", O_RDWR | O_CLOEXEC)));
	CHECK(!state_mode(open("/", O_RDONLY | O_CLOEXEC)));
}

int main(void)
{
	return RUN_TESTS(
		T(trust_driver_index_is_at_most_one_lap_ahead),
		T(trust_heads_and_links_are_inside_the_table),
		T(trust_ranges_do_not_wrap),
		T(trust_indirect_tables_are_whole_some_and_not_huge),
		T(trust_ring_sizes), T(trust_ring_alignment),
		T(trust_regions_are_some_bytes_of_their_file_and_do_not_wrap),
		T(trust_regions_do_not_overlap_in_the_guest),
		T(trust_message_headers), T(trust_config_windows),
		T(trust_in_flight_tables_fit_their_queues),
		T(trust_chains_have_their_writable_buffers_last),
		T(trust_only_what_was_offered_and_is_there),
		T(trust_memory_tables_have_all_that_they_name),
		T(trust_kicks_name_a_queue_and_bring_a_descriptor_or_none),
		T(trust_config_messages_are_as_long_as_they_say),
		T(trust_transfers_go_one_of_two_ways_while_stopped),
		T(trust_event_descriptors_are_no_files_pipes_or_sockets),
		T(trust_state_descriptors_are_pipes_or_sockets));
}
