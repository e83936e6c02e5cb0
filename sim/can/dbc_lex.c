/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens of a DBC file: words (names, keywords and numbers alike, since "1+"
 * and "m3M" are neither), quoted strings, and single punctuation characters.
 * Bytes above 127 are part of words: real files have umlauts in names.
 */
#include "config.h"

#include "sim/can/dbc_priv.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static bool is_word(unsigned char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || c == '_' || c == '.' || c == '+' ||
	       c == '-' || c >= 0x80;
}

static void skip_space(struct dbc_lex *l)
{
	while (l->at < l->end) {
		char c = *l->at;

		if (c == '\n') {
			l->line++;
			l->line_start = ++l->at;
			l->first = true;
		} else if (c == ' ' || c == '\t' || c == '\r' || c == '\f' ||
			   c == '\v') {
			l->at++;
		} else if (c == '/' && l->end - l->at > 1 && l->at[1] == '/') {
			const char *nl =
				memchr(l->at, '\n', (size_t)(l->end - l->at));

			l->at = nl ? nl : l->end;
		} else {
			break;
		}
	}
}

/* The rest of a string after its opening quote; \" does not end it. */
static void lex_string(struct dbc_lex *l)
{
	const char *from = l->at;

	l->kind = TOK_STRING;
	l->s = from;
	for (; l->at < l->end && *l->at != '"'; l->at++) {
		if (*l->at == '\n') {
			l->line++;
			l->line_start = l->at + 1;
		} else if (*l->at == '\\' && l->end - l->at > 1 &&
			   l->at[1] == '"') {
			l->at++;
		}
	}
	l->len = (size_t)(l->at - from);
	if (l->at < l->end) {
		l->at++;
	} else {
		l->open_line = l->tok_line;
		l->open_col = l->tok_col;
	}
}

void dbc_lex_next(struct dbc_lex *l)
{
	size_t col;

	l->first = l->at == l->line_start;
	skip_space(l);
	col = (size_t)(l->at - l->line_start) + 1;
	l->tok_line = l->line;
	l->tok_col = col > UINT_MAX ? UINT_MAX : (unsigned int)col;
	l->s = l->at;
	l->len = 0;
	if (l->at == l->end) {
		l->kind = TOK_END;
	} else if (*l->at == '"') {
		l->at++;
		lex_string(l);
	} else if (is_word((unsigned char)*l->at)) {
		do {
			l->at++;
		} while (l->at < l->end && is_word((unsigned char)*l->at));
		l->kind = TOK_WORD;
		l->len = (size_t)(l->at - l->s);
	} else {
		l->at++;
		l->kind = TOK_PUNCT;
		l->len = 1;
	}
}

bool dbc_lex_is(const struct dbc_lex *l, const char *word)
{
	return l->kind == TOK_WORD && strlen(word) == l->len &&
	       !memcmp(l->s, word, l->len);
}

bool dbc_lex_punct(const struct dbc_lex *l, char c)
{
	return l->kind == TOK_PUNCT && *l->s == c;
}

int dbc_word_u32(const struct dbc_lex *l, uint32_t *out)
{
	uint64_t v = 0;

	if (l->kind != TOK_WORD) {
		return -EINVAL;
	}
	for (size_t i = 0; i < l->len; i++) {
		if (l->s[i] < '0' || l->s[i] > '9') {
			return -EINVAL;
		}
		v = v * 10 + (uint64_t)(l->s[i] - '0');
		if (v > UINT32_MAX) {
			v = (uint64_t)UINT32_MAX + 1;
		}
	}
	*out = (uint32_t)v;
	return v > UINT32_MAX ? -ERANGE : 0;
}

/* -2^63 .. 2^64 - 1; what is above INT64_MAX wraps (raw values of unsigned 64
 * bit signals). */
int dbc_word_int(const struct dbc_lex *l, int64_t *out)
{
	bool neg = l->len > 0 && *l->s == '-';
	size_t i = neg || (l->len > 0 && *l->s == '+');
	uint64_t v = 0;

	if (l->kind != TOK_WORD || i == l->len) {
		return -EINVAL;
	}
	for (; i < l->len; i++) {
		unsigned int digit = (unsigned int)(l->s[i] - '0');

		if (digit > 9) {
			return -EINVAL;
		}
		if (v > (UINT64_MAX - digit) / 10) {
			return -ERANGE;
		}
		v = v * 10 + digit;
	}
	if (neg && v > (uint64_t)INT64_MAX + 1) {
		return -ERANGE;
	}
	*out = (int64_t)(neg ? 0 - v : v);
	return 0;
}

int dbc_word_double(const struct dbc_lex *l, locale_t c, double *out)
{
	char buf[512], *end;
	double v;

	if (l->kind != TOK_WORD) {
		return -EINVAL;
	}
	/* what strtod would take too: inf, nan, hex */
	for (size_t i = 0; i < l->len; i++) {
		if (!strchr("0123456789+-.eE", l->s[i]) || !l->s[i]) {
			return -EINVAL;
		}
	}
	if (l->len >= sizeof(buf)) {
		return -ERANGE;
	}
	memcpy(buf, l->s, l->len);
	buf[l->len] = '\0';
	v = strtod_l(buf, &end, c);
	if (end == buf || *end) {
		return -EINVAL;
	}
	*out = v;
	return isfinite(v) ? 0 : -ERANGE;
}
