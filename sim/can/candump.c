/* SPDX-License-Identifier: Apache-2.0 */
/*
 * candump -L logs. Logs are long and all lines look alike, so the reader walks
 * each line once with tables, and compares the interface with the one before
 * first. Everything is read through [at, end): nothing need follow the buffer.
 */
#include "config.h"

#include "sim/can/candump.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#define ERR_FLAG 0x20000000u /* an error frame's id, as SocketCAN has it */
#define ID_MAX_EXT 0x1FFFFFFFu
#define ID_MAX_STD 0x7FFu
#define SEC_MAX (INT64_MAX / VT_S - 1)

/* Value of a hex digit, or 0xFF. */
static inline uint8_t hex_of(char c)
{
	/* clang-format off */
#define ROW_BAD8 255, 255, 255, 255, 255, 255, 255, 255
#define ROW_BAD ROW_BAD8, ROW_BAD8
	static const uint8_t value[256] = {
		ROW_BAD, ROW_BAD, ROW_BAD,
		0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 255, 255, 255, 255, 255, 255,
		255, 10, 11, 12, 13, 14, 15, 255, ROW_BAD8,
		ROW_BAD,
		255, 10, 11, 12, 13, 14, 15, 255, ROW_BAD8,
		ROW_BAD,
		ROW_BAD, ROW_BAD, ROW_BAD, ROW_BAD,
		ROW_BAD, ROW_BAD, ROW_BAD, ROW_BAD,
	};
	/* clang-format on */

	return value[(unsigned char)c];
}

void candump_reader_init(struct candump_reader *r, const char *name,
			 const char *buf, size_t len)
{
	*r = (struct candump_reader){
		.name = name, .at = buf, .begin = buf, .end = buf + len
	};
	if (len >= 3 && !memcmp(buf, "\xEF\xBB\xBF", 3)) {
		r->at += 3;
	}
}

/* Where a line is being read; @what is set when something is wrong there. */
struct cursor {
	const char *at, *end;
	const char *what;
};

static bool fail(struct cursor *c, const char *what)
{
	c->what = what;
	return false;
}

static bool peek(const struct cursor *c, char want)
{
	return c->at < c->end && *c->at == want;
}

static void skip_blanks(struct cursor *c)
{
	while (c->at < c->end && (*c->at == ' ' || *c->at == '\t')) {
		c->at++;
	}
}

/* "(1690000000.123456)" */
static bool read_stamp(struct cursor *c, vtime *t, uint8_t *decimals)
{
	static const uint32_t scale[10] = { 1000000000, 100000000, 10000000,
					    1000000,    100000,    10000,
					    1000,       100,       10,
					    1 };
	const char *at = c->at + 1, *from, *end = c->end;
	uint64_t sec = 0, frac = 0;
	size_t n;

	for (from = at; at < end && (unsigned char)(*at - '0') < 10; at++) {
		sec = sec * 10 + (uint64_t)(*at - '0');
		if (sec > SEC_MAX) {
			c->at = from;
			return fail(c, "time stamp is out of range");
		}
	}
	c->at = at;
	if (at == from) {
		return fail(c,
			    "expected a time stamp like (1690000000.123456)");
	}
	n = 0;
	if (at < end && *at == '.') {
		for (from = ++at; at < end && (unsigned char)(*at - '0') < 10;
		     at++) {
			if (n < 9) { /* what is below 1 ns is cut off */
				frac = frac * 10 + (uint64_t)(*at - '0');
				n++;
			}
		}
	}
	c->at = at;
	if (!peek(c, ')')) {
		return fail(c, "expected ')' after the time stamp");
	}
	c->at++;
	*decimals = (uint8_t)n;
	*t = (vtime)(sec * VT_S + frac * scale[n]);
	return true;
}

static bool read_iface(struct candump_reader *r, struct cursor *c, uint8_t *bus)
{
	const char *last = r->iface[r->last], *from, *pad = c->at;
	size_t n, i;

	skip_blanks(c);
	from = c->at;
	while (c->at < c->end && (unsigned char)*c->at > ' ') {
		c->at++;
	}
	n = (size_t)(c->at - from);
	if (n == 0 || n >= CANDUMP_IFACE_LEN) {
		c->at = from;
		return fail(c, n == 0 ? "expected an interface name"
				      : "interface name is longer than 15 "
					"characters");
	}
	/* one blank separates; more of them right-align the column */
	r->style.width =
		(uint8_t)(c->at - pad - 1 > 255 ? 255 : c->at - pad - 1);
	if (r->n_ifaces > 0 && !memcmp(last, from, n) && !last[n]) {
		*bus = (uint8_t)r->last;
		return true;
	}
	for (i = 0; i < r->n_ifaces; i++) {
		if (!memcmp(r->iface[i], from, n) && !r->iface[i][n]) {
			break;
		}
	}
	if (i == r->n_ifaces) {
		if (i == CANDUMP_IFACES_MAX) {
			c->at = from;
			return fail(c, "more than 32 interfaces");
		}
		memset(r->iface[i], 0, CANDUMP_IFACE_LEN);
		memcpy(r->iface[i], from, n);
		r->n_ifaces++;
	}
	r->last = (unsigned int)i;
	*bus = (uint8_t)i;
	return true;
}

