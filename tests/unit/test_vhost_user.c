/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "tests/unit/test.h"
#include "tests/unit/vu_rig.h"

TEST(vu_handshake_offers_what_it_does)
{
	struct rig g;

	rig_open(&g);
	CHECK_EQ(rig_call(&g, VU_GET_FEATURES, 0, NULL, 0, NULL, 0), 0);
	CHECK_EQ(g.h.request, VU_GET_FEATURES);
	CHECK_EQ(g.h.flags, VU_VERSION | VU_FLAG_REPLY);
	CHECK_EQ(g.h.size, 8);
	CHECK_EQ(g.p.u64, rig_features(NULL) | VHOST_F_LOG_ALL |
				  VHOST_USER_F_PROTOCOL_FEATURES);
	CHECK_EQ(rig_call(&g, VU_GET_PROTOCOL_FEATURES, 0, NULL, 0, NULL, 0),
		 0);
	CHECK_EQ(g.p.u64,
		 1u << VU_PF_MQ | 1u << VU_PF_LOG_SHMFD |
			 1u << VU_PF_REPLY_ACK | 1u << VU_PF_BACKEND_REQ |
			 1u << VU_PF_CONFIG | 1u << VU_PF_INFLIGHT_SHMFD |
			 1u << VU_PF_RESET_DEVICE |
			 1u << VU_PF_CONFIGURE_MEM_SLOTS | 1u << VU_PF_STATUS |
			 1u << VU_PF_DEVICE_STATE);
	CHECK_EQ(rig_u64(&g, VU_SET_PROTOCOL_FEATURES, g.p.u64), -EAGAIN);
	CHECK_EQ(rig_call(&g, VU_GET_QUEUE_NUM, 0, NULL, 0, NULL, 0), 0);
	CHECK_EQ(g.p.u64, RIG_QUEUES);
	CHECK_EQ(rig_call(&g, VU_GET_MAX_MEM_SLOTS, 0, NULL, 0, NULL, 0), 0);
	CHECK_EQ(g.p.u64, 512);
	rig_close(&g);
}

TEST(vu_queue_runs_with_kick_and_enable_and_serves)
{
	struct rig g;
	uint64_t n;

	rig_open(&g);
	rig_handshake(&g, RIG_FEATURES, 0);
	rig_add_mem(&g, 0);
	rig_setup_ring(&g, 0);
	CHECK(!vu_queue_runs(g.vu, 0));
	rig_offer(&g, RIG_GPA + RIG_BUF, 100); /* a kick before its time */
	rig_ring(&g, VU_SET_VRING_ENABLE, 0, 1);
	CHECK(vu_queue_runs(g.vu, 0) && !vu_queue_runs(g.vu, 1));
	CHECK_EQ(rig_used(&g), 1);
	CHECK_EQ(g.mem[RIG_BUF + 99], 'x');
	CHECK_EQ(read(g.call, &n, 8), 8);
	rig_offer(&g, RIG_GPA + RIG_BUF, 100);
	CHECK_EQ(rig_used(&g), 1);
	rig_kick(&g);
	CHECK_EQ(rig_used(&g), 2);
	CHECK_EQ(rig_ring(&g, VU_GET_VRING_BASE, 0, 0), 0);
	CHECK_EQ(g.p.state.index, 0);
	CHECK_EQ(g.p.state.num, 2);
	CHECK(!vu_queue_runs(g.vu, 0) && g.watched[0] == -1);
	rig_ring(&g, VU_SET_VRING_ENABLE, 0, 1); /* a new kick must come */
	CHECK(!vu_queue_runs(g.vu, 0));
	rig_close(&g);
	CHECK_EQ(g.stops, 1);
	CHECK_EQ(g.resets, 1);
}

/* The connection ends with @want, for reason @why. */
static void ends(struct rig *g, int ret, int want, const char *why)
{
	CHECK_EQ(ret, want);
	if (!strstr(g->err.msg, why)) {
		fail_msg("'%s', want '%s'", g->err.msg, why);
	}
	rig_hang_up(g);
	rig_connect(g);
	g->err.msg[0] = '\0';
}

static unsigned int open_fds(void)
{
	unsigned int n = 0;

	for (int fd = 0; fd < 1024; fd++) {
		n += fcntl(fd, F_GETFD) >= 0;
	}
	return n;
}

/* ---- framing ---- */

TEST(vu_message_may_come_byte_by_byte)
{
	struct vu_mem_slot s = { 0, rig_region() };
	struct vu_header h = { VU_ADD_MEM_REG, VU_VERSION | VU_FLAG_NEED_REPLY,
			       sizeof(s) };
	uint8_t buf[sizeof(h) + sizeof(s)];
	struct rig g;

	rig_open(&g);
	rig_handshake(&g, RIG_FEATURES, 0);
	memcpy(buf, &h, sizeof(h));
	memcpy(buf + sizeof(h), &s, sizeof(s));
	for (size_t i = 0; i < sizeof(buf); i++) {
		CHECK_EQ(rig_reply(&g), -EAGAIN);
		CHECK_EQ(rig_raw(&g, buf + i, 1, &g.mem_fd, i == 0), 1);
		CHECK_EQ(rig_serve(&g), 0);
	}
	CHECK_EQ(rig_reply(&g), 0);
	CHECK_EQ(g.p.u64, 0);
	rig_close(&g);
}

TEST(vu_messages_in_one_write_keep_their_own_descriptors)
{
	struct vu_mem_slot s = { 0, rig_region() };
	unsigned int before = open_fds();
	uint64_t zero = 0;
	struct rig g;

	rig_open(&g);
	rig_handshake(&g, RIG_FEATURES, 0);
	rig_send(&g, VU_ADD_MEM_REG, VU_FLAG_NEED_REPLY, &s, sizeof(s),
		 &g.mem_fd, 1);
	rig_send(&g, VU_SET_VRING_CALL, VU_FLAG_NEED_REPLY, &zero, 8, &g.call,
		 1);
	rig_send(&g, VU_GET_FEATURES, 0, NULL, 0, NULL, 0);
	rig_send(&g, VU_SET_VRING_KICK, VU_FLAG_NEED_REPLY, &zero, 8, &g.kick,
		 1);
	CHECK_EQ(rig_serve(&g), 0);
	for (int i = 0; i < 4; i++) {
		CHECK_EQ(rig_reply(&g), 0);
		CHECK(i == 2 || g.p.u64 == 0);
	}
	CHECK_EQ(g.notes, 1); /* the features */
	rig_close(&g);
	CHECK_EQ(open_fds(), before);
}

TEST(vu_nothing_is_read_after_the_end)
{
	struct vu_header bad = { VU_GET_FEATURES, VU_VERSION, UINT32_MAX };
	uint8_t junk[2 * VU_MAX_PAYLOAD] = { 0 };
	struct rig g;

	rig_open(&g);
	rig_raw(&g, &bad, sizeof(bad), NULL, 0);
	CHECK_EQ(rig_serve(&g), -EPROTO);
	rig_raw(&g, junk, sizeof(junk), &g.call, 1);
	CHECK_EQ(rig_serve(&g), -EPROTO);
	ends(&g, rig_serve(&g), -EPROTO, "over");
	rig_close(&g);
}

TEST(vu_half_a_message_ends_with_its_connection)
{
	struct vu_header h = { VU_SET_FEATURES, VU_VERSION, 8 };
	struct rig g;

	rig_open(&g);
	CHECK_EQ(rig_raw(&g, &h, 11, NULL, 0), 11);
	CHECK_EQ(rig_serve(&g), 0);
	shutdown(g.sock, SHUT_WR);
	ends(&g, rig_serve(&g), -EPROTO, "middle of a message");
	CHECK_EQ(rig_raw(&g, &h, 12, NULL, 0), 12);
	CHECK_EQ(rig_serve(&g), 0);
	shutdown(g.sock, SHUT_WR);
	ends(&g, rig_serve(&g), -EPROTO, "middle of a message");
	shutdown(g.sock, SHUT_WR);
	ends(&g, rig_serve(&g), -ECONNRESET, "hung up");
	rig_close(&g);
}

TEST(vu_malformed_headers_end_the_connection)
{
	static const struct {
		struct vu_header h;
		const char *why;
	} t[] = {
		{ { VU_GET_FEATURES, 0, 0 }, "GET_FEATURES: message of vers" },
		{ { VU_GET_FEATURES, 2, 0 }, "version" },
		{ { VU_GET_FEATURES, 5, 0 }, "a reply" },
		{ { VU_GET_FEATURES, 1, 1 }, "payload of 1 bytes, not 0 to 0" },
		{ { VU_SET_FEATURES, 1, 4 }, "payload of 4 bytes, not 8" },
		{ { VU_SET_MEM_TABLE, 1, 4 }, "payload" },
		{ { VU_SET_MEM_TABLE, 1, 1033 }, "payload" },
		{ { VU_GET_CONFIG, 1, 11 }, "payload" },
		{ { VU_GET_CONFIG, 1, 12 + 257 }, "payload" },
		{ { 9999, 1, VU_MAX_PAYLOAD + 1 }, "more than any" },
		{ { VU_SET_LOG_BASE, 1, UINT32_MAX }, "more than any" },
		{ { 0x20544547, 0x5448202f, 0x312e5054 }, "of version" },
	};
	struct rig g;

	rig_open(&g);
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		CHECK_EQ(rig_raw(&g, &t[i].h, sizeof(t[i].h), NULL, 0), 12);
		ends(&g, rig_serve(&g), -EPROTO, t[i].why);
	}
	rig_close(&g);
}

