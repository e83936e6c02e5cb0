/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a diff found, for people (text, HTML) and for machines (JSON, JUnit
 * XML). Nothing in a report depends on when or where it was made.
 */
#ifndef AVSIM_RECORDINGS_REPORT_H
#define AVSIM_RECORDINGS_REPORT_H

#include "recordings/diff.h"

#include <stdio.h>

void report_text(const struct diff_result *r, FILE *out, bool colour);

/*
 * Keys of the JSON object, stable: format ("avsim-diff"), version (1), a, b,
 * tolerances, only, verdict ("same", "differ"), begin_s, end_s, total, channels
 * (by name), first (absent if same), keys (those with records; counts, rule,
 * kind, first, worst, spans). Counts: records_a, records_b, same, changed,
 * shifted, missing, extra, allowed, ignored. Times in seconds; what is not finite
 * is null.
 */
void report_json(const struct diff_result *r, FILE *out);

/* One testcase per channel:key, classname avsim.diff.CHANNEL. */
void report_junit(const struct diff_result *r, FILE *out);

/* One self-contained page; traces need diff_opts.traces. */
void report_html(const struct diff_result *r, FILE *out);
#define REPORT_HTML_TRACES 8

/**
 * report_file() - Write the report that the name's ending asks for
 *
 * .txt, .json, .xml, .html. Return: 0, -EINVAL for another ending, -errno.
 */
int report_file(const struct diff_result *r, const char *path,
		struct av_err *err);
/* Whether report_file() knows the ending, before a long comparison. */
int report_check_name(const char *path, struct av_err *err);

/* ---- shared by the writers ---- */

enum report_esc { ESC_TEXT, ESC_JSON, ESC_XML };

/*
 * Write @s so that it is valid UTF-8 and harmless where it goes: control bytes
 * and broken sequences become U+FFFD (JSON: control characters as \uXXXX).
 */
void report_esc(FILE *out, const char *s, enum report_esc how);

/* "channel:key" */
void report_key(FILE *out, const struct diff_key *k, enum report_esc how);

/* Indexes of the keys that differ or have a delta, most first; caller frees;
 * NULL = no memory or none. */
enum report_order { BY_DELTA, BY_COUNT };
size_t *report_order(const struct diff_result *r, enum report_order by,
		     size_t *n);

/* "exact", "line 3 of x.yaml" */
void report_rule(FILE *out, const struct diff_result *r,
		 const struct diff_key *k, enum report_esc how);

/* "changed, 3.5 -> 3.6 (delta 0.1)" */
void report_point(FILE *out, const struct diff_point *p, enum report_esc how);

void report_num(FILE *out, double v); /* shortest */

#endif
