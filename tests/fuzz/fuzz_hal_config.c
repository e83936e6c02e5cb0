/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "sim/sensors/hal_config.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hal_config *c = calloc(1, sizeof(*c));
	struct av_diags d = { 0 };

	if (!c) {
		return 0;
	}
	if (hal_config_parse("fuzz.xml", (const char *)data, size, c, &d) ==
	    0) {
		assert(d.n == 0 && c->n <= HAL_SENSORS_MAX);
		for (size_t i = 0; i < c->n; i++) {
			const struct hal_sensor *s = &c->sensor[i];

			assert(hal_config_find(c, s->name, s->type) == s);
			if (s->configured) {
				assert(s->map[0] + s->map[1] + s->map[2] == 3);
				assert(s->map[0] != s->map[1]);
				assert(isfinite(s->location_mm[0]));
			}
		}
	} else {
		assert(d.n + d.dropped > 0 && c->n == 0);
	}
	free(c);
	av_diags_finish(&d);
	return 0;
}
