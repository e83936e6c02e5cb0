/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "vdevices/state.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char magic[8] = { 'a', 'v', 's', 'i', 'm', 'd', 'e', 'v' };

enum {
	AT_TYPE = sizeof(magic),
	AT_VERSION = AT_TYPE + STATE_TYPE_MAX,
	AT_LENGTH = AT_VERSION + 4, /* two reserved */
	SIZE_MIN = 256,
};
static_assert(AT_LENGTH + 4 == STATE_HEAD_SIZE, "the head");

/* ---- writing ---- */

void state_put(struct state_out *o, const void *p, size_t len)
{
	if (!o->failed && o->size - o->len < len) {
		size_t size = 2 * o->size + len + SIZE_MIN;
		uint8_t *buf = realloc(o->buf, size);

		o->failed = !buf;
		if (buf) {
			o->buf = buf;
			o->size = size;
		}
	}
	if (!o->failed && len) {
		memcpy(o->buf + o->len, p, len);
		o->len += len;
	}
}

void state_put8(struct state_out *o, uint8_t v)
{
	state_put(o, &v, sizeof(v));
}

void state_put16(struct state_out *o, uint16_t v)
{
	v = htole16(v);
	state_put(o, &v, sizeof(v));
}

void state_put32(struct state_out *o, uint32_t v)
{
	v = htole32(v);
	state_put(o, &v, sizeof(v));
}

void state_put64(struct state_out *o, uint64_t v)
{
	v = htole64(v);
	state_put(o, &v, sizeof(v));
}

void state_put_text(struct state_out *o, const char *text)
{
	size_t n = strnlen(text, UINT8_MAX);

	state_put8(o, (uint8_t)n);
	state_put(o, text, n);
}

void state_begin(struct state_out *o, const char *type, uint16_t version)
{
	char name[STATE_TYPE_MAX] = { 0 };

	memcpy(name, type, strnlen(type, sizeof(name) - 1));
	state_put(o, magic, sizeof(magic));
	state_put(o, name, sizeof(name));
	state_put16(o, version);
	state_put16(o, 0);
	state_put32(o, 0);
}

int state_finish(struct state_out *o)
{
	uint32_t n = htole32((uint32_t)(o->len - STATE_HEAD_SIZE));

	if (o->failed) {
		return -ENOMEM;
	}
	memcpy(o->buf + AT_LENGTH, &n, sizeof(n));
	return 0;
}

/* ---- reading ---- */

void state_get(struct state_in *in, void *to, size_t len)
{
	if (in->left < len) {
		in->bad = true;
		in->left = 0;
		memset(to, 0, len);
		return;
	}
	memcpy(to, in->p, len);
	in->p += len;
	in->left -= len;
}

uint8_t state_get8(struct state_in *in)
{
	uint8_t v;

	state_get(in, &v, sizeof(v));
	return v;
}

uint16_t state_get16(struct state_in *in)
{
	uint16_t v;

	state_get(in, &v, sizeof(v));
	return le16toh(v);
}

uint32_t state_get32(struct state_in *in)
{
	uint32_t v;

	state_get(in, &v, sizeof(v));
	return le32toh(v);
}

uint64_t state_get64(struct state_in *in)
{
	uint64_t v;

	state_get(in, &v, sizeof(v));
	return le64toh(v);
}

bool state_get_flag(struct state_in *in)
{
	uint8_t v = state_get8(in);

	in->bad = in->bad || v > 1;
	return v == 1;
}

bool state_same_text(struct state_in *in, const char *text)
{
	char have[UINT8_MAX];
	size_t n = state_get8(in);

	state_get(in, have, n);
	return !in->bad && n == strlen(text) && !memcmp(have, text, n);
}

int state_open(struct state_in *in, const uint8_t *buf, size_t len,
	       const char *type, uint16_t version, struct av_err *err)
{
	char head[sizeof(magic)], name[STATE_TYPE_MAX];
	uint16_t have, reserved;
	uint32_t body;

	*in = (struct state_in){ .p = buf, .left = len };
	state_get(in, head, sizeof(head));
	state_get(in, name, sizeof(name));
	have = state_get16(in);
	reserved = state_get16(in);
	body = state_get32(in);
	if (in->bad || memcmp(head, magic, sizeof(magic)) ||
	    name[sizeof(name) - 1] || reserved) {
		return av_err_set(err, -EINVAL,
				  "no device state of avsim, %zu bytes", len);
	}
	if (strcmp(name, type)) {
		return av_err_set(err, -EINVAL, "of another device, not %s",
				  type);
	}
	if (have != version) {
		return av_err_set(err, -EINVAL,
				  "of version %u; this avsim has %u", have,
				  version);
	}
	if (body != in->left) {
		return av_err_set(err, -EINVAL, "%zu bytes of %u", in->left,
				  body);
	}
	return 0;
}

int state_end(const struct state_in *in, struct av_err *err)
{
	return in->bad || in->left
		       ? av_err_set(err, -EINVAL, "it makes no sense")
		       : 0;
}
