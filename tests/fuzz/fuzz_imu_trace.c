/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "sim/sensors/imu_trace.h"

#include <assert.h>
#include <math.h>
#include <stdint.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct av_diags d = { 0 };
	struct imu_trace *t;
	double v[IMU_VALUES_MAX];

	if (imu_trace_parse("fuzz.csv", (const char *)data, size, &t, &d) < 0) {
		assert(!t && d.n + d.dropped > 0);
		av_diags_finish(&d);
		return 0;
	}
	assert(d.n == 0 && t->first <= t->last && t->n_series > 0);
	for (size_t i = 0; i < t->n_series; i++) {
		struct imu_series *s = &t->series[i];

		assert(s->n_values == 3 || s->n_values == 6);
		for (size_t k = 0; k < s->n; k++) {
			assert(k == 0 || s->t[k] > s->t[k - 1]);
			assert(imu_series_at(s, s->t[k], v));
			assert(v[0] == s->v[k][0]);
			(void)imu_series_at(s, s->t[k] + 1, v);
		}
		assert(!imu_series_at(s, t->last + 1, v));
		assert(!imu_series_at(s, t->first - 1, v));
	}
	imu_trace_destroy(t);
	av_diags_finish(&d);
	return 0;
}
