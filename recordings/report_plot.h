/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AVSIM_RECORDINGS_REPORT_PLOT_H
#define AVSIM_RECORDINGS_REPORT_PLOT_H

#include "recordings/diff.h"

#include <stdio.h>

enum plot_part { PLOT_ALL, PLOT_ZOOM };

/* An <svg> of both sides of a key over time; classes as in report_html.c. */
void report_plot(FILE *out, const struct diff_result *r,
		 const struct diff_trace *t, enum plot_part part);

#endif
