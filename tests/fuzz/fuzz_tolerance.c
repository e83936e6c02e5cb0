/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "recordings/tolerance.h"

#include <assert.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct tolerances t;
	struct av_diags d = { 0 };
	int ret = tolerances_parse("fuzz.yaml", (const char *)data, size, &t,
				   &d);

	if (ret == 0) {
		assert(d.n == 0);
		for (size_t i = 0; i < t.n; i++) {
			assert(t.rule[i].abs >= 0 && t.rule[i].time >= 0);
			assert(t.rule[i].window >= t.rule[i].time);
		}
		tolerances_find(&t, REC_VHAL, "PERF_VEHICLE_SPEED/GLOBAL");
	} else {
		assert(t.n == 0 && t.rule == NULL);
		assert(d.n + d.dropped > 0);
	}
	tolerances_finish(&t);
	av_diags_finish(&d);
	return 0;
}
