/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as vehicle.yaml: refused with messages, or taken whole. */
#include "config.h"

#include "sim/vehicle/vehicle_file.h"

#include <stdint.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct vehicle_file f;
	struct av_diags d = { 0 };
	int ret = vehicle_file_parse("fuzz", (const char *)data, size, &f, &d);

	if ((ret < 0) != (d.n > 0)) {
		abort(); /* refused without a reason, or taken with one */
	}
	av_diags_finish(&d);
	return 0;
}