TEST(vu_too_many_descriptors_are_closed_and_end_the_connection)
{
	static const size_t counts[] = { 9, 32, 33, RIG_FDS_MAX };
	static const struct vu_mem_table table = { .n = VU_MAX_REGIONS };
	int fds[RIG_FDS_MAX];
	struct rig g;
	unsigned int before;

	rig_open(&g);
	for (size_t i = 0; i < RIG_FDS_MAX; i++) {
		fds[i] = g.mem_fd;
	}
	before = open_fds();
	for (int round = 0; round < 25; round++) {
		for (size_t i = 0; i < 4; i++) {
			rig_send(&g, VU_SET_OWNER, 0, NULL, 0, fds, counts[i]);
			ends(&g, rig_serve(&g), -EPROTO, "descriptors");
			rig_send(&g, VU_SET_MEM_TABLE, 0, &table, 1032, fds,
				 RIG_FDS_MAX);
			ends(&g, rig_serve(&g), -EPROTO, "descriptors");
		}
		/* needless, but few: closed and forgiven */
		CHECK_EQ(rig_call(&g, VU_GET_FEATURES, 0, NULL, 0, fds, 8), 0);
		CHECK_EQ(open_fds(), before);
	}
	rig_close(&g);
}

TEST(vu_missing_descriptors_end_the_connection)
{
	static const struct {
		uint32_t request, size;
	} t[] = {
		{ VU_SET_VRING_KICK, 8 },   { VU_SET_VRING_CALL, 8 },
		{ VU_SET_VRING_ERR, 8 },    { VU_ADD_MEM_REG, 40 },
		{ VU_SET_LOG_BASE, 16 },    { VU_SET_BACKEND_REQ_FD, 0 },
		{ VU_SET_INFLIGHT_FD, 24 }, { VU_SET_DEVICE_STATE_FD, 8 },
	};
	static const uint8_t zero[64];
	struct vu_mem_table one = { .n = 1 };
	struct rig g;

	rig_open(&g);
	for (size_t i = 0; i < sizeof(t) / sizeof(t[0]); i++) {
		rig_handshake(&g, RIG_FEATURES, 0);
		ends(&g,
		     rig_call(&g, t[i].request, 0, zero, t[i].size, NULL, 0),
		     -EPROTO, "descriptor");
	}
	ends(&g, rig_call(&g, VU_SET_MEM_TABLE, 0, &one, 40, NULL, 0), -EPROTO,
	     "1 regions in 40 bytes with 0 descriptors");
	ends(&g, rig_call(&g, VU_SET_MEM_TABLE, 0, &one, 39, &g.mem_fd, 1),
	     -EPROTO, "1 regions in 39 bytes");
	one.n = UINT32_MAX;
	ends(&g, rig_call(&g, VU_SET_MEM_TABLE, 0, &one, 40, &g.mem_fd, 1),
	     -EPROTO, "4294967295 regions");
	rig_close(&g);
}

TEST(vu_who_does_not_read_answers_is_hung_up_on)
{
	struct rig g;
	int ret = 0;

	rig_open(&g);
	for (int i = 0; i < 100000 && ret == 0; i++) {
		rig_send(&g, VU_GET_FEATURES, 0, NULL, 0, NULL, 0);
		ret = rig_serve(&g);
	}
	ends(&g, ret, -EPROTO, "does not take the answer");
	rig_close(&g);
}

TEST(vu_input_leaves_the_loop_after_some_messages)
{
	struct rig g;

	rig_open(&g);
	for (int i = 0; i < 40; i++) {
		rig_send(&g, VU_SET_OWNER, 0, NULL, 0, NULL, 0);
	}
	CHECK_EQ(vu_input(g.vu, &g.err), 1);
	CHECK_EQ(vu_input(g.vu, &g.err), 0);
	rig_close(&g);
}

/* ---- answers ---- */

TEST(vu_need_reply_is_answered_once_negotiated)
{
	struct rig g;
	uint64_t v = RIG_FEATURES;

	rig_open(&g);
	CHECK_EQ(rig_call(&g, VU_SET_OWNER, VU_FLAG_NEED_REPLY, NULL, 0, NULL,
			  0),
		 -EAGAIN);
	rig_handshake(&g, RIG_FEATURES, 0);
	CHECK_EQ(rig_call(&g, VU_SET_OWNER, VU_FLAG_NEED_REPLY, NULL, 0, NULL,
			  0),
		 0);
	CHECK_EQ(g.p.u64, 0);
	CHECK_EQ(rig_call(&g, VU_SET_OWNER, 0, NULL, 0, NULL, 0), -EAGAIN);
	/* a reply of its own is the answer */
	CHECK_EQ(rig_call(&g, VU_GET_QUEUE_NUM, VU_FLAG_NEED_REPLY, NULL, 0,
			  NULL, 0),
		 0);
	CHECK_EQ(g.p.u64, 2);
	CHECK_EQ(rig_reply(&g), -EAGAIN);
	v |= 1ull << 63;
	CHECK_EQ(rig_call(&g, VU_SET_FEATURES, VU_FLAG_NEED_REPLY, &v, 8, NULL,
			  0),
		 0);
	CHECK_EQ(g.p.u64, 1);
	CHECK(strstr(g.note, "SET_FEATURES refused: bits 0x8000000000000000"));
	CHECK_EQ(vu_features(g.vu), VIRTIO_F_VERSION_1);
	rig_close(&g);
}

TEST(vu_unknown_requests_are_refused_and_not_fatal)
{
	static const uint32_t ids[] = { 0,
					VU_SEND_RARP,
					VU_NET_SET_MTU,
					VU_SET_VRING_ENDIAN,
					VU_CLOSE_CRYPTO_SESSION,
					VU_POSTCOPY_LISTEN,
					VU_GPU_SET_SOCKET,
					VU_VRING_KICK,
					VU_N_REQUESTS,
					1000,
					UINT32_MAX };
	static const uint32_t answered[] = {
		VU_IOTLB_MSG,        VU_CREATE_CRYPTO_SESSION,
		VU_POSTCOPY_END,     VU_GET_SHARED_OBJECT,
		VU_GET_SHMEM_CONFIG, VU_GET_VRING_BASE_SKIP_DRAIN,
	};
	static const uint8_t body[48];
	struct rig g;

	rig_open(&g);
	rig_handshake(&g, RIG_FEATURES, 0);
	for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
		CHECK_EQ(rig_call(&g, ids[i], 0, body, sizeof(body), NULL, 0),
			 -EAGAIN);
		CHECK(strstr(g.note, "refused"));
		CHECK_EQ(rig_call(&g, ids[i], VU_FLAG_NEED_REPLY, body,
				  sizeof(body), NULL, 0),
			 0);
		CHECK_EQ(g.h.request, ids[i]);
		CHECK_EQ(g.p.u64, 1);
	}
	for (size_t i = 0; i < sizeof(answered) / sizeof(answered[0]); i++) {
		CHECK_EQ(rig_call(&g, answered[i], 0, body, sizeof(body), NULL,
				  0),
			 0);
	}
	CHECK(strstr(g.note, "SKIP_DRAIN refused: not offered"));
	rig_close(&g);
}

TEST(vu_remarks_about_one_front_end_are_bounded)
{
	struct rig g;

	rig_open(&g);
	for (int i = 0; i < 1000; i++) {
		rig_call(&g, 77, 0, NULL, 0, NULL, 0);
	}
	CHECK_EQ(g.notes, 65);
	CHECK(strstr(g.note, "too many remarks"));
	rig_close(&g);
}

TEST(vu_requests_wait_for_their_protocol_feature)
{
	static const uint8_t body[40];
	struct rig g;

	rig_open(&g);
	rig_handshake(&g, RIG_FEATURES, UINT64_MAX);
	CHECK_EQ(rig_call(&g, VU_GET_QUEUE_NUM, 0, NULL, 0, NULL, 0), 0);
	CHECK_EQ(g.p.u64, 0);
	CHECK_EQ(rig_call(&g, VU_GET_CONFIG, 0, body, 12, NULL, 0), 0);
	CHECK_EQ(g.h.size, 0);
	CHECK_EQ(rig_call(&g, VU_CHECK_DEVICE_STATE, 0, NULL, 0, NULL, 0), 0);
	CHECK_EQ(g.p.u64, 1);
	CHECK_EQ(rig_call(&g, VU_SET_DEVICE_STATE_FD, 0, body, 8, NULL, 0), 0);
	CHECK_EQ(g.p.u64, 0x101);
	CHECK_EQ(rig_call(&g, VU_GET_INFLIGHT_FD, 0, body, 20, NULL, 0), 0);
	CHECK_EQ(g.p.inflight.size, 0);
	CHECK_EQ(rig_add_mem(&g, 0), -EAGAIN);
	CHECK(strstr(g.note, "ADD_MEM_REG refused: its protocol feature"));
	CHECK_EQ(rig_call(&g, VU_RESET_DEVICE, 0, NULL, 0, NULL, 0), -EAGAIN);
	CHECK_EQ(g.resets, 0);
	rig_close(&g);
}

