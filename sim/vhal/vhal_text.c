/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values as text and back. One canonical form, so that two dumps can be
 * compared byte for byte; numbers never depend on the locale.
 */
#include "config.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/vhal/vhal_priv.h"

/* ---- writing ---- */

struct out { /* grows past @size without writing, like snprintf */
	char *buf;
	size_t size, n;
};

static void put_char(struct out *o, char c)
{
	if (o->n + 1 < o->size) {
		o->buf[o->n] = c;
	}
	o->n++;
}

static void put_mem(struct out *o, const char *s, size_t len)
{
	if (o->n + len < o->size) {
		memcpy(o->buf + o->n, s, len);
		o->n += len;
		return;
	}
	for (size_t i = 0; i < len; i++) {
		put_char(o, s[i]);
	}
}

static void put_str(struct out *o, const char *s)
{
	put_mem(o, s, strlen(s));
}

static void put_int(struct out *o, int64_t x)
{
	char digits[24];
	size_t i = sizeof(digits);
	uint64_t u = x < 0 ? 0 - (uint64_t)x : (uint64_t)x;

	do {
		digits[--i] = (char)('0' + u % 10);
		u /= 10;
	} while (u > 0);
	if (x < 0) {
		digits[--i] = '-';
	}
	put_mem(o, digits + i, sizeof(digits) - i);
}

/* @m / 10^@k without trailing zeros, @k at most 12. */
static void put_decimal(struct out *o, bool neg, int64_t m, int k)
{
	char digits[24];
	size_t i = sizeof(digits);

	while (k > 0 && m % 10 == 0) {
		m /= 10;
		k--;
	}
	for (int n = 0; m > 0 || n <= k; n++, m /= 10) {
		if (n == k && k > 0) {
			digits[--i] = '.';
		}
		digits[--i] = (char)('0' + m % 10);
	}
	if (neg) {
		digits[--i] = '-';
	}
	put_mem(o, digits + i, sizeof(digits) - i);
}

/*
 * Shortest text of 0.01 <= |x| < 1e6, where %g never takes an exponent. Exact:
 * x has 24 bits and 5^k, k <= 10, has 24 more, so that x * 10^k fits a double;
 * and so do its distance from the integer m next to it and half the way to the
 * next float, on that scale. m / 10^k reads back as x if it is nearer than
 * that.
 */
static void put_plain(struct out *o, float x)
{
	static const double ten[] = { 1e0, 1e1, 1e2, 1e3, 1e4, 1e5,
				      1e6, 1e7, 1e8, 1e9, 1e10 };
	double d = fabs((double)x), up, down, scaled, off;
	int before = -1; /* digits before the point; 0.0x has -1 */
	int64_t m = 0;
	int k = 0;

	while (before < 6 && d >= (before < 0 ? 0.1 : ten[before])) {
		before++;
	}
	up = ((double)nextafterf((float)d, HUGE_VALF) - d) / 2;
	down = (d - (double)nextafterf((float)d, 0)) / 2;
	for (int prec = 6; prec <= 9; prec++) {
		k = prec - before;
		scaled = d * ten[k];
		m = llrint(scaled);
		off = (double)m - scaled;
		if (off < up * ten[k] && -off < down * ten[k]) {
			break;
		}
	}
	put_decimal(o, x < 0, m, k);
}

/* The shortest of %.6g to %.9g that reads back the same; 9 always does. */
static void put_float(struct out *o, float x)
{
	char text[40];

	if (x == truncf(x) && fabsf(x) < 1e6f && !(x == 0 && signbit(x))) {
		put_int(o, (int64_t)x);
		return;
	}
	if (fabsf(x) >= 0.01f && fabsf(x) < 1e6f) {
		put_plain(o, x);
		return;
	}
	if (isnan(x)) {
		put_str(o, "nan");
		return;
	}
	for (int prec = 6; prec <= 9; prec++) {
		snprintf(text, sizeof(text), "%.*g", prec, (double)x);
		if (strtof(text, NULL) == x) {
			break;
		}
	}
	put_str(o, text);
}

