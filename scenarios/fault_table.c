/* SPDX-License-Identifier: Apache-2.0 */
/* The faults, one row each, sorted by name. */
#include "config.h"

#include "scenarios/act.h"
#include "scenarios/fault.h"
#include "scenarios/scenario_int.h"
#include "sim/bluetooth/bluetooth.h"
#include "sim/world.h"

#include <errno.h>
#include <math.h>
#include <string.h>

const char *const wheel_names[] = { "fl", "fr", "rl", "rr", NULL };

/* ---- CAN ---- */

static bool is_node(const struct dbc *dbc, const char *node)
{
	for (size_t i = 0; i < dbc->n_messages; i++) {
		if (!strcmp(dbc->message[i].sender, node)) {
			return true;
		}
	}
	return false;
}

static const char *node_at(const void *dbc, size_t i)
{
	return ((const struct dbc *)dbc)->message[i].sender;
}

static int mute_check(struct world *w, const struct args *a, struct av_err *err)
{
	int bus = scenario_find_bus(w, a->v[0].str, err);
	char hint[96];

	if (bus < 0) {
		return bus;
	}
	if (a->has[1] && !is_node(w->dbc[bus], a->v[1].str)) {
		av_suggest_text(hint,
				av_suggest(a->v[1].str, w->dbc[bus]->n_messages,
					   node_at, w->dbc[bus]));
		return av_err_set(err, -ENOENT, "no node '%.64s' sends on %s%s",
				  a->v[1].str, a->v[0].str, hint);
	}
	return 0;
}

static int mute(struct world *w, const struct args *a, bool on,
		struct av_err *err)
{
	int bus = scenario_find_bus(w, a->v[0].str, err);
	int ret;

	if (bus < 0) {
		return bus;
	}
	ret = ecus_mute(w->ecus, (unsigned int)bus,
			a->has[1] ? a->v[1].str : NULL, on);
	return ret < 0 ? av_err_set(err, ret, "cannot silence %s", a->v[0].str)
		       : 0;
}

static int mute_begin(struct world *w, const struct args *a, struct av_err *err)
{
	return mute(w, a, true, err);
}

static void mute_end(struct world *w, const struct args *a)
{
	mute(w, a, false, NULL);
}

static int flood_check(struct world *w, const struct args *a,
		       struct av_err *err)
{
	int bus = scenario_find_bus(w, a->v[0].str, err);

	return bus < 0 ? bus : 0;
}

static int flood_begin(struct world *w, const struct args *a,
		       struct av_err *err)
{
	return flood_check(w, a, err);
}

/* A node gone mad: frames of the highest priority, so all others wait. */
static vtime flood_tick(struct world *w, const struct args *a)
{
	struct can_frame f = { .id = 0, .len = 8 };
	int bus = scenario_find_bus(w, a->v[0].str, NULL);
	double rate_hz = a->has[1] ? a->v[1].num : 2000;

	f.bus = (uint8_t)bus;
	/* a full queue is the point of it */
	(void)ecus_send(w->ecus, &f, false);
	return vtime_from_s(1 / rate_hz);
}

static void flood_end(struct world *w, const struct args *a)
{
	(void)w;
	(void)a;
}

/* ---- signals ---- */

struct target {
	unsigned int bus;
	const struct dbc_signal *signal;
	const struct av_unit *unit; /* NULL: plain number */
};

static const char *key_at(const void *signals, size_t i)
{
	return signals_key(signals, (uint32_t)i);
}

static int find_signal(struct world *w, const struct args *a, struct target *t,
		       struct av_err *err)
{
	int idx = signals_find(w->signals, a->v[0].str);
	char hint[96];

