/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ACL links come and go: page, accept, loss.
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

void hci_role_changed(struct hci *h, uint8_t status, const struct link *l)
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
	hci_acl_clear(h);
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
			hci_role_changed(h, HCI_OK, l);
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
	hci_acl_init(h);
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
	hci_acl_clear(h);
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