static void put_string(struct out *o, const char *s)
{
	static const char from[] = "\"\\\b\f\n\r\t", into[] = "\"\\bfnrt";
	char hex[8];

	put_char(o, '"');
	for (; *s; s++) {
		const char *hit = strchr(from, *s);

		if (hit) {
			put_char(o, '\\');
			put_char(o, into[hit - from]);
		} else if ((unsigned char)*s < 0x20 || *s == 0x7f) {
			snprintf(hex, sizeof(hex), "\\u%04x",
				 (unsigned int)(unsigned char)*s);
			put_str(o, hex);
		} else {
			put_char(o, *s);
		}
	}
	put_char(o, '"');
}

static void put_hex(struct out *o, const uint8_t *p, size_t n)
{
	static const char digit[] = "0123456789abcdef";

	for (size_t i = 0; i < n; i++) {
		put_char(o, digit[p[i] >> 4]);
		put_char(o, digit[p[i] & 15]);
	}
}

static void put_i32s(struct out *o, const struct vhal_value *val)
{
	put_char(o, '[');
	for (uint32_t i = 0; i < val->n_i32; i++) {
		put_str(o, i > 0 ? "," : "");
		put_int(o, val->i32[i]);
	}
	put_char(o, ']');
}

static void put_i64s(struct out *o, const struct vhal_value *val)
{
	put_char(o, '[');
	for (uint32_t i = 0; i < val->n_i64; i++) {
		put_str(o, i > 0 ? "," : "");
		put_int(o, val->i64[i]);
	}
	put_char(o, ']');
}

static void put_f32s(struct out *o, const struct vhal_value *val)
{
	put_char(o, '[');
	for (uint32_t i = 0; i < val->n_f32; i++) {
		put_str(o, i > 0 ? "," : "");
		put_float(o, val->f32[i]);
	}
	put_char(o, ']');
}

static void put_part(struct out *o, bool *first, const char *name)
{
	put_str(o, *first ? name : ",");
	if (!*first) {
		put_str(o, name);
	}
	*first = false;
}

static void put_mixed(struct out *o, const struct vhal_value *val)
{
	bool first = true;

	put_char(o, '{');
	if (val->n_i32 > 0) {
		put_part(o, &first, "i32:");
		put_i32s(o, val);
	}
	if (val->n_i64 > 0) {
		put_part(o, &first, "i64:");
		put_i64s(o, val);
	}
	if (val->n_f32 > 0) {
		put_part(o, &first, "f:");
		put_f32s(o, val);
	}
	if (val->n_bytes > 0) {
		put_part(o, &first, "b:");
		put_hex(o, val->bytes, val->n_bytes);
	}
	if (val->str) {
		put_part(o, &first, "s:");
		put_string(o, val->str);
	}
	put_char(o, '}');
}

static bool is_empty(const struct vhal_value *val)
{
	return val->n_i32 == 0 && val->n_i64 == 0 && val->n_f32 == 0 &&
	       val->n_bytes == 0 && !val->str;
}

static void put_value(struct out *o, const struct vhal_value *val)
{
	switch (val->prop & VHAL_TYPE_MASK) {
	case VHAL_TYPE_BOOLEAN:
		put_str(o, val->n_i32 > 0 && val->i32[0] ? "true" : "false");
		break;
	case VHAL_TYPE_INT32:
		put_int(o, val->n_i32 > 0 ? val->i32[0] : 0);
		break;
	case VHAL_TYPE_INT64:
		put_int(o, val->n_i64 > 0 ? val->i64[0] : 0);
		break;
	case VHAL_TYPE_FLOAT:
		put_float(o, val->n_f32 > 0 ? val->f32[0] : 0);
		break;
	case VHAL_TYPE_INT32_VEC:
		put_i32s(o, val);
		break;
	case VHAL_TYPE_INT64_VEC:
		put_i64s(o, val);
		break;
	case VHAL_TYPE_FLOAT_VEC:
		put_f32s(o, val);
		break;
	case VHAL_TYPE_STRING:
		put_string(o, val->str ? val->str : "");
		break;
	case VHAL_TYPE_BYTES:
		put_hex(o, val->bytes, val->n_bytes);
		break;
	default:
		put_mixed(o, val);
		break;
	}
}