/* ---- features ---- */

TEST(vu_without_bit_30_rings_are_enabled_at_once)
{
	struct rig g;
	struct vu_mem_table t = { .n = 1, .region = { rig_region() } };

	rig_open(&g);
	rig_u64(&g, VU_SET_FEATURES, VIRTIO_F_VERSION_1);
	rig_call(&g, VU_SET_MEM_TABLE, 0, &t, 40, &g.mem_fd, 1);
	rig_setup_ring(&g, 0);
	CHECK(vu_queue_runs(g.vu, 0));
	rig_offer(&g, RIG_GPA + RIG_BUF, 10);
	rig_kick(&g);
	CHECK_EQ(rig_used(&g), 1);
	rig_close(&g);
}

TEST(vu_drivers_of_before_virtio_1_are_refused_with_a_remedy)
{
	struct rig g;

	rig_open(&g);
	rig_handshake(&g, VHOST_USER_F_PROTOCOL_FEATURES, 0);
	rig_add_mem(&g, 0);
	rig_setup_ring(&g, 0);
	rig_ring(&g, VU_SET_VRING_ENABLE, 0, 1);
	CHECK(!vu_queue_runs(g.vu, 0));
	CHECK(strstr(g.note, "disable-legacy=on"));
	rig_close(&g);
}

TEST(vu_features_do_not_change_under_a_running_queue_but_for_logging)
{
	struct rig g;
	uint64_t v = RIG_FEATURES | VIRTIO_F_EVENT_IDX;

	rig_open(&g);
	rig_run(&g);
	CHECK_EQ(rig_call(&g, VU_SET_FEATURES, VU_FLAG_NEED_REPLY, &v, 8, NULL,
			  0),
		 0);
	CHECK_EQ(g.p.u64, 1);
	CHECK_EQ(vu_features(g.vu), VIRTIO_F_VERSION_1);
	v = RIG_FEATURES | VHOST_F_LOG_ALL;
	CHECK_EQ(rig_call(&g, VU_SET_FEATURES, VU_FLAG_NEED_REPLY, &v, 8, NULL,
			  0),
		 0);
	CHECK_EQ(g.p.u64, 0);
	CHECK_EQ(vu_features(g.vu), VIRTIO_F_VERSION_1);
	rig_close(&g);
}

/* ---- rings ---- */

TEST(vu_queue_index_beyond_the_device_ends_the_connection)
{
	static const uint32_t rings[] = { VU_SET_VRING_NUM, VU_SET_VRING_BASE,
					  VU_GET_VRING_BASE,
					  VU_SET_VRING_ENABLE };
	static const uint32_t fds[] = { VU_SET_VRING_KICK, VU_SET_VRING_CALL,
					VU_SET_VRING_ERR };
	static const uint32_t bad[] = { RIG_QUEUES, 255, 9999, UINT32_MAX };
	struct vu_addr a = rig_addr(0);
	struct rig g;

	rig_open(&g);
	for (size_t k = 0; k < 4; k++) {
		for (size_t i = 0; i < 4; i++) {
			ends(&g, rig_ring(&g, rings[i], bad[k], 8), -EPROTO,
			     "the device has 2");
		}
		a.index = bad[k];
		ends(&g,
		     rig_call(&g, VU_SET_VRING_ADDR, 0, &a, sizeof(a), NULL, 0),
		     -EPROTO, "the device has 2");
		for (size_t i = 0; i < 3; i++) {
			uint64_t v = bad[k];

			ends(&g, rig_call(&g, fds[i], 0, &v, 8, &g.kick, 1),
			     -EPROTO,
			     v > 0x1ff && (v & 0xff) < 2 ? "bits" : "has 2");
		}
	}
	rig_close(&g);
}

TEST(vu_queue_sizes_that_no_guest_can_ask_for_end_the_connection)
{
	static const uint32_t bad[] = { 0, 32769, 65536, UINT32_MAX };
	struct rig g;

	rig_open(&g);
	for (size_t i = 0; i < 4; i++) {
		ends(&g, rig_ring(&g, VU_SET_VRING_NUM, 0, bad[i]), -EPROTO,
		     "SET_VRING_NUM: queue of");
	}
	rig_close(&g);
}

TEST(vu_queue_sizes_and_addresses_of_a_bad_guest_keep_its_queue_down)
{
	struct rig g;
	struct vu_addr a = rig_addr(0);
	unsigned int notes;

	rig_open(&g);
	rig_run(&g);
	rig_ring(&g, VU_GET_VRING_BASE, 0, 0);
	rig_ring(&g, VU_SET_VRING_NUM, 0, 7);
	CHECK(strstr(g.note, "not a power of two"));
	rig_setup_ring(&g, 0);
	CHECK(vu_queue_runs(g.vu, 0));
	rig_ring(&g, VU_GET_VRING_BASE, 0, 0);
	rig_ring(&g, VU_SET_VRING_NUM, 0, 7);
	rig_call(&g, VU_SET_VRING_KICK, 0, &(uint64_t){ 0 }, 8, &g.kick, 1);
	CHECK(!vu_queue_runs(g.vu, 0));
	/* addresses */
	for (int i = 0; i < 4; i++) {
		struct vu_addr b = a;

		rig_setup_ring(&g, 0);
		rig_ring(&g, VU_GET_VRING_BASE, 0, 0);
		b.desc += i == 0 ? 8 : 0;
		b.avail += i == 1;
		b.used += i == 2 ? 2 : 0;
		b.desc = i == 3 ? RIG_UVA + RIG_MEM - 16 : b.desc;
		notes = g.notes;
		rig_call(&g, VU_SET_VRING_ADDR, 0, &b, sizeof(b), NULL, 0);
		rig_call(&g, VU_SET_VRING_KICK, 0, &(uint64_t){ 0 }, 8, &g.kick,
			 1);
		CHECK(!vu_queue_runs(g.vu, 0));
		CHECK_EQ(g.notes, notes + 1);
	}
	CHECK_EQ(rig_call(&g, VU_GET_FEATURES, 0, NULL, 0, NULL, 0), 0);
	rig_close(&g);
}

TEST(vu_packed_queues_have_any_size_up_to_32768)
{
	struct rig g;

	rig_open(&g);
	rig_handshake(&g, RIG_FEATURES | VIRTIO_F_RING_PACKED, 0);
	rig_add_mem(&g, 0);
	rig_setup_ring(&g, 0);
	rig_ring(&g, VU_SET_VRING_NUM, 0, 7);
	rig_ring(&g, VU_SET_VRING_BASE, 0, 0x80008000);
	rig_ring(&g, VU_SET_VRING_ENABLE, 0, 1);
	CHECK(vu_queue_runs(g.vu, 0));
	CHECK_EQ(rig_ring(&g, VU_GET_VRING_BASE, 0, 0), 0);
	CHECK_EQ(g.p.state.num, 0x80008000);
	rig_close(&g);
}

TEST(vu_disabled_queue_keeps_its_place)
{
	struct rig g;

	rig_open(&g);
	rig_run(&g);
	rig_offer(&g, RIG_GPA + RIG_BUF, 10);
	rig_kick(&g);
	rig_ring(&g, VU_SET_VRING_ENABLE, 0, 0);
	CHECK(!vu_queue_runs(g.vu, 0));
	CHECK_EQ(g.watched[0], -1);
	rig_offer(&g, RIG_GPA + RIG_BUF, 10);
	rig_kick(&g);
	CHECK_EQ(rig_used(&g), 1);
	rig_ring(&g, VU_SET_VRING_ENABLE, 0, 1);
	CHECK_EQ(rig_used(&g), 2);
	CHECK_EQ(rig_ring(&g, VU_GET_VRING_BASE, 0, 0), 0);
	CHECK_EQ(g.p.state.num, 2);
	/* and again from there */
	rig_offer(&g, RIG_GPA + RIG_BUF, 10);
	rig_call(&g, VU_SET_VRING_KICK, 0, &(uint64_t){ 0 }, 8, &g.kick, 1);
	CHECK_EQ(rig_used(&g), 3);
	CHECK_EQ(g.starts, 3);
	rig_close(&g);
}

TEST(vu_running_queue_is_not_moved_or_resized)
{
	struct rig g;
	struct vu_addr a = rig_addr(0);

	rig_open(&g);
	rig_run(&g);
	rig_ring(&g, VU_SET_VRING_NUM, 0, 4);
	CHECK(strstr(g.note, "SET_VRING_NUM refused: the queue runs"));
	rig_ring(&g, VU_SET_VRING_BASE, 0, 4);
	CHECK(strstr(g.note, "SET_VRING_BASE refused"));
	a.used += 64;
	rig_call(&g, VU_SET_VRING_ADDR, 0, &a, sizeof(a), NULL, 0);
	CHECK(strstr(g.note, "SET_VRING_ADDR refused"));
	rig_offer(&g, RIG_GPA + RIG_BUF, 10);
	rig_kick(&g);
	CHECK_EQ(rig_used(&g), 1);
	rig_close(&g);
}

