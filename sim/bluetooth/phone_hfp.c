/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The phone's part of the hands-free profile (HFP 1.7, audio gateway): AT
 * commands of the car, its indicators, one call at a time, and its audio: a tone
 * of 400 Hz while the call is active.
 */
#include "config.h"

#include "sim/bluetooth/phone_priv.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RING_PERIOD (3 * VT_S)
#define DIAL_TIME (1 * VT_S)  /* until the other end rings */
#define ALERT_TIME (3 * VT_S) /* until it answers */

enum { /* AG_FEATURES */
	AG_THREE_WAY = 1,
	AG_CAN_REJECT = 1 << 5,
	AG_CALL_STATUS = 1 << 6,
	AG_CODECS = 1 << 9,
	AG_FEATURES = AG_THREE_WAY | AG_CAN_REJECT | AG_CALL_STATUS | AG_CODECS,
	HF_THREE_WAY = 1 << 1,
	HF_CODECS = 1 << 7,
};

enum indicator {
	IND_SERVICE = 1,
	IND_CALL,
	IND_SETUP,
	IND_HELD,
	IND_SIGNAL,
	IND_ROAM,
	IND_BATTERY,
};

/* ---- out ---- */

__attribute__((format(printf, 2, 3))) static void say(struct phone *p,
						      const char *fmt, ...)
{
	char text[300];
	va_list ap;
	int n;

	text[0] = '\r';
	text[1] = '\n';
	va_start(ap, fmt);
	n = vsnprintf(text + 2, sizeof(text) - 4, fmt, ap);
	va_end(ap);
	if (n < 0 || n >= (int)sizeof(text) - 4) {
		return;
	}
	memcpy(text + 2 + n, "\r\n", 2);
	rf_write(p, text, (size_t)n + 4);
}

static int indicator(const struct phone *p, enum indicator i)
{
	enum phone_call_state c = p->hfp.call;

	switch (i) {
	case IND_CALL:
		return c == CALL_ACTIVE || c == CALL_HELD;
	case IND_SETUP:
		return c == CALL_INCOMING  ? 1 :
		       c == CALL_DIALLING ? 2 :
		       c == CALL_ALERTING ? 3 :
					     0;
	case IND_HELD:
		return c == CALL_HELD ? 2 : 0;
	case IND_SERVICE:
		return 1;
	case IND_SIGNAL:
		return 4;
	case IND_BATTERY:
		return 5;
	default:
		return 0;
	}
}

static void tell(struct phone *p, enum indicator i)
{
	if (p->hfp.indicators_on && p->hfp.service &&
	    !(p->hfp.muted >> i & 1)) {
		say(p, "+CIEV: %d,%d", i, indicator(p, i));
	}
}

/* ---- audio ---- */

static void open_audio(struct phone *p)
{
	if (!p->hfp.service || p->hfp.audio || p->hfp.audio_asked) {
		return;
	}
	if (p->hfp.negotiates) {
		p->hfp.codec_asked = true;
		say(p, "+BCS: 1"); /* CVSD; the link follows its AT+BCS */
		return;
	}
	p->hfp.audio_asked = hci_peer_sync_open(p->env.hci);
}

static void close_audio(struct phone *p)
{
	p->hfp.codec_asked = false;
	if (p->hfp.audio) {
		hci_peer_sync_close(p->env.hci);
	}
}

bool hfp_takes_audio(struct phone *p)
{
	return p->hfp.service && !p->hfp.audio;
}

void hfp_audio(struct phone *p, bool up)
{
	struct hfp *h = &p->hfp;

	h->audio_asked = false;
	if (up) {
		h->sent = h->heard = 0;
		h->peak = 0;
		h->phase = 0;
		(void)evq_arm(p->env.q, &h->voice,
			      evq_now(p->env.q) + HCI_VOICE_PERIOD);
	} else if (h->audio) {
		evq_disarm(p->env.q, &h->voice);
		phone_note(p, "call", "voice sent=%llu heard=%llu peak=%d",
			   (unsigned long long)h->sent,
			   (unsigned long long)h->heard, h->peak);
	}
	h->audio = up;
}

