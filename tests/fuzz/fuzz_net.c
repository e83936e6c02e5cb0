/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames of a guest through our checks into libslirp, and commands of its
 * control queue. The stack is restricted: whatever the fuzzer makes reaches
 * nobody.
 *
 * Input: records of kind, length (2 bytes, little-endian) and bytes. Kind 0 is
 * a control command; of others the bits say which sums are set right before.
 */
#include "config.h"

#include "vdevices/net_big.h"
#include "vdevices/net_ctrl.h"
#include "vdevices/net_stack.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	KIND_CTRL = 0,
	KIND_SUMS = 1,    /* IP and what is in it */
	KIND_PARTIAL = 2, /* a partial checksum at the first four bytes */
	RECORDS = 64,
};

static void on_frame(void *ctx, const uint8_t *frame, size_t len)
{
	struct net_ctrl *c = ctx;

	assert(len >= NET_ETH_LEN && len <= NET_FRAME_MAX);
	net_ctrl_wants(c, frame);
	net_flow_of(frame, len);
}

static void on_piece(void *ctx, uint8_t *frame, size_t len)
{
	struct net_hdr h;

	(void)ctx;
	net_big_partial(frame, len);
	net_big_hdr(frame, len, NET_MTU_MIN, &h);
}

/* Taken for one of the stack's. */
static void cut(const uint8_t *f, size_t len)
{
	uint8_t *copy = malloc(len);

	assert(copy);
	memcpy(copy, f, len);
	net_big_cut(copy, len, NET_MTU_MIN, on_piece, NULL);
	free(copy);
}

static void on_flush(void *ctx)
{
	(void)ctx;
}

static void sum_at(uint8_t *p, size_t n, size_t at, uint32_t init)
{
	uint16_t sum = 0;

	if (at + 2 > n) {
		return;
	}
	memcpy(p + at, &sum, sizeof(sum));
	sum = (uint16_t)~net_sum(p, n, init);
	memcpy(p + at, &sum, sizeof(sum));
}

static size_t sum_field(uint8_t proto)
{
	return proto == 6 ? 16 : proto == 17 ? 6 : 2;
}

static void right_sums(uint8_t *f, size_t len)
{
	uint8_t *ip = f + NET_ETH_LEN, pseudo[40] = { 0 };
	size_t have = len > NET_ETH_LEN ? len - NET_ETH_LEN : 0;
	size_t hlen = have ? (ip[0] & 15u) * 4u : 0;
	bool v6 = have && ip[0] >> 4 == 6;
	size_t total;

	if (have < 20 || (v6 ? have < 40 : hlen < 20 || hlen > have)) {
		return;
	}
	if (!v6) {
		sum_at(ip, hlen, 10, 0);
	}
	hlen = v6 ? 40 : hlen;
	total = v6 ? hlen + (size_t)(ip[4] << 8 | ip[5])
		   : (size_t)(ip[2] << 8 | ip[3]);
	total = total < have && total > hlen ? total : have;
	memcpy(pseudo, v6 ? ip + 8 : ip + 12, v6 ? 32 : 8);
	pseudo[v6 ? 39 : 9] = v6 ? ip[6] : ip[9];
	pseudo[v6 ? 34 : 10] = (uint8_t)((total - hlen) >> 8);
	pseudo[v6 ? 35 : 11] = (uint8_t)(total - hlen);
	sum_at(ip + hlen, total - hlen, sum_field(v6 ? ip[6] : ip[9]),
	       !v6 && ip[9] == 1 ? 0 : net_sum(pseudo, v6 ? 40 : 12, 0));
}

static void record(struct net_stack *s, struct net_ctrl *c, uint8_t kind,
		   const uint8_t *p, size_t len)
{
	uint8_t *f;

	if (kind == KIND_CTRL) {
		net_ctrl_command(c, p, len);
		return;
	}
	/* exactly as long as it is: what reads past it is seen */
	f = malloc(len ? len : 1);
	assert(f);
	memcpy(f, p, len);
	if (kind & KIND_SUMS) {
		right_sums(f, len);
	}
	if (!(kind & KIND_PARTIAL) || len < 4 ||
	    net_csum_fill(f, len, (uint16_t)(f[0] | f[1] << 8),
			  (uint16_t)(f[2] | f[3] << 8))) {
		if (len >= NET_ETH_LEN) {
			cut(f, len);
		}
		net_big_ask(f, len, 1500);
		net_stack_input(s, f, len);
	}
	free(f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct net_stack_ops ops = { on_frame, on_flush };
	struct vdev_args a = { .name = "net0",
			       .opt = { { "restrict", "on" },
					{ "loopback", "off" },
					{ "dns", "off" } },
			       .n_opts = 3 };
	struct net_stack *s = NULL;
	struct net_opts o;
	struct net_ctrl c;
	uv_loop_t loop;

	if (uv_loop_init(&loop) || net_opts_parse(&a, &o, NULL) ||
	    net_stack_create(&loop, &o, "net0", &ops, &c, &s, NULL)) {
		abort();
	}
	net_ctrl_reset(&c, o.mac, 4);
	c.features = UINT64_MAX;
	for (int i = 0; i < RECORDS && size >= 3; i++) {
		size_t n = (size_t)(data[1] | data[2] << 8);

		n = n < size - 3 ? n : size - 3;
		record(s, &c, data[0], data + 3, n);
		data += 3 + n;
		size -= 3 + n;
	}
	net_stack_destroy(s);
	uv_run(&loop, UV_RUN_DEFAULT);
	if (uv_loop_close(&loop)) {
		abort();
	}
	return 0;
}
