/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DBC files: a file that loads must also pack and unpack.
 */
#include "config.h"

#include "sim/can/dbc.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void use(const struct dbc_message *m)
{
	double *phys = calloc(m->n_signals + 1, sizeof(*phys));
	int64_t *raw = calloc(m->n_signals + 1, sizeof(*raw));
	uint8_t frame[64], packed[64];

	assert(phys && raw);
	for (unsigned int i = 0; i < sizeof(frame); i++) {
		frame[i] = (uint8_t)(i * 73 + 41);
	}
	for (size_t len = 0; len <= sizeof(frame); len += 8) {
		dbc_decode(m, frame, len, phys, raw);
		for (size_t i = 0; i < m->n_signals; i++) {
			const struct dbc_signal *s = &m->signal[i];

			assert(s->msg == m);
			assert(phys[i] != phys[i] ||
			       dbc_get_raw(s, frame, len) == raw[i]);
			dbc_label_of(s, raw[i]);
			dbc_signal_present(s, frame, len);
		}
	}
	dbc_encode(m, phys, packed);
	free(phys);
	free(raw);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct av_diags d = { 0 }, warn = { 0 };
	struct dbc *dbc;

	if (dbc_parse("fuzz.dbc", (const char *)data, size, &dbc, &d, &warn) <
	    0) {
		assert(d.n > 0 && !dbc);
	} else {
		assert(d.n == 0);
		for (size_t i = 0; i < dbc->n_messages; i++) {
			const struct dbc_message *m = &dbc->message[i];

			assert(dbc_by_id(dbc, m->id, m->ext));
			assert(dbc_by_name(dbc, m->name));
			use(m);
		}
		dbc_destroy(dbc);
	}
	av_diags_finish(&d);
	av_diags_finish(&warn);
	return 0;
}
