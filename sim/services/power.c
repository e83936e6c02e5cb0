/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Facts: AAOS VehicleApPowerState* of the vehicle HAL, the reference fake
 * vehicle's answers to reports, and the Garage Mode handler of the trout host
 * server (checks every second, more than 5 s without a SHUTDOWN_POSTPONE is too
 * long). There the time is the host's; here it is the simulated one.
 *
 * A report comes in with a step, the answer is posted and applied at the start
 * of the next one.
 */
#include "config.h"

#include "sim/services/power.h"

#include "sim/core/log.h"
#include "sim/core/text.h"
#include "sim/topics.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define PROP_REQ 0x11410A00
#define PROP_REPORT 0x11410A01
#define PROP_BOOTUP_REASON 0x11400A02
#define PROP_SHUTDOWN_REQUEST 0x11400F49
#define PROP_VEHICLE_IN_USE 0x11200F4A

enum { REQ_ON, REQ_SHUTDOWN_PREPARE, REQ_CANCEL_SHUTDOWN, REQ_FINISHED };

enum {
	REPORT_WAIT_FOR_VHAL = 1,
	REPORT_DEEP_SLEEP_ENTRY,
	REPORT_DEEP_SLEEP_EXIT,
	REPORT_SHUTDOWN_POSTPONE,
	REPORT_SHUTDOWN_START,
	REPORT_ON,
	REPORT_SHUTDOWN_PREPARE,
	REPORT_SHUTDOWN_CANCELLED,
	REPORT_HIBERNATION_ENTRY,
	REPORT_HIBERNATION_EXIT,
};

const char *const power_state_names[] = {
	[POWER_NONE] = "none",
	[POWER_STARTING] = "starting",
	[POWER_ON] = "on",
	[POWER_PREPARE] = "prepare",
	[POWER_GARAGE] = "garage",
	[POWER_CANCEL] = "cancel",
	[POWER_FINISHED] = "finished",
	[POWER_OVERDUE] = "overdue",
	[POWER_N_STATES] = NULL,
};

const char *const power_param_names[] = {
	"shutdown-immediately",  "can-sleep",
	"shutdown-only",         "sleep-immediately",
	"hibernate-immediately", "can-hibernate",
	"emergency-shutdown",    NULL,
};

#define N_PARAMS                                                               \
	((int)(sizeof(power_param_names) / sizeof(power_param_names[0])) - 1)

const char *const power_reason_names[] = {
	"user-power-on", "user-detection", "remote-access", "garage-mode", NULL,
};

struct power {
	struct power_env env;
	enum power_state state;
	bool has_guest; /* some guest has reported */
	bool judged;    /* the request came from the scenario or a client */
	vtime beat;     /* last heartbeat, or when the wait began */
	vtime max;
	unsigned int n_postponed;
	int64_t postponed_ms;
	struct vtimer check, limit;
	struct av_log_limit odd;
};

/* ---- saying and asking ---- */

__attribute__((format(printf, 3, 4))) static void say(struct power *p,
						      const char *key,
						      const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	bus_publish(p->env.bus, TOPIC_POWER,
		    &(struct text_event){
			    .t = evq_now(p->env.q), .key = key, .text = text });
}

static void inject(struct power *p, int32_t prop, const char *text)
{
	/* a vehicle without the property has nobody to tell */
	int ret = vhal_slot_of(p->env.vhal, prop, 0) < 0
			  ? 0
			  : cmdq_post(p->env.cmdq, CMD_FROM_ECU, text);

	if (ret < 0) {
		av_log(AV_LOG_ERR, "power", "the command queue took no '%s'",
		       text);
	}
}

static void request(struct power *p, int what, int param)
{
	char text[80];

	snprintf(text, sizeof(text),
		 "vhal-inject property=AP_POWER_STATE_REQ value=[%d,%d]", what,
		 param);
	inject(p, PROP_REQ, text);
}

static bool is_shutting_down(const struct power *p)
{
	return p->state == POWER_PREPARE || p->state == POWER_GARAGE;
}

static void set_state(struct power *p, enum power_state s)
{
	if (p->state != s) {
		p->state = s;
		say(p, "state", "%s", power_state_names[s]);
	}
	if (!is_shutting_down(p)) {
		evq_disarm(p->env.q, &p->limit);
		if (s != POWER_CANCEL) {
			evq_disarm(p->env.q, &p->check);
		}
	}
}

/* ---- deadlines ---- */

