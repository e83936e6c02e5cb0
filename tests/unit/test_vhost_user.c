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
	rig_close(&g);
	CHECK_EQ(g.stops, 1);
	CHECK_EQ(g.resets, 1);
}

int main(void)
{
	return RUN_TESTS(T(vu_handshake_offers_what_it_does),
			 T(vu_queue_runs_with_kick_and_enable_and_serves));
}
