/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Authentication, pairing, encryption.
 *
 *	host wants it: Authentication Requested     peer wants it: hci_peer_secure()
 *	   AUTH_BEGIN   Link Key Request to the host
 *	   AUTH_KEY     a key: AUTH_CHECK holds it against the peer's, done
 *	                none:  pairing, simple if both can, else with a PIN
 *	   AUTH_IO      IO Capability Request, Response
 *	   AUTH_CONFIRM the number on both displays, or nothing to compare
 *	   AUTH_TAP     the peer's user answers; Simple Pairing Complete, Link Key
 *	                Notification, Authentication Complete
 *
 * No cryptography: the key is drawn from the run's seed and given to both sides,
 * which is all that either can see of it.
 */
#include "config.h"

#include "sim/bluetooth/hci_priv.h"

#include <string.h>

#define TAP (800 * VT_MS)     /* a user reads and taps */
#define PATIENCE (30 * VT_S) /* for the host; the LMP response timeout */

static const char *const step_names[] = {
	[AUTH_NONE] = NULL,
	[AUTH_BEGIN] = "asks",
	[AUTH_KEY] = "link key",
	[AUTH_CHECK] = "link key",
	[AUTH_PIN] = "PIN",
	[AUTH_PIN_CHECK] = "PIN",
	[AUTH_IO] = "capabilities",
	[AUTH_EXCHANGE] = "capabilities",
	[AUTH_CONFIRM] = "confirmation",
	[AUTH_PASSKEY] = "passkey",
	[AUTH_TAP] = "phone's user",
	[AUTH_DONE] = "done",
};

const char *hci_auth_step(const struct link *l)
{
	return step_names[l->auth.step];
}

static void go(struct link *l, enum auth_step step, vtime delay)
{
	l->auth.step = step;
	hci_arm(l->h, &l->auth.timer, delay);
}

static void ask_host(struct link *l, enum auth_step step, uint8_t event,
		     const uint8_t *p, size_t len)
{
	go(l, step, PATIENCE);
	hci_event(l->h, event, p, len);
}

static void key_event(struct link *l, uint8_t type)
{
	uint8_t p[23];

	memcpy(p, l->addr, 6);
	memcpy(p + 6, l->h->peer->key, 16);
	p[22] = type;
	hci_event(l->h, EV_LINK_KEY, p, sizeof(p));
}

static void encryption_change(struct link *l, uint8_t status, bool on)
{
	uint8_t p[4] = { status };

	if (status == HCI_OK) {
		l->encrypted = on;
		hci_note(l->h, "link", "encryption %s", on ? "on" : "off");
	}
	put16(p + 1, l->handle);
	p[3] = l->encrypted;
	hci_event(l->h, EV_ENCRYPTION_CHANGE, p, sizeof(p));
	if (status == HCI_OK) {
		l->h->peer->ops->encrypted(l->h->peer, on);
	}
}

/* Whoever wanted it is told. */
static void finished(struct link *l, uint8_t status)
{
	struct hci *h = l->h;
	bool encrypt = l->auth.encrypt && status == HCI_OK;
	uint8_t p[3] = { status };

	l->auth.step = AUTH_NONE;
	evq_disarm(h->env.q, &l->auth.timer);
	h->peer->shown = 0;
	l->authenticated = l->authenticated || status == HCI_OK;
	if (l->auth.by_host) {
		put16(p + 1, l->handle);
		hci_event(h, EV_AUTH_COMPLETE, p, sizeof(p));
	}
	h->peer->ops->authenticated(h->peer, status);
	if (encrypt && h->acl == l) {
		encryption_change(l, HCI_OK, true);
	}
}

static void pairing_complete(struct link *l, uint8_t status)
{
	uint8_t p[7] = { status };
	char text[BT_ADDR_TEXT];

	memcpy(p + 1, l->addr, 6);
	if (status != HCI_OK) {
		hci_note(l->h, "pair", "failed address=%s status=0x%02x",
			 bt_addr_text(l->addr, text), status);
	}
	hci_event(l->h, EV_PAIRING_COMPLETE, p, sizeof(p));
}

static void pairing_failed(struct link *l, uint8_t status)
{
	pairing_complete(l, status);
	finished(l, status);
}

static void new_key(struct link *l, uint8_t type)
{
	struct bt_peer *p = l->h->peer;
	char text[BT_ADDR_TEXT];

	av_rand_bytes(&l->h->rand, p->key, sizeof(p->key));
	p->has_key = true;
	memcpy(p->key_of, l->h->addr, 6);
	hci_note(l->h, "pair", "done address=%s by=%s %s",
		 bt_addr_text(l->addr, text), l->auth.by_host ? "car" : "phone",
		 type == KEY_COMBINATION     ? "pin" :
		 type == KEY_UNAUTHENTICATED ? "just-works" :
					       "authenticated");
	key_event(l, type);
}

