/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an SCMI agent may send: the first byte chooses, then records of a length
 * byte, a room byte and a command; a length of 255 is a text of the world.
 */
#include "config.h"

#include "vdevices/scmi.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const world[] = {
	"sensors",
	"sensor scmi.iio.accel a accelerometer -3 39226 12.5 25 50 100 200 400",
	"sensor scmi.iio.gyro g gyroscope -4 87266 100 400",
};

static void check(const struct scmi *s)
{
	assert(s->n <= SCMI_SENSORS_MAX);
	for (size_t i = 0; i < s->n; i++) {
		const struct scmi_sensor *x = &s->sensor[i];

		assert(x->n_rates >= 1 && x->n_rates <= SCMI_RATES_MAX);
		assert(x->rate < x->n_rates);
		assert(scmi_rate(s, i) == 0 ||
		       scmi_rate(s, i) == x->rate_hz[x->rate]);
	}
}

static void command(struct scmi *s, bool notify, const uint8_t *in, size_t len,
		    size_t max)
{
	uint8_t out[SCMI_ANSWER_MAX + 1];
	size_t n;

	if (max > SCMI_ANSWER_MAX) {
		max = SCMI_ANSWER_MAX;
	}
	memset(out, 0xee, sizeof(out));
	n = scmi_request(s, notify, in, len, out, max, NULL);
	assert(n <= max && (n == 0 || n >= 8));
	for (size_t i = n; i < sizeof(out); i++) {
		assert(out[i] == 0xee);
	}
	assert(n == 0 || !memcmp(in, out, 4));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct scmi s;
	const struct scmi_sample x = { .t = 1, .v = { 1, -2, 3 } };
	uint8_t update[SCMI_UPDATE_SIZE];
	struct av_err err;

	memset(&s, 0, sizeof(s));
	s.stamps = size && data[0] & 2;
	for (size_t i = 0; i < 3; i++) {
		assert(!scmi_control(&s, world[i], strlen(world[i]), &err));
	}
	for (size_t at = 1; at + 2 <= size;) {
		size_t len = data[at], left = size - at - 2;
		const uint8_t *in = data + at + 2;

		if (len == 255) {
			(void)scmi_control(&s, (const char *)in, left, &err);
			break;
		}
		len = len < left ? len : left;
		command(&s, data[0] & 1, in, len, data[at + 1]);
		check(&s);
		at += 2 + len;
	}
	check(&s);
	for (size_t i = 0; i < s.n; i++) {
		scmi_sample(&s, i, &x);
		scmi_update(&s, i, &x, update);
	}
	scmi_reset(&s);
	check(&s);
	return 0;
}
