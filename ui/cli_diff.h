/* SPDX-License-Identifier: Apache-2.0 */
#ifndef AVSIM_UI_CLI_DIFF_H
#define AVSIM_UI_CLI_DIFF_H

#include "recordings/tolerance.h"

/* A tolerance file. 0 or EXIT_TROUBLE (said). */
int cli_load_tolerances(const char *path, struct tolerances *t);

/* For diff_opts.continuous: is "PERF_VEHICLE_SPEED/0" sampled at a rate? */
bool cli_vhal_is_continuous(const char *key);

#endif