/* "2 postponements, 10 s in all" */
static const char *postponed(const struct power *p, char buf[96])
{
	char sum[AV_NUM_TEXT_MAX];

	av_num_text((double)p->postponed_ms / 1e3, sum);
	snprintf(buf, 96, "%u postponement%s, %s s in all", p->n_postponed,
		 p->n_postponed == 1 ? "" : "s", sum);
	return buf;
}

static void miss(struct power *p, vtime now, const char *reason)
{
	say(p, "deadline", "%s", reason);
	if (!p->has_guest) {
		av_log(AV_LOG_INFO, "power",
		       "no guest has reported in this run: nobody answers the "
		       "shutdown request");
		set_state(p, POWER_NONE);
		return;
	}
	av_log(AV_LOG_ERR, "power", "%s", reason);
	set_state(p, POWER_OVERDUE);
	if (p->judged && p->env.missed) {
		p->env.missed(p->env.ctx, now, reason);
	}
}

static void on_check(struct vtimer *t, vtime now)
{
	struct power *p = t->ctx;
	char gap[AV_NUM_TEXT_MAX], limit[AV_NUM_TEXT_MAX], sum[96], reason[256];

	if (now - p->beat <= POWER_HEARTBEAT) {
		/* cannot fail: its place in the queue was free a moment ago */
		evq_arm(p->env.q, t, now + POWER_CHECK);
		return;
	}
	av_num_text(vtime_to_s(now - p->beat), gap);
	av_num_text(vtime_to_s(POWER_HEARTBEAT), limit);
	if (p->state == POWER_GARAGE) {
		snprintf(reason, sizeof(reason),
			 "no heartbeat for %s s (limit %s s) after %s", gap,
			 limit, postponed(p, sum));
	} else {
		snprintf(reason, sizeof(reason),
			 "no answer to the %s for %s s (limit %s s)",
			 p->state == POWER_CANCEL ? "end of the shutdown"
						  : "shutdown request",
			 gap, limit);
	}
	miss(p, now, reason);
}

static void on_limit(struct vtimer *t, vtime now)
{
	struct power *p = t->ctx;
	char max[AV_NUM_TEXT_MAX], sum[96], reason[256];

	av_num_text(vtime_to_s(p->max), max);
	snprintf(reason, sizeof(reason),
		 "not finished within the maximum of %s s after %s", max,
		 postponed(p, sum));
	miss(p, now, reason);
}

/* The guest has to show itself from now on. */
static void watch(struct power *p)
{
	vtime now = evq_now(p->env.q);

	p->beat = now;
	if (evq_arm(p->env.q, &p->check, now + POWER_CHECK) < 0) {
		av_log(AV_LOG_ERR, "power", "out of memory: not watching");
	}
}

/* ---- requests ---- */

static void ignore(struct power *p, enum cmd_source by, const char *what,
		   const char *why)
{
	say(p, "ignored", "%s from=%s: %s", what, cmd_source_names[by], why);
	av_log(AV_LOG_INFO, "power", "%s ignored: %s", what, why);
}

void power_shutdown(struct power *p, enum cmd_source by, int param, vtime max)
{
	vtime now = evq_now(p->env.q);
	char text[AV_NUM_TEXT_MAX];

	if (p->state == POWER_FINISHED) {
		ignore(p, by, "shutdown", "the guest has finished already");
		return;
	}
	av_num_text(vtime_to_s(max), text);
	say(p, "request", "shutdown param=%s%s%s from=%s",
	    power_param_names[param - 1], max ? " max=" : "", max ? text : "",
	    cmd_source_names[by]);
	p->judged = by != CMD_FROM_GUEST && by != CMD_FROM_ECU;
	p->max = max;
	p->n_postponed = 0;
	p->postponed_ms = 0;
	request(p, REQ_SHUTDOWN_PREPARE, param);
	set_state(p, POWER_PREPARE);
	watch(p);
	evq_disarm(p->env.q, &p->limit);
	/* finishing at the maximum is in time */
	if (max > 0 && max < VT_NEVER - now &&
	    evq_arm(p->env.q, &p->limit, now + max + 1) < 0) {
		av_log(AV_LOG_ERR, "power", "out of memory: no maximum");
	}
}

void power_on(struct power *p, enum cmd_source by)
{
	if (!is_shutting_down(p) && p->state != POWER_OVERDUE) {
		ignore(p, by, "on", "no shutdown is under way");
		return;
	}
	say(p, "request", "on from=%s", cmd_source_names[by]);
	request(p, REQ_CANCEL_SHUTDOWN, 0);
	p->judged = by != CMD_FROM_GUEST && by != CMD_FROM_ECU;
	set_state(p, POWER_CANCEL);
	watch(p);
}

