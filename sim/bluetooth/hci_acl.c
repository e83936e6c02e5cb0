/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Data of the ACL link on the air.
 *
 * In both directions it is one packet after the other, each as long on the air
 * as its slots. A packet of the host counts as completed when the peer has it;
 * while the peer has much to send back, nothing more is taken from the host, so
 * that neither side can make the other's queue grow.
 */
#include "config.h"

#include "sim/bluetooth/hci_priv.h"

#include <string.h>

/* 2-DH packets: what fits into 1, 3, 5 slots; and one slot back. */
static vtime air_time(size_t len)
{
	int slots = len <= 54 ? 1 : len <= 367 ? 3 : 5;

	return (slots + 1) * HCI_SLOT;
}

static bool air_put(struct hci *h, struct air *a, bool start,
		    const uint8_t *data, size_t len)
{
	unsigned int at = (a->head + a->used) % a->room;

	if (a->used == a->room || len > HCI_ACL_LEN) {
		return false;
	}
	memcpy(a->data[at], data, len);
	a->len[at] = (uint16_t)len;
	a->start[at] = start;
	if (a->used++ == 0) {
		hci_arm(h, &a->timer, air_time(len));
	}
	return true;
}

static void air_next(struct hci *h, struct air *a)
{
	a->head = (a->head + 1) % a->room;
	if (--a->used > 0) {
		hci_arm(h, &a->timer, air_time(a->len[a->head]));
	}
}

static void air_clear(struct hci *h, struct air *a)
{
	evq_disarm(h->env.q, &a->timer);
	a->head = a->used = 0;
}

static void completed(struct hci *h, uint16_t handle, unsigned int n)
{
	uint8_t p[5] = { 1 };

	put16(p + 1, handle);
	put16(p + 3, n);
	hci_event(h, EV_COMPLETED_PACKETS, p, sizeof(p));
}

static void on_out(struct vtimer *t, vtime now)
{
	struct hci *h = t->ctx;
	struct air *a = &h->out;
	uint8_t copy[HCI_ACL_LEN];
	size_t len = a->len[a->head];
	bool start = a->start[a->head];
	uint16_t handle;

	(void)now;
	if (!h->acl) {
		return;
	}
	/* repeated until it gets through, or the link is given up */
	if (!bt_peer_hears(h->peer) || h->in.used > h->in.room / 2) {
		hci_arm(h, t, air_time(len));
		return;
	}
	handle = h->acl->handle;
	memcpy(copy, a->data[a->head], len);
	air_next(h, a);
	h->acl_n[BT_TO_CONTROLLER]++;
	completed(h, handle, 1);
	h->peer->ops->acl(h->peer, start, copy, len);
}

static void on_in(struct vtimer *t, vtime now)
{
	struct hci *h = t->ctx;
	struct air *a = &h->in;
	size_t len = a->len[a->head];
	uint8_t pkt[5 + HCI_ACL_LEN];

	(void)now;
	if (!h->acl) {
		return;
	}
	if (!bt_peer_hears(h->peer) ||
	    ((h->reg.to_host_flow[0] & 1) && h->host_credits == 0)) {
		hci_arm(h, t, air_time(len));
		return;
	}
	pkt[0] = H4_ACL;
	put16(pkt + 1,
	      h->acl->handle | (a->start[a->head] ? ACL_START : ACL_CONTINUE));
	put16(pkt + 3, (unsigned int)len);
	memcpy(pkt + 5, a->data[a->head], len);
	air_next(h, a);
	h->host_credits -= h->host_credits > 0;
	h->acl_n[BT_TO_HOST]++;
	bt_controller_emit(&h->c, pkt, 5 + len);
}

void hci_acl_from_host(struct hci *h, const uint8_t *p, size_t len)
{
	uint16_t head = get16(p);
	struct link *l = hci_link(h, head & HCI_HANDLE_MASK);
	uint8_t type = 1; /* of the overflow: ACL */
	bool start = (head & ACL_PB_MASK) != ACL_CONTINUE;

	if (!l) {
		return; /* a link that just went down: nobody is to blame */
	}
	if (len - 4 > HCI_ACL_LEN || len == 4 ||
	    (head & ACL_PB_MASK) == ACL_PB_MASK ||
	    !air_put(h, &h->out, start, p + 4, len - 4)) {
		h->overflows++;
		hci_event(h, EV_BUFFER_OVERFLOW, &type, 1);
	}
}

bool hci_peer_send(struct hci *h, bool start, const uint8_t *data, size_t len)
{
	return h->acl && len > 0 && air_put(h, &h->in, start, data, len);
}

void hci_acl_init(struct hci *h)
{
	h->out.timer = (struct vtimer){ .fn = on_out, .ctx = h };
	h->in.timer = (struct vtimer){ .fn = on_in, .ctx = h };
}

void hci_acl_clear(struct hci *h)
{
	air_clear(h, &h->out);
	air_clear(h, &h->in);
}

void hci_acl_flushed(struct hci *h, const struct hci_op *op)
{
	unsigned int n = h->out.used;
	uint8_t p[2];

	if (!hci_link(h, op->handle)) {
		return;
	}
	air_clear(h, &h->out);
	put16(p, op->handle);
	hci_event(h, EV_FLUSH_OCCURRED, p, sizeof(p));
	if (n > 0) {
		completed(h, op->handle, n);
	}
}