	if (idx < 0) {
		av_suggest_text(hint, av_suggest(a->v[0].str,
						 signals_count(w->signals),
						 key_at, w->signals));
		return av_err_set(err, -ENOENT, "no signal '%.64s'%s",
				  a->v[0].str, hint);
	}
	t->bus = signals_bus_of(w->signals, (uint32_t)idx);
	t->signal = signals_dbc(w->signals, (uint32_t)idx);
	t->unit = av_unit_find(signals_unit(w->signals, (uint32_t)idx));
	return t->signal ? 0
			 : av_err_set(err, -ENOENT, "'%.64s' is a constant",
				      a->v[0].str);
}

/* @text with any unit of the signal's kind, in the signal's own unit; a
 * difference knows no zero point. */
static int signal_value(const struct target *t, const char *text, bool diff,
			double *out, struct av_err *err)
{
	const struct dbc_signal *s = t->signal;
	struct av_err why;

	for (size_t i = 0; !diff && i < s->n_labels; i++) {
		if (!strcmp(s->label[i].text, text)) {
			*out = dbc_to_phys(s, s->label[i].raw);
			return 0;
		}
	}
	/* a bare number is in the unit of the signal */
	if (av_quantity_parse(text, DIM_NONE, out, &why) == 0) {
		return 0;
	}
	if (!t->unit || av_quantity_parse(text, t->unit->dim, out, &why) < 0) {
		return av_err_set(err, -EINVAL, "%s", why.msg);
	}
	*out = av_unit_from_base(t->unit, *out);
	if (diff) {
		*out -= av_unit_from_base(t->unit, 0);
	}
	return 0;
}

static int wrong_amount(struct world *w, const struct args *a, bool diff,
			struct target *t, double *out, struct av_err *err)
{
	int ret = find_signal(w, a, t, err);

	*out = NAN;
	return ret < 0 || !a->has[1]
		       ? ret
		       : signal_value(t, a->v[1].str, diff, out, err);
}

static int wrong(struct world *w, const struct args *a, enum ecu_wrong how,
		 struct av_err *err)
{
	struct target t;
	double amount;
	int ret = wrong_amount(w, a, how != ECU_STUCK, &t, &amount, err);

	if (ret < 0) {
		return ret;
	}
	ret = ecus_distort(w->ecus, t.bus, t.signal, how, amount, w->seed);
	return ret < 0 ? av_err_set(err, ret, "no simulated ECU sends %s",
				    a->v[0].str)
		       : 0;
}

static int stuck_check(struct world *w, const struct args *a,
		       struct av_err *err)
{
	struct target t;
	double amount;

	return wrong_amount(w, a, false, &t, &amount, err);
}

static int wrong_check(struct world *w, const struct args *a,
		       struct av_err *err)
{
	struct target t;
	double amount;

	return wrong_amount(w, a, true, &t, &amount, err);
}

static int stuck_begin(struct world *w, const struct args *a,
		       struct av_err *err)
{
	return wrong(w, a, ECU_STUCK, err);
}

static int offset_begin(struct world *w, const struct args *a,
			struct av_err *err)
{
	return wrong(w, a, ECU_OFFSET, err);
}

static int noise_begin(struct world *w, const struct args *a,
		       struct av_err *err)
{
	return wrong(w, a, ECU_NOISE, err);
}

static void wrong_end(struct world *w, const struct args *a)
{
	struct args only = { .has = { true }, .v = { a->v[0] } };

	wrong(w, &only, ECU_RIGHT, NULL);
}

/* ---- trouble codes ---- */

static int dtc_check(struct world *w, const struct args *a, struct av_err *err)
{
	if (!obd2_is_code(a->v[0].str)) {
		return av_err_set(err, -EINVAL,
				  "'code' must be a trouble code like P0A0F, "
				  "not '%.32s'",
				  a->v[0].str);
	}
	return w->obd2 ? 0 :
			 av_err_set(err, -ENODEV,
				    "this vehicle has no OBD2_LIVE_FRAME");
}

static int dtc_begin(struct world *w, const struct args *a, struct av_err *err)
{
	return obd2_raise(w->obd2, a->v[0].str) < 0 ?
		       av_err_set(err, -ENOMEM, "out of memory") :
		       0;
}

