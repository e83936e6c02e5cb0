/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Staging: a record becomes an item, a self-contained run of bytes that the
 * writer thread (or a comparison) takes up later. Nothing here allocates but
 * the scratch buffer for texts of vectors.
 */
#include "config.h"

#include "recordings/rec_int.h"
#include "sim/vhal/vhal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static size_t round8(size_t n)
{
	return (n + 7) & ~(size_t)7;
}

static bool is_control(char c)
{
	return (unsigned char)c < 0x20 || c == 0x7f;
}

bool rec_key_ok(const char *key, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (is_control(key[i])) {
			return false;
		}
	}
	return key[len] == '\0';
}

static void clean(char *key, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (is_control(key[i])) {
			key[i] = '?';
		}
	}
}

size_t rec_key_clean(const char *key, char *out)
{
	size_t len = strnlen(key, REC_KEY_MAX);

	memcpy(out, key, len);
	out[len] = '\0';
	clean(out, len);
	return len;
}

size_t rec_put_size(struct rec_put *p)
{
	p->key_len = strnlen(p->key, REC_KEY_MAX);
	if (p->kind == ITEM_VALUES) {
		if (p->n > REC_VALUES_MAX) {
			p->n = REC_VALUES_MAX;
		}
		return sizeof(struct rec_item) + round8(p->key_len + 1) +
		       p->n * 8;
	}
	p->note_len = p->note ? strnlen(p->note, REC_KEY_MAX) : 0;
	p->text_len = p->text ? strnlen(p->text, REC_TEXT_MAX) : 0;
	return sizeof(struct rec_item) +
	       round8(p->key_len + p->note_len + p->text_len + 3);
}

static char *put_string(char *to, const char *from, size_t len)
{
	if (len > 0) {
		memcpy(to, from, len);
	}
	to[len] = '\0';
	return to + len + 1;
}

void rec_put_write(const struct rec_put *p, uint64_t seq, struct rec_item *it)
{
	char *at = (char *)(it + 1);

	it->ch = (uint8_t)p->ch;
	it->kind = (uint8_t)p->kind;
	it->key_len = (uint16_t)p->key_len;
	it->seq = seq;
	it->t = p->t;
	at = put_string(at, p->key, p->key_len);
	clean((char *)(it + 1), p->key_len);
	if (p->kind == ITEM_VALUES) {
		size_t head = round8(p->key_len + 1);

		it->n = p->n;
		it->size = (uint32_t)(sizeof(*it) + head + p->n * 8);
		if (p->n > 0) {
			memcpy((char *)(it + 1) + head, p->v, p->n * 8);
		}
		return;
	}
	at = put_string(at, p->note, p->note_len);
	put_string(at, p->text, p->text_len);
	it->size = (uint32_t)(sizeof(*it) + round8(p->key_len + p->note_len +
						   p->text_len + 3));
	switch (p->kind) {
	case ITEM_INT:
		it->i = p->i;
		break;
	case ITEM_FLOAT:
		it->i = 0;
		it->f = p->f;
		break;
	case ITEM_DOUBLE:
		it->d = p->d;
		break;
	default:
		it->text.text_len = (uint32_t)p->text_len;
		it->text.note_len = (uint32_t)p->note_len;
		break;
	}
}

void rec_put_can(const struct can_frame *f, uint64_t seq, struct rec_item *it)
{
	uint8_t *data = (uint8_t *)(it + 1);

	it->size = (uint32_t)rec_can_size(f);
	it->ch = REC_CAN;
	it->kind = ITEM_CAN;
	it->key_len = 0;
	it->seq = seq;
	it->t = f->t;
	it->can.id = f->id;
	it->can.bus = f->bus;
	it->can.flags = f->flags;
	it->can.len = f->len;
	it->can.tx = f->tx;
	if (f->len <= 8) {
		uint64_t v;

		/* bytes past the length are no part of the record */
		memcpy(&v, f->data, 8);
		memcpy(data, &v, f->len > 0 ? 8 : 0);
		memset(data + f->len, 0, (8u - f->len) & 7u);
	} else {
		memcpy(data, f->data, f->len);
		memset(data + f->len, 0, (8u - f->len) & 7u);
	}
}

/* ---- what a property event holds ---- */

static int grow(struct rec_scratch *s, size_t size)
{
	char *p;

	if (size <= s->size) {
		return 0;
	}
	p = realloc(s->buf, size + size / 2);
	if (!p) {
		return -ENOMEM;
	}
	s->buf = p;
	s->size = size + size / 2;
	return 0;
}

static int vhal_text(const struct vhal_value *v, struct rec_scratch *s,
		     struct rec_put *p)
{
	size_t len;

	if (grow(s, 256) < 0) {
		return -ENOMEM;
	}
	len = vhal_value_text(v, s->buf, s->size);
	if (len >= s->size) {
		if (grow(s, len + 1) < 0) {
			return -ENOMEM;
		}
		vhal_value_text(v, s->buf, s->size);
	}
	p->kind = ITEM_TEXT;
	p->text = s->buf;
	return 0;
}

int rec_put_vhal(const struct vhal_event *e, struct rec_scratch *s,
		 struct rec_put *p)
{
	const struct vhal_value *v = e->value;
	uint32_t n = v->n_i32 + v->n_i64 + v->n_f32 + v->n_bytes;

	*p = (struct rec_put){ .ch = REC_VHAL, .t = e->t, .key = e->name };
	if (v->status == VHAL_UNAVAILABLE) {
		p->note = "unavailable";
	} else if (v->status != VHAL_AVAILABLE) {
		p->note = "error";
	}
	if (n == 0 && !v->str) {
		p->kind = ITEM_NONE;
		return 0;
	}
	switch (v->prop & VHAL_TYPE_MASK) {
	case VHAL_TYPE_INT32:
		if (n == 1 && v->n_i32 == 1) {
			p->kind = ITEM_INT;
			p->i = v->i32[0];
			return 0;
		}
		break;
	case VHAL_TYPE_INT64:
		if (n == 1 && v->n_i64 == 1) {
			p->kind = ITEM_INT;
			p->i = v->i64[0];
			return 0;
		}
		break;
	case VHAL_TYPE_FLOAT:
		if (n == 1 && v->n_f32 == 1) {
			p->kind = ITEM_FLOAT;
			p->f = v->f32[0];
			return 0;
		}
		break;
	default:
		break;
	}
	return vhal_text(v, s, p);
}

/* ---- and a command ---- */

int rec_put_command(const struct cmd_event *e, struct rec_scratch *s,
		    struct rec_put *p)
{
	const struct cmd *c = e->cmd;

	*p = (struct rec_put){ .ch = REC_COMMAND,
			       .kind = ITEM_TEXT,
			       .t = e->t,
			       .key = cmd_source_names[c->source],
			       .text = c->text };
	if (!e->ok) {
		p->note = e->error && *e->error ? e->error : "refused";
	}
	if (c->kind == CMD_ACTUATE) {
		if (grow(s, 128) < 0) {
			return -ENOMEM;
		}
		snprintf(s->buf, s->size, "actuate %s=%.17g",
			 c->var < VV_N ? vehicle_var_info[c->var].name : "?",
			 c->value);
		p->text = s->buf;
	}
	return 0;
}