size_t vhal_value_text(const struct vhal_value *val, char *buf, size_t size)
{
	struct out o = { .buf = buf, .size = size };

	if (val->status != VHAL_AVAILABLE) {
		put_str(&o, val->status == VHAL_UNAVAILABLE ? "unavailable"
							    : "error");
	}
	if (val->status == VHAL_AVAILABLE || !is_empty(val)) {
		put_str(&o, val->status == VHAL_AVAILABLE ? "" : " ");
		put_value(&o, val);
	}
	if (size > 0) {
		buf[o.n < size ? o.n : size - 1] = '\0';
	}
	return o.n;
}

/* ---- reading ---- */

struct in {
	const char *s; /* next character */
	struct vhal_consts consts;
	const char *what; /* the property, for messages */
	const char *enum_name;
	char *free; /* rest of the arena */
	struct av_err *err;
};

static void skip(struct in *in)
{
	in->s += strspn(in->s, " \t\r\n");
}

static int wrong(struct in *in, const char *need)
{
	return av_err_set(in->err, -EINVAL, "%s takes %s, not '%.60s'",
			  in->what, need, *in->s ? in->s : "nothing");
}

/* Room for @size bytes: the arena was made large enough for any text. */
static void *room(struct in *in, size_t size)
{
	void *p = in->free;

	in->free += (size + 7) & ~(size_t)7;
	return p;
}

/* Length of the word at @s: up to what ends a scalar. */
static size_t word_len(const char *s)
{
	return strcspn(s, ",]} \t\r\n");
}

static const char *enum_name_at(const void *ctx, size_t i)
{
	const struct vhal_consts *c = ctx;

	return c->v[i].name;
}

static int unknown_name(struct in *in, size_t len)
{
	char word[96], hint[96] = "", why[VHAL_WHY_MAX] = "";
	size_t first = strcspn(in->enum_name, " ");
	struct vhal_consts type;
	int64_t x;

	snprintf(word, sizeof(word), "%.*s", (int)(len < 95 ? len : 95), in->s);
	if (memmem(in->s, len, "::", 2)) {
		vhal_const_resolve(in->consts, in->s, len, &x, why);
		return av_err_set(in->err, -EINVAL, "%s: %s", in->what, why);
	}
	type = vhal_consts_type(vhal_builtin, in->enum_name, first);
	if (type.n == 0) {
		type = vhal_consts_type(in->consts, in->enum_name, first);
	}
	if (type.n == 0) {
		return wrong(in, "an integer");
	}
	av_suggest_text(hint, av_suggest(word, type.n, enum_name_at, &type));
	return av_err_set(in->err, -EINVAL, "%s: %s has no '%s'%s", in->what,
			  type.v->type, word, hint);
}

/* An integer, a name of the property's values, or Type::NAME. */
static int read_int(struct in *in, int64_t min, int64_t max, int64_t *out)
{
	size_t len = word_len(in->s);
	char word[32], *end;

	if (len == 0) {
		return wrong(in, "an integer");
	}
	if (!strchr("+-0123456789", *in->s)) {
		if (vhal_enum_find(in->consts, in->enum_name, in->s, len, out) <
		    0) {
			return unknown_name(in, len);
		}
	} else {
		if (len >= sizeof(word)) {
			return wrong(in, "an integer");
		}
		memcpy(word, in->s, len);
		word[len] = '\0';
		errno = 0;
		*out = strtoll(word, &end, strpbrk(word, "xX") ? 16 : 10);
		if (*end || end == word || errno) {
			return wrong(in, "an integer");
		}
	}
	if (*out < min || *out > max) {
		return wrong(in, "an integer of 32 bits");
	}
	in->s += len;
	return 0;
}

