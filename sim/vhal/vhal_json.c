/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reader works on a copy of the text and decodes strings in place: an
 * escape is never shorter than what it stands for. Offsets stay those of the
 * original, from which lines and columns are counted only when asked for.
 */
#include "config.h"

#include "sim/vhal/vhal_json.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "sim/vhal/vhal_priv.h"

struct reader {
	struct vjson_doc *doc;
	struct av_diags *d;
	char *s;    /* the copy, one NUL behind it */
	uint32_t i; /* next byte */
	uint32_t len;
	int fail; /* 0, -EINVAL, -ENOMEM */
};

/* ---- places ---- */

static void place(struct vjson_doc *doc, uint32_t off)
{
	if (off < doc->at_off || doc->at_line == 0) {
		doc->at_off = 0;
		doc->at_line = 1;
		doc->at_col = 1;
		if (doc->len >= 3 && !memcmp(doc->src, "\xef\xbb\xbf", 3) &&
		    off >= 3) {
			doc->at_off = 3; /* a byte order mark is no column */
		}
	}
	for (; doc->at_off < off && doc->at_off < doc->len; doc->at_off++) {
		unsigned char c = (unsigned char)doc->src[doc->at_off];

		if (c == '\n') {
			doc->at_line++;
			doc->at_col = 1;
		} else if ((c & 0xc0) != 0x80) {
			doc->at_col++;
		}
	}
}

int vjson_err(struct vjson_doc *doc, uint32_t node, struct av_diags *d,
	      const char *fmt, ...)
{
	char msg[900];
	va_list ap;

	if (!d || d->n >= AV_DIAGS_MAX) { /* only counted: save the search */
		return av_diag_add(d, doc->name, 0, 0, "%s", "");
	}
	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	place(doc, doc->node[node].off);
	return av_diag_add(d, doc->name, doc->at_line, doc->at_col, "%s", msg);
}

/* The first thing wrong with the text, at @off; reading ends. */
static bool bad(struct reader *r, uint32_t off, const char *msg)
{
	if (r->fail == 0) {
		place(r->doc, off);
		r->fail = av_diag_add(r->d, r->doc->name, r->doc->at_line,
				      r->doc->at_col, "%s", msg);
	}
	return false;
}

/* ---- nodes ---- */

static bool new_node(struct reader *r, enum vjson_kind kind, uint32_t off,
		     uint32_t *out)
{
	struct vjson_doc *doc = r->doc;

	if (doc->n == doc->room) {
		size_t room = doc->room ? doc->room * 2 : 256;
		struct vjson_node *v = realloc(doc->node, room * sizeof(*v));

		if (!v) {
			r->fail = -ENOMEM;
			return false;
		}
		doc->node = v;
		doc->room = room;
	}
	*out = (uint32_t)doc->n++;
	doc->node[*out] =
		(struct vjson_node){ .off = off, .kind = (uint8_t)kind };
	return true;
}

static void skip_space(struct reader *r)
{
	while (r->i < r->len && (r->s[r->i] == ' ' || r->s[r->i] == '\t' ||
				 r->s[r->i] == '\n' || r->s[r->i] == '\r')) {
		r->i++;
	}
}

/* ---- scalars ---- */

static bool is_digit(const struct reader *r)
{
	return r->i < r->len && r->s[r->i] >= '0' && r->s[r->i] <= '9';
}

static void skip_digits(struct reader *r)
{
	while (is_digit(r)) {
		r->i++;
	}
}

static bool take(struct reader *r, char c)
{
	if (r->i < r->len && r->s[r->i] == c) {
		r->i++;
		return true;
	}
	return false;
}

static bool read_number(struct reader *r)
{
	uint32_t start = r->i, node;

	take(r, '-');
	if (!is_digit(r)) {
		return bad(r, start, "a number needs a digit after '-'");
	}
	if (!take(r, '0')) {
		skip_digits(r);
	} else if (is_digit(r)) {
		return bad(r, start, "a number cannot start with 0");
	}
	if (take(r, '.')) {
		if (!is_digit(r)) {
			return bad(r, start,
				   "a number needs a digit after its point");
		}
		skip_digits(r);
	}
	if (r->i < r->len && (r->s[r->i] == 'e' || r->s[r->i] == 'E')) {
		r->i++;
		if (!take(r, '+')) {
			take(r, '-');
		}
		if (!is_digit(r)) {
			return bad(r, start,
				   "a number needs a digit in its exponent");
		}
		skip_digits(r);
	}
	if (!new_node(r, VJSON_NUMBER, start, &node)) {
		return false;
	}
	r->doc->node[node].len = r->i - start;
	r->doc->node[node].next = node + 1;
	return true;
}

