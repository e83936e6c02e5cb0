/* SPDX-License-Identifier: Apache-2.0 */
/* H4 from both sides: however the stream is cut, the same packets come out. */
#include "config.h"

#include "sim/bluetooth/h4.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint64_t digest(enum h4_from from, const uint8_t *data, size_t size,
		       size_t piece)
{
	static struct h4 h;
	uint64_t sum = 1469598103934665603u;

	h4_init(&h, from);
	for (size_t at = 0; at < size; at += piece) {
		const uint8_t *p = data + at;
		size_t len = size - at < piece ? size - at : piece;
		enum h4_result r;

		while ((r = h4_feed(&h, &p, &len)) != H4_MORE) {
			sum = (sum ^ (uint64_t)r) * 1099511628211u;
			if (r != H4_PACKET) {
				continue;
			}
			assert(h.len <= H4_MAX);
			assert(h4_length(from, h.buf, h.len) == h.len);
			for (size_t i = 0; i < h.len; i++) {
				sum = (sum ^ h.buf[i]) * 1099511628211u;
			}
		}
		assert(len == 0);
	}
	return sum ^ h.skipped;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	for (int from = H4_FROM_HOST; from <= H4_FROM_CONTROLLER; from++) {
		uint64_t whole = digest((enum h4_from)from, data, size,
					size ? size : 1);

		assert(whole == digest((enum h4_from)from, data, size, 1));
		assert(whole == digest((enum h4_from)from, data, size, 5));
	}
	return 0;
}
