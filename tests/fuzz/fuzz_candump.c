/* SPDX-License-Identifier: Apache-2.0 */
/*
 * candump logs: what is read must be writable, and what was written must read
 * back as the same frame.
 */
#include "config.h"

#include "sim/can/candump.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct candump_reader r, back;
	struct can_frame f, g;
	struct av_diags d = { 0 };
	char line[CANDUMP_LINE_MAX];
	int ret;

	candump_reader_init(&r, "fuzz.log", (const char *)data, size);
	while ((ret = candump_next(&r, &f, &d)) != 0) {
		size_t n;

		if (ret < 0) {
			continue;
		}
		n = candump_format_as(&f, r.iface[f.bus], f.t, &r.style, line);
		assert(n < sizeof(line));
		candump_reader_init(&back, "back.log", line, n);
		ret = candump_next(&back, &g, NULL);
		assert(ret == 1 && f.id == g.id && f.len == g.len &&
		       f.flags == g.flags && f.t == g.t &&
		       !memcmp(f.data, g.data, sizeof(f.data)));
	}
	av_diags_finish(&d);
	return 0;
}