static void on_voice(struct vtimer *t, vtime now)
{
	/* 8000 sin(2 pi k / 20): 400 Hz at 8 kHz */
	static const int16_t tone[20] = { 0,	 2472,	4702,  6472,  7608,
					  8000,	 7608,	6472,  4702,  2472,
					  0,	 -2472, -4702, -6472, -7608,
					  -8000, -7608, -6472, -4702, -2472 };
	struct phone *p = t->ctx;
	struct hfp *h = &p->hfp;
	uint8_t buf[HCI_VOICE_LEN] = { 0 };

	for (size_t i = 0; i < HCI_VOICE_LEN && h->call == CALL_ACTIVE;
	     i += 2) {
		put16(buf + i, (uint16_t)tone[h->phase]);
		h->phase = (h->phase + 1) % 20;
	}
	h->sent++;
	hci_peer_voice(p->env.hci, buf, sizeof(buf));
	(void)evq_arm(p->env.q, t, now + HCI_VOICE_PERIOD);
}

void hfp_voice(struct phone *p, const uint8_t *data, size_t len)
{
	p->hfp.heard++;
	for (size_t i = 0; i + 1 < len; i += 2) {
		int v = abs((int16_t)get16(data + i));

		p->hfp.peak = v > p->hfp.peak ? v : p->hfp.peak;
	}
}

/* ---- calls ---- */

static void set_call(struct phone *p, enum phone_call_state c)
{
	struct hfp *h = &p->hfp;
	int before[] = { indicator(p, IND_CALL), indicator(p, IND_SETUP),
			 indicator(p, IND_HELD) };

	h->call = c;
	if (c == CALL_INCOMING || c == CALL_DIALLING) {
		phone_note(p, "call", "%s number=%s", phone_call_names[c],
			   h->number);
	} else if (c != CALL_NONE) {
		phone_note(p, "call", "%s", phone_call_names[c]);
	}
	for (int i = 0; i < 3; i++) {
		if (indicator(p, (enum indicator)(IND_CALL + i)) != before[i]) {
			tell(p, (enum indicator)(IND_CALL + i));
		}
	}
}

static void ring(struct phone *p)
{
	if (p->hfp.service) {
		say(p, "RING");
		if (p->hfp.clip && p->hfp.number[0]) {
			say(p, "+CLIP: \"%s\",%d", p->hfp.number,
			    p->hfp.number[0] == '+' ? 145 : 129);
		}
	}
	(void)evq_arm(p->env.q, &p->hfp.timer,
		      evq_now(p->env.q) + RING_PERIOD);
}

static void on_timer(struct vtimer *t, vtime now)
{
	struct phone *p = t->ctx;

	switch (p->hfp.call) {
	case CALL_INCOMING:
		ring(p);
		break;
	case CALL_DIALLING:
		set_call(p, CALL_ALERTING);
		(void)evq_arm(p->env.q, t, now + ALERT_TIME);
		break;
	case CALL_ALERTING:
		set_call(p, CALL_ACTIVE);
		break;
	case CALL_NONE:
	case CALL_ACTIVE:
	case CALL_HELD:
		break;
	}
}

void hfp_call(struct phone *p, const char *number)
{
	snprintf(p->hfp.number, sizeof(p->hfp.number), "%s", number);
	p->hfp.outgoing = false;
	set_call(p, CALL_INCOMING);
	ring(p);
}

static void dial(struct phone *p, const char *number)
{
	snprintf(p->hfp.number, sizeof(p->hfp.number), "%s", number);
	p->hfp.outgoing = true;
	set_call(p, CALL_DIALLING);
	(void)evq_arm(p->env.q, &p->hfp.timer, evq_now(p->env.q) + DIAL_TIME);
	open_audio(p);
}

void hfp_answer(struct phone *p)
{
	evq_disarm(p->env.q, &p->hfp.timer);
	set_call(p, CALL_ACTIVE);
	open_audio(p);
}

