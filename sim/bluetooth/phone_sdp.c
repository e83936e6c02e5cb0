/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SDP server of the phone (Core, Vol 3 Part B): one record, the audio gateway of
 * the hands-free profile. Everything here is big-endian.
 *
 * A long answer goes out in parts; the continuation state is the offset of the
 * next part, so that nothing is kept between requests.
 */
#include "config.h"

#include "sim/bluetooth/phone_priv.h"

#include "sim/core/be.h"

#include <string.h>

#define HANDLE 0x00010001u

enum {
	PDU_ERROR = 1,
	PDU_SEARCH = 2,
	PDU_SEARCH_RESPONSE = 3,
	PDU_ATTRIBUTE = 4,
	PDU_ATTRIBUTE_RESPONSE = 5,
	PDU_SEARCH_ATTRIBUTE = 6,
	PDU_SEARCH_ATTRIBUTE_RESPONSE = 7,
};

enum {
	ERROR_HANDLE = 2,
	ERROR_SYNTAX = 3,
	ERROR_SIZE = 4,
	ERROR_CONTINUATION = 5,
};

struct attribute {
	uint16_t id;
	uint8_t len;
	uint8_t value[40];
};

/* clang-format off */
static const struct attribute record[] = {
	{ 0x0000, 5, { 0x0a, 0x00, 0x01, 0x00, 0x01 } }, /* handle */
	{ 0x0001, 8, { 0x35, 6, 0x19, 0x11, 0x1f, 0x19, 0x12, 0x03 } }, /* classes:
		hands-free audio gateway, generic audio */
	{ 0x0004, 14, { 0x35, 12, 0x35, 3, 0x19, 0x01, 0x00, /* L2CAP */
		0x35, 5, 0x19, 0x00, 0x03, 0x08, HFP_CHANNEL } }, /* RFCOMM */
	{ 0x0005, 5, { 0x35, 3, 0x19, 0x10, 0x02 } }, /* public browse group */
	{ 0x0006, 11, { 0x35, 9, 0x09, 0x65, 0x6e, 0x09, 0x00, 0x6a, /* English, UTF-8 */
		0x09, 0x01, 0x00 } },
	{ 0x0009, 10, { 0x35, 8, 0x35, 6, 0x19, 0x11, 0x1e, 0x09, 0x01, 0x07 } }, /*
		hands-free 1.7 */
	{ 0x0100, 15, { 0x25, 13, 'V', 'o', 'i', 'c', 'e', ' ', 'g', 'a', 't', 'e', 'w', 'a', 'y' } },
	{ 0x0301, 2, { 0x08, 1 } }, /* can reject a call */
	{ 0x0311, 3, { 0x09, 0x00, 0x01 } }, /* three-way calling */
};
static const uint16_t uuids[] = { 0x111f, 0x1203, 0x0100, 0x0003, 0x1002, 0x111e };
/* clang-format on */

enum { N_ATTRIBUTES = sizeof(record) / sizeof(record[0]), LISTS_MAX = 256 };

/* ---- data elements ---- */

struct bytes {
	const uint8_t *p;
	size_t n;
};

/* The next element: its type in *@type, its content in @out. */
static bool element(struct bytes *in, uint8_t *type, struct bytes *out)
{
	static const uint8_t fixed[] = { 1, 2, 4, 8, 16 };
	size_t head = 1, len;

	if (in->n == 0) {
		return false;
	}
	*type = in->p[0] >> 3;
	switch (in->p[0] & 7) {
	default:
		len = *type == 0 ? 0 : fixed[in->p[0] & 7];
		break;
	case 5:
		head = 2;
		len = in->n >= 2 ? in->p[1] : 0;
		break;
	case 6:
		head = 3;
		len = in->n >= 3 ? av_be16(in->p + 1) : 0;
		break;
	case 7:
		head = 5;
		len = in->n >= 5 ? av_be32(in->p + 1) : 0;
		break;
	}
	if (head > in->n || len > in->n - head) {
		return false;
	}
	*out = (struct bytes){ in->p + head, len };
	in->p += head + len;
	in->n -= head + len;
	return true;
}

