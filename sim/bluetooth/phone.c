/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "sim/bluetooth/phone_priv.h"

#include "sim/core/rand.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* networking, object transfer, audio, telephony; major phone, minor smart */
#define PHONE_CLASS 0x7a020c

const char *const phone_pairing_names[] = { "number", "nothing", "pin", NULL };
const char *const phone_call_names[] = { "none",     "incoming", "dialling",
					 "alerting", "active",   "held" };

void phone_note(struct phone *p, const char *key, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	if (p->env.event) {
		va_start(ap, fmt);
		vsnprintf(text, sizeof(text), fmt, ap);
		va_end(ap);
		p->env.event(p->env.ctx, key, text);
	}
}

/* ---- the air ---- */

static void stack_reset(struct phone *p)
{
	l2_reset(p);
	rf_reset(p);
	hfp_closed(p);
}

static void on_connected(struct bt_peer *peer)
{
	struct phone *p = (struct phone *)peer;

	p->linked = true;
	p->encrypted = false;
	stack_reset(p);
}

static void on_disconnected(struct bt_peer *peer, uint8_t reason)
{
	struct phone *p = (struct phone *)peer;

	(void)reason;
	p->linked = p->encrypted = false;
	stack_reset(p);
	if (p->goes) {
		p->goes = false;
		p->peer.present = false;
	}
}

static void on_acl(struct bt_peer *peer, bool start, const uint8_t *data,
		   size_t len)
{
	l2_input((struct phone *)peer, start, data, len);
}

static void on_authenticated(struct bt_peer *peer, uint8_t status)
{
	(void)peer;
	(void)status; /* who it was for tells the recording */
}

static void on_encrypted(struct bt_peer *peer, bool on)
{
	((struct phone *)peer)->encrypted = on;
}

static bool on_sync_asked(struct bt_peer *peer)
{
	return hfp_takes_audio((struct phone *)peer);
}

static void on_sync(struct bt_peer *peer, bool up)
{
	hfp_audio((struct phone *)peer, up);
}

static void on_voice(struct bt_peer *peer, const uint8_t *data, size_t len)
{
	hfp_voice((struct phone *)peer, data, len);
}

static const struct bt_peer_ops peer_ops = {
	.connected = on_connected,
	.disconnected = on_disconnected,
	.acl = on_acl,
	.authenticated = on_authenticated,
	.encrypted = on_encrypted,
	.sync_asked = on_sync_asked,
	.sync = on_sync,
	.voice = on_voice,
};

/* ---- what it says of itself ---- */

static size_t field(uint8_t *buf, size_t at, size_t room, uint8_t type,
		    const void *data, size_t len)
{
	if (len + 2 > room - at) {
		return at;
	}
	buf[at] = (uint8_t)(len + 1);
	buf[at + 1] = type;
	memcpy(buf + at + 2, data, len);
	return at + 2 + len;
}

/* A name cut to @room bytes, not inside a character; type 8 says it was. */
static size_t name_field(uint8_t *buf, size_t at, size_t room, const char *name)
{
	size_t len = strlen(name), most = room - at - 2;
	bool cut = len > most;

	if (cut) {
		for (len = most; len > 0 && (name[len] & 0xc0) == 0x80; len--) {
		}
	}
	return field(buf, at, room, cut ? 0x08 : 0x09, name, len);
}

static void describe(struct phone *p)
{
	static const uint8_t classes[] = { 0x1f, 0x11 }; /* HFP gateway */
	static const uint8_t power[] = { 4 };
	/* general discoverable, and no BR/EDR at this address */
	static const uint8_t flags[] = { 0x06 };
	struct bt_peer *b = &p->peer;
	size_t n;

	memset(b->eir, 0, sizeof(b->eir));
	n = field(b->eir, 0, sizeof(b->eir), 0x03, classes, sizeof(classes));
	n = field(b->eir, n, sizeof(b->eir), 0x0a, power, sizeof(power));
	name_field(b->eir, n, sizeof(b->eir), b->name);
	n = field(b->adv, 0, sizeof(b->adv), 0x01, flags, sizeof(flags));
	/* no name here: as with real phones it cannot be told from the others
	 * until it wants to be */
	b->adv_len = (uint8_t)field(b->adv, n, sizeof(b->adv), 0x0a, power,
				    sizeof(power));
}