void hfp_end(struct phone *p, const char *by)
{
	evq_disarm(p->env.q, &p->hfp.timer);
	phone_note(p, "call", "ends by=%s", by);
	set_call(p, CALL_NONE);
	p->hfp.number[0] = '\0';
	close_audio(p);
}

/* ---- AT commands ---- */

enum at_result { AT_OK, AT_ERROR, AT_SAID };

static enum at_result at_brsf(struct phone *p, const char *arg)
{
	p->hfp.hf_features = (uint32_t)strtoul(arg, NULL, 10);
	say(p, "+BRSF: %d", AG_FEATURES);
	return AT_OK;
}

static enum at_result at_bac(struct phone *p, const char *arg)
{
	(void)arg; /* whatever it lists, CVSD is in it, and all we have */
	p->hfp.negotiates = p->hfp.hf_features & HF_CODECS;
	return AT_OK;
}

static void established(struct phone *p)
{
	struct hfp *h = &p->hfp;

	if (h->service || !h->indicators_on) {
		return;
	}
	h->service = true;
	phone_note(p, "phone", "hands-free connection established");
	if (h->call == CALL_INCOMING) {
		(void)evq_arm(p->env.q, &h->timer,
			      evq_now(p->env.q) + RING_PERIOD);
	}
}

static enum at_result at_cind_test(struct phone *p, const char *arg)
{
	(void)arg;
	say(p, "+CIND: (\"service\",(0,1)),(\"call\",(0,1)),"
	       "(\"callsetup\",(0-3)),(\"callheld\",(0-2)),"
	       "(\"signal\",(0-5)),(\"roam\",(0,1)),(\"battchg\",(0-5))");
	return AT_OK;
}

static enum at_result at_cind(struct phone *p, const char *arg)
{
	int v[8];

	(void)arg;
	for (int i = IND_SERVICE; i <= IND_BATTERY; i++) {
		v[i] = indicator(p, (enum indicator)i);
	}
	say(p, "+CIND: %d,%d,%d,%d,%d,%d,%d", v[1], v[2], v[3], v[4], v[5],
	    v[6], v[7]);
	return AT_OK;
}

/* "mode,keyp,disp,ind": only mode 3 exists, ind says on or off */
static enum at_result at_cmer(struct phone *p, const char *arg)
{
	int mode, keyp, disp, ind = 0;
	int n = sscanf(arg, "%2d,%2d,%2d,%2d", &mode, &keyp, &disp, &ind);

	if (n < 1 || mode != 3 || ind < 0 || ind > 1) {
		return AT_ERROR;
	}
	p->hfp.indicators_on = ind;
	return AT_OK;
}

static enum at_result at_chld_test(struct phone *p, const char *arg)
{
	(void)arg;
	say(p, "+CHLD: (0,1,2)");
	return AT_OK;
}

static enum at_result at_chld(struct phone *p, const char *arg)
{
	enum phone_call_state c = p->hfp.call;

	if (!strcmp(arg, "2") && (c == CALL_ACTIVE || c == CALL_HELD)) {
		set_call(p, c == CALL_ACTIVE ? CALL_HELD : CALL_ACTIVE);
		return AT_OK;
	}
	if ((!strcmp(arg, "1") && c == CALL_ACTIVE) ||
	    (!strcmp(arg, "0") && c == CALL_HELD)) {
		hfp_end(p, "car");
		return AT_OK;
	}
	return AT_ERROR;
}

static enum at_result on_off(const char *arg, bool *flag)
{
	if (strcmp(arg, "0") != 0 && strcmp(arg, "1") != 0) {
		return AT_ERROR;
	}
	*flag = arg[0] == '1';
	return AT_OK;
}

static enum at_result at_clip(struct phone *p, const char *arg)
{
	return on_off(arg, &p->hfp.clip);
}

static enum at_result at_ccwa(struct phone *p, const char *arg)
{
	return on_off(arg, &p->hfp.waiting);
}

static enum at_result at_cmee(struct phone *p, const char *arg)
{
	return on_off(arg, &p->hfp.numeric_errors);
}

