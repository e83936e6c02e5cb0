/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The ring itself: chains of header, 4 KiB and status through pop, push and
 * flush, in bursts of 1 and 32, the driver's side included.
 */
#include "config.h"

#include "bench.h"
#include "tests/unit/virtq_rig.h"

enum { DEPTH_MAX = 32, ROUND = 200000 };

static double chains_per_s(bool packed, int depth, bool tracked)
{
	struct rig *r = rig_create(packed, 128,
				   VIRTIO_F_EVENT_IDX | VIRTIO_F_INDIRECT_DESC);
	struct buf b[3] = { { BORDER, 16, false },
			    { BORDER + 4096, 4096, true },
			    { BORDER + 64, 1, true } };
	struct iovec iov[DEPTH_MAX][4];
	struct vq_chain c[DEPTH_MAX];
	void *table = aligned_alloc(64, virtq_inflight_size(128, packed));
	double t;

	virtq_inflight_init(table, 128, packed);
	if (tracked) {
		r->s.inflight = table;
		r->s.inflight_num = 128;
	}
	if (rig_start(r)) {
		abort();
	}
	rig_used_event(r, 0, false); /* no system calls in here */
	t = bench_cpu_s();
	for (int done = 0; done < ROUND; done += depth) {
		uint16_t id;
		uint32_t len;

		for (int i = 0; i < depth; i++) {
			rig_offer(r, b, 3);
		}
		for (int i = 0; i < depth; i++) {
			c[i] = (struct vq_chain){ .iov = iov[i], .max_iov = 4 };
			if (virtq_pop(r->q, &c[i]) != 1) {
				abort();
			}
		}
		for (int i = 0; i < depth; i++) {
			virtq_push(r->q, &c[i], 4097);
		}
		virtq_flush(r->q);
		while (rig_used(r, &id, &len) == 1) {
		}
	}
	t = bench_cpu_s() - t;
	rig_destroy(r);
	free(table);
	return ROUND / t;
}

int main(void)
{
	bench_title("virtq");
	for (int i = 0; i < 8; i++) {
		bool packed = i & 1, tracked = i & 4;
		int depth = i & 2 ? DEPTH_MAX : 1;
		double best = 0;
		char name[64];

		for (int k = 0; k < 5; k++) {
			double v = chains_per_s(packed, depth, tracked);

			best = v > best ? v : best;
		}
		snprintf(name, sizeof(name), "%s, depth %d%s",
			 packed ? "packed" : "split", depth,
			 tracked ? ", in-flight table" : "");
		bench_row(name, best / 1e6, "M chains/s",
			  tracked ? NULL : ">= 4", NULL, 0);
	}
	return 0;
}
