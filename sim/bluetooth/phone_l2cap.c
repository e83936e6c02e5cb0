/* SPDX-License-Identifier: Apache-2.0 */
/*
 * L2CAP of the phone (Core, Vol 3 Part A): signalling and channels in basic mode, as
 * the side that is connected to.
 */
#include "config.h"

#include "sim/bluetooth/phone_priv.h"

#include <string.h>

enum {
	SIG_REJECT = 1,
	SIG_CONNECT = 2,
	SIG_CONNECTED = 3,
	SIG_CONFIGURE = 4,
	SIG_CONFIGURED = 5,
	SIG_DISCONNECT = 6,
	SIG_DISCONNECTED = 7,
	SIG_ECHO = 8,
	SIG_ECHOED = 9,
	SIG_INFO = 10,
	SIG_INFORMED = 11,
};

enum { CID_SIGNALLING = 1 };

/* ---- out ---- */

static void send_frame(struct phone *p, uint16_t cid, const uint8_t *data,
		       size_t len)
{
	uint8_t frame[4 + 1024];
	bool start = true;

	if (len > sizeof(frame) - 4) {
		return;
	}
	put16(frame, (unsigned int)len);
	put16(frame + 2, cid);
	memcpy(frame + 4, data, len);
	len += 4;
	p->frames[BT_TO_HOST]++;
	for (size_t at = 0; at < len; start = false) {
		size_t n = len - at < HCI_ACL_LEN ? len - at : HCI_ACL_LEN;

		if (!hci_peer_send(p->env.hci, start, frame + at, n)) {
			p->dropped++;
			return;
		}
		at += n;
	}
}

void l2_send(struct phone *p, int channel, const uint8_t *data, size_t len)
{
	const struct l2_channel *c = &p->l2.ch[channel];

	if (c->open && len <= c->mtu) {
		send_frame(p, c->remote, data, len);
	} else {
		p->dropped++;
	}
}

static void signal(struct phone *p, uint8_t code, uint8_t ident,
		   const uint8_t *data, size_t len)
{
	uint8_t buf[4 + L2_MTU];

	if (len > sizeof(buf) - 4) {
		return;
	}
	buf[0] = code;
	buf[1] = ident;
	put16(buf + 2, (unsigned int)len);
	if (len > 0) {
		memcpy(buf + 4, data, len);
	}
	send_frame(p, CID_SIGNALLING, buf, 4 + len);
}

static void reject(struct phone *p, uint8_t ident, unsigned int reason,
		   const uint8_t *data, size_t len)
{
	uint8_t buf[6];

	put16(buf, reason);
	if (len > 0) {
		memcpy(buf + 2, data, len);
	}
	signal(p, SIG_REJECT, ident, buf, 2 + len);
}

static void bad_cid(struct phone *p, uint8_t ident, const uint8_t *pair)
{
	reject(p, ident, 2, pair, 4);
}

/* ---- channels ---- */

static struct l2_channel *channel(struct phone *p, unsigned int cid)
{
	struct l2_channel *c;

	if (cid < L2_FIRST || cid >= L2_FIRST + L2_CHANNELS) {
		return NULL;
	}
	c = &p->l2.ch[cid - L2_FIRST];
	return c->used ? c : NULL;
}

static int index_of(const struct phone *p, const struct l2_channel *c)
{
	return (int)(c - p->l2.ch);
}

static uint8_t next_ident(struct phone *p)
{
	p->l2.ident = p->l2.ident == 255 ? 1 : (uint8_t)(p->l2.ident + 1);
	return p->l2.ident;
}

static void closed(struct phone *p, struct l2_channel *c)
{
	c->used = c->open = false;
	if (index_of(p, c) == p->rf.channel) {
		rf_closed(p);
	}
}

void l2_disconnect(struct phone *p, int i)
{
	struct l2_channel *c = &p->l2.ch[i];
	uint8_t buf[4];

	if (!c->used) {
		return;
	}
	put16(buf, c->remote);
	put16(buf + 2, (unsigned int)(L2_FIRST + i));
	signal(p, SIG_DISCONNECT, next_ident(p), buf, sizeof(buf));
	closed(p, c);
}

/* Result of a connection request; on success *@out is the channel. */
static unsigned int connect(struct phone *p, unsigned int psm, uint16_t remote,
			    struct l2_channel **out)
{
	struct l2_channel *c = NULL;