/* ---- life ---- */

struct phone *phone_create(const struct phone_env *env)
{
	struct phone *p = calloc(1, sizeof(*p));
	struct av_rand r;

	if (!p) {
		return NULL;
	}
	p->env = *env;
	p->peer.ops = &peer_ops;
	p->peer.class_of_device = PHONE_CLASS;
	av_rand_init(&r, env->seed, "phone");
	av_rand_bytes(&r, p->drawn, 6);
	av_rand_bytes(&r, p->peer.le_addr, 6);
	p->drawn[5] = 0x06;	      /* locally administered */
	p->peer.le_addr[5] |= 0xc0; /* random static */
	hfp_init(p);
	stack_reset(p);
	hci_set_peer(env->hci, &p->peer);
	return p;
}

void phone_destroy(struct phone *p)
{
	if (p) {
		p->env.event = NULL;
		hci_set_peer(p->env.hci, NULL);
		hfp_stop(p);
		free(p);
	}
}

/* ---- what its user does ---- */

static int want_present(const struct phone *p, struct av_err *err)
{
	return p->peer.present && !p->goes ?
		       0 :
		       av_err_set(err, -ENODEV,
				  "there is no phone; phone-appear brings one");
}

int phone_check_number(const char *number, struct av_err *err)
{
	if (strlen(number) > PHONE_NUMBER_MAX ||
	    number[strspn(number, "0123456789*#+")]) {
		return av_err_set(err, -EINVAL,
				  "a phone number has at most %d of the "
				  "characters 0-9 * # +, not '%.40s'",
				  PHONE_NUMBER_MAX, number);
	}
	return 0;
}

int phone_appear(struct phone *p, const struct phone_setup *s,
		 struct av_err *err)
{
	struct bt_peer *b = &p->peer;
	const char *name = s->name ? s->name : "Phone";
	const char *pin = s->pin ? s->pin : "0000";
	uint8_t addr[6];
	char text[BT_ADDR_TEXT];

	if (b->present) {
		return av_err_set(err, -EEXIST,
				  "there is a phone already; phone-disappear "
				  "first");
	}
	memcpy(addr, p->drawn, sizeof(addr));
	if (s->address && bt_addr_parse(s->address, addr) < 0) {
		return av_err_set(err, -EINVAL,
				  "'address' wants six bytes like "
				  "02:00:5E:10:20:30, not '%.40s'",
				  s->address);
	}
	if (!*name || strlen(name) > PHONE_NAME_MAX) {
		return av_err_set(err, -EINVAL,
				  "the phone's name has 1 to %d bytes",
				  PHONE_NAME_MAX);
	}
	if (!*pin || strlen(pin) > 16) {
		return av_err_set(err, -EINVAL, "a PIN has 1 to 16 characters");
	}
	if (memcmp(b->addr, addr, sizeof(addr)) != 0) {
		b->has_key = false; /* another phone */
	}
	memcpy(b->addr, addr, sizeof(addr));
	memset(b->name, 0, sizeof(b->name));
	strcpy(b->name, name);
	strcpy(b->pin, pin);
	b->discoverable = !s->hidden;
	b->says_yes = !s->refuses;
	b->ssp = s->pairing != PHONE_PIN;
	b->io = s->pairing == PHONE_NOTHING ? IO_NONE : IO_DISPLAY_YES_NO;
	b->rssi_dbm = s->rssi_dbm;
	b->present = true;
	describe(p);
	phone_note(p, "phone", "appears name=%s address=%s", b->name,
		   bt_addr_text(b->addr, text));
	hci_peer_moved(p->env.hci);
	return 0;
}