static int read_bool(struct in *in, int32_t *out)
{
	size_t len = word_len(in->s);

	if ((len == 4 && !memcmp(in->s, "true", 4)) ||
	    (len == 1 && *in->s == '1')) {
		*out = 1;
	} else if ((len == 5 && !memcmp(in->s, "false", 5)) ||
		   (len == 1 && *in->s == '0')) {
		*out = 0;
	} else {
		return wrong(in, "true or false");
	}
	in->s += len;
	return 0;
}

static int read_float(struct in *in, float *out)
{
	size_t len = word_len(in->s);
	char word[64], *end;
	int64_t x;

	if (len > 0 && len < sizeof(word) &&
	    strchr("+-.0123456789in", *in->s)) {
		memcpy(word, in->s, len);
		word[len] = '\0';
		*out = strtof(word, &end);
		/* 1e999 is no way to write infinity */
		if (*end == '\0' && end != word &&
		    (!isinf(*out) || strpbrk(word, "in"))) {
			in->s += len;
			return 0;
		}
	} else if (len > 0 && vhal_enum_find(in->consts, in->enum_name, in->s,
					     len, &x) == 0) {
		*out = (float)x; /* a unit among floats, for instance */
		in->s += len;
		return 0;
	}
	return wrong(in, "a number");
}

enum elem { ELEM_I32, ELEM_I64, ELEM_F32 };
static const size_t elem_size[] = { 4, 8, 4 };

static int read_elem(struct in *in, enum elem e, char *to)
{
	int64_t x;
	int ret;

	if (e == ELEM_F32) {
		return read_float(in, (float *)(void *)to);
	}
	ret = e == ELEM_I32 ? read_int(in, INT32_MIN, INT32_MAX, &x)
			    : read_int(in, INT64_MIN, INT64_MAX, &x);
	if (ret == 0 && e == ELEM_I32) {
		*(int32_t *)(void *)to = (int32_t)x;
	} else if (ret == 0) {
		*(int64_t *)(void *)to = x;
	}
	return ret;
}

/* "[1, 2]", or "1, 2" up to the end of the text. */
static int read_array(struct in *in, enum elem e, const void **out, uint32_t *n)
{
	bool bracket;
	char *to = in->free;
	int ret;

	skip(in);
	bracket = *in->s == '[';
	in->s += bracket;
	skip(in);
	*out = to;
	*n = 0;
	if (bracket && *in->s == ']') {
		in->s++;
		return 0;
	}
	for (;;) {
		ret = read_elem(in, e, to + *n * elem_size[e]);
		if (ret < 0) {
			return ret;
		}
		(*n)++;
		skip(in);
		if (*in->s != ',') {
			break;
		}
		in->s++;
		skip(in);
	}
	if (bracket && *in->s++ != ']') {
		in->s--;
		return wrong(in, "a list like [1,2]");
	}
	room(in, *n * elem_size[e]);
	return 0;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9'                 ? c - '0'
	       : (c | 32) >= 'a' && (c | 32) <= 'f' ? (c | 32) - 'a' + 10
						    : -1;
}

static int read_hex(struct in *in, const uint8_t **out, uint32_t *n)
{
	uint8_t *to = (uint8_t *)in->free;

	if (in->s[0] == '0' && (in->s[1] | 32) == 'x') {
		in->s += 2;
	}
	*n = 0;
	while (hex_digit(in->s[0]) >= 0) {
		if (hex_digit(in->s[1]) < 0) {
			return wrong(in, "hexadecimal digits in pairs");
		}
		to[(*n)++] = (uint8_t)(hex_digit(in->s[0]) << 4 |
				       hex_digit(in->s[1]));
		in->s += 2;
	}
	*out = to;
	room(in, *n);
	return 0;
}

