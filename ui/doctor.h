/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of this host works: one row per check in doctor_checks.c. A check
 * changes nothing and takes no longer than a second or two.
 */
#ifndef AVSIM_UI_DOCTOR_H
#define AVSIM_UI_DOCTOR_H

#include <stddef.h>

enum doctor_verdict {
	DOCTOR_OK,
	DOCTOR_WARN, /* something does less, or is slower */
	DOCTOR_BAD,  /* avsim cannot run a scenario */
	DOCTOR_N
};
extern const char *const doctor_verdicts[DOCTOR_N];

struct doctor_result {
	enum doctor_verdict verdict;
	char text[512];
	char remedy[256]; /* "" where there is nothing to do */
};

struct doctor_check {
	const char *name;
	const char *needed_for;
	void (*run)(struct doctor_result *r);
};

extern const struct doctor_check doctor_checks[];
extern const size_t n_doctor_checks;

#endif
