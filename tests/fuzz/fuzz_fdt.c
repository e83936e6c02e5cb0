/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "vdevices/fdt.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct av_err err;
	uint8_t *out, *again;
	size_t len, n;

	if (fdt_add_scmi(data, size, &out, &len, &err) == 0) {
		/* what was made reads as a tree, with the node in it */
		assert(fdt_add_scmi(out, len, &again, &n, &err) == -EEXIST);
		free(out);
	}
	return 0;
}