static bool sequence(struct bytes *in, struct bytes *out)
{
	uint8_t type;

	return element(in, &type, out) && type == 6;
}

/* A UUID of any length that is one of the Bluetooth base: its 16 or 32 bits;
 * another's is one that nobody has. */
static uint32_t short_uuid(const struct bytes *b)
{
	static const uint8_t base[12] = { 0x00, 0x00, 0x10, 0x00, 0x80, 0x00,
					  0x00, 0x80, 0x5f, 0x9b, 0x34, 0xfb };

	if (b->n == 2) {
		return av_be16(b->p);
	}
	if (b->n == 4 || (b->n == 16 && !memcmp(b->p + 4, base, 12))) {
		return av_be32(b->p);
	}
	return UINT32_MAX;
}

/* Are all UUIDs of the pattern in the record? -1: it is no pattern. */
static int matches(struct bytes *in)
{
	struct bytes pattern, uuid;
	uint8_t type;
	bool all = true;
	size_t n = 0;

	if (!sequence(in, &pattern)) {
		return -1;
	}
	for (; pattern.n > 0; n++) {
		bool found = false;

		if (!element(&pattern, &type, &uuid) || type != 3 || n >= 12) {
			return -1;
		}
		for (size_t i = 0; i < sizeof(uuids) / sizeof(uuids[0]); i++) {
			found = found || uuids[i] == short_uuid(&uuid);
		}
		all = all && found;
	}
	return n == 0 ? -1 : all;
}

/* ---- answers ---- */

static bool wanted(struct bytes ids, uint16_t id)
{
	struct bytes e;
	uint8_t type;

	while (ids.n > 0 && element(&ids, &type, &e)) {
		if (e.n == 2 && av_be16(e.p) == id) {
			return true;
		}
		if (e.n == 4 && av_be16(e.p) <= id && id <= av_be16(e.p + 2)) {
			return true;
		}
	}
	return false;
}

/* Only numbers of 16 bits and ranges of 32 are attribute ids. */
static bool ids_valid(struct bytes ids)
{
	struct bytes e;
	uint8_t type;

	while (ids.n > 0) {
		if (!element(&ids, &type, &e) || type != 1 ||
		    (e.n != 2 && e.n != 4)) {
			return false;
		}
	}
	return true;
}

/* The record's wanted attributes as a sequence. */
static size_t attributes(struct bytes ids, uint8_t *out)
{
	size_t n = 3;

	for (size_t i = 0; i < N_ATTRIBUTES; i++) {
		if (wanted(ids, record[i].id)) {
			out[n] = 0x09;
			av_put_be16(out + n + 1, record[i].id);
			memcpy(out + n + 3, record[i].value, record[i].len);
			n += 3u + record[i].len;
		}
	}
	out[0] = 0x36;
	av_put_be16(out + 1, n - 3);
	return n;
}

static size_t error(const uint8_t *request, unsigned int code, uint8_t *out)
{
	out[0] = PDU_ERROR;
	memcpy(out + 1, request + 1, 2);
	av_put_be16(out + 3, 2);
	av_put_be16(out + 5, code);
	return 7;
}

/* The continuation state behind the parameters: an offset below @total, if there
 * is one. */
static bool continuation(const struct bytes *in, size_t total, size_t *at)
{
	*at = 0;
	if (in->n == 1 && in->p[0] == 0) {
		return true;
	}
	if (in->n != 3 || in->p[0] != 2) {
		return false;
	}
	*at = av_be16(in->p + 1);
	return *at > 0 && *at < total;
}

