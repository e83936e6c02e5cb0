/* SPDX-License-Identifier: Apache-2.0 */
/* signals.yaml against a small DBC and store, then a few frames and sets. */
#include "config.h"

#include "sim/signals/signals.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char dbc_text[] =
	"BU_: ESC GW\n"
	"BO_ 256 ESP: 8 ESC\n"
	" SG_ Speed : 0|16@1- (0.01,0) [0|0] \"km/h\" GW\n"
	" SG_ Gear : 16|2@1+ (1,0) [0|3] \"\" GW\n"
	" SG_ Part : 18|4@1- (0.1,0) [0|0] \"km/h\" GW\n"
	" SG_ Real : 32|32@1- (1,0) [0|0] \"%\" GW\n"
	"BO_ 257 MUX: 3 ESC\n"
	" SG_ Sel M : 0|8@1+ (1,0) [0|1] \"\" GW\n"
	" SG_ A m0 : 8|16@1+ (1,0) [0|0] \"\" GW\n"
	"BO_ 512 REQ: 2 GW\n"
	" SG_ Temp : 0|8@1+ (0.5,0) [0|0] \"degC\" ESC\n"
	" SG_ Gear : 10|3@1+ (1,0) [0|7] \"\" ESC\n"
	"BO_ 768 CLIMA: 1 ESC\n"
	" SG_ Temp : 0|8@1+ (0.5,0) [0|0] \"degC\" GW\n"
	"VAL_ 256 Gear 0 \"P\" 1 \"R\" 2 \"N\" 3 \"D\" ;\n"
	"SIG_VALTYPE_ 256 Real : 1;\n";

static const char store_text[] =
	"{\"properties\":["
	"{\"property\":\"VehicleProperty::PERF_VEHICLE_SPEED\","
	" \"minSampleRate\":1,\"maxSampleRate\":10},"
	"{\"property\":\"VehicleProperty::GEAR_SELECTION\"},"
	"{\"property\":\"VehicleProperty::EV_STOPPING_MODE\"},"
	"{\"property\":\"VehicleProperty::WHEEL_TICK\","
	" \"minSampleRate\":1,\"maxSampleRate\":10},"
	"{\"property\":\"VehicleProperty::HVAC_TEMPERATURE_SET\",\"areas\":["
	" {\"areaId\":1},{\"areaId\":4}]}]}";

static void run(struct signals *s, struct bus *bus, struct vhal *vhal)
{
	static const uint32_t ids[] = { 256, 257, 512, 768 };
	struct can_frame f = { .len = 8 };

	if (signals_attach(s, bus, NULL, NULL) < 0 ||
	    vhal_start(vhal, NULL) < 0) {
		return;
	}
	for (unsigned int i = 0; i < 32; i++) {
		f.id = ids[i % 4];
		memset(f.data, (int)(i * 37 % 256), sizeof(f.data));
		bus_publish(bus, TOPIC_CAN, &f);
	}
	for (uint32_t slot = 0; slot < vhal_n_slots(vhal); slot++) {
		struct vhal_value v = *vhal_get(vhal, slot);

		vhal_set(vhal, &v, CMD_FROM_GUEST, NULL);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct av_diags d = { 0 };
	struct evq *q = evq_create();
	struct bus *bus = bus_create(av_topics, TOPIC_N);
	struct vhal *vhal = vhal_create(q, bus);
	struct signals_bus sb = { "can0", NULL };
	struct signals *s = NULL;
	struct dbc *dbc = NULL;

	if (vhal_load(vhal, "store", store_text, strlen(store_text), &d) < 0 ||
	    dbc_parse("fuzz.dbc", dbc_text, strlen(dbc_text), &dbc, &d, NULL) <
		    0) {
		abort(); /* the fixed parts are right */
	}
	sb.dbc = dbc;
	signals_create("fuzz.yaml", (const char *)data, size, &sb, 1, NULL, &s,
		       &d);
	signals_destroy(s);
	if (signals_create("fuzz.yaml", (const char *)data, size, &sb, 1, vhal,
			   &s, &d) == 0) {
		run(s, bus, vhal);
	}
	signals_destroy(s);
	vhal_destroy(vhal);
	dbc_destroy(dbc);
	bus_destroy(bus);
	evq_destroy(q);
	av_diags_finish(&d);
	return 0;
}
