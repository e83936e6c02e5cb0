/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every message on the bus: its struct, units, rate and the stage that owns it.
 * The table itself is in sim/topics.c.
 */
#ifndef AVSIM_TOPICS_H
#define AVSIM_TOPICS_H

#include "sim/core/bus.h"
#include "sim/core/cmdq.h"
#include "sim/core/vtime.h"
#include "sim/vehicle_vars.h"

#include <stdbool.h>
#include <stdint.h>

enum av_topic_id {
	TOPIC_COMMAND,	/* struct cmd_event */
	TOPIC_FAULT,	/* struct fault_event */
	TOPIC_VEHICLE,	/* struct vehicle_state */
	TOPIC_CAN,	/* struct can_frame */
	TOPIC_SIGNAL,	/* struct signal_event */
	TOPIC_VHAL,	/* struct vhal_event */
	TOPIC_IMU,	/* struct imu_sample */
	TOPIC_GNSS,	/* struct gnss_event */
	TOPIC_POWER,	/* struct text_event */
	TOPIC_AUDIO,	/* struct audio_event */
	TOPIC_INPUT,	/* struct hid_event */
	TOPIC_BT,	/* struct text_event; links, pairing, calls */
	TOPIC_SERVICE,	/* struct text_event; what the outside world asked for */
	TOPIC_DEVICE,	/* struct text_event */
	TOPIC_SCENARIO, /* struct text_event */
	TOPIC_N
};

extern const struct av_topic av_topics[TOPIC_N];

/* A command that was applied; @ok false: refused, @error says why. */
struct cmd_event {
	vtime t;
	const struct cmd *cmd;
	bool ok;
	const char *error;
};

/*
 * Low-rate happenings for people and queries. @key names who or what
 * ("expect", "mark", "blk0"), @text is the finished canonical text.
 */
struct text_event {
	vtime t;
	const char *key;
	const char *text;
};

struct args; /* scenarios/action.h */
struct fault; /* scenarios/fault.h */

/* A fault begins or ends. Starts with the text of it, so that it can be read as
 * a struct text_event. */
struct fault_event {
	struct text_event text;
	const struct fault *fault;
	const struct args *args; /* of the row */
	bool begins;
};

enum audio_usage {
	AUDIO_EMERGENCY,
	AUDIO_SAFETY,
	AUDIO_VEHICLE_STATUS,
	AUDIO_ANNOUNCEMENT,
	AUDIO_N_USAGES
};

/* A sound of the car that wants to be heard; flags as Android has them. */
struct audio_session {
	uint64_t id; /* never 0 */
	enum audio_usage usage;
	int zone; /* 0 = the primary one */
	bool transient, duck, exclusive;
};

/* A session begins or ends. Starts with the text of it, so that it can be read
 * as a struct text_event. */
struct audio_event {
	struct text_event text;
	struct audio_session session;
	bool begins;
};

/* State after a step; sampled every VEHICLE_STEP. */
#define VEHICLE_STEP (10 * VT_MS)
struct vehicle_state {
	vtime t;
	double v[VV_N]; /* base units, see vehicle_vars.h */
};

enum {
	CAN_FD = 1,   /* FD frame (up to 64 bytes) */
	CAN_BRS = 2,  /* FD: data phase at the fast bit rate */
	CAN_ESI = 4,  /* FD: sender is error passive */
	CAN_EXT = 8,  /* 29-bit identifier */
	CAN_RTR = 16, /* remote frame, no data */
	CAN_ERR = 32, /* error frame */
};

/* A frame as seen on the wire; @t is the end of frame. */
struct can_frame {
	vtime t;
	uint32_t id; /* 11 or 29 bits, without flags */
	uint8_t bus; /* index into the vehicle's buses */
	uint8_t flags;
	uint8_t len; /* bytes of @data: 0..8, FD 0..8 12 16 20 24 32 48 64 */
	bool tx;     /* sent by the gateway on behalf of a set, not by the car */
	uint8_t data[64];
};

/* A decoded signal whose value changed (or was seen for the first time). */
struct signal_event {
	vtime t;
	uint32_t idx;	/* of the binding table, see sim/signals/signals.h */
	double value;	/* physical, in the signal's own unit */
	int64_t raw;	/* as in the frame, sign-extended; floats: their bits */
	const char *label; /* VAL_ text of @raw or NULL */
};

/*
 * A property value, laid out like the AAOS RawPropValues: BOOLEAN and INT32 in
 * i32, and so on. Arrays are borrowed for the call; a store's own values are
 * valid until the next change of that property and area.
 */
struct vhal_value {
	vtime t;
	int32_t prop;
	int32_t area;
	int32_t status; /* 0 available, 1 unavailable, 2 error */
	uint32_t n_i32, n_i64, n_f32, n_bytes;
	const int32_t *i32;
	const int64_t *i64;
	const float *f32;
	const uint8_t *bytes;
	const char *str; /* NULL = none */
};