static bool read_id(struct cursor *c, struct can_frame *f)
{
	const char *from = c->at;
	uint32_t id = 0;
	uint8_t h;

	while (c->at < c->end && (h = hex_of(*c->at)) < 16) {
		id = id << 4 | h;
		c->at++;
	}
	if (c->at - from == 3) {
		if (id > ID_MAX_STD) {
			c->at = from;
			return fail(c, "identifier is above 7FF");
		}
	} else if (c->at - from == 8) {
		f->flags = CAN_EXT;
		if ((id & ~ID_MAX_EXT) == ERR_FLAG) {
			f->flags = CAN_ERR;
			id &= ID_MAX_EXT;
		} else if (id > ID_MAX_EXT) {
			c->at = from;
			return fail(c, "identifier is above 1FFFFFFF");
		}
	} else {
		c->at = from;
		return fail(c, "expected an identifier of 3 or 8 hex digits");
	}
	if (!peek(c, '#')) {
		return fail(c, "expected '#' after the identifier");
	}
	c->at++;
	f->id = id;
	return true;
}

/* Pairs of hex digits, at most @max bytes; dots between bytes are allowed. */
static bool read_data(struct cursor *c, struct can_frame *f, unsigned int max)
{
	const char *at = c->at, *end = c->end;
	unsigned int n = 0;

	while (end - at >= 2) {
		unsigned int hi = hex_of(at[0]), lo = hex_of(at[1]);

		if ((hi | lo) > 15) {
			if (*at == '.' && n > 0) {
				at++;
				continue;
			}
			break;
		}
		if (n == max) {
			c->at = at;
			return fail(c, max == 8 ? "more than 8 data bytes"
						: "more than 64 data bytes");
		}
		f->data[n++] = (uint8_t)(hi << 4 | lo);
		at += 2;
	}
	f->len = (uint8_t)n;
	c->at = at;
	return true;
}

static bool fd_len_ok(unsigned int len)
{
	return len <= 8 || (len <= 24 && len % 4 == 0) || len == 32 ||
	       len == 48 || len == 64;
}

static bool read_fd(struct candump_reader *r, struct cursor *c,
		    struct can_frame *f)
{
	uint8_t flags;

	c->at++;
	flags = c->at < c->end ? hex_of(*c->at) : 0xFF;
	if (flags > 15) {
		return fail(c, "expected the FD flags, a hex digit, after ##");
	}
	c->at++;
	if (!read_data(c, f, 64)) {
		return false;
	}
	if (!fd_len_ok(f->len)) {
		return fail(c, "no CAN FD frame has this many data bytes");
	}
	if (f->flags & CAN_ERR) {
		return fail(c, "an error frame cannot be an FD frame");
	}
	f->flags |= CAN_FD;
	f->flags |= flags & 1 ? CAN_BRS : 0;
	f->flags |= flags & 2 ? CAN_ESI : 0;
	r->style.fd_bits = flags & 0xC;
	return true;
}

static bool read_payload(struct candump_reader *r, struct cursor *c,
			 struct can_frame *f)
{
	if (peek(c, '#')) {
		return read_fd(r, c, f);
	}
	if (peek(c, 'R') || peek(c, 'r')) {
		c->at++;
		f->flags |= CAN_RTR;
		if (c->at < c->end && hex_of(*c->at) < 16) {
			f->len = hex_of(*c->at++);
		}
		if (f->len > 8) {
			return fail(c, "a remote frame asks for at most 8 "
				       "bytes");
		}
	} else if (!read_data(c, f, 8)) {
		return false;
	}
	if (f->len == 8 && c->end - c->at >= 2 && *c->at == '_') {
		if (hex_of(c->at[1]) < 9 || hex_of(c->at[1]) > 15) {
			return fail(c, "expected a length code 9 to F after _");
		}
		r->style.raw_dlc = c->at[1];
		c->at += 2;
	}
	return true;
}

/* Direction mark, blanks, end of line. */
static bool read_rest(struct candump_reader *r, struct cursor *c)
{
	skip_blanks(c);
	if (peek(c, 'R') || peek(c, 'T')) {
		r->style.mark = *c->at++;
		skip_blanks(c);
	}
	if (peek(c, '\r')) {
		c->at++;
	}
	if (c->at < c->end && *c->at != '\n') {
		return fail(c,
			    hex_of(*c->at) < 16
				    ? "half a data byte"
				    : "this does not belong in a candump line");
	}
	return true;
}

