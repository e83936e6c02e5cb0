/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ACL links: page, accept, roles, modes, data, loss.
 *
 * Data in both directions is one packet after the other, each as long on the air
 * as its slots. A packet of the host counts as completed when the peer has it;
 * while the peer has much to send back, nothing more is taken from the host, so
 * that neither side can make the other's queue grow.
 */
#include "config.h"

#include "sim/bluetooth/hci_priv.h"

#include <string.h>

/* ---- finding ---- */

struct link *hci_link(struct hci *h, uint16_t handle)
{
	return h->acl && h->acl->handle == handle ? h->acl : NULL;
}

struct link *hci_link_to(struct hci *h, const uint8_t *addr,
			 enum link_state state)
{
	for (size_t i = 0; i < HCI_LINKS_MAX; i++) {
		if (h->link[i].state == state &&
		    !memcmp(h->link[i].addr, addr, 6)) {
			return &h->link[i];
		}
	}
	return NULL;
}

static struct link *new_link(struct hci *h, const uint8_t *addr,
			     enum link_state state)
{
	for (size_t i = 0; i < HCI_LINKS_MAX; i++) {
		struct link *l = &h->link[i];

		if (l->state == LINK_FREE) {
			l->state = state;
			memcpy(l->addr, addr, 6);
			l->by_host = false;
			l->role = ROLE_CENTRAL;
			l->reason = HCI_OK;
			l->closed_by_peer = false;
			l->encrypted = l->authenticated = false;
			memcpy(l->policy, h->reg.policy, 2);
			l->supervision = 0x7d00; /* 20 s */
			l->mode = 0;
			l->flush = 0;
			return l;
		}
	}
	return NULL;
}

static bool is_peer(const struct hci *h, const uint8_t *addr)
{
	return h->peer && !memcmp(h->peer->addr, addr, 6);
}

/* ---- the air ---- */

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
	put16(pkt + 1, h->acl->handle |
			       (a->start[a->head] ? ACL_START : ACL_CONTINUE));
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

/* ---- up and down ---- */

static void connection_complete(struct hci *h, uint8_t status,
				const struct link *l)
{
	uint8_t p[11] = { status };

	put16(p + 1, status == HCI_OK ? l->handle : 0);
	memcpy(p + 3, l->addr, 6);
	p[9] = TYPE_ACL;
	hci_event(h, EV_CONNECTION_COMPLETE, p, sizeof(p));
}

static void fail_link(struct link *l, uint8_t status)
{
	char text[BT_ADDR_TEXT];

	l->state = LINK_FREE;
	hci_note(l->h, "link", "failed address=%s by=%s status=0x%02x",
		 bt_addr_text(l->addr, text), l->by_host ? "car" : "phone",
		 status);
	connection_complete(l->h, status, l);
}

static uint16_t new_handle(struct hci *h)
{
	uint16_t handle = h->next_handle;

	h->next_handle = handle >= 0x0eff ? 1 : (uint16_t)(handle + 1);
	return handle;
}

static void bring_up(struct link *l)
{
	struct hci *h = l->h;
	char text[BT_ADDR_TEXT];

	l->state = LINK_UP;
	l->handle = new_handle(h);
	h->acl = l;
	hci_note(h, "link", "up address=%s by=%s role=%s",
		 bt_addr_text(l->addr, text), l->by_host ? "car" : "phone",
		 l->role == ROLE_CENTRAL ? "central" : "peripheral");
	connection_complete(h, HCI_OK, l);
	h->peer->ops->connected(h->peer);
}

static void role_changed(struct hci *h, uint8_t status, const struct link *l)
{
	uint8_t p[8] = { status };

	memcpy(p + 1, l->addr, 6);
	p[7] = l->role;
	hci_event(h, EV_ROLE_CHANGE, p, sizeof(p));
}