enum vhal_event_why {
	VHAL_CHANGED,	/* the value or its status changed */
	VHAL_SAMPLED,	/* a continuous property at its rate */
	VHAL_SET_ECHO,	/* answer to a set, even if unchanged */
};

struct vhal_event {
	vtime t;
	const struct vhal_value *value;
	enum vhal_event_why why;
	enum cmd_source source; /* of a set; else CMD_FROM_ECU */
	const char *name;	/* "PROPERTY/AREA", as in the canonical dump */
	uint32_t slot;		/* index of property and area in the store */
};

/*
 * What a motion sensor measured, along the axes of its chip. Uncalibrated ones
 * have six values: the last three are the bias that their driver estimates.
 */
#define IMU_VALUES_MAX 6
struct imu_sample {
	vtime t;
	uint32_t sensor;  /* index, see sim/sensors/imu.h */
	uint32_t n;	  /* 3 or 6 */
	const char *name; /* of the sensor, as long as the stage lives */
	int32_t raw[IMU_VALUES_MAX]; /* in quanta of the sensor */
	double value[IMU_VALUES_MAX]; /* the same in m/s2, rad/s or uT */
};

/* ---- hands on input devices ---- */

enum hid_kind { HID_TOUCH, HID_KEYS, HID_ROTARY, HID_N_KINDS };

/* Something happened to an input device of the guest. */
struct hid_event {
	vtime t;
	enum hid_kind kind;
	const char *device; /* name of it; NULL: all of that kind */
	/* HID_TOUCH: where this finger is, or was when it left */
	unsigned int finger;
	int x, y; /* pixels from the top left */
	bool down;
	/* others: code and value as Linux's input layer has them */
	uint16_t code;
	int32_t value;
};

/* ---- satellite navigation ---- */

/* Numbers as in Android's GnssConstellationType. */
enum gnss_system {
	GNSS_UNKNOWN,
	GNSS_GPS,
	GNSS_SBAS,
	GNSS_GLONASS,
	GNSS_QZSS,
	GNSS_BEIDOU,
	GNSS_GALILEO,
	GNSS_N_SYSTEMS
};

/* Of a fix, in the order of its record; NaN: the source does not say. */
#define GNSS_FIX_FIELDS(X)                                                     \
	X(unix_ms)     /* time of the fix, ms since 1970, UTC */               \
	X(lat_deg)     /* WGS84 */                                             \
	X(lon_deg)                                                             \
	X(alt_m)       /* above the ellipsoid */                               \
	X(geoid_m)     /* geoid above the ellipsoid, there */                  \
	X(speed_mps)   /* over ground */                                       \
	X(bearing_deg) /* of the movement, clockwise from north */             \
	X(h_acc_m)     /* 68 % radius */                                       \
	X(v_acc_m)     /* one deviation, as the next two */                    \
	X(speed_acc_mps)                                                       \
	X(bearing_acc_deg)                                                     \
	X(pdop)                                                                \
	X(hdop)                                                                \
	X(vdop)                                                                \
	X(n_used)      /* satellites */                                        \
	X(mode)        /* 0 no fix, 2 without altitude, 3 */

enum gnss_fix_field {
#define X(name) GNSS_F_##name,
	GNSS_FIX_FIELDS(X)
#undef X
	GNSS_FIX_N
};

struct gnss_fix {
	union {
		struct {
#define X(name) double name;
			GNSS_FIX_FIELDS(X)
#undef X
		};
		double v[GNSS_FIX_N];
	};
};

#define GNSS_PROVIDER_MAX 16
#define GNSS_SATS_MAX 128
#define GNSS_ROW_MAX 4000 /* bytes of a raw row */

struct gnss_sat {
	uint8_t system; /* enum gnss_system */
	bool used;	/* in the fix */
	uint16_t svid;	/* as Android counts them in each system */
	double azimuth_deg, elevation_deg; /* NaN unknown */
	double cn0_dbhz; /* NaN: seen in the almanac only */
};

enum gnss_kind {
	GNSS_FIX,
	GNSS_SATS, /* status of all satellites in view */
	GNSS_RAW,  /* measurements of one epoch */
};

struct gnss_event {
	vtime t;
	enum gnss_kind kind;
	/* GNSS_FIX; of GNSS_SATS: the latest, or NULL */
	const struct gnss_fix *fix;
	const char *provider; /* of the fix: "GPS", "FLP"; [A-Za-z0-9_-] */
	/* GNSS_SATS */
	const struct gnss_sat *sat;
	size_t n_sats;
	/* GNSS_RAW: GnssLogger lines without the last line feed */
	const char *rows;
	const char *header; /* that names their columns, without "# " */
	bool new_header;    /* first use of it */
};

#endif
