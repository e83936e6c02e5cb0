/* SPDX-License-Identifier: Apache-2.0 */
/* The audio link: SCO and eSCO, its set-up from both sides, its data. */
#include "config.h"

#include "sim/bluetooth/hci_priv.h"

#include <string.h>

#define SYNC_SETUP (20 * VT_MS)
#define SYNC_ACCEPT (5 * VT_S)

static void complete(struct hci *h, uint8_t status)
{
	struct sync *s = &h->sync;
	uint8_t p[17] = { status };
	bool esco = s->type == TYPE_ESCO;

	put16(p + 1, status == HCI_OK ? s->handle : 0);
	memcpy(p + 3, h->acl->addr, 6);
	p[9] = s->type;
	p[10] = esco ? 12 : 0; /* slots between packets */
	p[11] = esco ? 2 : 0;  /* slots for repeats */
	put16(p + 12, esco ? 60 : 0);
	put16(p + 14, esco ? 60 : 0);
	p[16] = s->air_mode;
	hci_event(h, EV_SYNC_COMPLETE, p, sizeof(p));
}

static void came_up(struct hci *h)
{
	struct sync *s = &h->sync;

	s->state = SYNC_UP;
	s->handle = h->next_handle;
	h->next_handle = s->handle >= 0x0eff ? 1 : (uint16_t)(s->handle + 1);
	hci_note(h, "audio", "up by=%s type=%s air=%s",
		 s->by_host ? "car" : "phone",
		 s->type == TYPE_ESCO ? "esco" : "sco",
		 s->air_mode == 3 ? "transparent" : "cvsd");
	complete(h, HCI_OK);
	h->peer->ops->sync(h->peer, true);
}

static void failed(struct hci *h, uint8_t status)
{
	h->sync.state = SYNC_NONE;
	hci_note(h, "audio", "refused status=0x%02x", status);
	complete(h, status);
	h->peer->ops->sync(h->peer, false);
}

static void went_down(struct hci *h, uint8_t reason)
{
	uint8_t p[4] = { HCI_OK };

	h->sync.state = SYNC_NONE;
	put16(p + 1, h->sync.handle);
	p[3] = reason;
	hci_note(h, "audio", "down reason=0x%02x", reason);
	hci_event(h, EV_DISCONNECTION_COMPLETE, p, sizeof(p));
	h->peer->ops->sync(h->peer, false);
}

static void on_timer(struct vtimer *t, vtime now)
{
	struct hci *h = t->ctx;
	struct sync *s = &h->sync;

	(void)now;
	if (!h->acl || !h->peer) {
		return;
	}
	switch (s->state) {
	case SYNC_ASKED:
		failed(h, HCI_ACCEPT_TIMEOUT);
		break;
	case SYNC_OPENING:
		if (s->status == HCI_OK && s->by_host &&
		    !h->peer->ops->sync_asked(h->peer)) {
			s->status = HCI_REJECTED_RESOURCES;
		}
		if (s->status == HCI_OK) {
			came_up(h);
		} else {
			failed(h, s->status);
		}
		break;
	case SYNC_CLOSING:
		went_down(h, s->status);
		break;
	case SYNC_NONE:
	case SYNC_UP:
		break;
	}
}

void hci_sync_init(struct hci *h)
{
	h->sync.timer = (struct vtimer){ .fn = on_timer, .ctx = h };
}

/* The ACL link below is gone; @reason 0: not even the host is told. */
void hci_sync_gone(struct hci *h, uint8_t reason)
{
	struct sync *s = &h->sync;

	evq_disarm(h->env.q, &s->timer);
	if ((s->state == SYNC_UP || s->state == SYNC_CLOSING) && reason &&
	    h->peer) {
		went_down(h, reason);
	}
	s->state = SYNC_NONE;
}

/* ---- commands ---- */

static uint8_t open_by_host(struct hci *h, uint16_t handle, uint8_t type,
			    uint8_t air_mode)
{
	struct sync *s = &h->sync;

	if (!hci_link(h, handle)) {
		return HCI_UNKNOWN_CONNECTION;
	}
	if (s->state != SYNC_NONE) {
		return HCI_SCO_LIMIT;
	}
	s->state = SYNC_OPENING;
	s->by_host = true;
	s->type = type;
	s->air_mode = air_mode;
	s->status = HCI_OK;
	hci_arm(h, &s->timer, SYNC_SETUP);
	return HCI_OK;
}

HCI_FN(cmd_add_sco)
{
	(void)len;
	(void)r;
	return open_by_host(h, get16(p), TYPE_SCO, 2);
}

/* EV3 and up make it an eSCO link, HV1 to HV3 alone do not. */
static uint8_t type_of(unsigned int packets)
{
	return packets & 0x38 ? TYPE_ESCO : TYPE_SCO;
}