	if (psm != PSM_SDP && psm != PSM_RFCOMM) {
		return 2; /* not supported */
	}
	if (psm == PSM_RFCOMM && !p->encrypted) {
		return 3; /* security block */
	}
	if (remote < 0x40) {
		return 6; /* invalid source */
	}
	for (size_t i = L2_CHANNELS; i-- > 0;) {
		if (!p->l2.ch[i].used) {
			c = &p->l2.ch[i];
		} else if (p->l2.ch[i].remote == remote) {
			return 7; /* source already allocated */
		}
	}
	if (!c || (psm == PSM_RFCOMM && !rf_open(p, index_of(p, c)))) {
		return 4; /* no resources */
	}
	memset(c, 0, sizeof(*c));
	c->used = true;
	c->psm = (uint16_t)psm;
	c->remote = remote;
	c->mtu = L2_MTU;
	*out = c;
	return 0;
}

static void on_connect(struct phone *p, uint8_t ident, const uint8_t *d)
{
	struct l2_channel *c = NULL;
	unsigned int result = connect(p, get16(d), get16(d + 2), &c);
	uint8_t buf[8] = { 0 };

	if (c) {
		put16(buf, (unsigned int)(L2_FIRST + index_of(p, c)));
	}
	memcpy(buf + 2, d + 2, 2);
	put16(buf + 4, result);
	signal(p, SIG_CONNECTED, ident, buf, sizeof(buf));
	if (c) { /* we have nothing to ask beyond the defaults */
		put16(buf, c->remote);
		put16(buf + 2, 0);
		signal(p, SIG_CONFIGURE, next_ident(p), buf, 4);
		c->asked = true;
	}
}

static void maybe_open(struct l2_channel *c)
{
	c->open = c->in_done && c->out_done;
}

/* One option. Return: 0 fine, 1 not acceptable (@out has what would be), 3
 * unknown (@out has it). */
static unsigned int option(struct l2_channel *c, uint8_t type,
			   const uint8_t *d, size_t len, uint8_t *out,
			   size_t *n)
{
	switch (type & 0x7f) {
	case 1: /* MTU that they take */
		if (len != 2 || get16(d) < 48) {
			out[(*n)++] = 1;
			out[(*n)++] = 2;
			put16(out + *n, L2_MTU);
			*n += 2;
			return 1;
		}
		c->mtu = get16(d) < 1024 ? get16(d) : 1024;
		return 0;
	case 2: /* flush timeout */
	case 3: /* quality of service */
	case 5: /* no FCS in basic mode */
		return 0;
	case 4: /* basic mode only */
		if (len == 9 && d[0] == 0) {
			return 0;
		}
		out[(*n)++] = 4;
		out[(*n)++] = 9;
		memset(out + *n, 0, 9);
		*n += 9;
		return 1;
	default:
		if (type & 0x80) {
			return 0; /* a hint */
		}
		out[*n] = type;
		out[*n + 1] = (uint8_t)len;
		memcpy(out + *n + 2, d, len);
		*n += 2 + len;
		return 3;
	}
}

static void on_configure(struct phone *p, uint8_t ident, const uint8_t *d,
			 size_t len)
{
	struct l2_channel *c = channel(p, get16(d));
	uint8_t out[6 + 2 * L2_SIG_MTU] = { 0 };
	unsigned int result = 0;
	size_t n = 6;
	bool more;

	if (!c) {
		uint8_t pair[4];

		memcpy(pair, d, 2);
		put16(pair + 2, 0);
		bad_cid(p, ident, pair);
		return;
	}
	more = get16(d + 2) & 1;
	d += 4;
	len -= 4;
	while (len >= 2 && len - 2 >= d[1] && n + 11 + d[1] <= sizeof(out)) {
		unsigned int r;
		size_t before = n;

		r = option(c, d[0], d + 2, d[1], out, &n);
		if (r > result) { /* only what belongs to the worst of them */
			memmove(out + 6, out + before, n - before);
			n = 6 + n - before;
			result = r;
		} else if (r < result) {
			n = before;
		}
		len -= 2u + d[1];
		d += 2 + d[1];
	}
	put16(out, c->remote);
	put16(out + 2, more);
	put16(out + 4, result);
	signal(p, SIG_CONFIGURED, ident, out, n);
	if (result == 0 && !more) {
		c->in_done = true;
		maybe_open(c);
	}
}

static void on_configured(struct phone *p, const uint8_t *d)
{
	struct l2_channel *c = channel(p, get16(d));

	if (c && c->asked && get16(d + 4) == 0) {
		c->out_done = true;
		maybe_open(c);
	} else if (c && c->asked && get16(d + 4) != 4) {
		l2_disconnect(p, index_of(p, c)); /* not even the defaults */
	}
}