TEST(vu_call_descriptor_changes_under_way_and_is_signalled)
{
	int other = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	uint64_t none = 0x100, zero = 0, n;
	struct rig g;

	rig_open(&g);
	rig_run(&g);
	CHECK_EQ(read(g.call, &n, 8), 8); /* of the start */
	rig_call(&g, VU_SET_VRING_CALL, 0, &zero, 8, &other, 1);
	CHECK_EQ(read(other, &n, 8), 8);
	rig_offer(&g, RIG_GPA + RIG_BUF, 10);
	rig_kick(&g);
	CHECK_EQ(read(other, &n, 8), 8);
	CHECK_EQ(read(g.call, &n, 8), -1);
	rig_call(&g, VU_SET_VRING_CALL, 0, &none, 8, NULL, 0);
	rig_offer(&g, RIG_GPA + RIG_BUF, 10);
	rig_kick(&g);
	CHECK_EQ(rig_used(&g), 2);
	CHECK_EQ(read(other, &n, 8), -1);
	close(other);
	rig_close(&g);
}

TEST(vu_kick_descriptor_may_change_while_the_queue_runs)
{
	int other = eventfd(0, EFD_CLOEXEC), first;
	struct rig g;

	rig_open(&g);
	rig_run(&g);
	first = g.kick;
	g.kick = other;
	rig_offer(&g, RIG_GPA + RIG_BUF, 10);
	rig_call(&g, VU_SET_VRING_KICK, 0, &(uint64_t){ 0 }, 8, &other, 1);
	CHECK_EQ(rig_used(&g), 1);
	rig_kick(&g); /* blocking and empty: does not wait */
	rig_offer(&g, RIG_GPA + RIG_BUF, 10);
	rig_kick(&g);
	CHECK_EQ(rig_used(&g), 2);
	close(first);
	rig_close(&g);
}

TEST(vu_queue_without_kick_descriptor_is_refused)
{
	uint64_t none = 0x100;
	struct rig g;

	rig_open(&g);
	rig_run(&g);
	CHECK_EQ(rig_call(&g, VU_SET_VRING_KICK, VU_FLAG_NEED_REPLY, &none, 8,
			  NULL, 0),
		 0);
	CHECK_EQ(g.p.u64, 1);
	CHECK(strstr(g.note, "polled"));
	CHECK(!vu_queue_runs(g.vu, 0));
	rig_close(&g);
}

TEST(vu_event_descriptors_must_be_eventfds)
{
	static const uint32_t t[] = { VU_SET_VRING_KICK, VU_SET_VRING_CALL,
				      VU_SET_VRING_ERR };
	uint64_t zero = 0;
	struct rig g;
	int p[2];

	rig_open(&g);
	CHECK_EQ(pipe(p), 0);
	for (size_t i = 0; i < 3; i++) {
		ends(&g, rig_call(&g, t[i], 0, &zero, 8, &g.mem_fd, 1), -EPROTO,
		     "no eventfd");
		ends(&g, rig_call(&g, t[i], 0, &zero, 8, &p[1], 1), -EPROTO,
		     "no eventfd");
	}
	close(p[0]);
	close(p[1]);
	rig_close(&g);
}

TEST(vu_broken_queue_shows_in_the_status)
{
	struct rig g;

	rig_open(&g);
	rig_run(&g);
	rig_u64(&g, VU_SET_STATUS, 15);
	CHECK_EQ(rig_call(&g, VU_GET_STATUS, 0, NULL, 0, NULL, 0), 0);
	CHECK_EQ(g.p.u64, 15);
	((struct vring_avail *)(void *)(g.mem + RIG_AVAIL))->idx = 1000;
	rig_work(&g, 0);
	CHECK_EQ(rig_call(&g, VU_GET_STATUS, 0, NULL, 0, NULL, 0), 0);
	CHECK_EQ(g.p.u64, 15 | 64);
	rig_close(&g);
}

/* ---- reset ---- */

TEST(vu_reset_comes_by_message_status_or_hang_up)
{
	struct rig g;

	rig_open(&g);
	rig_run(&g);
	CHECK_EQ(rig_call(&g, VU_RESET_DEVICE, VU_FLAG_NEED_REPLY, NULL, 0,
			  NULL, 0),
		 0);
	CHECK_EQ(g.resets, 1);
	CHECK_EQ(g.stops, 1);
	CHECK(!vu_queue_runs(g.vu, 0));
	rig_setup_ring(&g, 0);
	rig_ring(&g, VU_SET_VRING_ENABLE, 0, 1);
	CHECK(vu_queue_runs(g.vu, 0));
	rig_u64(&g, VU_SET_STATUS, 8);
	CHECK(vu_queue_runs(g.vu, 0));
	rig_u64(&g, VU_SET_STATUS, 0);
	CHECK_EQ(g.resets, 2);
	CHECK(!vu_queue_runs(g.vu, 0));
	rig_u64(&g, VU_SET_STATUS, 0); /* it is in reset already */
	CHECK_EQ(g.resets, 2);
	rig_hang_up(&g);
	CHECK_EQ(g.resets, 3);
	rig_connect(&g);
	rig_run(&g);
	CHECK(vu_queue_runs(g.vu, 0));
	rig_close(&g);
	CHECK_EQ(g.resets, 4);
}

/* ---- pause, or reset ---- */

/* Two queues, of which one has done a request. */
static void work_on_one(struct rig *g)
{
	rig_run(g);
	rig_setup_ring(g, 1);
	rig_ring(g, VU_SET_VRING_ENABLE, 1, 1);
	rig_u64(g, VU_SET_STATUS, 15);
	rig_offer(g, RIG_GPA + RIG_BUF, 10);
	rig_kick(g);
	CHECK_EQ(rig_used(g), 1);
	g->starts = g->stops = 0;
}

/* As QEMU stops a network for each of: stop, savevm, a guest's reset. */
static void stop_as_qemu(struct rig *g, uint32_t base[RIG_QUEUES])
{
	for (unsigned int q = 0; q < RIG_QUEUES; q++) {
		rig_ring(g, VU_SET_VRING_ENABLE, q, 0);
	}
	for (unsigned int q = 0; q < RIG_QUEUES; q++) {
		CHECK_EQ(rig_ring(g, VU_GET_VRING_BASE, q, 0), 0);
		base[q] = g->p.state.num;
	}
	rig_u64(g, VU_SET_STATUS, 0);
	CHECK_EQ(rig_call(g, VU_GET_STATUS, 0, NULL, 0, NULL, 0), 0);
	CHECK_EQ(g->p.u64, 0);
	CHECK(!vu_queue_runs(g->vu, 0) && !vu_queue_runs(g->vu, 1));
}

static void start_at(struct rig *g, unsigned int q, uint32_t base)
{
	rig_ring(g, VU_SET_VRING_ENABLE, q, 0);
	rig_setup_ring(g, q);
	rig_ring(g, VU_SET_VRING_BASE, q, base);
	rig_ring(g, VU_SET_VRING_ENABLE, q, 1);
	CHECK(vu_queue_runs(g->vu, q));
}

/* The guest's driver makes queue 0's ring anew. */
static void fresh_ring(struct rig *g)
{
	memset(g->mem + RIG_DESC, 0, RIG_BUF - RIG_DESC);
}

TEST(vu_queues_that_go_on_where_they_were_are_a_pause)
{
	uint32_t base[RIG_QUEUES];
	struct rig g;

	rig_open(&g);
	work_on_one(&g);
	for (int i = 0; i < 3; i++) {
		stop_as_qemu(&g, base);
		CHECK_EQ(base[0], 1 + i);
		rig_offer(&g, RIG_GPA + RIG_BUF, 10);
		start_at(&g, 0, base[0]);
		start_at(&g, 1, base[1]);
		CHECK_EQ(rig_used(&g), 2 + i);
	}
	CHECK_EQ(g.resets, 0);
	CHECK_EQ(g.starts, 6);
	rig_close(&g);
	CHECK_EQ(g.resets, 1);
}

TEST(vu_queues_that_begin_anew_are_a_reset_before_they_start)
{
	uint32_t base[RIG_QUEUES];
	struct rig g;

	rig_open(&g);
	work_on_one(&g);
	stop_as_qemu(&g, base);
	CHECK_EQ(g.resets, 0); /* nobody can know yet */
	fresh_ring(&g);
	rig_offer(&g, RIG_GPA + RIG_BUF, 10);
	start_at(&g, 0, 0);
	CHECK_EQ(g.resets_at_start[0], 1);
	CHECK_EQ(rig_used(&g), 1);
	start_at(&g, 1, 0);
	CHECK_EQ(g.resets, 1); /* once, for all of them */
	/* that one did nothing before, and did now */
	stop_as_qemu(&g, base);
	start_at(&g, 0, base[0]);
	CHECK_EQ(g.resets, 1);
	rig_close(&g);
}