static bool read_line(struct candump_reader *r, struct cursor *c,
		      struct can_frame *f)
{
	if (!peek(c, '(')) {
		return fail(c, "expected a line like (1690000000.123456) can0 "
			       "123#1122");
	}
	if (!read_stamp(c, &f->t, &r->style.decimals)) {
		return false;
	}
	if (!peek(c, ' ') && !peek(c, '\t')) {
		return fail(c, "expected a blank after the time stamp");
	}
	if (!read_iface(r, c, &f->bus)) {
		return false;
	}
	skip_blanks(c);
	return read_id(c, f) && read_payload(r, c, f) && read_rest(r, c);
}

int candump_next(struct candump_reader *r, struct can_frame *f,
		 struct av_diags *d)
{
	struct cursor c = { .at = r->at, .end = r->end };
	const char *start, *nl;

	for (;; c.at++) {
		start = c.at;
		skip_blanks(&c);
		if (peek(&c, '\r')) {
			c.at++;
		}
		if (c.at == c.end) {
			r->at = c.at;
			return 0;
		}
		r->line++;
		if (*c.at != '\n') {
			break;
		}
	}
	memset(f, 0, sizeof(*f));
	r->style = (struct candump_style){ 0 };
	if (read_line(r, &c, f)) {
		r->at = c.at < c.end ? c.at + 1 : c.at;
		return 1;
	}
	nl = memchr(c.at, '\n', (size_t)(c.end - c.at));
	r->at = nl ? nl + 1 : c.end;
	return av_diag_add(
		d, r->name,
		r->line > UINT_MAX ? UINT_MAX : (unsigned int)r->line,
		c.at - start > INT_MAX ? INT_MAX
				       : (unsigned int)(c.at - start) + 1,
		"%s", c.what);
}

/* ---- writing ---- */

static const char hex_digit[] = "0123456789ABCDEF";

static char *put_hex(char *to, uint32_t v, unsigned int digits)
{
	for (unsigned int i = digits; i > 0; i--) {
		to[i - 1] = hex_digit[v & 15];
		v >>= 4;
	}
	return to + digits;
}

/* @v with at least @digits digits. */
static char *put_dec(char *to, uint64_t v, unsigned int digits)
{
	char tmp[20];
	unsigned int n = 0;

	do {
		tmp[n++] = (char)('0' + v % 10);
		v /= 10;
	} while (v > 0 || n < digits);
	while (n > 0) {
		*to++ = tmp[--n];
	}
	return to;
}

static char *put_payload(char *to, const struct can_frame *f,
			 const struct candump_style *style)
{
	*to++ = '#';
	if (f->flags & CAN_RTR) {
		*to++ = 'R';
		if (f->len > 0) {
			*to++ = hex_digit[f->len & 15];
		}
	} else {
		if (f->flags & CAN_FD) {
			*to++ = '#';
			*to++ = hex_digit[(f->flags & CAN_BRS ? 1 : 0) |
					  (f->flags & CAN_ESI ? 2 : 0) |
					  (style->fd_bits & 0xC)];
		}
		for (unsigned int i = 0; i < f->len && i < 64; i++) {
			to = put_hex(to, f->data[i], 2);
		}
	}
	if (style->raw_dlc) {
		*to++ = '_';
		*to++ = style->raw_dlc;
	}
	return to;
}

size_t candump_format_as(const struct can_frame *f, const char *iface,
			 int64_t abs_ns, const struct candump_style *style,
			 char *buf)
{
	static const struct candump_style plain;
	const struct candump_style *s = style ? style : &plain;
	uint64_t ns = abs_ns > 0 ? (uint64_t)abs_ns : 0;
	unsigned int decimals = s->decimals;
	size_t n = strnlen(iface, CANDUMP_IFACE_LEN - 1);
	uint64_t frac = ns % VT_S;
	char *to = buf;

	if (decimals == 0 || decimals > 9) {
		decimals = ns % VT_US ? 9 : 6;
	}
	for (unsigned int i = decimals; i < 9; i++) {
		frac /= 10;
	}
	*to++ = '(';
	to = put_dec(to, ns / VT_S, 10);
	*to++ = '.';
	to = put_dec(to, frac, decimals);
	*to++ = ')';
	*to++ = ' ';
	for (size_t pad = s->width > 32 ? 32 : s->width; pad > n; pad--) {
		*to++ = ' ';
	}
	memcpy(to, iface, n);
	to += n;
	*to++ = ' ';
	if (f->flags & CAN_ERR) {
		to = put_hex(to, f->id | ERR_FLAG, 8);
	} else {
		to = put_hex(to, f->id, f->flags & CAN_EXT ? 8 : 3);
	}
	to = put_payload(to, f, s);
	if (s->mark) {
		*to++ = ' ';
		*to++ = s->mark;
	}
	*to++ = '\n';
	*to = '\0';
	return (size_t)(to - buf);
}

size_t candump_format(const struct can_frame *f, const char *iface,
		      int64_t abs_ns, char *buf)
{
	return candump_format_as(f, iface, abs_ns, NULL, buf);
}