/* ---- the steps ---- */

static bool needs_mitm(const struct link *l)
{
	return (l->auth.need & 1) || (l->h->peer->io != IO_NONE);
}

/* Core, Vol 3 Part C, table 5.7: what two capabilities make possible. */
static void stage_one(struct link *l)
{
	struct hci *h = l->h;
	uint8_t mine = l->auth.io, theirs = h->peer->io;
	uint8_t p[10];

	memcpy(p, l->addr, 6);
	l->auth.number = (uint32_t)av_rand_below(&h->rand, 1000000);
	l->auth.key_type = KEY_UNAUTHENTICATED;
	if (needs_mitm(l) && mine == IO_KEYBOARD_ONLY && theirs != IO_NONE) {
		l->auth.key_type = KEY_AUTHENTICATED;
		h->peer->shown = l->auth.number;
		ask_host(l, AUTH_PASSKEY, EV_USER_PASSKEY, p, 6);
		return;
	}
	if (needs_mitm(l) && mine == IO_DISPLAY_YES_NO &&
	    theirs == IO_DISPLAY_YES_NO) {
		l->auth.key_type = KEY_AUTHENTICATED;
	}
	h->peer->shown = l->auth.number;
	put32(p + 6, l->auth.number);
	ask_host(l, AUTH_CONFIRM, EV_USER_CONFIRM, p, sizeof(p));
}

static void io_response(struct link *l)
{
	uint8_t p[9];

	memcpy(p, l->addr, 6);
	p[6] = l->h->peer->io;
	p[7] = 0; /* no out of band data */
	p[8] = l->h->peer->io == IO_NONE ? 0x04 : 0x05; /* general bonding */
	hci_event(l->h, EV_IO_CAP_RESPONSE, p, sizeof(p));
}

static void begin_pairing(struct link *l)
{
	struct hci *h = l->h;

	l->auth.pairing = true;
	if (!h->peer->ssp || !h->reg.ssp_mode[0]) {
		ask_host(l, AUTH_PIN, EV_PIN_CODE_REQUEST, l->addr, 6);
		return;
	}
	if (!l->auth.by_host) {
		io_response(l); /* who begins says it first */
	}
	ask_host(l, AUTH_IO, EV_IO_CAP_REQUEST, l->addr, 6);
}

static void check_key(struct link *l)
{
	const struct bt_peer *p = l->h->peer;

	if (!p->has_key || memcmp(p->key_of, l->h->addr, 6) != 0) {
		finished(l, HCI_KEY_MISSING);
	} else if (memcmp(p->key, l->auth.key, sizeof(p->key)) != 0) {
		finished(l, HCI_AUTH_FAILURE);
	} else {
		finished(l, HCI_OK);
	}
}

static void check_pin(struct link *l)
{
	const char *pin = l->h->peer->pin;

	if (!l->h->peer->says_yes || strlen(pin) != l->auth.pin_len ||
	    memcmp(pin, l->auth.pin, l->auth.pin_len) != 0) {
		hci_note(l->h, "pair", "failed wrong pin");
		finished(l, HCI_AUTH_FAILURE);
		return;
	}
	new_key(l, KEY_COMBINATION);
	finished(l, HCI_OK);
}

static void tapped(struct link *l)
{
	if (!l->auth.host_yes || !l->h->peer->says_yes) {
		pairing_failed(l, HCI_AUTH_FAILURE);
		return;
	}
	pairing_complete(l, HCI_OK);
	new_key(l, l->auth.key_type);
	finished(l, HCI_OK);
}

static void on_timer(struct vtimer *t, vtime now)
{
	struct link *l = t->ctx;

	(void)now;
	if (l->h->acl != l) {
		return;
	}
	if (!bt_peer_hears(l->h->peer) && l->auth.step != AUTH_NONE) {
		hci_arm(l->h, t, HCI_LMP); /* until the link is given up */
		return;
	}
	switch (l->auth.step) {
	case AUTH_BEGIN:
		ask_host(l, AUTH_KEY, EV_LINK_KEY_REQUEST, l->addr, 6);
		break;
	case AUTH_CHECK:
		if (l->auth.host_key) {
			check_key(l);
		} else {
			begin_pairing(l);
		}
		break;
	case AUTH_PIN_CHECK:
		check_pin(l);
		break;
	case AUTH_EXCHANGE:
		if (l->auth.by_host) {
			io_response(l);
		}
		stage_one(l);
		break;
	case AUTH_TAP:
		tapped(l);
		break;
	case AUTH_KEY: /* the host was asked and said nothing */
	case AUTH_PIN:
	case AUTH_IO:
	case AUTH_CONFIRM:
	case AUTH_PASSKEY:
		pairing_failed(l, 0x22);
		hci_close(l, 0x22, true);
		break;
	case AUTH_NONE:
	case AUTH_DONE:
		break;
	}
}