/* A queue on which nothing was done stands at 0 either way. */
TEST(vu_queue_that_says_nothing_is_reset_with_the_others)
{
	uint32_t base[RIG_QUEUES];
	struct rig g;

	rig_open(&g);
	work_on_one(&g);
	stop_as_qemu(&g, base);
	fresh_ring(&g);
	g.starts = g.stops = 0;
	start_at(&g, 1, 0);
	CHECK_EQ(g.resets, 0);
	start_at(&g, 0, 0);
	CHECK_EQ(g.resets, 1);
	CHECK_EQ(g.stops, 1); /* it ran: a device is reset without queues */
	CHECK_EQ(g.starts, 3);
	CHECK_EQ(g.resets_at_start[1], 1);
	CHECK(vu_queue_runs(g.vu, 1));
	rig_close(&g);
}

TEST(vu_queue_somewhere_else_in_memory_begins_anew)
{
	uint32_t base[RIG_QUEUES];
	struct vu_addr a = rig_addr(0);
	struct rig g;

	rig_open(&g);
	work_on_one(&g);
	stop_as_qemu(&g, base);
	rig_setup_ring(&g, 0);
	rig_ring(&g, VU_SET_VRING_BASE, 0, base[0]);
	a.avail += 0x800;
	rig_call(&g, VU_SET_VRING_ADDR, 0, &a, sizeof(a), NULL, 0);
	rig_ring(&g, VU_SET_VRING_ENABLE, 0, 1);
	CHECK_EQ(g.resets_at_start[0], 1);
	rig_close(&g);
}

/* crosvm, and all that have no STATUS. */
TEST(vu_queues_begin_anew_without_a_status_too)
{
	struct rig g;

	rig_open(&g);
	rig_run(&g);
	rig_offer(&g, RIG_GPA + RIG_BUF, 10);
	rig_kick(&g);
	rig_ring(&g, VU_GET_VRING_BASE, 0, 0);
	start_at(&g, 0, g.p.state.num);
	CHECK_EQ(g.resets, 0);
	rig_ring(&g, VU_GET_VRING_BASE, 0, 0);
	fresh_ring(&g);
	start_at(&g, 0, 0);
	CHECK_EQ(g.resets_at_start[0], 1);
	rig_close(&g);
}

TEST(vu_packed_queues_go_on_by_the_half_that_all_send)
{
	static const struct {
		uint32_t base;
		unsigned int resets;
	} next[] = { { 0x80058005, 0 }, { 0x8005, 0 }, { 0x80008000, 1 } };
	struct rig g;

	for (size_t i = 0; i < sizeof(next) / sizeof(next[0]); i++) {
		rig_open(&g);
		rig_handshake(&g, RIG_FEATURES | VIRTIO_F_RING_PACKED, 0);
		rig_add_mem(&g, 0);
		start_at(&g, 0, 0x80058005);
		rig_ring(&g, VU_GET_VRING_BASE, 0, 0);
		CHECK_EQ(g.p.state.num, 0x80058005);
		start_at(&g, 0, next[i].base);
		CHECK_EQ(g.resets, next[i].resets);
		rig_close(&g);
	}
}

/* A machine's saved state is loaded into one that ran: its queues are not where
 * this one's were, and the device is as it was loaded. */
TEST(vu_loaded_state_is_not_reset_by_the_queues_that_belong_to_it)
{
	struct vu_transfer load = { 1, 0 };
	uint32_t base[RIG_QUEUES];
	struct rig g;
	int p[2];

	rig_open(&g);
	work_on_one(&g);
	stop_as_qemu(&g, base);
	CHECK_EQ(pipe(p), 0);
	rig_call(&g, VU_SET_DEVICE_STATE_FD, 0, &load, 8, &p[0], 1);
	CHECK_EQ(write(p[1], "state", 5), 5);
	close(p[0]);
	close(p[1]);
	rig_call(&g, VU_CHECK_DEVICE_STATE, 0, NULL, 0, NULL, 0);
	CHECK_EQ(g.loads, 1);
	fresh_ring(&g);
	start_at(&g, 0, 0);
	CHECK_EQ(g.resets, 0);
	rig_close(&g);
}

/* ---- started, but disabled ---- */

TEST(vu_disabled_queue_is_discarded_where_the_device_wants_it)
{
	struct rig g;

	rig_open(&g);
	g.ops.discards = 1;
	rig_handshake(&g, RIG_FEATURES, 0);
	rig_add_mem(&g, 0);
	rig_setup_ring(&g, 0);
	rig_setup_ring(&g, 1);
	CHECK(vu_queue_runs(g.vu, 0) && !vu_queue_runs(g.vu, 1));
	CHECK(g.watched[0] >= 0);
	CHECK_EQ(g.watched[1], -1);
	CHECK_EQ(g.discards, 1);
	CHECK_EQ(g.starts, 0);
	rig_offer(&g, RIG_GPA + RIG_BUF, 10);
	rig_kick(&g);
	CHECK_EQ(rig_used(&g), 1);
	CHECK_EQ(g.mem[RIG_BUF], 0);
	rig_ring(&g, VU_SET_VRING_ENABLE, 0, 1);
	CHECK_EQ(g.starts, 1);
	CHECK_EQ(g.stops, 1);
	rig_offer(&g, RIG_GPA + RIG_BUF, 10);
	rig_kick(&g);
	rig_ring(&g, VU_SET_VRING_ENABLE, 0, 0);
	CHECK_EQ(g.stops, 2);
	CHECK_EQ(g.discards, 2);
	rig_ring(&g, VU_SET_VRING_ENABLE, 0, 0);
	CHECK_EQ(g.discards, 2);
	CHECK_EQ(rig_ring(&g, VU_GET_VRING_BASE, 0, 0), 0);
	CHECK_EQ(g.p.state.num, 2);
	CHECK_EQ(g.mem[RIG_BUF], 'x');
	CHECK_EQ(g.stops, 3);
	CHECK(!vu_queue_runs(g.vu, 0));
	CHECK_EQ(g.resets, 0);
	rig_close(&g);
}

TEST(vu_reset_owner_disables_and_drops_nothing)
{
	struct rig g;

	rig_open(&g);
	rig_run(&g);
	rig_call(&g, VU_RESET_OWNER, 0, NULL, 0, NULL, 0);
	CHECK(!vu_queue_runs(g.vu, 0));
	CHECK_EQ(g.resets, 0);
	rig_ring(&g, VU_SET_VRING_ENABLE, 0, 1);
	CHECK(vu_queue_runs(g.vu, 0));
	rig_close(&g);
}

/* ---- memory ---- */

TEST(vu_memory_moves_under_a_queue_with_chains_in_flight)
{
	struct vu_mem_table t = { .n = 1, .region = { rig_region() } };
	struct rig g;

	rig_open(&g);
	rig_run(&g);
	g.hold = true;
	rig_offer(&g, RIG_GPA + RIG_BUF, 10);
	rig_kick(&g);
	CHECK_EQ(virtq_in_flight(g.q[0]), 1);
	rig_call(&g, VU_SET_MEM_TABLE, 0, &t, 40, &g.mem_fd, 1);
	CHECK_EQ(g.mem[RIG_BUF], 'h'); /* finished before */
	CHECK_EQ(rig_used(&g), 1);
	CHECK(vu_queue_runs(g.vu, 0));
	CHECK_EQ(g.stops, 1);
	CHECK_EQ(g.starts, 2);
	g.hold = false;
	/* idle: the device does not notice */
	rig_call(&g, VU_SET_MEM_TABLE, 0, &t, 40, &g.mem_fd, 1);
	CHECK_EQ(g.stops, 1);
	rig_offer(&g, RIG_GPA + RIG_BUF, 10);
	rig_kick(&g);
	CHECK_EQ(rig_used(&g), 2);
	rig_close(&g);
}

TEST(vu_memory_taken_away_stops_its_queues_only)
{
	struct vu_mem_slot s = { 0, rig_region() };
	struct vu_region half = { RIG_GPA, 0x8000, RIG_UVA, 0 };
	struct vu_mem_table t = { .n = 1, .region = { half } };
	struct rig g;

	rig_open(&g);
	rig_run(&g);
	rig_setup_ring(&g, 1);
	rig_ring(&g, VU_SET_VRING_ENABLE, 1, 1);
	CHECK(vu_queue_runs(g.vu, 1));
	/* queue 1 has its rings in the other half */
	rig_call(&g, VU_SET_MEM_TABLE, 0, &t, 40, &g.mem_fd, 1);
	CHECK(vu_queue_runs(g.vu, 0) && !vu_queue_runs(g.vu, 1));
	CHECK(strstr(g.note, "queue 1 stopped: its memory was taken away"));
	rig_offer(&g, RIG_GPA + RIG_BUF, 10);
	rig_kick(&g);
	CHECK_EQ(rig_used(&g), 1);
	rig_call(&g, VU_REM_MEM_REG, 0, &s, sizeof(s), NULL, 0);
	CHECK(strstr(g.note, "REM_MEM_REG refused: no memory region"));
	CHECK(vu_queue_runs(g.vu, 0));
	s.region = half;
	/* QEMU 7.2 sends a descriptor with it */
	rig_call(&g, VU_REM_MEM_REG, 0, &s, sizeof(s), &g.mem_fd, 1);
	CHECK(!vu_queue_runs(g.vu, 0));
	CHECK_EQ(g.watched[0], -1);
	CHECK_EQ(rig_add_mem(&g, 0), -EAGAIN);
	rig_ring(&g, VU_SET_VRING_ENABLE, 0, 1);
	CHECK(!vu_queue_runs(g.vu, 0));
	CHECK_EQ(rig_ring(&g, VU_GET_VRING_BASE, 0, 0), 0);
	CHECK_EQ(g.p.state.num, 1);
	rig_close(&g);
}

