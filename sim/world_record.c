/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The recorder and the capture as taps of the world.
 */
#include "config.h"

#include "recordings/rec_gnss.h"
#include "sim/world.h"

#include "sim/bluetooth/bluetooth.h"

static void on_can(void *ctx, const void *msg)
{
	rec_can(ctx, msg);
}

static void on_vhal(void *ctx, const void *msg)
{
	rec_vhal(ctx, msg);
}

static void on_imu(void *ctx, const void *msg)
{
	const struct imu_sample *s = msg;

	rec_values(ctx, REC_IMU, s->t, s->name, s->value, s->n);
}

static void put_gnss(void *ctx, vtime t, const char *key, const double *v,
		     size_t n, const char *text)
{
	if (text) {
		rec_text(ctx, REC_GNSS, t, key, text);
	} else {
		rec_values(ctx, REC_GNSS, t, key, v, n);
	}
}

static void on_gnss(void *ctx, const void *msg)
{
	rec_gnss_split(msg, put_gnss, ctx);
}

static void on_command(void *ctx, const void *msg)
{
	rec_command(ctx, msg);
}

#define ON_TEXT(name, channel)                                                 \
	static void name(void *ctx, const void *msg)                           \
	{                                                                      \
		const struct text_event *e = msg;                              \
                                                                               \
		rec_text(ctx, channel, e->t, e->key, e->text);                 \
	}
ON_TEXT(on_fault, REC_FAULT)
ON_TEXT(on_power, REC_POWER)
ON_TEXT(on_service, REC_DEVICE)
ON_TEXT(on_audio, REC_AUDIO)
ON_TEXT(on_bt, REC_DEVICE)
ON_TEXT(on_device, REC_DEVICE)
ON_TEXT(on_scenario, REC_SCENARIO)

int world_record(struct world *w, struct rec_writer *rec, struct av_err *err)
{
	static const struct {
		enum av_topic_id topic;
		bus_fn *fn;
	} taps[] = {
		{ TOPIC_COMMAND, on_command },	 { TOPIC_FAULT, on_fault },
		{ TOPIC_CAN, on_can },		 { TOPIC_VHAL, on_vhal },
		{ TOPIC_IMU, on_imu },		 { TOPIC_GNSS, on_gnss },
		{ TOPIC_POWER, on_power },	 { TOPIC_AUDIO, on_audio },
		{ TOPIC_BT, on_bt },		 { TOPIC_DEVICE, on_device },
		{ TOPIC_SCENARIO, on_scenario },
		{ TOPIC_SERVICE, on_service },
	};

	for (size_t i = 0; i < sizeof(taps) / sizeof(taps[0]); i++) {
		int ret = bus_subscribe(w->bus, taps[i].topic, STAGE_TAP,
					"recorder", taps[i].fn, rec, err);

		if (ret < 0) {
			return ret;
		}
	}
	return 0;
}

static void capture_frame(void *ctx, const void *msg)
{
	capture_can(ctx, msg);
}

static void capture_hci(void *ctx, vtime now, enum bt_dir dir,
			const uint8_t *h4, size_t len)
{
	capture_device(ctx, "bt0", PCAP_BT, now, dir == BT_TO_HOST, len, h4,
		       len);
}

int world_capture(struct world *w, struct capture *c, struct av_err *err)
{
	int ret = capture_buses(c, w->bus_name, w->n_buses, err);

	if (ret == 0) {
		ret = bluetooth_tap(w->bt, capture_hci, c);
		if (ret < 0) {
			av_err_set(err, ret, "too many captures of Bluetooth");
		}
	}
	return ret < 0 ? ret :
			 bus_subscribe(w->bus, TOPIC_CAN, STAGE_TAP, "capture",
				       capture_frame, c, err);
}