int phone_disappear(struct phone *p, struct av_err *err)
{
	int ret = want_present(p, err);

	if (ret < 0) {
		return ret;
	}
	if (p->hfp.call != CALL_NONE) {
		hfp_end(p, "phone");
	}
	phone_note(p, "phone", "disappears");
	if (p->linked) { /* politely, as one that is switched off */
		p->goes = true;
		hci_peer_disconnect(p->env.hci, HCI_REMOTE_POWER_OFF);
	} else {
		p->peer.present = false;
	}
	return 0;
}

int phone_connect(struct phone *p, struct av_err *err)
{
	int ret = want_present(p, err);

	if (ret < 0) {
		return ret;
	}
	if (p->linked) {
		return av_err_set(err, -EISCONN, "it is connected already");
	}
	if (!hci_peer_page(p->env.hci)) {
		return av_err_set(err, -EHOSTUNREACH,
				  "the phone is out of range");
	}
	phone_note(p, "phone", "pages the car");
	return 0;
}

int phone_disconnect(struct phone *p, struct av_err *err)
{
	int ret = want_present(p, err);

	if (ret < 0) {
		return ret;
	}
	if (!p->linked) {
		return av_err_set(err, -ENOTCONN, "it is not connected");
	}
	hci_peer_disconnect(p->env.hci, HCI_REMOTE_USER);
	return 0;
}

int phone_call(struct phone *p, const char *number, struct av_err *err)
{
	int ret = want_present(p, err);

	if (ret == 0) {
		ret = phone_check_number(number, err);
	}
	if (ret < 0) {
		return ret;
	}
	if (p->hfp.call != CALL_NONE) {
		return av_err_set(err, -EBUSY, "there is a call already");
	}
	hfp_call(p, number);
	return 0;
}

int phone_answer(struct phone *p, struct av_err *err)
{
	if (p->hfp.call != CALL_INCOMING) {
		return av_err_set(err, -ENOENT, "nobody is calling");
	}
	hfp_answer(p);
	return 0;
}

int phone_hang_up(struct phone *p, struct av_err *err)
{
	if (p->hfp.call == CALL_NONE) {
		return av_err_set(err, -ENOENT, "there is no call");
	}
	hfp_end(p, "phone");
	return 0;
}

void phone_silence(struct phone *p, bool on, bool now)
{
	if (on) {
		p->silent++;
	} else if (p->silent > 0) {
		p->silent--;
	}
	if (on && now && p->linked) {
		hci_peer_disconnect(p->env.hci, HCI_CONNECTION_TIMEOUT);
	}
	p->peer.silent = p->silent > 0;
	hci_peer_moved(p->env.hci);
}

void phone_status(const struct phone *p, struct phone_status *s)
{
	memset(s, 0, sizeof(*s));
	s->present = p->peer.present;
	s->reachable = bt_peer_hears(&p->peer);
	s->discoverable = p->peer.discoverable;
	memcpy(s->addr, p->peer.addr, sizeof(s->addr));
	s->name = p->peer.name;
	s->rssi_dbm = p->peer.rssi_dbm;
	s->bonded = p->peer.has_key;
	s->shown = p->peer.shown;
	for (size_t i = 0; i < L2_CHANNELS; i++) {
		s->channels += p->l2.ch[i].used;
	}
	s->multiplexer = p->rf.up;
	s->service = p->hfp.service;
	s->call = p->hfp.call;
	s->number = p->hfp.number;
	s->audio = p->hfp.audio;
	s->at_commands = p->hfp.at_commands;
	s->at_errors = p->hfp.at_errors;
	memcpy(s->frames, p->frames, sizeof(s->frames));
	s->dropped = p->dropped;
	s->voice[BT_TO_CONTROLLER] = p->hfp.heard;
	s->voice[BT_TO_HOST] = p->hfp.sent;
	s->voice_peak = p->hfp.peak;
}