static void taken_down(struct link *l)
{
	struct hci *h = l->h;
	uint8_t p[4] = { HCI_OK };
	char text[BT_ADDR_TEXT];

	hci_auth_stop(l);
	evq_disarm(h->env.q, &l->timer);
	hci_sync_gone(h, l->reason);
	air_clear(h, &h->out);
	air_clear(h, &h->in);
	h->acl = NULL;
	l->state = LINK_FREE;
	put16(p + 1, l->handle);
	p[3] = l->reason;
	hci_note(h, "link", "down address=%s reason=0x%02x",
		 bt_addr_text(l->addr, text), l->reason);
	hci_event(h, EV_DISCONNECTION_COMPLETE, p, sizeof(p));
	if (h->peer) {
		h->peer->ops->disconnected(h->peer,
					   l->closed_by_peer ? HCI_LOCAL_HOST :
					   l->reason == HCI_LOCAL_HOST ?
							       HCI_REMOTE_USER :
							       l->reason);
	}
}

void hci_close(struct link *l, uint8_t reason, bool by_peer)
{
	l->state = LINK_CLOSING;
	l->reason = reason;
	l->closed_by_peer = by_peer;
	hci_auth_stop(l);
	hci_arm(l->h, &l->timer, HCI_LMP);
}

/* ---- the link's timer: page, answer, loss ---- */

static void page_ends(struct link *l)
{
	struct hci *h = l->h;

	if (!is_peer(h, l->addr) || !bt_peer_hears(h->peer)) {
		fail_link(l, HCI_PAGE_TIMEOUT);
	} else if (h->acl) {
		fail_link(l, HCI_CONNECTION_EXISTS);
	} else {
		bring_up(l);
	}
}

static void coming(struct link *l)
{
	struct hci *h = l->h;

	if (l->reason != HCI_OK) {
		fail_link(l, l->reason);
	} else if (!is_peer(h, l->addr) || !bt_peer_hears(h->peer)) {
		fail_link(l, HCI_CONNECTION_TIMEOUT);
	} else if (h->acl) {
		fail_link(l, HCI_CONNECTION_EXISTS);
	} else {
		if (l->role == ROLE_CENTRAL) {
			role_changed(h, HCI_OK, l);
		}
		bring_up(l);
	}
}

static void on_timer(struct vtimer *t, vtime now)
{
	struct link *l = t->ctx;

	(void)now;
	switch (l->state) {
	case LINK_PAGING:
		page_ends(l);
		break;
	case LINK_ASKED: /* the host did not answer */
		fail_link(l, HCI_ACCEPT_TIMEOUT);
		break;
	case LINK_COMING:
		coming(l);
		break;
	case LINK_UP: /* nothing heard for the supervision timeout */
		l->reason = HCI_CONNECTION_TIMEOUT;
		taken_down(l);
		break;
	case LINK_CLOSING:
		taken_down(l);
		break;
	case LINK_FREE:
		break;
	}
}

void hci_peer_moved(struct hci *h)
{
	struct link *l = h->acl;

	if (!l || l->state != LINK_UP) {
		return;
	}
	if (bt_peer_hears(h->peer)) {
		evq_disarm(h->env.q, &l->timer);
	} else if (l->timer.slot == 0) {
		hci_arm(h, &l->timer,
			l->supervision ? l->supervision * HCI_SLOT :
					 VT_NEVER - evq_now(h->env.q));
	}
}

void hci_link_init(struct hci *h)
{
	for (size_t i = 0; i < HCI_LINKS_MAX; i++) {
		h->link[i].h = h;
		h->link[i].timer = (struct vtimer){ .fn = on_timer,
						    .ctx = &h->link[i] };
		hci_auth_init(&h->link[i]);
	}
	h->out.timer = (struct vtimer){ .fn = on_out, .ctx = h };
	h->in.timer = (struct vtimer){ .fn = on_in, .ctx = h };
}