static int read_u(struct in *in, unsigned int *c)
{
	*c = 0;
	for (int i = 0; i < 4; i++, in->s++) {
		if (hex_digit(*in->s) < 0) {
			return wrong(in, "four hexadecimal digits after \\u");
		}
		*c = *c << 4 | (unsigned int)hex_digit(*in->s);
	}
	return 0;
}

static int read_escape(struct in *in, char **to)
{
	static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
	const char *hit;
	unsigned int c, low;

	in->s++;
	hit = *in->s ? strchr(from, *in->s) : NULL;
	if (hit) {
		*(*to)++ = into[hit - from];
		in->s++;
		return 0;
	}
	if (*in->s != 'u') {
		return wrong(in, "an escape as in JSON");
	}
	in->s++;
	if (read_u(in, &c) < 0) {
		return -EINVAL;
	}
	if (c >= 0xd800 && c < 0xe000) {
		if (c >= 0xdc00 || in->s[0] != '\\' || in->s[1] != 'u') {
			return wrong(in, "whole surrogate pairs");
		}
		in->s += 2;
		if (read_u(in, &low) < 0) {
			return -EINVAL;
		}
		if (low < 0xdc00 || low > 0xdfff) {
			return wrong(in, "whole surrogate pairs");
		}
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
	}
	if (c == 0) {
		return wrong(in, "a string without NUL");
	}
	*to += vhal_put_utf8(*to, c);
	return 0;
}

/* "quoted as in JSON". */
static int read_string(struct in *in, const char **out)
{
	char *start = in->free, *to = start;

	in->s++;
	while (*in->s != '"') {
		if (*in->s == '\0') {
			return wrong(in, "a string with its closing quote");
		}
		if (*in->s == '\\') {
			if (read_escape(in, &to) < 0) {
				return -EINVAL;
			}
		} else {
			*to++ = *in->s++;
		}
	}
	in->s++;
	*to++ = '\0';
	room(in, (size_t)(to - start));
	*out = start;
	return 0;
}

static int read_mixed(struct in *in, struct vhal_value *val)
{
	int ret = 0;

	if (*in->s != '{') {
		return wrong(in, "{i32:[..],i64:[..],f:[..],b:hex,s:\"..\"}");
	}
	in->s++;
	skip(in);
	while (*in->s != '}' && ret == 0) {
		if (!strncmp(in->s, "i32:", 4)) {
			in->s += 4;
			ret = read_array(in, ELEM_I32, (const void **)&val->i32,
					 &val->n_i32);
		} else if (!strncmp(in->s, "i64:", 4)) {
			in->s += 4;
			ret = read_array(in, ELEM_I64, (const void **)&val->i64,
					 &val->n_i64);
		} else if (!strncmp(in->s, "f:", 2)) {
			in->s += 2;
			ret = read_array(in, ELEM_F32, (const void **)&val->f32,
					 &val->n_f32);
		} else if (!strncmp(in->s, "b:", 2)) {
			in->s += 2;
			ret = read_hex(in, &val->bytes, &val->n_bytes);
		} else if (!strncmp(in->s, "s:\"", 3)) {
			in->s += 2;
			ret = read_string(in, &val->str);
		} else {
			return wrong(in, "the parts i32, i64, f, b and s");
		}
		skip(in);
		if (ret == 0 && *in->s == ',') {
			in->s++;
			skip(in);
		} else if (ret == 0 && *in->s != '}') {
			return wrong(in, "',' or '}' after a part");
		}
	}
	in->s += ret == 0;
	return ret;
}

