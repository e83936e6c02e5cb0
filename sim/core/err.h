/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Error texts for people. Functions return 0 or -errno; where a person will
 * read the reason they also fill a struct av_err (one message) or add to a
 * struct av_diags (all messages about a file, each with its place).
 *
 * Texts: lower case, failure first, no full stop, remedy named where there is
 * one.
 */
#ifndef AVSIM_CORE_ERR_H
#define AVSIM_CORE_ERR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct av_err {
	int code; /* negative errno, 0 = none */
	char msg[512];
};

/**
 * av_err_set() - Fill @err (may be NULL) and hand back @code
 */
int av_err_set(struct av_err *err, int code, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* One message about a place in a user's file. Lines and columns count from 1;
 * 0 means "the file as a whole". */
struct av_diag {
	char *file;
	unsigned int line;
	unsigned int col;
	char *msg;
};

#define AV_DIAGS_MAX 100 /* more are counted in @dropped, not kept */

struct av_diags {
	struct av_diag *v;
	size_t n;
	size_t dropped;
};

/**
 * av_diag_add() - Add "file:line:col: message"; never fails (OOM drops it)
 *
 * Return: -EINVAL always, so that a parser can "return av_diag_add(...)".
 */
int av_diag_add(struct av_diags *d, const char *file, unsigned int line,
		unsigned int col, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

/**
 * av_diags_print() - Write all messages, sorted by file, line, column
 */
void av_diags_print(struct av_diags *d, FILE *out);

/**
 * av_diags_finish() - Free the messages; @d is empty and usable again after
 */
void av_diags_finish(struct av_diags *d);

/**
 * av_suggest() - Nearest of @n candidates for a mistyped word
 * @word:	what the user wrote
 * @name:	returns candidate @i (borrowed), NULL to skip it
 *
 * Return: the candidate at edit distance at most max(1, length / 3), or NULL.
 * The first of equals wins.
 */
const char *av_suggest(const char *word, size_t n,
		       const char *(*name)(const void *ctx, size_t i),
		       const void *ctx);

/**
 * av_suggest_text() - " (did you mean 'x'?)" or "" for use in a message
 * @buf:	at least 96 bytes
 */
const char *av_suggest_text(char *buf, const char *candidate);

#endif
