/* SPDX-License-Identifier: Apache-2.0 */
/* What a guest writes to its GNSS port, in pieces, between fixes and epochs. */
#include "config.h"

#include "sim/gnss/serve.h"
#include "sim/gnss/trace.h"

#include <assert.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_write(void *ctx, const void *buf, size_t len)
{
	size_t *answers = ctx;

	assert(len >= 4 && !memcmp((const char *)buf + len - 4, "\n\n\n\n", 4));
	/* the first end mark is the last thing of an answer */
	assert(len == 4 || !memmem(buf, len - 1, "\n\n\n\n", 4));
	(*answers)++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t answers = 0;
	vtime now = 0;
	struct gnss_fix f;
	struct gnss_serve_stats st;
	struct gnss_serve_env env = { .clock = &now,
				      .port = GNSS_PORT_BOTH,
				      .keep = VT_S,
				      .write = on_write,
				      .ctx = &answers };
	struct gnss_serve *s;

	if (size < 1) {
		return 0;
	}
	env.port = (enum gnss_port)(data[0] % 3);
	s = gnss_serve_create(&env);
	assert(s);
	gnss_fix_init(&f);
	f.lat_deg = f.lon_deg = f.unix_ms = 1;
	for (size_t i = 1; i < size;) {
		size_t n = 1 + data[i] % 31;

		now += (vtime)data[i] * VT_MS;
		if (data[i] & 32) {
			gnss_serve_event(s, &(struct gnss_event){
						    .t = now,
						    .kind = GNSS_FIX,
						    .fix = &f,
						    .provider = "GPS" });
		}
		if (data[i] & 64) {
			gnss_serve_event(s, &(struct gnss_event){
						    .t = now,
						    .kind = GNSS_RAW,
						    .rows = "Raw,1\nRaw,2",
						    .header = "Raw,a" });
		}
		if (data[i] & 128) {
			gnss_serve_reset(s);
		}
		i++;
		n = n < size - i ? n : size - i;
		gnss_serve_feed(s, data + i, n);
		i += n;
	}
	gnss_serve_stats(s, &st);
	assert(st.locations + st.raws == answers);
	assert(st.junk <= size);
	gnss_serve_destroy(s);
	return 0;
}
