/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "sim/services/dumpstate_config.h"

#include <assert.h>
#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dumpstate_config *c;
	struct av_diags d = { 0 };
	const char *why;
	int ret = dumpstate_config_parse("fuzz.xml", (const char *)data, size,
					 &c, &d);

	if (ret == 0) {
		assert(d.n == 0 && c->system_log.argv);
		for (size_t i = 0; i < c->n_services; i++) {
			assert(dumpstate_name_ok(c->service[i].name, &why));
			assert(c->service[i].argv[0][0]);
		}
	} else {
		assert(!c && d.n + d.dropped > 0);
	}
	dumpstate_config_destroy(c);
	av_diags_finish(&d);
	return 0;
}