static enum at_result at_bia(struct phone *p, const char *arg)
{
	/* call, callsetup and callheld cannot be switched off */
	const uint32_t fixed = 1u << IND_CALL | 1u << IND_SETUP |
			       1u << IND_HELD;

	for (unsigned int i = 1; i <= IND_BATTERY; i++) {
		if (*arg == '0') {
			p->hfp.muted |= (1u << i) & ~fixed;
		} else if (*arg == '1') {
			p->hfp.muted &= ~(1u << i);
		}
		arg += *arg == '0' || *arg == '1';
		if (*arg == '\0') {
			return AT_OK;
		}
		if (*arg++ != ',') {
			return AT_ERROR;
		}
	}
	return AT_OK;
}

static enum at_result at_answer(struct phone *p, const char *arg)
{
	(void)arg;
	if (p->hfp.call != CALL_INCOMING) {
		return AT_ERROR;
	}
	say(p, "OK");
	hfp_answer(p);
	return AT_SAID;
}

static enum at_result at_chup(struct phone *p, const char *arg)
{
	(void)arg;
	if (p->hfp.call == CALL_NONE) {
		return AT_ERROR;
	}
	say(p, "OK");
	hfp_end(p, "car");
	return AT_SAID;
}

static enum at_result at_dial(struct phone *p, const char *arg)
{
	char number[PHONE_NUMBER_MAX + 1];
	size_t len = strcspn(arg, ";");

	if (p->hfp.call != CALL_NONE || len == 0 || len >= sizeof(number)) {
		return AT_ERROR;
	}
	memcpy(number, arg, len);
	number[len] = '\0';
	if (phone_check_number(number, NULL) < 0) {
		return AT_ERROR;
	}
	say(p, "OK");
	dial(p, number);
	return AT_SAID;
}

static enum at_result at_clcc(struct phone *p, const char *arg)
{
	static const int stat[] = { [CALL_ACTIVE] = 0,	  [CALL_HELD] = 1,
				    [CALL_DIALLING] = 2, [CALL_ALERTING] = 3,
				    [CALL_INCOMING] = 4 };
	const struct hfp *h = &p->hfp;

	(void)arg;
	if (h->call != CALL_NONE) {
		say(p, "+CLCC: 1,%d,%d,0,0,\"%s\",%d", !h->outgoing,
		    stat[h->call], h->number,
		    h->number[0] == '+' ? 145 : 129);
	}
	return AT_OK;
}

static enum at_result at_cops(struct phone *p, const char *arg)
{
	(void)arg;
	say(p, "+COPS: 0,0,\"avsim\"");
	return AT_OK;
}

static enum at_result at_bcs(struct phone *p, const char *arg)
{
	if (!p->hfp.codec_asked || strcmp(arg, "1") != 0) {
		return AT_ERROR;
	}
	p->hfp.codec_asked = false;
	say(p, "OK");
	p->hfp.audio_asked = hci_peer_sync_open(p->env.hci);
	return AT_SAID;
}

/* The car wants the audio link. */
static enum at_result at_bcc(struct phone *p, const char *arg)
{
	(void)arg;
	if (p->hfp.audio || !p->hfp.service) {
		return AT_ERROR;
	}
	say(p, "OK");
	open_audio(p);
	return AT_SAID;
}

static enum at_result at_cnum(struct phone *p, const char *arg)
{
	(void)arg;
	say(p, "+CNUM: ,\"+49895550100\",145,,4");
	return AT_OK;
}

static enum at_result at_noted(struct phone *p, const char *arg)
{
	(void)p;
	(void)arg;
	return AT_OK;
}