/* Four hexadecimal digits at @at, or -1. */
static int read_hex4(const struct reader *r, uint32_t at)
{
	int x = 0;

	if (r->len - at < 4) {
		return -1;
	}
	for (uint32_t k = 0; k < 4; k++) {
		char c = r->s[at + k];

		if (c >= '0' && c <= '9') {
			x = x * 16 + (c - '0');
		} else if ((c | 32) >= 'a' && (c | 32) <= 'f') {
			x = x * 16 + ((c | 32) - 'a' + 10);
		} else {
			return -1;
		}
	}
	return x;
}

/* \uXXXX at r->i (on the 'u'), decoded to @to; *@n bytes. */
static bool read_unicode(struct reader *r, char *to, uint32_t *n)
{
	uint32_t start = r->i - 1;
	int c = read_hex4(r, r->i + 1), low;

	if (c < 0) {
		return bad(r, start, "\\u needs four hexadecimal digits");
	}
	if (c == 0) {
		return bad(r, start, "a string cannot hold \\u0000");
	}
	r->i += 5;
	if (c >= 0xd800 && c < 0xe000) {
		low = c < 0xdc00 && r->len - r->i >= 6 && r->s[r->i] == '\\' &&
				      r->s[r->i + 1] == 'u'
			      ? read_hex4(r, r->i + 2)
			      : -1;
		if (low < 0xdc00 || low > 0xdfff) {
			return bad(r, start, "half a surrogate pair");
		}
		r->i += 6;
		c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
	}
	*n += vhal_put_utf8(to, (unsigned int)c);
	return true;
}

/* The escape at r->i (on the backslash), decoded to @to. */
static bool read_escape(struct reader *r, char *to, uint32_t *n)
{
	static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
	const char *hit;
	char c;

	r->i++;
	c = r->s[r->i];
	if (c == 'u') {
		return read_unicode(r, to, n);
	}
	hit = c ? strchr(from, c) : NULL;
	if (!hit) {
		return bad(r, r->i - 1, "unknown escape in a string");
	}
	*to = into[hit - from];
	(*n)++;
	r->i++;
	return true;
}

/* r->i is on the opening quote. */
static bool read_string(struct reader *r, uint32_t *node)
{
	uint32_t start = r->i, n = 0;
	char *to = r->s + start + 1;

	if (!new_node(r, VJSON_STRING, start, node)) {
		return false;
	}
	r->i++;
	for (;;) {
		unsigned char c = (unsigned char)r->s[r->i];

		if (r->i >= r->len) {
			return bad(r, start, "string without an end");
		}
		if (c == '"') {
			break;
		}
		if (c < 0x20) {
			return bad(r, r->i,
				   "control character in a string: write it as "
				   "an escape");
		}
		if (c == '\\') {
			if (!read_escape(r, to + n, &n)) {
				return false;
			}
		} else {
			to[n++] = (char)c;
			r->i++;
		}
	}
	r->i++;
	to[n] = '\0'; /* at most on the closing quote */
	r->doc->node[*node].len = n;
	r->doc->node[*node].next = *node + 1;
	return true;
}

static bool read_word(struct reader *r)
{
	static const struct {
		const char *word;
		enum vjson_kind kind;
	} words[] = { { "null", VJSON_NULL },
		      { "false", VJSON_FALSE },
		      { "true", VJSON_TRUE } };
	uint32_t node;

	for (size_t k = 0; k < 3; k++) {
		uint32_t n = (uint32_t)strlen(words[k].word);

		if (r->len - r->i >= n &&
		    !memcmp(r->s + r->i, words[k].word, n)) {
			if (!new_node(r, words[k].kind, r->i, &node)) {
				return false;
			}
			r->doc->node[node].next = node + 1;
			r->i += n;
			return true;
		}
	}
	return bad(r, r->i,
		   r->i >= r->len ? "the file ends too early"
				  : "this is no JSON value");
}

/* ---- containers ---- */

struct key {
	const char *text;
	uint32_t node;
};

static int by_text(const void *a, const void *b)
{
	const struct key *x = a, *y = b;
	int c = strcmp(x->text, y->text);

	return c ? c : x->node < y->node ? -1 : x->node > y->node;
}

static bool duplicate(struct reader *r, uint32_t node)
{
	char msg[160];

	snprintf(msg, sizeof(msg), "duplicate key '%.100s'",
		 vjson_text(r->doc, node));
	return bad(r, r->doc->node[node].off, msg);
}

#define FEW_KEYS 12

/* No two keys of the @n of object @obj are equal. */
static bool check_keys(struct reader *r, uint32_t obj, uint32_t n)
{
	struct vjson_doc *doc = r->doc;
	struct key few[FEW_KEYS], *keys = few;
	uint32_t at = obj + 1;
	bool ok = true;

	if (n > FEW_KEYS) {
		keys = malloc(n * sizeof(*keys));
		if (!keys) {
			r->fail = -ENOMEM;
			return false;
		}
	}
	for (uint32_t i = 0; i < n; i++) {
		keys[i] = (struct key){ vjson_text(doc, at), at };
		at = doc->node[at + 1].next; /* behind the value */
	}
	qsort(keys, n, sizeof(*keys), by_text);
	for (uint32_t i = 1; i < n && ok; i++) {
		if (!strcmp(keys[i].text, keys[i - 1].text)) {
			ok = duplicate(r, keys[i].node);
		}
	}
	if (keys != few) {
		free(keys);
	}
	return ok;
}