TEST(vu_memory_that_its_file_does_not_have_ends_the_connection)
{
	struct vu_mem_slot s = { 0, rig_region() };
	struct rig g;
	unsigned int before;

	rig_open(&g);
	before = open_fds();
	rig_handshake(&g, RIG_FEATURES, 0);
	s.region.size++;
	ends(&g, rig_call(&g, VU_ADD_MEM_REG, 0, &s, sizeof(s), &g.mem_fd, 1),
	     -EPROTO, "but its file has 65536");
	rig_handshake(&g, RIG_FEATURES, 0);
	rig_add_mem(&g, 0);
	ends(&g, rig_add_mem(&g, 0), -EPROTO, "overlaps");
	rig_handshake(&g, RIG_FEATURES, 0);
	s.region = rig_region();
	s.region.gpa = UINT64_MAX - 4095;
	ends(&g, rig_call(&g, VU_ADD_MEM_REG, 0, &s, sizeof(s), &g.mem_fd, 1),
	     -EPROTO, "wraps");
	/* a socket instead of a file */
	rig_handshake(&g, RIG_FEATURES, 0);
	s.region = rig_region();
	CHECK_EQ(rig_call(&g, VU_ADD_MEM_REG, VU_FLAG_NEED_REPLY, &s, sizeof(s),
			  &g.sock, 1),
		 0);
	CHECK_EQ(g.p.u64, 1);
	CHECK_EQ(open_fds(), before);
	rig_close(&g);
}

TEST(vu_truncated_memory_costs_the_connection_and_no_more)
{
	struct rig g;

	rig_open(&g);
	rig_run(&g);
	rig_offer(&g, RIG_GPA + RIG_BUF, 10);
	CHECK_EQ(vu_check(g.vu), 0);
	CHECK_EQ(ftruncate(g.mem_fd, 0), 0);
	g.on[0] = true;
	rig_work(&g, 0); /* a kick comes: the ring is gone */
	CHECK_EQ(vu_check(g.vu), -EFAULT);
	ends(&g, rig_call(&g, VU_GET_FEATURES, 0, NULL, 0, NULL, 0), -EPROTO,
	     "truncated");
	CHECK_EQ(ftruncate(g.mem_fd, RIG_MEM), 0);
	rig_run(&g);
	CHECK(vu_queue_runs(g.vu, 0));
	rig_offer(&g, RIG_GPA + RIG_BUF, 10);
	rig_kick(&g);
	CHECK_EQ(rig_used(&g), 1);
	CHECK_EQ(vu_check(g.vu), 0);
	rig_close(&g);
}

/* ---- config ---- */

static int config_call(struct rig *g, uint32_t request, uint32_t off,
		       uint32_t len, const void *data, uint32_t flags)
{
	struct vu_config c = { off, len, flags, { 0 } };

	if (data) {
		memcpy(c.data, data, len);
	}
	return rig_call(g, request, VU_FLAG_NEED_REPLY, &c, 12 + len, NULL, 0);
}

TEST(vu_config_reads_any_window)
{
	struct rig g;

	rig_open(&g);
	rig_handshake(&g, RIG_FEATURES, 0);
	CHECK_EQ(config_call(&g, VU_GET_CONFIG, 0, RIG_CONFIG, NULL, 0), 0);
	CHECK_EQ(g.h.size, 12 + RIG_CONFIG);
	CHECK(!memcmp(g.p.config.data, "ABCDEFGHIJKLMNOPQRSTUVWX", 24));
	CHECK_EQ(config_call(&g, VU_GET_CONFIG, 5, 3, NULL, 0), 0);
	CHECK_EQ(g.h.size, 15);
	CHECK_EQ(g.p.config.offset, 5);
	CHECK_EQ(g.p.config.size, 3);
	CHECK(!memcmp(g.p.config.data, "FGH", 3));
	/* a newer VMM knows of more fields */
	CHECK_EQ(config_call(&g, VU_GET_CONFIG, 20, 8, NULL, 0), 0);
	CHECK(!memcmp(g.p.config.data, "UVWX\0\0\0\0", 8));
	CHECK_EQ(config_call(&g, VU_GET_CONFIG, 0, 256, NULL, 0), 0);
	CHECK_EQ(g.h.size, 12 + 256);
	CHECK_EQ(config_call(&g, VU_GET_CONFIG, 1, 256, NULL, 0), 0);
	CHECK_EQ(g.h.size, 0);
	CHECK_EQ(config_call(&g, VU_GET_CONFIG, 24, 1, NULL, 0), 0);
	CHECK_EQ(g.h.size, 0);
	CHECK_EQ(config_call(&g, VU_GET_CONFIG, UINT32_MAX, 4, NULL, 0), 0);
	CHECK_EQ(g.h.size, 0);
	rig_close(&g);
}

TEST(vu_config_write_of_the_whole_space_is_one_of_what_changed)
{
	uint8_t all[RIG_CONFIG];
	struct rig g;

	rig_open(&g);
	rig_handshake(&g, RIG_FEATURES, 0);
	memcpy(all, g.config, RIG_CONFIG);
	CHECK_EQ(config_call(&g, VU_SET_CONFIG, 0, RIG_CONFIG, all, 0), 0);
	CHECK_EQ(g.p.u64, 0);
	CHECK_EQ(g.sets, 0);
	all[3] = 'x';
	all[5] = 'y';
	CHECK_EQ(config_call(&g, VU_SET_CONFIG, 0, RIG_CONFIG, all, 0), 0);
	CHECK_EQ(g.p.u64, 0);
	CHECK_EQ(g.set_off, 3);
	CHECK_EQ(g.set_len, 3);
	CHECK(!memcmp(g.config, "ABCxEyGH", 8));
	CHECK_EQ(config_call(&g, VU_SET_CONFIG, 7, 1, "z", 0), 0);
	CHECK_EQ(g.config[7], 'z');
	/* read-only, but for a migration */
	CHECK_EQ(config_call(&g, VU_SET_CONFIG, 8, 1, "z", 0), 0);
	CHECK_EQ(g.p.u64, 1);
	CHECK(strstr(g.note, "SET_CONFIG refused: bytes 8 to 9"));
	CHECK_EQ(config_call(&g, VU_SET_CONFIG, 8, 1, "z", 1), 0);
	CHECK_EQ(g.p.u64, 0);
	CHECK_EQ(g.config[8], 'z');
	/* past the end */
	CHECK_EQ(config_call(&g, VU_SET_CONFIG, 20, 5, "12345", 0), 0);
	CHECK_EQ(g.p.u64, 1);
	CHECK_EQ(config_call(&g, VU_SET_CONFIG, UINT32_MAX, 2, "12", 0), 0);
	CHECK_EQ(g.p.u64, 1);
	rig_close(&g);
}

TEST(vu_config_sizes_must_agree)
{
	struct vu_config c = { 0, 200, 0, { 0 } };
	struct rig g;

	rig_open(&g);
	rig_handshake(&g, RIG_FEATURES, 0);
	ends(&g, rig_call(&g, VU_SET_CONFIG, 0, &c, 12 + 4, NULL, 0), -EPROTO,
	     "window of 200 bytes in a message of 16");
	rig_handshake(&g, RIG_FEATURES, 0);
	ends(&g, rig_call(&g, VU_GET_CONFIG, 0, &c, 12 + 4, NULL, 0), -EPROTO,
	     "window of 200 bytes");
	rig_close(&g);
}

TEST(vu_config_changes_are_told_where_there_is_a_channel)
{
	struct vu_header h;
	struct rig g;
	int sv[2];
	int n = 0;

	rig_open(&g);
	rig_handshake(&g, RIG_FEATURES, 0);
	vu_config_changed(g.vu); /* nobody to tell */
	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sv), 0);
	rig_call(&g, VU_SET_BACKEND_REQ_FD, 0, NULL, 0, &sv[1], 1);
	close(sv[1]);
	CHECK_EQ(recv(sv[0], &h, sizeof(h), 0), -1);
	vu_config_changed(g.vu);
	CHECK_EQ(recv(sv[0], &h, sizeof(h), 0), sizeof(h));
	CHECK_EQ(h.request, VU_BE_CONFIG_CHANGE);
	CHECK_EQ(h.flags, VU_VERSION);
	CHECK_EQ(h.size, 0);
	/* nobody reads: the last one is not lost, and nothing waits */
	for (int i = 0; i < 100000; i++) {
		vu_config_changed(g.vu);
	}
	while (recv(sv[0], &h, sizeof(h), 0) == sizeof(h)) {
		n++;
	}
	CHECK(n > 1);
	rig_call(&g, VU_SET_OWNER, 0, NULL, 0, NULL, 0);
	CHECK_EQ(recv(sv[0], &h, sizeof(h), 0), sizeof(h));
	CHECK_EQ(recv(sv[0], &h, sizeof(h), 0), -1);
	close(sv[0]);
	vu_config_changed(g.vu); /* gone */
	vu_config_changed(g.vu);
	CHECK_EQ(rig_call(&g, VU_GET_FEATURES, 0, NULL, 0, NULL, 0), 0);
	rig_close(&g);
}