static void dtc_end(struct world *w, const struct args *a)
{
	(void)a;
	obd2_mend(w->obd2);
}

/* ---- motion sensors ---- */

static const char *const chip_axes[] = { "x", "y", "z", "all", NULL };

static int sensor_check(struct world *w, const struct args *a,
			struct av_err *err)
{
	int i = act_find_sensor(w, a->v[0].str, err);

	return i < 0 ? i : 0;
}

/* The sensor is there: sensor_check() saw it. */
static void sensor_break(struct world *w, const struct args *a,
			 enum imu_fault what, int axis, double amount)
{
	int i = act_find_sensor(w, a->v[0].str, NULL);

	if (i >= 0) {
		imu_break(w->imu, (size_t)i, what, axis, amount);
	}
}

/* "0.5 m/s2", "3 deg/s"; a bare number is in the sensor's unit. */
static int sensor_amount(struct world *w, const struct args *a, double *out,
			 struct av_err *err)
{
	static const enum av_dim dims[IMU_N_KINDS] = {
		[IMU_ACCEL] = DIM_ACCEL,
		[IMU_GYRO] = DIM_ANGLE_RATE,
		[IMU_MAG] = DIM_NONE,
	};
	int i = act_find_sensor(w, a->v[0].str, err);
	struct imu_info info;

	if (i < 0) {
		return i;
	}
	imu_info(w->imu, (size_t)i, &info);
	return av_quantity_parse(a->v[1].str, dims[info.kind], out, err);
}

static int sensor_amount_check(struct world *w, const struct args *a,
			       struct av_err *err)
{
	double amount;

	return sensor_amount(w, a, &amount, err);
}

static int bias_axis(const struct args *a)
{
	return a->has[2] && a->v[2].idx < 3 ? a->v[2].idx : -1;
}

static int bias_begin(struct world *w, const struct args *a, struct av_err *err)
{
	double amount;
	int ret = sensor_amount(w, a, &amount, err);

	if (ret == 0) {
		sensor_break(w, a, IMU_BIAS, bias_axis(a), amount);
	}
	return ret;
}

static void bias_end(struct world *w, const struct args *a)
{
	sensor_break(w, a, IMU_BIAS, bias_axis(a), 0);
}

static int sensor_noise_begin(struct world *w, const struct args *a,
			      struct av_err *err)
{
	double amount;
	int ret = sensor_amount(w, a, &amount, err);

	if (ret == 0) {
		sensor_break(w, a, IMU_NOISE, -1, fabs(amount));
	}
	return ret;
}

static void sensor_noise_end(struct world *w, const struct args *a)
{
	sensor_break(w, a, IMU_NOISE, -1, 0);
}

static int clock_begin(struct world *w, const struct args *a,
		       struct av_err *err)
{
	int ret = sensor_check(w, a, err);

	sensor_break(w, a, IMU_CLOCK, -1, a->v[1].num);
	return ret;
}

static void clock_end(struct world *w, const struct args *a)
{
	sensor_break(w, a, IMU_CLOCK, -1, 1);
}

static int dropout_begin(struct world *w, const struct args *a,
			 struct av_err *err)
{
	int ret = sensor_check(w, a, err);

	sensor_break(w, a, IMU_DROPOUT, -1, 1);
	return ret;
}

static void dropout_end(struct world *w, const struct args *a)
{
	sensor_break(w, a, IMU_DROPOUT, -1, 0);
}

static int sensor_stuck_begin(struct world *w, const struct args *a,
			      struct av_err *err)
{
	int ret = sensor_check(w, a, err);

	sensor_break(w, a, IMU_STUCK, -1, 1);
	return ret;
}

static void sensor_stuck_end(struct world *w, const struct args *a)
{
	sensor_break(w, a, IMU_STUCK, -1, 0);
}

/* ---- tyres ---- */