/* The controller forgets everything, without a word to the host. */
void hci_link_reset(struct hci *h, uint8_t reason)
{
	bool was_up = h->acl != NULL;

	hci_sync_gone(h, 0);
	for (size_t i = 0; i < HCI_LINKS_MAX; i++) {
		evq_disarm(h->env.q, &h->link[i].timer);
		hci_auth_stop(&h->link[i]);
		h->link[i].state = LINK_FREE;
	}
	h->acl = NULL;
	air_clear(h, &h->out);
	air_clear(h, &h->in);
	if (was_up && h->peer) {
		hci_note(h, "link", "down by reset");
		h->peer->ops->disconnected(h->peer, reason);
	}
}

/* ---- commands: up and down ---- */

HCI_FN(cmd_create_connection)
{
	struct link *l;
	bool heard = is_peer(h, p) && bt_peer_hears(h->peer);

	(void)len;
	(void)r;
	if (hci_link_to(h, p, LINK_UP) || hci_link_to(h, p, LINK_PAGING) ||
	    hci_link_to(h, p, LINK_ASKED) || hci_link_to(h, p, LINK_COMING) ||
	    hci_link_to(h, p, LINK_CLOSING)) {
		return HCI_CONNECTION_EXISTS;
	}
	l = new_link(h, p, LINK_PAGING);
	if (!l) {
		return HCI_REJECTED_RESOURCES;
	}
	l->by_host = true;
	hci_arm(h, &l->timer,
		heard ? HCI_PAGE : get16(h->reg.page_timeout) * HCI_SLOT);
	return HCI_OK;
}

static void cancelled(struct hci *h, const struct hci_op *op)
{
	struct link *l = hci_link_to(h, op->arg, LINK_PAGING);

	if (l) {
		evq_disarm(h->env.q, &l->timer);
		fail_link(l, HCI_UNKNOWN_CONNECTION);
	}
}

HCI_FN(cmd_create_cancel)
{
	(void)len;
	ret_put(r, p, 6);
	if (hci_link_to(h, p, LINK_UP)) {
		return HCI_CONNECTION_EXISTS;
	}
	if (!hci_link_to(h, p, LINK_PAGING)) {
		return HCI_UNKNOWN_CONNECTION;
	}
	return hci_later(h, 0, 0, cancelled, p, 6) ? HCI_OK : HCI_MEMORY_FULL;
}

HCI_FN(cmd_disconnect)
{
	struct link *l = hci_link(h, get16(p));

	(void)len;
	(void)r;
	if (h->sync.state == SYNC_UP && h->sync.handle == get16(p)) {
		return hci_sync_disconnect(h, p[2]);
	}
	if (!l) {
		return HCI_UNKNOWN_CONNECTION;
	}
	if (l->state == LINK_UP) {
		hci_close(l, HCI_LOCAL_HOST, false);
	}
	return HCI_OK;
}

static struct link *asked(struct hci *h, const uint8_t *addr)
{
	return hci_link_to(h, addr, LINK_ASKED);
}

HCI_FN(cmd_accept)
{
	struct link *l = asked(h, p);

	(void)len;
	(void)r;
	if (!l && h->acl && !memcmp(h->acl->addr, p, 6)) {
		return hci_sync_accept(h);
	}
	if (!l) {
		return HCI_UNKNOWN_CONNECTION;
	}
	if (p[6] > 1) {
		return HCI_INVALID;
	}
	l->role = p[6];
	l->state = LINK_COMING;
	hci_arm(h, &l->timer, HCI_LMP);
	return HCI_OK;
}

HCI_FN(cmd_reject)
{
	struct link *l = asked(h, p);

	(void)len;
	(void)r;
	if (!l && h->acl && !memcmp(h->acl->addr, p, 6)) {
		return hci_sync_reject(h, p[6]);
	}
	if (!l) {
		return HCI_UNKNOWN_CONNECTION;
	}
	l->reason = p[6] ? p[6] : HCI_REJECTED_RESOURCES;
	l->state = LINK_COMING;
	hci_arm(h, &l->timer, HCI_LMP);
	return HCI_OK;
}