static void on_disconnect(struct phone *p, uint8_t ident, const uint8_t *d)
{
	struct l2_channel *c = channel(p, get16(d));

	if (!c) {
		bad_cid(p, ident, d);
		return;
	}
	if (c->remote != get16(d + 2)) {
		return; /* as the specification wants it */
	}
	signal(p, SIG_DISCONNECTED, ident, d, 4);
	closed(p, c);
}

static void on_info(struct phone *p, uint8_t ident, unsigned int type)
{
	uint8_t buf[12] = { 0 };
	size_t len = 4;

	put16(buf, type);
	switch (type) {
	case 1: /* MTU of connectionless data */
		put16(buf + 4, L2_MTU);
		len = 6;
		break;
	case 2: /* extended features: fixed channels */
		buf[4] = 0x80;
		len = 8;
		break;
	case 3: /* fixed channels: signalling */
		buf[4] = 1 << CID_SIGNALLING;
		len = 12;
		break;
	default:
		put16(buf + 2, 1); /* not supported */
		break;
	}
	signal(p, SIG_INFORMED, ident, buf, len);
}

static void command(struct phone *p, uint8_t code, uint8_t ident,
		    const uint8_t *d, size_t len)
{
	static const uint8_t least[] = {
		[SIG_CONNECT] = 4,    [SIG_CONFIGURE] = 4,
		[SIG_CONFIGURED] = 6, [SIG_DISCONNECT] = 4,
		[SIG_INFO] = 2,
	};

	if (code < sizeof(least) && len < least[code]) {
		reject(p, ident, 0, NULL, 0);
		return;
	}
	switch (code) {
	case SIG_CONNECT:
		on_connect(p, ident, d);
		break;
	case SIG_CONFIGURE:
		on_configure(p, ident, d, len);
		break;
	case SIG_CONFIGURED:
		on_configured(p, d);
		break;
	case SIG_DISCONNECT:
		on_disconnect(p, ident, d);
		break;
	case SIG_ECHO:
		signal(p, SIG_ECHOED, ident, d, len);
		break;
	case SIG_INFO:
		on_info(p, ident, get16(d));
		break;
	case SIG_REJECT: /* answers to what we asked */
	case SIG_CONNECTED:
	case SIG_DISCONNECTED:
	case SIG_ECHOED:
	case SIG_INFORMED:
		break;
	default:
		reject(p, ident, 0, NULL, 0); /* not understood */
		break;
	}
}

static void signalling(struct phone *p, const uint8_t *d, size_t len)
{
	uint8_t mtu[2];

	while (len >= 4) {
		size_t n = get16(d + 2);

		if (n > len - 4) {
			reject(p, d[1], 0, NULL, 0);
			return;
		}
		/* an echo may be longer: it is what pings measure with */
		if (n > L2_SIG_MTU && d[0] != SIG_ECHO) {
			put16(mtu, L2_SIG_MTU);
			reject(p, d[1], 1, mtu, 2);
			return;
		}
		command(p, d[0], d[1], d + 4, n);
		d += 4 + n;
		len -= 4 + n;
	}
}

/* ---- in ---- */

static void frame(struct phone *p)
{
	const uint8_t *d = p->l2.frame;
	size_t len = p->l2.want - 4;
	unsigned int cid = get16(d + 2);
	struct l2_channel *c = channel(p, cid);
	uint8_t out[L2_MTU];

	p->frames[BT_TO_CONTROLLER]++;
	if (cid == CID_SIGNALLING) {
		signalling(p, d + 4, len);
	} else if (c && c->open && c->psm == PSM_SDP) {
		l2_send(p, index_of(p, c), out,
			sdp_answer(d + 4, len, out,
				   c->mtu < L2_MTU ? c->mtu : L2_MTU));
	} else if (c && c->open && index_of(p, c) == p->rf.channel) {
		rf_input(p, d + 4, len);
	}
}

void l2_input(struct phone *p, bool start, const uint8_t *data, size_t len)
{
	struct l2 *l = &p->l2;

	if (start) {
		l->have = 0;
		l->want = 4;
		l->skip = false;
	} else if (l->want == 0) {
		return;
	}
	while (len > 0 && !l->skip && l->want > 0) {
		size_t n = l->want - l->have < len ? l->want - l->have : len;

		memcpy(l->frame + l->have, data, n);
		l->have += n;
		data += n;
		len -= n;
		if (l->have < l->want) {
			continue;
		}
		if (l->want == 4 && get16(l->frame) > 0) {
			l->want = 4u + get16(l->frame);
			l->skip = l->want > sizeof(l->frame);
			continue;
		}
		frame(p);
		l->want = 0;
	}
}

void l2_reset(struct phone *p)
{
	memset(&p->l2, 0, sizeof(p->l2));
}