/* ---- what outlives us ---- */

TEST(vu_inflight_table_is_sealed_and_comes_back)
{
	struct vu_inflight f = { 0, 0, RIG_QUEUES, RIG_NUM };
	/* 24 bytes: QEMU's structure has a tail */
	uint8_t req[24] = { 0 };
	struct rig g;
	int table;

	rig_open(&g);
	rig_handshake(&g, RIG_FEATURES, 0);
	memcpy(req, &f, sizeof(f));
	CHECK_EQ(rig_call(&g, VU_GET_INFLIGHT_FD, 0, req, 24, NULL, 0), 0);
	CHECK_EQ(g.h.size, 24);
	CHECK_EQ(g.p.inflight.size,
		 RIG_QUEUES * virtq_inflight_size(RIG_NUM, false));
	CHECK_EQ(g.p.inflight.queue_size, RIG_NUM);
	CHECK(g.reply_fd >= 0);
	CHECK_EQ(ftruncate(g.reply_fd, 0), -1);
	table = g.reply_fd;
	g.reply_fd = -1;
	memcpy(req, &g.p, 24);
	rig_call(&g, VU_SET_INFLIGHT_FD, 0, req, 24, &table, 1);
	rig_add_mem(&g, 0);
	rig_setup_ring(&g, 0);
	rig_ring(&g, VU_SET_VRING_ENABLE, 0, 1);
	g.hold = true;
	rig_offer(&g, RIG_GPA + RIG_BUF, 10);
	rig_kick(&g);
	CHECK_EQ(rig_used(&g), 0);
	CHECK_EQ(rig_call(&g, VU_SET_INFLIGHT_FD, VU_FLAG_NEED_REPLY, req, 24,
			  &table, 1),
		 0);
	CHECK_EQ(g.p.u64, 1); /* not while queues run */
	/* as if killed: nothing is finished, the next one has it again */
	g.held.iov = NULL;
	rig_hang_up(&g);
	virtq_destroy(g.q[0]);
	g.q[0] = virtq_create(0);
	g.hold = false;
	rig_connect(&g);
	rig_handshake(&g, RIG_FEATURES, 0);
	rig_call(&g, VU_SET_INFLIGHT_FD, 0, req, 24, &table, 1);
	rig_add_mem(&g, 0);
	rig_setup_ring(&g, 0);
	rig_ring(&g, VU_SET_VRING_BASE, 0, 1);
	rig_ring(&g, VU_SET_VRING_ENABLE, 0, 1);
	CHECK_EQ(rig_used(&g), 1);
	CHECK_EQ(g.mem[RIG_BUF], 'x');
	close(table);
	rig_close(&g);
}

TEST(vu_inflight_table_of_nonsense_is_refused)
{
	static const struct vu_inflight bad[] = {
		{ 0, 0, RIG_QUEUES, RIG_NUM },
		{ 64, 0, RIG_QUEUES, RIG_NUM },
		{ RIG_MEM + 1, 0, RIG_QUEUES, RIG_NUM },
		{ RIG_MEM, 64, RIG_QUEUES, RIG_NUM },
		{ RIG_MEM / 2, 8, RIG_QUEUES, RIG_NUM },
		{ RIG_MEM, 0, RIG_QUEUES + 1, RIG_NUM },
		{ RIG_MEM, 0, RIG_QUEUES, 32768 },
		{ UINT64_MAX, UINT64_MAX, 1, 1 },
	};
	struct vu_inflight f = { 0, 0, 1, 3 };
	struct rig g;

	rig_open(&g);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		rig_handshake(&g, RIG_FEATURES, 0);
		ends(&g,
		     rig_call(&g, VU_SET_INFLIGHT_FD, 0, &bad[i], 20, &g.mem_fd,
			      1),
		     -EPROTO, "SET_INFLIGHT_FD");
	}
	rig_handshake(&g, RIG_FEATURES, 0);
	CHECK_EQ(rig_call(&g, VU_GET_INFLIGHT_FD, 0, &f, 20, NULL, 0), 0);
	CHECK_EQ(g.p.inflight.size, 0);
	CHECK(strstr(g.note, "3 entries"));
	rig_close(&g);
}

TEST(vu_inflight_table_of_the_other_ring_format_is_not_used)
{
	struct vu_inflight f = { 0, 0, RIG_QUEUES, 4096 };
	static uint8_t before[1 << 18], after[1 << 18];
	struct rig g;
	int table;

	rig_open(&g);
	rig_handshake(&g, RIG_FEATURES, 0);
	rig_call(&g, VU_GET_INFLIGHT_FD, 0, &f, 20, NULL, 0);
	table = g.reply_fd;
	g.reply_fd = -1;
	f = g.p.inflight;
	rig_call(&g, VU_SET_INFLIGHT_FD, 0, &f, 20, &table, 1);
	CHECK_EQ(pread(table, before, sizeof(before), 0), (ssize_t)f.size);
	/* entries of packed rings are twice as long: past the mapping */
	rig_u64(&g, VU_SET_FEATURES, RIG_FEATURES | VIRTIO_F_RING_PACKED);
	rig_add_mem(&g, 0);
	rig_setup_ring(&g, 0);
	rig_setup_ring(&g, 1);
	rig_ring(&g, VU_SET_VRING_BASE, 0, 0x80008000);
	rig_ring(&g, VU_SET_VRING_BASE, 1, 0x80008000);
	rig_ring(&g, VU_SET_VRING_ENABLE, 0, 1);
	rig_ring(&g, VU_SET_VRING_ENABLE, 1, 1);
	CHECK(vu_queue_runs(g.vu, 0) && vu_queue_runs(g.vu, 1));
	rig_close(&g);
	CHECK_EQ(pread(table, after, sizeof(after), 0), (ssize_t)f.size);
	CHECK(!memcmp(before, after, f.size));
	close(table);
}

TEST(vu_device_state_goes_through_a_pipe_both_ways)
{
	struct vu_transfer save = { 0, 0 }, load = { 1, 0 };
	static uint8_t buf[1 << 20];
	struct rig g;
	int p[2], hold;

	rig_open(&g);
	rig_handshake(&g, RIG_FEATURES, 0);
	CHECK_EQ(pipe(p), 0);
	g.state_len = 300000; /* more than a pipe holds by default */
	CHECK_EQ(rig_call(&g, VU_SET_DEVICE_STATE_FD, 0, &save, 8, &p[1], 1),
		 0);
	CHECK_EQ(g.p.u64, 0x100);
	close(p[1]);
	CHECK_EQ(read(p[0], buf, sizeof(buf)), 300000);
	CHECK_EQ(buf[299999], 's');
	CHECK_EQ(read(p[0], buf, sizeof(buf)), 0);
	CHECK_EQ(rig_call(&g, VU_CHECK_DEVICE_STATE, 0, NULL, 0, NULL, 0), 0);
	CHECK_EQ(g.p.u64, 0);
	close(p[0]);

	CHECK_EQ(pipe(p), 0);
	CHECK_EQ(rig_call(&g, VU_SET_DEVICE_STATE_FD, 0, &load, 8, &p[0], 1),
		 0);
	CHECK_EQ(g.p.u64, 0x100);
	hold = p[0];
	CHECK_EQ(write(p[1], "state", 5), 5);
	/* too early: who waits here would wait for ever, above all where the
	 * front-end has taken O_NONBLOCK back */
	CHECK_EQ(fcntl(hold, F_SETFL, 0), 0);
	CHECK_EQ(rig_call(&g, VU_CHECK_DEVICE_STATE, 0, NULL, 0, NULL, 0), 0);
	CHECK_EQ(g.p.u64, 1);
	CHECK(strstr(g.note, "not closed"));
	close(p[1]);
	close(hold);

	CHECK_EQ(pipe(p), 0);
	rig_call(&g, VU_SET_DEVICE_STATE_FD, 0, &load, 8, &p[0], 1);
	close(p[0]);
	CHECK_EQ(write(p[1], "state", 5), 5);
	close(p[1]);
	CHECK_EQ(rig_call(&g, VU_CHECK_DEVICE_STATE, 0, NULL, 0, NULL, 0), 0);
	CHECK_EQ(g.p.u64, 0);
	CHECK_EQ(g.state_len, 5);
	CHECK(!memcmp(g.state, "state", 5));
	rig_close(&g);
}

