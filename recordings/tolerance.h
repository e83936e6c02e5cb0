/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What may differ between two recordings and still count as the same: a YAML
 * list of rules, of which the first that matches a key holds. Without a rule a
 * key is compared exactly; there is no global tolerance.
 *
 *	- match: "vhal:PERF_VEHICLE_SPEED*"	# channel:key, see av_glob_only()
 *	  kind: continuous	# event | continuous
 *	  abs: 0.05		# in the unit of the values
 *	  rel: 1 %		# of the greater of the two magnitudes
 *	  time: 20ms		# records this far apart are still in time
 *	  max_gap: 500ms	# continuous: interpolate across up to this
 *	  interpolate: hold	# hold | linear
 *	  window: 1s		# event: how far a record may have moved and
 *				# still be recognised (and called shifted)
 *	  order: any		# keep | any
 *	  missing: allow	# fail | allow; in the first, not the second
 *	  extra: allow		# fail | allow
 *	  ignore: true
 *
 * Two numbers are within tolerance if |a - b| <= max(abs, rel * max(|a|, |b|)).
 * Where abs or rel is given, a difference of two units in the last place is
 * put down to the decimal notation, so that 1.0 and 1.1 are within abs: 0.1.
 */
#ifndef AVSIM_RECORDINGS_TOLERANCE_H
#define AVSIM_RECORDINGS_TOLERANCE_H

#include "recordings/rec.h"
#include "sim/core/err.h"
#include "sim/core/vtime.h"

enum tol_kind { TOL_KIND_DEFAULT, TOL_EVENT, TOL_CONTINUOUS };
enum tol_interp { TOL_INTERP_DEFAULT, TOL_HOLD, TOL_LINEAR };

struct tolerance {
	char *match;	   /* NULL: a built-in default */
	unsigned int line; /* of the rule in its file */
	enum tol_kind kind;
	enum tol_interp interp;
	double abs;
	double rel;	/* 0..1 */
	vtime time;	/* ns */
	vtime max_gap;	/* ns; 0 = each sample needs a partner within @time */
	vtime window;	/* ns */
	bool any_order;
	bool allow_missing;
	bool allow_extra;
	bool ignore;
};

struct tolerances {
	char *name; /* of the file */
	struct tolerance *rule;
	size_t n;
};

#define TOL_WINDOW_DEFAULT VT_S

/**
 * tolerances_parse() - Read a tolerance file
 *
 * Return: 0; -EINVAL with all messages in @d and @out empty; -ENOMEM.
 */
int tolerances_parse(const char *name, const char *buf, size_t len,
		     struct tolerances *out, struct av_diags *d);
void tolerances_finish(struct tolerances *t);

/**
 * tolerances_find() - The rule for a key
 * @t:		may be NULL
 *
 * Return: index of the first rule that matches, -1 if none does (exact).
 */
int tolerances_find(const struct tolerances *t, enum rec_channel ch,
		    const char *key);

/* What holds without a rule; kind and interpolation by channel:
 *	imu, gnss	continuous, linear
 *	signal		continuous, hold
 *	vhal		event (continuous, linear where the property's change
 *			mode is continuous: the caller knows)
 *	others		event
 */
const struct tolerance *tolerance_default(enum rec_channel ch);

#endif