static const enum vehicle_var leak[] = { VV_tyre_leak_fl, VV_tyre_leak_fr,
					 VV_tyre_leak_rl, VV_tyre_leak_rr };

static int leak_begin(struct world *w, const struct args *a, struct av_err *err)
{
	return act_set_var(w, leak[a->v[0].idx],
			   a->has[1] ? a->v[1].num : 0.005, err);
}

static void leak_end(struct world *w, const struct args *a)
{
	act_set_var(w, leak[a->v[0].idx], 0, NULL);
}

/* ---- Bluetooth ---- */

static int link_loss_begin(struct world *w, const struct args *a,
			   struct av_err *err)
{
	(void)a;
	(void)err;
	phone_silence(bluetooth_phone(w->bt), true, true);
	return 0;
}

static int out_of_range_begin(struct world *w, const struct args *a,
			      struct av_err *err)
{
	(void)a;
	(void)err;
	phone_silence(bluetooth_phone(w->bt), true, false);
	return 0;
}

static void in_range(struct world *w, const struct args *a)
{
	(void)a;
	phone_silence(bluetooth_phone(w->bt), false, false);
}

static const char *const net_directions[] = { "both", "in", "out", NULL };

#define REQUIRED .required = true
#define DEVICE_OF(kind, text)                                                  \
	{                                                                      \
		.name = "device", .type = ARG_STR, .device = kind,             \
		.help = text                                                   \
	}
#define BLK_DEVICE DEVICE_OF("blk", "one of them by its name; default: all")
#define NET_DEVICE DEVICE_OF("net", "one of them by its name; default: all")
#define VSOCK_DEVICE DEVICE_OF("vsock", "name of one; default: all")
#define VSOCK_PORT                                                             \
	{ .name = "port",                                                      \
	  .type = ARG_NUM,                                                     \
	  .min = 1,                                                            \
	  .max = 4294967294.0,                                                 \
	  .help = "of the service; default: all" }
#define MOTION_SENSOR                                                          \
	{                                                                      \
		.name = "sensor", .type = ARG_STR,                             \
		.help = "its name in the vehicle's sensors.yaml", REQUIRED     \
	}

