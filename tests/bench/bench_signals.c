/* SPDX-License-Identifier: Apache-2.0 */
/* The gateway: a frame of ten signals, all new, to bus and property store. */
#include "config.h"

#include "tests/bench/bench.h"

#include "sim/signals/signals.h"

#define N_FRAMES 2000000

static const char dbc_text[] = "BU_: A B\n"
			       "BO_ 256 M: 8 A\n"
			       " SG_ S0 : 0|8@1+ (0.1,0) [0|0] \"km/h\" B\n"
			       " SG_ S1 : 8|8@1- (0.5,-40) [0|0] \"degC\" B\n"
			       " SG_ S2 : 16|4@1+ (1,0) [0|0] \"\" B\n"
			       " SG_ S3 : 20|4@1+ (1,0) [0|0] \"\" B\n"
			       " SG_ S4 : 31|8@0+ (1,0) [0|0] \"\" B\n"
			       " SG_ S5 : 32|8@1+ (1,0) [0|0] \"\" B\n"
			       " SG_ S6 : 40|4@1+ (1,0) [0|0] \"\" B\n"
			       " SG_ S7 : 44|4@1- (1,0) [0|0] \"\" B\n"
			       " SG_ S8 : 48|8@1+ (0.25,0) [0|0] \"%\" B\n"
			       " SG_ S9 : 56|8@1- (1,0) [0|0] \"\" B\n";

static const char yaml_text[] = "bindings:\n"
				"  - signal: M.S0\n"
				"    vhal: PERF_VEHICLE_SPEED\n"
				"  - signal: M.S1\n"
				"    vhal: ENV_OUTSIDE_TEMPERATURE\n";

static const char store_text[] =
	"{\"properties\":["
	"{\"property\":\"VehicleProperty::PERF_VEHICLE_SPEED\","
	" \"minSampleRate\":1,\"maxSampleRate\":10},"
	"{\"property\":\"VehicleProperty::ENV_OUTSIDE_TEMPERATURE\","
	" \"minSampleRate\":1,\"maxSampleRate\":2}]}";

static void count(void *ctx, const void *msg)
{
	const struct signal_event *e = msg;

	*(double *)ctx += e->value;
}

/* ns per frame; @change: XORed into every byte from frame to frame */
static double measure(struct bus *bus, uint8_t change)
{
	struct can_frame f = { .id = 256, .len = 8 };
	double start = bench_cpu_s();

	for (int i = 0; i < N_FRAMES; i++) {
		for (int k = 0; k < 8; k++) {
			f.data[k] ^= change;
		}
		bus_publish(bus, TOPIC_CAN, &f);
	}
	return (bench_cpu_s() - start) / N_FRAMES * 1e9;
}

int main(void)
{
	struct av_diags d = { 0 };
	struct evq *q = evq_create();
	struct bus *bus = bus_create(av_topics, TOPIC_N);
	struct vhal *vhal = vhal_create(q, bus);
	struct signals_bus sb = { "can0", NULL };
	struct signals *s = NULL;
	struct dbc *dbc = NULL;
	double sum = 0;

	if (vhal_load(vhal, "store", store_text, strlen(store_text), &d) < 0 ||
	    dbc_parse("bench", dbc_text, strlen(dbc_text), &dbc, &d, NULL) <
		    0) {
		return 1;
	}
	sb.dbc = dbc;
	if (signals_create("bench", yaml_text, strlen(yaml_text), &sb, 1, vhal,
			   &s, &d) < 0 ||
	    signals_attach(s, bus, NULL, NULL) < 0 ||
	    bus_subscribe(bus, TOPIC_SIGNAL, STAGE_TAP, "bench", count, &sum,
			  NULL) < 0) {
		av_diags_print(&d, stderr);
		return 1;
	}
	bench_title("signals");
	bench_row("10 signals, all changed, published", measure(bus, 0x55),
		  "ns/frame", "<= 200", NULL, 0);
	bench_row("10 signals, none changed", measure(bus, 0), "ns/frame", NULL,
		  NULL, 0);
	bench_use(&sum);
	signals_destroy(s);
	vhal_destroy(vhal);
	dbc_destroy(dbc);
	bus_destroy(bus);
	evq_destroy(q);
	return 0;
}
