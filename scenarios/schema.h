/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON Schema of scenario files, from the same tables as the parser. */
#ifndef AVSIM_SCENARIOS_SCHEMA_H
#define AVSIM_SCENARIOS_SCHEMA_H

#include <stdio.h>

/* What is shipped as scenarios/scenario.schema.json; a test compares. */
void scenario_schema_print(FILE *out);

#endif