static void paged(struct hci *h, const struct hci_op *op)
{
	uint8_t p[10];
	struct link *l;

	(void)op;
	if (!bt_peer_hears(h->peer) || h->acl ||
	    !(h->reg.scan_enable[0] & SCAN_PAGE)) {
		return; /* the car does not answer: the peer sees no link */
	}
	l = new_link(h, h->peer->addr, LINK_ASKED);
	if (!l) {
		return;
	}
	l->role = ROLE_PERIPHERAL;
	if (h->event_filter_all) {
		l->state = LINK_COMING;
		hci_arm(h, &l->timer, HCI_LMP);
		return;
	}
	memcpy(p, h->peer->addr, 6);
	p[6] = (uint8_t)h->peer->class_of_device;
	p[7] = (uint8_t)(h->peer->class_of_device >> 8);
	p[8] = (uint8_t)(h->peer->class_of_device >> 16);
	p[9] = TYPE_ACL;
	hci_arm(h, &l->timer, get16(h->reg.accept_timeout) * HCI_SLOT);
	hci_event(h, EV_CONNECTION_REQUEST, p, sizeof(p));
}

bool hci_peer_page(struct hci *h)
{
	return bt_peer_hears(h->peer) && !h->acl &&
	       hci_later(h, HCI_PAGE, 0, paged, NULL, 0);
}

void hci_peer_disconnect(struct hci *h, uint8_t reason)
{
	if (h->acl && h->acl->state == LINK_UP) {
		hci_close(h->acl, reason, true);
	}
}

/* ---- commands: what the other side is ---- */

/* An event behind a procedure: status, handle, and more. */
static uint8_t ask(struct hci *h, const uint8_t *p, size_t n,
		   void (*fn)(struct hci *, const struct hci_op *))
{
	if (!hci_link(h, get16(p))) {
		return HCI_UNKNOWN_CONNECTION;
	}
	return hci_later(h, HCI_LMP, get16(p), fn, p + 2, n) ? HCI_OK :
							       HCI_MEMORY_FULL;
}

static void head(struct hci *h, const struct hci_op *op, uint8_t *p)
{
	p[0] = hci_link(h, op->handle) ? HCI_OK : HCI_UNKNOWN_CONNECTION;
	put16(p + 1, op->handle);
}

/* A phone's: as ours, without LE. */
static void peer_features(const struct hci *h, uint8_t page, uint8_t f[8])
{
	static const uint8_t base[8] = { 0xaf, 0x3a, 0x0d, 0xfe,
					 0x83, 0xe7, 0x71, 0x83 };

	memset(f, 0, 8);
	if (page == 0) {
		memcpy(f, base, 8);
		f[6] |= h->peer && h->peer->ssp ? 0x08 : 0;
	} else if (page == 1) {
		f[0] = h->peer && h->peer->ssp;
	}
}

static void features_done(struct hci *h, const struct hci_op *op)
{
	uint8_t p[11];

	head(h, op, p);
	peer_features(h, 0, p + 3);
	hci_event(h, EV_REMOTE_FEATURES, p, sizeof(p));
}

static void ext_features_done(struct hci *h, const struct hci_op *op)
{
	uint8_t p[13];

	head(h, op, p);
	if (op->arg[0] > 1 && p[0] == HCI_OK) {
		p[0] = HCI_INVALID;
	}
	p[3] = op->arg[0];
	p[4] = 1;
	peer_features(h, op->arg[0], p + 5);
	hci_event(h, EV_REMOTE_EXT_FEATURES, p, sizeof(p));
}

static void version_done(struct hci *h, const struct hci_op *op)
{
	uint8_t p[8];

	head(h, op, p);
	p[3] = 0x09;
	put16(p + 4, 0xffff);
	put16(p + 6, 0x0001);
	hci_event(h, EV_REMOTE_VERSION, p, sizeof(p));
}