void power_reason(struct power *p, int reason)
{
	char text[80];

	snprintf(text, sizeof(text),
		 "vhal-inject property=AP_POWER_BOOTUP_REASON value=%d",
		 reason);
	say(p, "reason", "%s", power_reason_names[reason]);
	inject(p, PROP_BOOTUP_REASON, text);
}

static bool in_use(const struct power *p)
{
	int slot = vhal_slot_of(p->env.vhal, PROP_VEHICLE_IN_USE, 0);
	const struct vhal_value *v =
		slot < 0 ? NULL : vhal_get(p->env.vhal, (uint32_t)slot);

	return v && v->status == VHAL_AVAILABLE && v->n_i32 > 0 && v->i32[0];
}

static void shutdown_request(struct power *p, int32_t param, enum cmd_source by)
{
	if (in_use(p)) {
		ignore(p, by, "SHUTDOWN_REQUEST", "VEHICLE_IN_USE is true");
	} else if (param < 1 || param > N_PARAMS) {
		ignore(p, by, "SHUTDOWN_REQUEST",
		       "the parameter is not 1 to 7");
	} else {
		power_shutdown(p, by, param, 0);
	}
}

/* ---- reports ---- */

static void postpone(struct power *p, int32_t ms)
{
	char sum[96];

	if (is_shutting_down(p)) {
		p->beat = evq_now(p->env.q);
		p->n_postponed++;
		p->postponed_ms += ms > 0 ? ms : 0;
		say(p, "postpone", "%s", postponed(p, sum));
		set_state(p, POWER_GARAGE);
	}
}

/* The guest has just started, or takes up again. */
static void started(struct power *p, bool had_guest)
{
	if (is_shutting_down(p) && had_guest) {
		miss(p, evq_now(p->env.q),
		     "the guest started anew instead of finishing");
	}
	request(p, REQ_ON, 0);
	set_state(p, POWER_STARTING);
}

static void on_report(struct power *p, int32_t what, int32_t ms)
{
	const char *name = vhal_enum_label("VehicleApPowerStateReport", what);
	bool had_guest = p->has_guest;
	unsigned int held;

	if (!name) {
		if (av_log_limited(&p->odd, evq_now(p->env.q), &held)) {
			av_log(AV_LOG_WARN, "power",
			       "the guest reports unknown state %d", (int)what);
		}
		return;
	}
	p->has_guest = true;
	say(p, "report", "%s %d", name, (int)ms);
	switch (what) {
	case REPORT_WAIT_FOR_VHAL:
	case REPORT_DEEP_SLEEP_EXIT:
	case REPORT_HIBERNATION_EXIT:
		started(p, had_guest);
		break;
	case REPORT_SHUTDOWN_CANCELLED:
		request(p, REQ_ON, 0);
		set_state(p, POWER_STARTING);
		break;
	case REPORT_DEEP_SLEEP_ENTRY:
	case REPORT_SHUTDOWN_START:
	case REPORT_HIBERNATION_ENTRY:
		request(p, REQ_FINISHED, 0);
		set_state(p, POWER_FINISHED);
		break;
	case REPORT_SHUTDOWN_POSTPONE:
		postpone(p, ms);
		break;
	case REPORT_SHUTDOWN_PREPARE:
		if (p->state == POWER_PREPARE) {
			set_state(p, POWER_GARAGE);
		}
		break;
	case REPORT_ON:
		/* may have crossed a request on its way */
		if (!is_shutting_down(p) && p->state != POWER_CANCEL) {
			set_state(p, POWER_ON);
		}
		break;
	}
}

void power_was_set(struct power *p, const struct vhal_value *val,
		   enum cmd_source by)
{
	if (val->n_i32 == 0) {
		return;
	}
	if (val->prop == PROP_REPORT) {
		on_report(p, val->i32[0], val->n_i32 > 1 ? val->i32[1] : 0);
	} else if (val->prop == PROP_SHUTDOWN_REQUEST) {
		shutdown_request(p, val->i32[0], by);
	}
}

enum power_state power_state(const struct power *p)
{
	return p->state;
}

/* ---- creation ---- */

struct power *power_create(const struct power_env *env)
{
	struct power *p = calloc(1, sizeof(*p));

	if (p) {
		p->env = *env;
		p->check = (struct vtimer){ .fn = on_check, .ctx = p };
		p->limit = (struct vtimer){ .fn = on_limit, .ctx = p };
	}
	return p;
}

void power_destroy(struct power *p)
{
	if (p) {
		evq_disarm(p->env.q, &p->check);
		evq_disarm(p->env.q, &p->limit);
		free(p);
	}
}
