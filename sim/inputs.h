/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Collects the input files of a run from disk into a bundle.
 */
#ifndef AVSIM_INPUTS_H
#define AVSIM_INPUTS_H

#include "scenarios/scenario.h"
#include "sim/bundle.h"
#include "sim/core/err.h"

/**
 * inputs_load() - Scenario, the vehicle it names, and all files these name
 * @data_dir:	where bundled scenarios and vehicles are
 * @scenario:	a bundled name ("parking") or a path
 * @vehicle:	a bundled name or a folder in place of the scenario's; or NULL
 *
 * Return: 0; -EINVAL with messages in @d; other -errno with @err filled.
 */
int inputs_load(const char *data_dir, const char *scenario,
		const char *vehicle, const struct scenario_param *set,
		size_t n_set, struct bundle *out, struct av_diags *d,
		struct av_err *err);

/**
 * inputs_add_sensors() - sensors.yaml and the XML that it names
 * @dir:	of the vehicle
 * @file:	as vehicle.yaml calls it
 */
int inputs_add_sensors(struct bundle *b, const char *dir, const char *file,
		       struct av_diags *d, struct av_err *err);

/* Kinds of files that come with avsim. */
enum inputs_kind { INPUTS_SCENARIOS, INPUTS_VEHICLES, INPUTS_GUESTS };

/* Bundled names below @data_dir, sorted; caller frees each and the array. */
int inputs_list(const char *data_dir, enum inputs_kind kind, char ***names,
		size_t *n);

#endif