static void clock_done(struct hci *h, const struct hci_op *op)
{
	uint8_t p[5];

	head(h, op, p);
	put16(p + 3, 0x1234);
	hci_event(h, EV_CLOCK_OFFSET, p, sizeof(p));
}

static void packet_type_done(struct hci *h, const struct hci_op *op)
{
	uint8_t p[5];

	head(h, op, p);
	memcpy(p + 3, op->arg, 2);
	hci_event(h, EV_PACKET_TYPE, p, sizeof(p));
}

HCI_FN(cmd_remote_features)
{
	(void)len;
	(void)r;
	return ask(h, p, 0, features_done);
}

HCI_FN(cmd_remote_ext_features)
{
	(void)len;
	(void)r;
	return ask(h, p, 1, ext_features_done);
}

HCI_FN(cmd_remote_version)
{
	(void)len;
	(void)r;
	return ask(h, p, 0, version_done);
}

HCI_FN(cmd_clock_offset)
{
	(void)len;
	(void)r;
	return ask(h, p, 0, clock_done);
}

HCI_FN(cmd_packet_type)
{
	(void)len;
	(void)r;
	return ask(h, p, 2, packet_type_done);
}

/* ---- commands: how the link is ---- */

HCI_FN(cmd_role)
{
	struct link *l = hci_link(h, get16(p));

	(void)len;
	ret_put(r, p, 2);
	ret_u8(r, l ? l->role : 0);
	return l ? HCI_OK : HCI_UNKNOWN_CONNECTION;
}

static void role_switched(struct hci *h, const struct hci_op *op)
{
	struct link *l = hci_link(h, op->handle);

	if (l) {
		l->role = op->arg[0];
		role_changed(h, HCI_OK, l);
	}
}

HCI_FN(cmd_switch_role)
{
	struct link *l = hci_link_to(h, p, LINK_UP);

	(void)len;
	(void)r;
	if (!l) {
		return HCI_UNKNOWN_CONNECTION;
	}
	if (p[6] > 1) {
		return HCI_INVALID;
	}
	if (!(l->policy[0] & 1)) {
		return HCI_DISALLOWED;
	}
	return hci_later(h, HCI_LMP, l->handle, role_switched, p + 6, 1) ?
		       HCI_OK :
		       HCI_MEMORY_FULL;
}

HCI_FN(cmd_read_policy)
{
	struct link *l = hci_link(h, get16(p));

	(void)len;
	ret_put(r, p, 2);
	ret_u16(r, l ? get16(l->policy) : 0);
	return l ? HCI_OK : HCI_UNKNOWN_CONNECTION;
}

HCI_FN(cmd_write_policy)
{
	struct link *l = hci_link(h, get16(p));

	(void)len;
	ret_put(r, p, 2);
	if (!l) {
		return HCI_UNKNOWN_CONNECTION;
	}
	memcpy(l->policy, p + 2, 2);
	return HCI_OK;
}

static void mode_changed(struct hci *h, const struct hci_op *op)
{
	struct link *l = hci_link(h, op->handle);
	uint8_t p[6] = { 0 };

	head(h, op, p);
	p[3] = op->arg[0];
	memcpy(p + 4, op->arg + 1, 2);
	if (l) {
		l->mode = op->arg[0];
	}
	hci_event(h, EV_MODE_CHANGE, p, sizeof(p));
}

HCI_FN(cmd_sniff)
{
	struct link *l = hci_link(h, get16(p));
	uint8_t arg[3] = { 2, p[2], p[3] }; /* the longest interval asked */

	(void)len;
	(void)r;
	if (!l) {
		return HCI_UNKNOWN_CONNECTION;
	}
	if (get16(p + 2) < get16(p + 4) || (p[2] & 1) || get16(p + 2) < 2) {
		return HCI_INVALID;
	}
	if (!(l->policy[0] & 4) || l->mode != 0) {
		return HCI_DISALLOWED;
	}
	return hci_later(h, HCI_LMP, l->handle, mode_changed, arg, 3) ?
		       HCI_OK :
		       HCI_MEMORY_FULL;
}