/* clang-format off */
const struct fault fault_table[] = {
	{ .name = "blk-error",
	  .help = "a disk answers requests with I/O errors",
	  .arg = { BLK_DEVICE,
		   { .name = "chance", .type = ARG_NUM, .dim = DIM_RATIO, .min = 0, .max = 1,
		     .help = "that a request fails, default 100 %" },
		   { .name = "sector", .type = ARG_NUM, .dim = DIM_NONE, .min = 0, .max = 1e15,
		     .help = "only requests from this sector (512 bytes) on" },
		   { .name = "count", .type = ARG_NUM, .dim = DIM_NONE, .min = 1, .max = 1e15,
		     .help = "that many sectors; default: to the end" } },
	  .device = "blk" },
	{ .name = "blk-full",
	  .help = "the host's disk is full: a disk refuses writes",
	  .arg = { BLK_DEVICE },
	  .device = "blk" },
	{ .name = "blk-slow",
	  .help = "a disk takes its time",
	  .arg = { { .name = "by", .type = ARG_TIME, .help = "each request at least that long", REQUIRED },
		   BLK_DEVICE },
	  .device = "blk" },
	{ .name = "bt-link-loss",
	  .help = "the link to the phone breaks at once; it cannot be reached meanwhile",
	  .begin = link_loss_begin, .end = in_range },
	{ .name = "bt-out-of-range",
	  .help = "the phone cannot be reached; a link ends after its supervision timeout",
	  .begin = out_of_range_begin, .end = in_range },
	{ .name = "can-flood",
	  .help = "a node floods a bus with frames of the highest priority",
	  .arg = { { .name = "bus", .type = ARG_STR, .help = "name of the bus", REQUIRED },
		   { .name = "rate", .type = ARG_NUM, .dim = DIM_FREQUENCY, .min = 1, .max = 20000,
		     .help = "frames per second, default 2000 Hz" } },
	  .check = flood_check, .begin = flood_begin, .tick = flood_tick, .end = flood_end },
	{ .name = "can-mute",
	  .help = "a node, or a whole bus, falls silent",
	  .arg = { { .name = "bus", .type = ARG_STR, .help = "name of the bus", REQUIRED },
		   { .name = "node", .type = ARG_STR, .help = "sender by its DBC name; default: all" } },
	  .check = mute_check, .begin = mute_begin, .end = mute_end },
	{ .name = "dtc",
	  .help = "a trouble code: the warning lamp lights, OBD2 keeps a freeze frame",
	  .arg = { { .name = "code", .type = ARG_STR, .help = "as P0A0F", REQUIRED } },
	  .check = dtc_check, .begin = dtc_begin, .end = dtc_end },
	{ .name = "gnss-drift",
	  .help = "the fix wanders off, steadily",
	  .arg = { { .name = "rate", .type = ARG_NUM, .dim = DIM_SPEED, .min = 0, .max = 1000,
		     .help = "how fast, default 1 m/s" },
		   { .name = "bearing", .type = ARG_NUM, .dim = DIM_ANGLE, .min = -7, .max = 7,
		     .help = "where to, clockwise from north, default 90 deg" } },
	  .check = fault_gnss_check, .begin = fault_gnss_drift_begin, .end = fault_gnss_drift_end },
	{ .name = "gnss-jump",
	  .help = "the fix is beside the car",
	  .arg = { { .name = "east", .type = ARG_NUM, .dim = DIM_LENGTH, .min = -1e6, .max = 1e6, .help = "by how much, default 0" },
		   { .name = "north", .type = ARG_NUM, .dim = DIM_LENGTH, .min = -1e6, .max = 1e6, .help = "by how much, default 0" },
		   { .name = "up", .type = ARG_NUM, .dim = DIM_LENGTH, .min = -1e5, .max = 1e5, .help = "by how much, default 0" } },
	  .check = fault_gnss_check, .begin = fault_gnss_jump_begin, .end = fault_gnss_jump_end },
	{ .name = "gnss-multipath",
	  .help = "signals of low satellites come by way of house walls",
	  .arg = { { .name = "by", .type = ARG_NUM, .dim = DIM_LENGTH, .min = 0, .max = 300, .help = "how much longer, default 15 m" } },
	  .check = fault_gnss_check, .begin = fault_gnss_multipath_begin, .end = fault_gnss_multipath_end },
	{ .name = "gnss-outage",
	  .help = "no satellite is received, from one moment to the next",
	  .check = fault_gnss_check, .begin = fault_gnss_outage_begin, .end = fault_gnss_outage_end },
	{ .name = "gnss-spoof",
	  .help = "a transmitter plays the satellites of another place",
	  .arg = { { .name = "lat", .type = ARG_NUM, .min = -90, .max = 90, .help = "degrees", REQUIRED },
		   { .name = "lon", .type = ARG_NUM, .min = -180, .max = 180, .help = "degrees", REQUIRED },
		   { .name = "alt", .type = ARG_NUM, .dim = DIM_LENGTH, .min = -1000, .max = 50000, .help = "default: that of the car" } },
	  .check = fault_gnss_check, .begin = fault_gnss_spoof_begin, .end = fault_gnss_spoof_end },
	{ .name = "gnss-tunnel",
	  .help = "signals fade within a second, and are found again 3 s after it",
	  .check = fault_gnss_check, .begin = fault_gnss_tunnel_begin, .end = fault_gnss_tunnel_end },
	{ .name = "gnss-weak",
	  .help = "all signals are weaker; below 20 dBHz they are lost",
	  .arg = { { .name = "by", .type = ARG_NUM, .min = 0, .max = 60, .help = "dB, default 10" } },
	  .check = fault_gnss_check, .begin = fault_gnss_weak_begin, .end = fault_gnss_weak_end },
	{ .name = "net-bandwidth",
	  .help = "a network device is slow",
	  .arg = { { .name = "rate", .type = ARG_NUM, .dim = DIM_DATA_RATE, .min = 1000, .max = 1e11,
		     .help = "each way", REQUIRED },
		   NET_DEVICE },
	  .device = "net" },
	{ .name = "net-delay",
	  .help = "frames of a network device are late, each way; they keep their order",
	  .arg = { { .name = "time", .type = ARG_TIME, .help = "how late", REQUIRED },
		   { .name = "jitter", .type = ARG_TIME, .help = "at most that much more or less, default 0" },
		   NET_DEVICE },
	  .device = "net" },
	{ .name = "net-down",
	  .help = "the link of a network device is down",
	  .arg = { NET_DEVICE },
	  .device = "net" },
	{ .name = "net-loss",
	  .help = "frames of a network device are lost",
	  .arg = { { .name = "share", .type = ARG_NUM, .dim = DIM_RATIO, .min = 0, .max = 1,
		     .help = "of all frames", REQUIRED },
		   { .name = "direction", .type = ARG_ENUM, .names = net_directions,
		     .help = "in: to the guest; default both" },
		   NET_DEVICE },
	  .device = "net" },
	{ .name = "sensor-bias",
	  .help = "a motion sensor is off by some amount",
	  .arg = { MOTION_SENSOR,
		   { .name = "by", .type = ARG_TEXT, .help = "how much, with any fitting unit; magnetometers: uT, bare", REQUIRED },
		   { .name = "axis", .type = ARG_ENUM, .names = chip_axes, .help = "of the chip; default all" } },
	  .check = sensor_amount_check, .begin = bias_begin, .end = bias_end },
	{ .name = "sensor-clock",
	  .help = "a motion sensor samples faster or slower than asked",
	  .arg = { MOTION_SENSOR,
		   { .name = "factor", .type = ARG_NUM, .min = 0.1, .max = 4,
		     .help = "times the rate that was asked for", REQUIRED } },
	  .check = sensor_check, .begin = clock_begin, .end = clock_end },
	{ .name = "sensor-dropout",
	  .help = "a motion sensor gives no samples",
	  .arg = { MOTION_SENSOR },
	  .check = sensor_check, .begin = dropout_begin, .end = dropout_end },
	{ .name = "sensor-noise",
	  .help = "a motion sensor has more noise",
	  .arg = { MOTION_SENSOR,
		   { .name = "deviation", .type = ARG_TEXT, .help = "standard deviation, with any fitting unit; magnetometers: uT, bare", REQUIRED } },
	  .check = sensor_amount_check, .begin = sensor_noise_begin, .end = sensor_noise_end },
	{ .name = "sensor-stuck",
	  .help = "a motion sensor keeps showing what it showed",
	  .arg = { MOTION_SENSOR },
	  .check = sensor_check, .begin = sensor_stuck_begin, .end = sensor_stuck_end },
	{ .name = "signal-noise",
	  .help = "an ECU sends a signal with noise on it",
	  .arg = { { .name = "signal", .type = ARG_STR, .help = "VSS path or MESSAGE.SIGNAL", REQUIRED },
		   { .name = "deviation", .type = ARG_TEXT, .help = "standard deviation, with any fitting unit", REQUIRED } },
	  .check = wrong_check, .begin = noise_begin, .end = wrong_end },
	{ .name = "signal-offset",
	  .help = "an ECU sends a signal that is off by some amount",
	  .arg = { { .name = "signal", .type = ARG_STR, .help = "VSS path or MESSAGE.SIGNAL", REQUIRED },
		   { .name = "by", .type = ARG_TEXT, .help = "how much, with any fitting unit", REQUIRED } },
	  .check = wrong_check, .begin = offset_begin, .end = wrong_end },
	{ .name = "signal-stuck",
	  .help = "an ECU keeps sending the same value",
	  .arg = { { .name = "signal", .type = ARG_STR, .help = "VSS path or MESSAGE.SIGNAL", REQUIRED },
		   { .name = "value", .type = ARG_TEXT, .help = "number or label; default: where it is" } },
	  .check = stuck_check, .begin = stuck_begin, .end = wrong_end },
	{ .name = "tyre-leak",
	  .help = "a tyre loses air; what is lost stays lost",
	  .arg = { { .name = "wheel", .type = ARG_ENUM, .names = wheel_names, .help = "which", REQUIRED },
		   { .name = "rate", .type = ARG_NUM, .dim = DIM_RATIO, .min = 0, .max = 1,
		     .help = "share of the air per second, default 0.5 %" } },
	  .begin = leak_begin, .end = leak_end },
	{ .name = "vsock-bandwidth",
	  .help = "bytes of a guest's vsock connections trickle",
	  .device = "vsock",
	  .arg = { VSOCK_PORT,
		   { .name = "rate", .type = ARG_NUM, .min = 1, .max = 1e9, .help = "bytes per second, both ways together", REQUIRED },
		   VSOCK_DEVICE } },
	{ .name = "vsock-delay",
	  .help = "bytes of a guest's vsock connections wait",
	  .device = "vsock",
	  .arg = { VSOCK_PORT,
		   { .name = "by", .type = ARG_TIME, .help = "at most so long", REQUIRED },
		   VSOCK_DEVICE } },
	{ .name = "vsock-half-open",
	  .help = "the guest does not learn that the host's side has ended",
	  .device = "vsock",
	  .arg = { VSOCK_PORT,
		   VSOCK_DEVICE } },
	{ .name = "vsock-refuse",
	  .help = "a guest's vsock connections end, new ones are refused",
	  .device = "vsock",
	  .arg = { VSOCK_PORT,
		   VSOCK_DEVICE } },
	{ .name = "vsock-reset",
	  .help = "a guest's vsock connections are reset, once",
	  .device = "vsock",
	  .arg = { VSOCK_PORT,
		   VSOCK_DEVICE } },
	{ .name = "vsock-stall",
	  .help = "bytes of a guest's vsock connections stop; none is lost",
	  .device = "vsock",
	  .arg = { VSOCK_PORT,
		   VSOCK_DEVICE } },
	{ .name = "vsock-storm",
	  .help = "a guest's vsock connections are reset again and again",
	  .device = "vsock",
	  .arg = { VSOCK_PORT,
		   { .name = "rate", .type = ARG_NUM, .dim = DIM_FREQUENCY, .min = 0.01, .max = 100, .help = "default 1 Hz" },
		   VSOCK_DEVICE } },
};
/* clang-format on */

const size_t n_faults = sizeof(fault_table) / sizeof(fault_table[0]);
const char *const fault_names[] = { "blk-error",
				    "blk-full",
				    "blk-slow",
				    "bt-link-loss",
				    "bt-out-of-range",
				    "can-flood",
				    "can-mute",
				    "dtc",
				    "gnss-drift",
				    "gnss-jump",
				    "gnss-multipath",
				    "gnss-outage",
				    "gnss-spoof",
				    "gnss-tunnel",
				    "gnss-weak",
				    "net-bandwidth",
				    "net-delay",
				    "net-down",
				    "net-loss",
				    "sensor-bias",
				    "sensor-clock",
				    "sensor-dropout",
				    "sensor-noise",
				    "sensor-stuck",
				    "signal-noise",
				    "signal-offset",
				    "signal-stuck",
				    "tyre-leak",
				    "vsock-bandwidth",
				    "vsock-delay",
				    "vsock-half-open",
				    "vsock-refuse",
				    "vsock-reset",
				    "vsock-stall",
				    "vsock-storm",
				    NULL };
