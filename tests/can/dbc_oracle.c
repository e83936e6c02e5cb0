/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Prints what avsim makes of random frames of a DBC, for another implementation
 * to compare: tests/can/test_canmatrix.py.
 *
 *	dbc_oracle FILE SEED FRAMES_PER_MESSAGE
 *
 *	M <id> <ext> <length> <name>	a message
 *	L <signal> <raw> <text>		a label
 *	D <hex>				a random frame, then its signals
 *	S <name> <raw> <physical> <1 if not multiplexed out>
 *	E <hex> <name>=<raw> ...	a frame packed from these
 */
#include "config.h"

#include "sim/bundle.h"
#include "sim/can/dbc.h"
#include "sim/core/rand.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void print_hex(const uint8_t *data, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		printf("%02X", data[i]);
	}
}

static void print_decoded(const struct dbc_message *m, const uint8_t *data,
			  double *phys, int64_t *raw)
{
	dbc_decode(m, data, m->len, phys, raw);
	printf("D ");
	print_hex(data, m->len);
	printf("\n");
	for (size_t i = 0; i < m->n_signals; i++) {
		const struct dbc_signal *s = &m->signal[i];
		int64_t one = dbc_get_raw(s, data, m->len);

		/* both ways to a raw value must agree */
		if (!isnan(phys[i]) && one != raw[i]) {
			printf("X %s: %" PRId64 " and %" PRId64 "\n", s->name,
			       one, raw[i]);
		}
		printf("S %s %" PRId64 " %.17g %d\n", s->name, one,
		       dbc_to_phys(s, one), !isnan(phys[i]));
	}
}

/* Every signal that the selectors allow gets the random raw value it had. */
static void print_encoded(const struct dbc_message *m, double *phys,
			  const int64_t *raw)
{
	uint8_t data[64];

	dbc_encode(m, phys, data);
	printf("E ");
	print_hex(data, m->len);
	for (size_t i = 0; i < m->n_signals; i++) {
		if (!isnan(phys[i])) {
			printf(" %s=%" PRId64, m->signal[i].name, raw[i]);
		}
	}
	printf("\n");
}

int main(int argc, char **argv)
{
	struct av_diags d = { 0 };
	struct av_err err = { 0 };
	struct av_rand rand;
	struct dbc *dbc;
	size_t len;
	char *buf;

	if (argc != 4 ||
	    av_read_file(argv[1], BUNDLE_FILE_MAX, &buf, &len, &err) < 0) {
		fprintf(stderr, "dbc_oracle: %s\n",
			argc == 4 ? err.msg : "FILE SEED FRAMES");
		return 2;
	}
	if (dbc_parse(argv[1], buf, len, &dbc, &d, NULL) < 0) {
		av_diags_print(&d, stderr);
		return 1;
	}
	av_rand_init(&rand, strtoull(argv[2], NULL, 10), "dbc_oracle");
	for (size_t i = 0; i < dbc->n_messages; i++) {
		const struct dbc_message *m = &dbc->message[i];
		double *phys = calloc(m->n_signals + 1, sizeof(*phys));
		int64_t *raw = calloc(m->n_signals + 1, sizeof(*raw));

		printf("M %u %d %u %s\n", m->id, m->ext, m->len, m->name);
		for (size_t k = 0; k < m->n_signals; k++) {
			const struct dbc_signal *s = &m->signal[k];

			for (size_t j = 0; j < s->n_labels; j++) {
				printf("L %s %" PRId64 " %s\n", s->name,
				       s->label[j].raw, s->label[j].text);
			}
		}
		for (int n = atoi(argv[3]); n > 0; n--) {
			uint8_t data[64];

			av_rand_bytes(&rand, data, sizeof(data));
			print_decoded(m, data, phys, raw);
			print_encoded(m, phys, raw);
		}
		free(phys);
		free(raw);
	}
	dbc_destroy(dbc);
	free(buf);
	return 0;
}
