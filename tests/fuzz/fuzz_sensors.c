/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "sim/sensors/sensors_file.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sensors_file *f = calloc(1, sizeof(*f));
	struct av_diags d = { 0 };

	if (!f) {
		return 0;
	}
	if (sensors_file_parse("fuzz.yaml", (const char *)data, size, f, &d) ==
	    0) {
		assert(d.n == 0 && f->n_chips > 0);
		for (size_t i = 0; i < f->n_chips; i++) {
			const struct sensors_chip *c = &f->chip[i];

			assert(c->name[0] && c->n_rates > 0);
			assert(c->exponent <= 0 && c->exponent >= -9);
			assert(c->kind < IMU_N_KINDS && c->range > 0);
		}
	} else {
		assert(d.n + d.dropped > 0 && f->n_chips == 0);
	}
	free(f);
	av_diags_finish(&d);
	return 0;
}