/* Longest names first where one begins like another. */
static const struct {
	const char *name;
	enum at_result (*fn)(struct phone *p, const char *arg);
	bool has_arg;
} at_commands[] = {
	{ "+BRSF=", at_brsf, true },	   { "+BAC=", at_bac, true },
	{ "+CIND=?", at_cind_test, false }, { "+CIND?", at_cind, false },
	{ "+CMER=", at_cmer, true },	   { "+CHLD=?", at_chld_test, false },
	{ "+CHLD=", at_chld, true },	   { "+CLIP=", at_clip, true },
	{ "+CCWA=", at_ccwa, true },	   { "+CMEE=", at_cmee, true },
	{ "+BIA=", at_bia, true },	   { "A", at_answer, false },
	{ "+CHUP", at_chup, false },	   { "D", at_dial, true },
	{ "+CLCC", at_clcc, false },	   { "+COPS=", at_noted, true },
	{ "+COPS?", at_cops, false },	   { "+BCS=", at_bcs, true },
	{ "+BCC", at_bcc, false },	   { "+CNUM", at_cnum, false },
	{ "+VGS=", at_noted, true },	   { "+VGM=", at_noted, true },
	{ "+NREC=", at_noted, true },	   { "+VTS=", at_noted, true },
};

static enum at_result at_run(struct phone *p, const char *cmd)
{
	for (size_t i = 0; i < sizeof(at_commands) / sizeof(at_commands[0]);
	     i++) {
		size_t n = strlen(at_commands[i].name);

		if (!strncmp(cmd, at_commands[i].name, n) &&
		    (at_commands[i].has_arg || cmd[n] == '\0')) {
			return at_commands[i].fn(p, cmd + n);
		}
	}
	return AT_ERROR;
}

static void on_line(struct phone *p)
{
	struct hfp *h = &p->hfp;
	enum at_result r = AT_ERROR;
	const char *cmd = h->line + 2;

	if (h->len == 0) {
		return;
	}
	h->at_commands++;
	if (!h->too_long && (!strncmp(h->line, "AT", 2) ||
			     !strncmp(h->line, "at", 2))) {
		r = *cmd ? at_run(p, cmd) : AT_OK;
	}
	if (r == AT_OK) {
		say(p, "OK");
	} else if (r == AT_ERROR) {
		h->at_errors++;
		if (h->numeric_errors) {
			say(p, "+CME ERROR: 4"); /* not supported */
		} else {
			say(p, "ERROR");
		}
	}
	/* established when the car has asked for all that it can use */
	if (r == AT_OK && (!strncmp(cmd, "+CHLD=?", 7) ||
			   (!strncmp(cmd, "+CMER=", 6) &&
			    !(h->hf_features & HF_THREE_WAY)))) {
		established(p);
	}
}

void hfp_input(struct phone *p, const uint8_t *data, size_t len)
{
	struct hfp *h = &p->hfp;

	for (size_t i = 0; i < len; i++) {
		if (data[i] == '\r') {
			h->line[h->len] = '\0';
			on_line(p);
			h->len = 0;
			h->too_long = false;
		} else if (data[i] == '\n' || data[i] == '\0') {
			continue;
		} else if (h->len < AT_MAX) {
			h->line[h->len++] = (char)data[i];
		} else {
			h->too_long = true;
		}
	}
}

/* ---- life ---- */

void hfp_opened(struct phone *p)
{
	hfp_closed(p);
}

/* The call goes on, on the phone itself. */
void hfp_closed(struct phone *p)
{
	struct hfp *h = &p->hfp;

	if (h->service) {
		phone_note(p, "phone", "hands-free connection ended");
	}
	h->len = 0;
	h->too_long = false;
	h->hf_features = h->muted = 0;
	h->indicators_on = h->service = h->clip = h->waiting = false;
	h->numeric_errors = h->negotiates = h->codec_asked = false;
	h->audio_asked = false;
	if (h->audio && p->linked) {
		close_audio(p);
	} else if (h->audio) {
		hfp_audio(p, false);
	}
}

void hfp_init(struct phone *p)
{
	p->hfp.timer = (struct vtimer){ .fn = on_timer, .ctx = p };
	p->hfp.voice = (struct vtimer){ .fn = on_voice, .ctx = p };
}

void hfp_stop(struct phone *p)
{
	evq_disarm(p->env.q, &p->hfp.timer);
	evq_disarm(p->env.q, &p->hfp.voice);
}
