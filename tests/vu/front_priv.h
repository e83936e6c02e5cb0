/* SPDX-License-Identifier: Apache-2.0 */
/* Between front.c (connection) and front_ring.c (driver). */
#ifndef AVSIM_TESTS_VU_FRONT_PRIV_H
#define AVSIM_TESTS_VU_FRONT_PRIV_H

#include "front.h"

#include "vdevices/virtq.h"

#define FRONT_INDIRECT_MAX 64

/* One offered chain, by its split head or packed buffer id. */
struct front_chain {
	uint64_t cookie;
	uint32_t in_len;
	uint16_t n_desc; /* ring slots; 0: not in flight */
	uint16_t last;   /* split: the last descriptor of it */
};

struct front_queue {
	struct front_ring r; /* num 0: not made yet */
	uint32_t base;       /* for SET_VRING_BASE */
	bool event_idx, in_order, busy;

	struct front_chain *chain; /* num of them */
	/* Free descriptors (split) or buffer ids (packed), first freed first
	 * taken: that is ring order where completions are in order. */
	uint16_t *next;
	uint16_t free_head, free_tail, n_free; /* packed: n_free slots */
	uint16_t n_ids;                        /* packed: free ids */
	uint16_t *fifo; /* chains in the order offered, for IN_ORDER */
	uint16_t fifo_head, fifo_n;
	int32_t batch_id; /* IN_ORDER: last of the batch being read; -1 none */
	uint32_t batch_len;

	uint16_t avail, kicked; /* split: index; packed: slot and count added */
	bool avail_wrap, used_wrap;
	uint16_t used; /* split: index seen; packed: slot */
	uint64_t
		indirect_gpa; /* num tables of FRONT_INDIRECT_MAX; 0 none yet */
	uint64_t calls;
};

struct front {
	int sock;
	int be_sock; /* our end of the back-end request channel; -1 */
	struct front_opts o;
	uint64_t offered, features, pf;
	uint64_t slots;
	unsigned int n_queues;
	struct front_queue *q;
	bool shared[FRONT_REGIONS_MAX]; /* region is known to the device */
	int inflight_fd;
	struct vu_inflight inflight;
	uint64_t scratch; /* gpa of front_request()'s buffers */
	uint32_t scratch_len;
	char why[256];
};

/* Record the reason, hand back @code. */
int front_fail(struct front *f, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
/* Make the ring of @q in guest memory, or empty it. */
int front_queue_make(struct front *f, unsigned int q);
void front_queue_reset(struct front_queue *q);
/* After an unclean end: where the used ring says that the device was. */
uint32_t front_queue_base(const struct front_queue *q);
void front_queue_finish(struct front_queue *q);

#endif