static int read_scalar(struct in *in, struct vhal_value *val)
{
	int32_t type = val->prop & VHAL_TYPE_MASK;
	char *to = room(in, 8);
	int ret;

	if (type == VHAL_TYPE_BOOLEAN) {
		ret = read_bool(in, (int32_t *)(void *)to);
	} else {
		ret = read_elem(in,
				type == VHAL_TYPE_INT32   ? ELEM_I32
				: type == VHAL_TYPE_INT64 ? ELEM_I64
							  : ELEM_F32,
				to);
	}
	if (type == VHAL_TYPE_INT64) {
		val->i64 = (const int64_t *)(void *)to;
		val->n_i64 = 1;
	} else if (type == VHAL_TYPE_FLOAT) {
		val->f32 = (const float *)(void *)to;
		val->n_f32 = 1;
	} else {
		val->i32 = (const int32_t *)(void *)to;
		val->n_i32 = 1;
	}
	return ret;
}

/* A string without quotes is all of the text. */
static int read_plain(struct in *in, const char **out)
{
	size_t len = strlen(in->s) + 1;

	*out = memcpy(room(in, len), in->s, len);
	in->s += len - 1;
	return 0;
}

static int read_value(struct in *in, struct vhal_value *val)
{
	switch (val->prop & VHAL_TYPE_MASK) {
	case VHAL_TYPE_INT32_VEC:
		return read_array(in, ELEM_I32, (const void **)&val->i32,
				  &val->n_i32);
	case VHAL_TYPE_INT64_VEC:
		return read_array(in, ELEM_I64, (const void **)&val->i64,
				  &val->n_i64);
	case VHAL_TYPE_FLOAT_VEC:
		return read_array(in, ELEM_F32, (const void **)&val->f32,
				  &val->n_f32);
	case VHAL_TYPE_STRING:
		return *in->s == '"' ? read_string(in, &val->str)
				     : read_plain(in, &val->str);
	case VHAL_TYPE_BYTES:
		return read_hex(in, &val->bytes, &val->n_bytes);
	case VHAL_TYPE_MIXED:
		return read_mixed(in, val);
	default:
		return read_scalar(in, val);
	}
}

/* "unavailable", "error": true if there is a status, with in->s behind it. */
static bool read_status(struct in *in, int32_t *status)
{
	static const char *const words[] = { "unavailable", "error" };

	for (int i = 0; i < 2; i++) {
		size_t n = strlen(words[i]);

		if (!strncmp(in->s, words[i], n) &&
		    (in->s[n] == '\0' || in->s[n] == ' ')) {
			*status = i == 0 ? VHAL_UNAVAILABLE : VHAL_ERROR;
			in->s += n;
			skip(in);
			return true;
		}
	}
	return false;
}

int vhal_value_parse(const struct vhal *v, int32_t prop, int32_t area,
		     const char *text, struct vhal_value *out, void **arena,
		     struct av_err *err)
{
	const struct vhal_prop *p = vhal_prop_find(v, prop);
	struct vhal_value val = { .prop = prop, .area = area };
	struct in in = { .s = text, .consts = v->consts, .err = err };
	/* at most an element of 8 bytes for each character, twice over in
	 * MIXED for the rounding of its five parts */
	size_t size = strlen(text) * 8 + 64;
	bool status;
	int ret = 0;

	*arena = NULL;
	if (!p) {
		return av_err_set(err, -ENOENT,
				  "this vehicle has no property 0x%08x",
				  (unsigned int)prop);
	}
	in.free = malloc(size);
	if (!in.free) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	*arena = in.free;
	in.what = p->cfg.name;
	in.enum_name = p->cfg.enum_name;
	skip(&in);
	status = read_status(&in, &val.status);
	if (!status || *in.s) {
		ret = read_value(&in, &val);
		skip(&in);
		if (ret == 0 && *in.s) {
			ret = wrong(&in, "one value");
		}
	}
	if (ret < 0) {
		free(*arena);
		*arena = NULL;
		return ret;
	}
	*out = val;
	return 0;
}

const char *vhal_label(const struct vhal *v, int32_t prop, int64_t x)
{
	const struct vhal_prop *p = vhal_prop_find(v, prop);

	return p ? vhal_enum_label_in(v->consts, p->cfg.enum_name, x) : NULL;
}
