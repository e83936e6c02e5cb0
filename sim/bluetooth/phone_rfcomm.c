/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RFCOMM of the phone (Bluetooth RFCOMM 1.2, on 3GPP TS 27.010): the side that does
 * not open the multiplexer, with one server channel, the audio gateway's.
 */
#include "config.h"

#include "sim/bluetooth/phone_priv.h"

#include <string.h>

enum {
	SABM = 0x2f,
	UA = 0x63,
	DM = 0x0f,
	DISC = 0x43,
	UIH = 0xef,
	PF = 0x10,
};

enum { /* of the multiplexer's own channel, without the C/R bit */
	MCC_PN = 0x81,
	MCC_MSC = 0xe1,
	MCC_RPN = 0x91,
	MCC_RLS = 0x51,
	MCC_TEST = 0x21,
	MCC_FCON = 0xa1,
	MCC_FCOFF = 0x61,
	MCC_NSC = 0x11,
	MCC_COMMAND = 0x02,
};

enum {
	DLCI = HFP_CHANNEL << 1, /* of a server that did not open the mux */
	RX_CREDITS = 7,
	MODEM = 0x8d, /* ready, data valid */
};

/* CRC-8 of 27.010, reversed polynomial x^8 + x^2 + x + 1 */
static uint8_t fcs(const uint8_t *p, size_t n)
{
	uint8_t c = 0xff;

	while (n-- > 0) {
		c ^= *p++;
		for (int i = 0; i < 8; i++) {
			c = (uint8_t)(c & 1 ? c >> 1 ^ 0xe0 : c >> 1);
		}
	}
	return (uint8_t)(0xff - c);
}

/* ---- out ---- */

/* @credits: -1 none in it */
static void frame(struct phone *p, uint8_t dlci, bool cr, uint8_t control,
		  int credits, const uint8_t *data, size_t len)
{
	uint8_t buf[L2_MTU];
	size_t n = 0;

	if (len + 6 > sizeof(buf)) {
		return;
	}
	buf[n++] = (uint8_t)(dlci << 2 | cr << 1 | 1);
	buf[n++] = (uint8_t)(credits >= 0 ? control | PF : control);
	if (len < 128) {
		buf[n++] = (uint8_t)(len << 1 | 1);
	} else {
		buf[n++] = (uint8_t)(len << 1);
		buf[n++] = (uint8_t)(len >> 7);
	}
	if (credits >= 0) {
		buf[n++] = (uint8_t)credits;
	}
	if (len > 0) {
		memcpy(buf + n, data, len);
		n += len;
	}
	buf[n] = fcs(buf, (control & ~PF) == UIH ? 2 : 3);
	l2_send(p, p->rf.channel, buf, n + 1);
}

/* A response of ours has the C/R bit, data and commands do not. */
static void respond(struct phone *p, uint8_t dlci, uint8_t control)
{
	frame(p, dlci, true, control | PF, -1, NULL, 0);
}

static void mcc(struct phone *p, uint8_t type, const uint8_t *data, size_t len)
{
	uint8_t buf[2 + 127];

	if (len > 127) {
		return;
	}
	buf[0] = type;
	buf[1] = (uint8_t)(len << 1 | 1);
	if (len > 0) {
		memcpy(buf + 2, data, len);
	}
	frame(p, 0, false, UIH, -1, buf, 2 + len);
}

static void flush(struct phone *p)
{
	struct rfcomm *r = &p->rf;

	while (r->dlc && r->tx_len > 0 && (!r->credit_based || r->tx_credits)) {
		size_t n = r->tx_len < r->max ? r->tx_len : r->max;

		frame(p, DLCI, false, UIH, -1, r->tx, n);
		r->tx_credits -= r->credit_based;
		r->tx_len -= n;
		memmove(r->tx, r->tx + n, r->tx_len);
	}
}

void rf_write(struct phone *p, const char *text, size_t len)
{
	struct rfcomm *r = &p->rf;

	if (!r->dlc || len > sizeof(r->tx) - r->tx_len) {
		p->dropped++;
		return;
	}
	memcpy(r->tx + r->tx_len, text, len);
	r->tx_len += len;
	flush(p);
}

/* ---- the data channel ---- */

static void dlc_closed(struct phone *p)
{
	if (p->rf.dlc) {
		p->rf.dlc = p->rf.msc = false;
		p->rf.tx_len = 0;
		hfp_closed(p);
	}
}

static void dlc_opened(struct phone *p)
{
	static const uint8_t status[2] = { DLCI << 2 | 3, MODEM };

	p->rf.dlc = true;
	p->rf.tx_len = 0;
	mcc(p, MCC_MSC | MCC_COMMAND, status, sizeof(status));
	hfp_opened(p);
}

static void dlc_data(struct phone *p, bool pf, const uint8_t *d, size_t len)
{
	struct rfcomm *r = &p->rf;

	if (pf && r->credit_based) {
		if (len == 0) {
			return;
		}
		r->tx_credits += d[0];
		r->tx_credits = r->tx_credits < 1000 ? r->tx_credits : 1000;
		d++;
		len--;
	}
	if (len > 0) {
		r->rx_credits -= r->rx_credits > 0;
		hfp_input(p, d, len);
	}
	if (r->dlc && r->credit_based && r->rx_credits <= RX_CREDITS / 2) {
		frame(p, DLCI, false, UIH,
		      (int)(RX_CREDITS - r->rx_credits), NULL, 0);
		r->rx_credits = RX_CREDITS;
	}
	flush(p);
}