HCI_FN(cmd_setup_sync)
{
	(void)len;
	(void)r;
	return open_by_host(h, get16(p), type_of(get16(p + 15)),
			    (p[12] & 3) == 3 ? 3 : 2);
}

HCI_FN(cmd_enhanced_setup_sync)
{
	(void)len;
	(void)r;
	/* coding format on the air: CVSD, or something that we do not look
	 * into */
	return open_by_host(h, get16(p), type_of(get16(p + 56)),
			    p[10] == 2 ? 2 : 3);
}

static uint8_t answered(struct hci *h, uint8_t status)
{
	struct sync *s = &h->sync;

	if (s->state != SYNC_ASKED) {
		return HCI_DISALLOWED;
	}
	s->state = SYNC_OPENING;
	s->status = status;
	hci_arm(h, &s->timer, SYNC_SETUP);
	return HCI_OK;
}

uint8_t hci_sync_accept(struct hci *h)
{
	return answered(h, HCI_OK);
}

uint8_t hci_sync_reject(struct hci *h, uint8_t reason)
{
	return answered(h, reason ? reason : HCI_REJECTED_RESOURCES);
}

/* The enhanced one begins alike. */
HCI_FN(cmd_accept_sync)
{
	(void)r;
	if (!hci_link_to(h, p, LINK_UP)) {
		return HCI_UNKNOWN_CONNECTION;
	}
	if (h->sync.state == SYNC_ASKED) {
		h->sync.air_mode = len == 21 ? ((p[16] & 3) == 3 ? 3 : 2) :
				   p[14] == 2 ? 2 :
						3;
	}
	return hci_sync_accept(h);
}

HCI_FN(cmd_reject_sync)
{
	(void)len;
	(void)r;
	return hci_link_to(h, p, LINK_UP) ? hci_sync_reject(h, p[6]) :
					    HCI_UNKNOWN_CONNECTION;
}

uint8_t hci_sync_disconnect(struct hci *h, uint8_t reason)
{
	(void)reason; /* for the peer; the host hears that it was itself */
	h->sync.state = SYNC_CLOSING;
	h->sync.status = HCI_LOCAL_HOST;
	hci_arm(h, &h->sync.timer, HCI_LMP);
	return HCI_OK;
}

/* ---- the peer ---- */

bool hci_peer_sync_open(struct hci *h)
{
	struct sync *s = &h->sync;
	uint8_t p[10];

	if (!h->acl || h->acl->state != LINK_UP || s->state != SYNC_NONE) {
		return false;
	}
	s->state = SYNC_ASKED;
	s->by_host = false;
	s->type = TYPE_ESCO;
	s->air_mode = 2;
	hci_arm(h, &s->timer, SYNC_ACCEPT);
	memcpy(p, h->peer->addr, 6);
	p[6] = (uint8_t)h->peer->class_of_device;
	p[7] = (uint8_t)(h->peer->class_of_device >> 8);
	p[8] = (uint8_t)(h->peer->class_of_device >> 16);
	p[9] = TYPE_ESCO;
	hci_event(h, EV_CONNECTION_REQUEST, p, sizeof(p));
	return true;
}

void hci_peer_sync_close(struct hci *h)
{
	if (h->sync.state == SYNC_UP) {
		h->sync.state = SYNC_CLOSING;
		h->sync.status = HCI_REMOTE_USER;
		hci_arm(h, &h->sync.timer, HCI_LMP);
	}
}

/* ---- data ---- */

void hci_peer_voice(struct hci *h, const uint8_t *data, size_t len)
{
	uint8_t pkt[4 + HCI_VOICE_LEN];

	if (h->sync.state != SYNC_UP || len > HCI_VOICE_LEN ||
	    !bt_peer_hears(h->peer)) {
		return;
	}
	pkt[0] = H4_SCO;
	put16(pkt + 1, h->sync.handle);
	pkt[3] = (uint8_t)len;
	memcpy(pkt + 4, data, len);
	h->sco_n[BT_TO_HOST]++;
	bt_controller_emit(&h->c, pkt, 4 + len);
}

/* As on the air, what comes late or too much of is simply not heard. */
void hci_sco_from_host(struct hci *h, const uint8_t *p, size_t len)
{
	uint16_t handle = get16(p) & HCI_HANDLE_MASK;
	uint8_t done[5] = { 1 };

	if (h->sync.state != SYNC_UP || h->sync.handle != handle ||
	    len - 3 > HCI_VOICE_LEN) {
		return;
	}
	h->sco_n[BT_TO_CONTROLLER]++;
	if (h->reg.sync_flow[0]) {
		put16(done + 1, handle);
		put16(done + 3, 1);
		hci_event(h, EV_COMPLETED_PACKETS, done, sizeof(done));
	}
	if (bt_peer_hears(h->peer)) {
		h->peer->ops->voice(h->peer, p + 3, len - 3);
	}
}