HCI_FN(cmd_exit_sniff)
{
	struct link *l = hci_link(h, get16(p));
	static const uint8_t arg[3] = { 0 };

	(void)len;
	(void)r;
	if (!l) {
		return HCI_UNKNOWN_CONNECTION;
	}
	if (l->mode != 2) {
		return HCI_DISALLOWED;
	}
	return hci_later(h, HCI_LMP, l->handle, mode_changed, arg, 3) ?
		       HCI_OK :
		       HCI_MEMORY_FULL;
}

HCI_FN(cmd_sniff_subrating)
{
	(void)len;
	ret_put(r, p, 2);
	return hci_link(h, get16(p)) ? HCI_OK : HCI_UNKNOWN_CONNECTION;
}

static void qos_done(struct hci *h, const struct hci_op *op)
{
	uint8_t p[21] = { 0 };

	head(h, op, p);
	p[4] = 1; /* best effort */
	put32(p + 13, 0xffffffff);
	put32(p + 17, 0xffffffff);
	hci_event(h, EV_QOS_SETUP_COMPLETE, p, sizeof(p));
}

HCI_FN(cmd_qos)
{
	(void)len;
	(void)r;
	return ask(h, p, 0, qos_done);
}

static void flushed(struct hci *h, const struct hci_op *op)
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

HCI_FN(cmd_flush)
{
	(void)len;
	ret_put(r, p, 2);
	if (!hci_link(h, get16(p))) {
		return HCI_UNKNOWN_CONNECTION;
	}
	return hci_later(h, 0, get16(p), flushed, NULL, 0) ? HCI_OK :
							     HCI_MEMORY_FULL;
}

HCI_FN(cmd_read_auto_flush)
{
	struct link *l = hci_link(h, get16(p));

	(void)len;
	ret_put(r, p, 2);
	ret_u16(r, l ? l->flush : 0);
	return l ? HCI_OK : HCI_UNKNOWN_CONNECTION;
}

HCI_FN(cmd_write_auto_flush)
{
	struct link *l = hci_link(h, get16(p));

	(void)len;
	ret_put(r, p, 2);
	if (!l) {
		return HCI_UNKNOWN_CONNECTION;
	}
	if (get16(p + 2) > 0x07ff) {
		return HCI_INVALID;
	}
	l->flush = get16(p + 2);
	return HCI_OK;
}

HCI_FN(cmd_read_supervision)
{
	struct link *l = hci_link(h, get16(p));

	(void)len;
	ret_put(r, p, 2);
	ret_u16(r, l ? l->supervision : 0);
	return l ? HCI_OK : HCI_UNKNOWN_CONNECTION;
}

HCI_FN(cmd_write_supervision)
{
	struct link *l = hci_link(h, get16(p));

	(void)len;
	ret_put(r, p, 2);
	if (!l) {
		return HCI_UNKNOWN_CONNECTION;
	}
	l->supervision = get16(p + 2);
	return HCI_OK;
}

HCI_FN(cmd_link_value)
{
	static const uint8_t channels[10] = { 0xff, 0xff, 0xff, 0xff, 0xff,
					      0xff, 0xff, 0xff, 0xff, 0x7f };
	const uint8_t *op = p - 3; /* opcode and length are before it */

	(void)len;
	ret_put(r, p, 2);
	switch (get16(op)) {
	case 0x1401:
		ret_u16(r, 0);
		break;
	case 0x1403:
		ret_u8(r, bt_peer_hears(h->peer) ? 255 : 0);
		break;
	case 0x1405: /* above the golden receive power range */
		ret_u8(r, 0);
		break;
	case 0x1406:
		ret_u8(r, 1);
		ret_put(r, channels, sizeof(channels));
		break;
	default:
		break;
	}
	return hci_link(h, get16(p)) ? HCI_OK : HCI_UNKNOWN_CONNECTION;
}