/* ---- the multiplexer's channel ---- */

/* Parameter negotiation: credits if they want them, frames as we can. */
static void on_pn(struct phone *p, const uint8_t *d)
{
	struct rfcomm *r = &p->rf;
	unsigned int most = p->l2.ch[r->channel].mtu, want = get16(d + 4);
	uint8_t out[8];

	most = (most < L2_MTU ? most : L2_MTU) - 6;
	memcpy(out, d, sizeof(out));
	if (d[0] != DLCI) {
		respond(p, d[0] & 0x3f, DM); /* no such server */
		return;
	}
	if (want > most || want == 0) {
		want = most;
	}
	if (!r->dlc) {
		r->max = want;
		r->credit_based = d[1] >> 4 == 0x0f;
		r->tx_credits = r->credit_based ? d[7] & 7 : 0;
		r->rx_credits = RX_CREDITS;
	}
	out[1] = r->credit_based ? 0xe0 : 0;
	out[3] = 0;
	put16(out + 4, r->max);
	out[6] = 0;
	out[7] = r->credit_based ? RX_CREDITS : 0;
	mcc(p, MCC_PN, out, sizeof(out));
}

static void on_rpn(struct phone *p, const uint8_t *d, size_t len)
{
	/* 9600 bit/s, 8 data bits, 1 stop bit; all parameters accepted */
	uint8_t out[8] = { d[0], 0x03, 0x03, 0, 0x11, 0x13, 0x7f, 0x3f };

	if (len == 8) {
		memcpy(out, d, sizeof(out));
	}
	mcc(p, MCC_RPN, out, sizeof(out));
}

static void on_command(struct phone *p, uint8_t type, const uint8_t *d,
		       size_t len)
{
	switch (type) {
	case MCC_PN:
		if (len == 8) {
			on_pn(p, d);
		}
		break;
	case MCC_MSC:
		if (len >= 2) {
			mcc(p, MCC_MSC, d, len);
			p->rf.msc = true;
		}
		break;
	case MCC_RPN:
		if (len == 1 || len == 8) {
			on_rpn(p, d, len);
		}
		break;
	case MCC_RLS:
	case MCC_TEST:
	case MCC_FCON:
	case MCC_FCOFF:
		mcc(p, type, d, len);
		break;
	default:
		type |= MCC_COMMAND;
		mcc(p, MCC_NSC, &type, 1);
		break;
	}
}

static void control(struct phone *p, const uint8_t *d, size_t len)
{
	size_t n;

	if (len < 2 || !(d[1] & 1)) {
		return; /* longer ones do not exist here */
	}
	n = d[1] >> 1;
	if (n > len - 2) {
		return;
	}
	if (d[0] & MCC_COMMAND) {
		on_command(p, d[0] & (uint8_t)~MCC_COMMAND, d + 2, n);
	}
}

/* ---- in ---- */

static void on_sabm(struct phone *p, uint8_t dlci)
{
	if (dlci == 0) {
		p->rf.up = true;
		respond(p, 0, UA);
	} else if (!p->rf.up || dlci != DLCI || p->rf.dlc) {
		respond(p, dlci, DM);
	} else {
		respond(p, dlci, UA);
		dlc_opened(p);
	}
}

static void on_disc(struct phone *p, uint8_t dlci)
{
	if (dlci == DLCI && p->rf.dlc) {
		respond(p, dlci, UA);
		dlc_closed(p);
	} else if (dlci == 0 && p->rf.up) {
		respond(p, 0, UA);
		dlc_closed(p);
		p->rf.up = false;
	} else {
		respond(p, dlci, DM);
	}
}

void rf_input(struct phone *p, const uint8_t *d, size_t len)
{
	size_t head = 3, n;
	uint8_t dlci, kind;
	bool pf;

	if (len < 4) {
		return;
	}
	dlci = d[0] >> 2;
	kind = d[1] & (uint8_t)~PF;
	pf = d[1] & PF;
	n = d[2] >> 1;
	if (!(d[2] & 1)) {
		head = 4;
		n |= (size_t)d[3] << 7;
	}
	if (kind == UIH && pf && p->rf.credit_based && dlci == DLCI) {
		n++; /* the credits are not counted */
	}
	if (len < head + 1 || n != len - head - 1 ||
	    fcs(d, kind == UIH ? 2 : 3) != d[len - 1]) {
		p->dropped++;
		return;
	}
	switch (kind) {
	case SABM:
		on_sabm(p, dlci);
		break;
	case DISC:
		on_disc(p, dlci);
		break;
	case UIH:
		if (dlci == 0 && p->rf.up) {
			control(p, d + head, n);
		} else if (dlci == DLCI && p->rf.dlc) {
			dlc_data(p, pf, d + head, n);
		} else {
			respond(p, dlci, DM);
		}
		break;
	default: /* answers to what we never ask */
		break;
	}
}

bool rf_open(struct phone *p, int channel)
{
	if (p->rf.channel >= 0) {
		return false;
	}
	p->rf.channel = channel;
	return true;
}

void rf_reset(struct phone *p)
{
	memset(&p->rf, 0, sizeof(p->rf));
	p->rf.channel = -1;
	p->rf.max = 127;
}

void rf_closed(struct phone *p)
{
	dlc_closed(p);
	rf_reset(p);
}
