/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers and patterns as text, the same in every file and on every command
 * line, whatever the locale.
 */
#ifndef AVSIM_CORE_TEXT_H
#define AVSIM_CORE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#define AV_NUM_TEXT_MAX 32

/**
 * av_num_text() - Shortest decimal text that reads back as exactly @v
 * @buf:	at least AV_NUM_TEXT_MAX bytes
 *
 * "nan", "inf", "-inf" where @v is not finite. av_f32_text() is shortest among
 * floats: 0.1f is "0.1".
 *
 * Return: length without the terminating NUL.
 */
size_t av_num_text(double v, char *buf);
size_t av_f32_text(float v, char *buf);

/**
 * av_num_parse() - Read all @len bytes of @s as one decimal number
 *
 * Plain and exponent form, "nan", "inf"; no spaces, no hex. Correctly rounded.
 *
 * Return: 0, or -EINVAL (*out untouched).
 */
int av_num_parse(const char *s, size_t len, double *out);

/**
 * av_glob() - Does the whole of @text match? '*' any run of bytes, '?' any one
 */
bool av_glob(const char *pattern, size_t pattern_len, const char *text);

/**
 * av_glob_only() - The --only option: does it let "channel:key" through?
 * @only:	patterns separated by commas; one without a colon stands for a
 *		whole channel ("vhal" is "vhal:*")
 */
bool av_glob_only(const char *only, const char *channel, const char *key);

#endif