/* A part of @list: at most @most bytes, and what fits into @room. */
static size_t part(const uint8_t *request, uint8_t pdu, const struct bytes *list,
		   size_t at, size_t most, uint8_t *out, size_t room)
{
	size_t n = list->n - at, head = 5 + 2;

	if (n > most) {
		n = most;
	}
	if (n > room - head - 3) {
		n = room - head - 3;
	}
	memcpy(out + head, list->p + at, n);
	out[0] = pdu;
	memcpy(out + 1, request + 1, 2);
	av_put_be16(out + 5, n);
	head += n;
	at += n;
	if (at < list->n) {
		out[head++] = 2;
		av_put_be16(out + head, at);
		head += 2;
	} else {
		out[head++] = 0;
	}
	av_put_be16(out + 3, head - 5);
	return head;
}

static size_t search(const uint8_t *request, struct bytes in, uint8_t *out)
{
	int match = matches(&in);
	size_t at;

	if (match < 0 || in.n < 3 || av_be16(in.p) == 0) {
		return error(request, ERROR_SYNTAX, out);
	}
	in.p += 2;
	in.n -= 2;
	if (!continuation(&in, 0, &at)) {
		return error(request, ERROR_CONTINUATION, out);
	}
	out[0] = PDU_SEARCH_RESPONSE;
	memcpy(out + 1, request + 1, 2);
	av_put_be16(out + 3, match ? 9 : 5);
	av_put_be16(out + 5, match ? 1 : 0);
	av_put_be16(out + 7, match ? 1 : 0);
	if (match) {
		av_put_be16(out + 9, HANDLE >> 16);
		av_put_be16(out + 11, HANDLE & 0xffff);
	}
	out[match ? 13 : 9] = 0;
	return match ? 14 : 10;
}

static size_t attribute(const uint8_t *request, struct bytes in, bool by_search,
			uint8_t *out, size_t room)
{
	uint8_t buf[LISTS_MAX];
	struct bytes ids, list = { buf, 0 };
	size_t most, at;
	int match = 1;

	if (by_search) {
		match = matches(&in);
	} else if (in.n < 4) {
		match = -1;
	} else {
		match = av_be32(in.p) == HANDLE;
		in.p += 4;
		in.n -= 4;
	}
	if (match < 0 || in.n < 3) {
		return error(request, ERROR_SYNTAX, out);
	}
	if (!match && !by_search) {
		return error(request, ERROR_HANDLE, out);
	}
	most = av_be16(in.p);
	in.p += 2;
	in.n -= 2;
	if (most < 7 || !sequence(&in, &ids) || !ids_valid(ids)) {
		return error(request, ERROR_SYNTAX, out);
	}
	if (by_search) { /* a sequence of records */
		list.n = 3 + (match ? attributes(ids, buf + 3) : 0);
		buf[0] = 0x36;
		av_put_be16(buf + 1, list.n - 3);
	} else {
		list.n = attributes(ids, buf);
	}
	if (!continuation(&in, list.n, &at)) {
		return error(request, ERROR_CONTINUATION, out);
	}
	return part(request,
		    by_search ? PDU_SEARCH_ATTRIBUTE_RESPONSE :
				PDU_ATTRIBUTE_RESPONSE,
		    &list, at, most, out, room);
}

size_t sdp_answer(const uint8_t *data, size_t len, uint8_t *out, size_t room)
{
	static const uint8_t nobody[5] = { 0 };
	struct bytes in;

	if (len < 5) {
		return error(nobody, ERROR_SYNTAX, out);
	}
	if (av_be16(data + 3) != len - 5) {
		return error(data, ERROR_SIZE, out);
	}
	in = (struct bytes){ data + 5, len - 5 };
	switch (data[0]) {
	case PDU_SEARCH:
		return search(data, in, out);
	case PDU_ATTRIBUTE:
		return attribute(data, in, false, out, room);
	case PDU_SEARCH_ATTRIBUTE:
		return attribute(data, in, true, out, room);
	default:
		return error(data, ERROR_SYNTAX, out);
	}
}