void hci_auth_init(struct link *l)
{
	l->auth.timer = (struct vtimer){ .fn = on_timer, .ctx = l };
}

void hci_auth_stop(struct link *l)
{
	evq_disarm(l->h->env.q, &l->auth.timer);
	l->auth.step = AUTH_NONE;
	if (l->h->peer) {
		l->h->peer->shown = 0;
	}
}

void hci_auth_begin(struct link *l, bool by_host)
{
	l->auth.by_host = by_host;
	l->auth.pairing = l->auth.host_key = l->auth.host_yes = false;
	l->auth.encrypt = !by_host;
	go(l, AUTH_BEGIN, HCI_LMP);
}

bool hci_peer_secure(struct hci *h)
{
	if (!h->acl || h->acl->state != LINK_UP ||
	    h->acl->auth.step != AUTH_NONE) {
		return false;
	}
	hci_auth_begin(h->acl, false);
	return true;
}

/* ---- commands ---- */

HCI_FN(cmd_authenticate)
{
	struct link *l = hci_link(h, get16(p));

	(void)len;
	(void)r;
	if (!l || l->state != LINK_UP) {
		return HCI_UNKNOWN_CONNECTION;
	}
	if (l->auth.step != AUTH_NONE) {
		return HCI_DISALLOWED;
	}
	hci_auth_begin(l, true);
	return HCI_OK;
}

/* The link whose host was asked for @step, NULL: nobody asked. */
static struct link *asked(struct hci *h, const uint8_t *addr,
			  enum auth_step step)
{
	struct link *l = hci_link_to(h, addr, LINK_UP);

	return l && l->auth.step == step ? l : NULL;
}

/* All answers begin with the address and give it back. */
static uint8_t answer(struct hci *h, const uint8_t *p, struct hci_ret *r,
		      enum auth_step step, struct link **out)
{
	ret_put(r, p, 6);
	*out = asked(h, p, step);
	if (*out) {
		return HCI_OK;
	}
	return hci_link_to(h, p, LINK_UP) ? HCI_DISALLOWED :
					    HCI_UNKNOWN_CONNECTION;
}

HCI_FN(cmd_key_reply)
{
	struct link *l;
	uint8_t status = answer(h, p, r, AUTH_KEY, &l);

	(void)len;
	if (status == HCI_OK) {
		memcpy(l->auth.key, p + 6, 16);
		l->auth.host_key = true;
		go(l, AUTH_CHECK, HCI_LMP);
	}
	return status;
}

HCI_FN(cmd_key_refuse)
{
	struct link *l;
	uint8_t status = answer(h, p, r, AUTH_KEY, &l);

	(void)len;
	if (status == HCI_OK) {
		l->auth.host_key = false;
		go(l, AUTH_CHECK, HCI_LMP);
	}
	return status;
}

HCI_FN(cmd_pin_reply)
{
	struct link *l;
	uint8_t status = answer(h, p, r, AUTH_PIN, &l);

	(void)len;
	if (status == HCI_OK && (p[6] == 0 || p[6] > 16)) {
		return HCI_INVALID;
	}
	if (status == HCI_OK) {
		l->auth.pin_len = p[6];
		memcpy(l->auth.pin, p + 7, 16);
		go(l, AUTH_PIN_CHECK, TAP);
	}
	return status;
}

static void refused(struct hci *h, const struct hci_op *op)
{
	struct link *l = hci_link(h, op->handle);

	if (!l || l->auth.step != AUTH_DONE) {
		return;
	}
	if (op->arg[1]) {
		pairing_complete(l, op->arg[0]);
	}
	finished(l, op->arg[0]);
}

/* The answer first, then the bad news. */
static uint8_t refuse(struct hci *h, const uint8_t *p, struct hci_ret *r,
		      enum auth_step step, uint8_t why, bool simple)
{
	struct link *l;
	uint8_t status = answer(h, p, r, step, &l);
	uint8_t arg[2] = { why, simple };

	if (status != HCI_OK) {
		return status;
	}
	if (!hci_later(h, HCI_LMP, l->handle, refused, arg, 2)) {
		return HCI_MEMORY_FULL;
	}
	evq_disarm(h->env.q, &l->auth.timer);
	l->auth.step = AUTH_DONE;
	return HCI_OK;
}

HCI_FN(cmd_pin_refuse)
{
	(void)len;
	return refuse(h, p, r, AUTH_PIN, HCI_KEY_MISSING, false);
}