TEST(vu_device_state_is_bounded_and_only_of_a_stopped_device)
{
	struct vu_transfer save = { 0, 0 }, load = { 1, 0 }, odd = { 2, 0 };
	static uint8_t buf[1 << 20];
	struct rig g;
	int p[2];

	rig_open(&g);
	rig_run(&g);
	CHECK_EQ(pipe(p), 0);
	CHECK_EQ(rig_call(&g, VU_SET_DEVICE_STATE_FD, 0, &save, 8, &p[1], 1),
		 0);
	CHECK_EQ(g.p.u64, 0x101);
	rig_ring(&g, VU_GET_VRING_BASE, 0, 0);
	CHECK_EQ(rig_call(&g, VU_SET_DEVICE_STATE_FD, 0, &odd, 8, &p[1], 1), 0);
	CHECK_EQ(g.p.u64, 0x101);
	g.state_len = (1 << 20) + 1;
	CHECK_EQ(rig_call(&g, VU_SET_DEVICE_STATE_FD, 0, &save, 8, &p[1], 1),
		 0);
	CHECK_EQ(g.p.u64, 0x101);
	CHECK_EQ(rig_call(&g, VU_CHECK_DEVICE_STATE, 0, NULL, 0, NULL, 0), 0);
	CHECK_EQ(g.p.u64, 1);
	/* a pipe that is full already, one that nobody reads any more */
	g.state_len = 1 << 20;
	fcntl(p[1], F_SETFL, O_NONBLOCK);
	while (write(p[1], buf, 4096) > 0) {
	}
	CHECK_EQ(rig_call(&g, VU_SET_DEVICE_STATE_FD, 0, &save, 8, &p[1], 1),
		 0);
	CHECK_EQ(g.p.u64, 0x101);
	close(p[0]);
	CHECK_EQ(rig_call(&g, VU_SET_DEVICE_STATE_FD, 0, &save, 8, &p[1], 1),
		 0);
	CHECK_EQ(g.p.u64, 0x101);
	close(p[1]);
	/* more than the device can have: a file, to be quick */
	CHECK_EQ(ftruncate(g.mem_fd, 2 << 20), 0);
	rig_call(&g, VU_SET_DEVICE_STATE_FD, 0, &load, 8, &g.mem_fd, 1);
	CHECK_EQ(rig_call(&g, VU_CHECK_DEVICE_STATE, 0, NULL, 0, NULL, 0), 0);
	CHECK_EQ(g.p.u64, 1);
	CHECK_EQ(g.loads, 0);
	rig_close(&g);
}

/* A front-end that is not in its right mind starts them in between. */
TEST(vu_device_state_is_not_loaded_under_running_queues)
{
	struct vu_transfer load = { 1, 0 };
	struct rig g;
	int p[2];

	rig_open(&g);
	rig_run(&g);
	for (int runs = 1; runs >= 0; runs--) {
		rig_ring(&g, VU_GET_VRING_BASE, 0, 0);
		CHECK_EQ(pipe(p), 0);
		rig_call(&g, VU_SET_DEVICE_STATE_FD, 0, &load, 8, &p[0], 1);
		CHECK_EQ(write(p[1], "state", 5), 5);
		close(p[0]);
		close(p[1]);
		if (runs) {
			start_at(&g, 0, 0);
		}
		rig_call(&g, VU_CHECK_DEVICE_STATE, 0, NULL, 0, NULL, 0);
		CHECK_EQ(g.p.u64, runs);
		CHECK_EQ(g.loads, !runs);
	}
	rig_close(&g);
}

TEST(vu_written_pages_are_logged_and_told)
{
	int log = memfd_create("log", MFD_CLOEXEC);
	int event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	struct vu_log l = { (RIG_GPA + RIG_MEM) / 4096 / 8, 0 };
	struct vu_addr a = rig_addr(0);
	uint8_t bits[2];
	struct rig g;
	uint64_t n;

	rig_open(&g);
	rig_run(&g);
	CHECK_EQ(ftruncate(log, (off_t)l.size), 0);
	CHECK_EQ(rig_call(&g, VU_SET_LOG_BASE, 0, &l, 16, &log, 1), 0);
	CHECK_EQ(g.h.request, VU_SET_LOG_BASE);
	CHECK_EQ(g.p.u64, 0);
	rig_call(&g, VU_SET_LOG_FD, 0, NULL, 0, &event, 1);
	rig_offer(&g, RIG_GPA + RIG_BUF, 10);
	rig_kick(&g);
	CHECK_EQ(pread(log, bits, 2, RIG_GPA / 4096 / 8), 2);
	CHECK_EQ(bits[0], 0);
	/* as a migration begins: bit 26, then the rings' own flag */
	rig_u64(&g, VU_SET_FEATURES, RIG_FEATURES | VHOST_F_LOG_ALL);
	a.flags = 1;
	a.log = RIG_GPA + RIG_USED;
	rig_call(&g, VU_SET_VRING_ADDR, 0, &a, sizeof(a), NULL, 0);
	rig_offer(&g, RIG_GPA + RIG_BUF + 4090, 10);
	rig_kick(&g);
	CHECK_EQ(rig_used(&g), 2);
	CHECK_EQ(pread(log, bits, 2, RIG_GPA / 4096 / 8), 2);
	CHECK_EQ(bits[0], 1 << 3 | 1 << 4 | 1 << 5);
	CHECK_EQ(bits[1], 0);
	CHECK_EQ(read(event, &n, 8), -1);
	CHECK_EQ(vu_check(g.vu), 0);
	CHECK_EQ(read(event, &n, 8), 8);
	CHECK_EQ(vu_check(g.vu), 0);
	CHECK_EQ(read(event, &n, 8), -1);
	/* and ends */
	rig_u64(&g, VU_SET_FEATURES, RIG_FEATURES);
	rig_offer(&g, RIG_GPA + 0xf000, 10);
	rig_kick(&g);
	CHECK_EQ(pread(log, bits, 2, RIG_GPA / 4096 / 8), 2);
	CHECK_EQ(bits[1], 0);
	l.size += 4096;
	ends(&g, rig_call(&g, VU_SET_LOG_BASE, 0, &l, 16, &log, 1), -EPROTO,
	     "dirty log");
	close(log);
	close(event);
	rig_close(&g);
}

int main(void)
{
	return RUN_TESTS(
		T(vu_handshake_offers_what_it_does),
		T(vu_queue_runs_with_kick_and_enable_and_serves),
		T(vu_message_may_come_byte_by_byte),
		T(vu_messages_in_one_write_keep_their_own_descriptors),
		T(vu_nothing_is_read_after_the_end),
		T(vu_half_a_message_ends_with_its_connection),
		T(vu_malformed_headers_end_the_connection),
		T(vu_too_many_descriptors_are_closed_and_end_the_connection),
		T(vu_missing_descriptors_end_the_connection),
		T(vu_who_does_not_read_answers_is_hung_up_on),
		T(vu_input_leaves_the_loop_after_some_messages),
		T(vu_need_reply_is_answered_once_negotiated),
		T(vu_unknown_requests_are_refused_and_not_fatal),
		T(vu_remarks_about_one_front_end_are_bounded),
		T(vu_requests_wait_for_their_protocol_feature),
		T(vu_without_bit_30_rings_are_enabled_at_once),
		T(vu_drivers_of_before_virtio_1_are_refused_with_a_remedy),
		T(vu_features_do_not_change_under_a_running_queue_but_for_logging),
		T(vu_queue_index_beyond_the_device_ends_the_connection),
		T(vu_queue_sizes_that_no_guest_can_ask_for_end_the_connection),
		T(vu_queue_sizes_and_addresses_of_a_bad_guest_keep_its_queue_down),
		T(vu_packed_queues_have_any_size_up_to_32768),
		T(vu_disabled_queue_keeps_its_place),
		T(vu_running_queue_is_not_moved_or_resized),
		T(vu_call_descriptor_changes_under_way_and_is_signalled),
		T(vu_kick_descriptor_may_change_while_the_queue_runs),
		T(vu_queue_without_kick_descriptor_is_refused),
		T(vu_event_descriptors_must_be_eventfds),
		T(vu_broken_queue_shows_in_the_status),
		T(vu_reset_comes_by_message_status_or_hang_up),
		T(vu_queues_that_go_on_where_they_were_are_a_pause),
		T(vu_queues_that_begin_anew_are_a_reset_before_they_start),
		T(vu_queue_that_says_nothing_is_reset_with_the_others),
		T(vu_queue_somewhere_else_in_memory_begins_anew),
		T(vu_queues_begin_anew_without_a_status_too),
		T(vu_packed_queues_go_on_by_the_half_that_all_send),
		T(vu_loaded_state_is_not_reset_by_the_queues_that_belong_to_it),
		T(vu_disabled_queue_is_discarded_where_the_device_wants_it),
		T(vu_reset_owner_disables_and_drops_nothing),
		T(vu_memory_moves_under_a_queue_with_chains_in_flight),
		T(vu_memory_taken_away_stops_its_queues_only),
		T(vu_memory_that_its_file_does_not_have_ends_the_connection),
		T(vu_truncated_memory_costs_the_connection_and_no_more),
		T(vu_config_reads_any_window),
		T(vu_config_write_of_the_whole_space_is_one_of_what_changed),
		T(vu_config_sizes_must_agree),
		T(vu_config_changes_are_told_where_there_is_a_channel),
		T(vu_inflight_table_is_sealed_and_comes_back),
		T(vu_inflight_table_of_nonsense_is_refused),
		T(vu_inflight_table_of_the_other_ring_format_is_not_used),
		T(vu_device_state_goes_through_a_pipe_both_ways),
		T(vu_device_state_is_bounded_and_only_of_a_stopped_device),
		T(vu_device_state_is_not_loaded_under_running_queues),
		T(vu_written_pages_are_logged_and_told));
}