static bool read_value(struct reader *r, unsigned int depth);

static bool read_array(struct reader *r, unsigned int depth)
{
	uint32_t node;

	if (!new_node(r, VJSON_ARRAY, r->i, &node)) {
		return false;
	}
	r->i++;
	skip_space(r);
	while (!take(r, ']')) {
		if (!read_value(r, depth + 1)) {
			return false;
		}
		skip_space(r);
		if (take(r, ',')) {
			skip_space(r);
			if (r->s[r->i] == ']') {
				return bad(r, r->i,
					   "a value is missing after "
					   "','");
			}
		} else if (r->s[r->i] != ']') {
			return bad(r, r->i, "expected ',' or ']'");
		}
	}
	r->doc->node[node].next = (uint32_t)r->doc->n;
	return true;
}

static bool read_object(struct reader *r, unsigned int depth)
{
	uint32_t node, key, n = 0;

	if (!new_node(r, VJSON_OBJECT, r->i, &node)) {
		return false;
	}
	r->i++;
	skip_space(r);
	while (!take(r, '}')) {
		if (r->s[r->i] != '"') {
			return bad(r, r->i, "expected a key in quotes");
		}
		if (!read_string(r, &key)) {
			return false;
		}
		skip_space(r);
		if (!take(r, ':')) {
			return bad(r, r->i, "expected ':'");
		}
		skip_space(r);
		if (!read_value(r, depth + 1)) {
			return false;
		}
		n++;
		skip_space(r);
		if (take(r, ',')) {
			skip_space(r);
			if (r->s[r->i] == '}') {
				return bad(r, r->i,
					   "a key is missing after "
					   "','");
			}
		} else if (r->s[r->i] != '}') {
			return bad(r, r->i, "expected ',' or '}'");
		}
	}
	r->doc->node[node].next = (uint32_t)r->doc->n;
	return check_keys(r, node, n);
}

static bool read_value(struct reader *r, unsigned int depth)
{
	uint32_t node;

	if (depth > VJSON_DEPTH_MAX) {
		return bad(r, r->i, "nested too deeply");
	}
	switch (r->s[r->i]) {
	case '{':
		return read_object(r, depth);
	case '[':
		return read_array(r, depth);
	case '"':
		return read_string(r, &node);
	default:
		return r->s[r->i] == '-' || is_digit(r) ? read_number(r)
							: read_word(r);
	}
}

/* Numbers get their NUL once nothing around them is read any more. */
static void end_numbers(struct vjson_doc *doc)
{
	for (size_t i = 0; i < doc->n; i++) {
		struct vjson_node *n = &doc->node[i];

		if (n->kind == VJSON_NUMBER) {
			doc->text[n->off + n->len] = '\0';
		}
	}
}

const char *vjson_text(const struct vjson_doc *doc, uint32_t node)
{
	const struct vjson_node *n = &doc->node[node];

	return doc->text + n->off + (n->kind == VJSON_STRING);
}

int vjson_parse(const char *name, const char *src, size_t len,
		struct vjson_doc *doc, struct av_diags *d)
{
	struct reader r = { .doc = doc, .d = d };
	size_t good;

	*doc = (struct vjson_doc){ .name = name, .src = src, .len = len };
	if (len >= UINT32_MAX / 2) {
		return av_diag_add(d, name, 0, 0, "the file is too large");
	}
	doc->text = malloc(len + 1);
	if (!doc->text) {
		return -ENOMEM;
	}
	memcpy(doc->text, src, len);
	doc->text[len] = '\0';
	r.s = doc->text;
	r.len = (uint32_t)len;
	good = vhal_utf8_good(src, len);
	if (good < len) {
		bad(&r, (uint32_t)good, "invalid UTF-8");
		return r.fail;
	}
	if (len >= 3 && !memcmp(src, "\xef\xbb\xbf", 3)) {
		r.i = 3;
	}
	skip_space(&r);
	if (r.i == r.len) {
		bad(&r, r.i, "the file is empty: an object is expected");
	} else if (read_value(&r, 1)) {
		skip_space(&r);
		if (r.i < r.len) {
			bad(&r, r.i, "text behind the end of the value");
		}
	}
	if (r.fail == 0) {
		end_numbers(doc);
	}
	return r.fail;
}

void vjson_finish(struct vjson_doc *doc)
{
	free(doc->node);
	free(doc->text);
	doc->node = NULL;
	doc->text = NULL;
	doc->n = doc->room = 0;
}