HCI_FN(cmd_io_reply)
{
	struct link *l = asked(h, p, AUTH_IO);
	uint8_t status;

	(void)len;
	if (l && (p[6] > 3 || p[7] > 1 || p[8] > 5)) {
		ret_put(r, p, 6);
		return HCI_INVALID;
	}
	status = answer(h, p, r, AUTH_IO, &l);
	if (status == HCI_OK) {
		l->auth.io = p[6];
		l->auth.need = p[8];
		go(l, AUTH_EXCHANGE, HCI_LMP);
	}
	return status;
}

HCI_FN(cmd_io_refuse)
{
	(void)len;
	return refuse(h, p, r, AUTH_IO, p[6] ? p[6] : HCI_PAIRING_NOT_ALLOWED,
		      true);
}

HCI_FN(cmd_confirm)
{
	struct link *l;
	uint8_t status = answer(h, p, r, AUTH_CONFIRM, &l);

	(void)len;
	if (status == HCI_OK) {
		l->auth.host_yes = true;
		/* nothing to read if there is nothing to compare */
		go(l, AUTH_TAP,
		   l->auth.key_type == KEY_AUTHENTICATED ? TAP : HCI_LMP);
	}
	return status;
}

HCI_FN(cmd_confirm_refuse)
{
	(void)len;
	return refuse(h, p, r, AUTH_CONFIRM, HCI_AUTH_FAILURE, true);
}

HCI_FN(cmd_passkey)
{
	struct link *l;
	uint8_t status = answer(h, p, r, AUTH_PASSKEY, &l);

	(void)len;
	if (status == HCI_OK) {
		l->auth.host_yes = get32(p + 6) == l->auth.number;
		go(l, AUTH_TAP, HCI_LMP);
	}
	return status;
}

HCI_FN(cmd_passkey_refuse)
{
	(void)len;
	return refuse(h, p, r, AUTH_PASSKEY, HCI_AUTH_FAILURE, true);
}

/* ---- encryption ---- */

static void encrypted(struct hci *h, const struct hci_op *op)
{
	struct link *l = hci_link(h, op->handle);

	if (l) {
		encryption_change(l,
				  l->authenticated ? HCI_OK : HCI_KEY_MISSING,
				  op->arg[0]);
	}
}

HCI_FN(cmd_encrypt)
{
	(void)len;
	(void)r;
	if (!hci_link(h, get16(p))) {
		return HCI_UNKNOWN_CONNECTION;
	}
	if (p[2] > 1) {
		return HCI_INVALID;
	}
	return hci_later(h, HCI_LMP, get16(p), encrypted, p + 2, 1) ?
		       HCI_OK :
		       HCI_MEMORY_FULL;
}

static void key_changed(struct hci *h, const struct hci_op *op)
{
	struct link *l = hci_link(h, op->handle);
	uint8_t p[3] = { HCI_OK };

	if (!l || !h->peer->has_key) {
		return;
	}
	av_rand_bytes(&h->rand, h->peer->key, sizeof(h->peer->key));
	key_event(l, KEY_CHANGED);
	put16(p + 1, l->handle);
	hci_event(h, EV_LINK_KEY_CHANGED, p, sizeof(p));
}

HCI_FN(cmd_change_key)
{
	struct link *l = hci_link(h, get16(p));

	(void)len;
	(void)r;
	if (!l) {
		return HCI_UNKNOWN_CONNECTION;
	}
	if (!l->authenticated || !h->peer->has_key) {
		return HCI_DISALLOWED;
	}
	return hci_later(h, HCI_LMP, l->handle, key_changed, NULL, 0) ?
		       HCI_OK :
		       HCI_MEMORY_FULL;
}

static void refreshed(struct hci *h, const struct hci_op *op)
{
	struct link *l = hci_link(h, op->handle);
	uint8_t p[3] = { l && l->encrypted ? HCI_OK : HCI_DISALLOWED };

	put16(p + 1, op->handle);
	hci_event(h, EV_KEY_REFRESH, p, sizeof(p));
}

HCI_FN(cmd_refresh_key)
{
	struct link *l = hci_link(h, get16(p));

	(void)len;
	(void)r;
	if (!l) {
		return HCI_UNKNOWN_CONNECTION;
	}
	if (!l->encrypted) {
		return HCI_DISALLOWED;
	}
	return hci_later(h, HCI_LMP, l->handle, refreshed, NULL, 0) ?
		       HCI_OK :
		       HCI_MEMORY_FULL;
}

HCI_FN(cmd_key_size)
{
	struct link *l = hci_link(h, get16(p));

	(void)len;
	ret_put(r, p, 2);
	ret_u8(r, l && l->encrypted ? 16 : 0);
	return !l ? HCI_UNKNOWN_CONNECTION :
	       l->encrypted ? HCI_OK :
			      HCI_DISALLOWED;
}
