/* SPDX-License-Identifier: Apache-2.0 */
/* Actions on data: properties, model variables, frames, marks. */
#include "config.h"

#include "scenarios/act.h"
#include "scenarios/scenario_int.h"
#include "sim/core/log.h"
#include "sim/core/units.h"
#include "sim/services/power.h"
#include "sim/world.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- model variables ---- */

#define NAME_rw(name) #name,
#define NAME_ro(name)
#define X(name, unit, rw, text) NAME_##rw(name)
const char *const act_var_names[] = { VEHICLE_VARS(X) NULL };
#undef X

#define VAR_rw(name) VV_##name,
#define VAR_ro(name)
#define X(name, unit, rw, text) VAR_##rw(name)
static const enum vehicle_var act_vars[] = { VEHICLE_VARS(X) };
#undef X

enum av_dim act_var_dim(const struct args *a)
{
	return scenario_var_dim(act_vars[a->v[0].idx]);
}

int act_var_now(struct world *w, const struct args *a, double *out)
{
	if (!w->vehicle) {
		return -ENODEV;
	}
	*out = vehicle_values(w->vehicle)[act_vars[a->v[0].idx]];
	return 0;
}

ACT_FN(act_var)
{
	return act_set_var(w, act_vars[a->v[0].idx], a->v[1].num, err);
}

/* ---- properties ---- */

struct prop_arg {
	int32_t prop, area;
	uint32_t slot;
	struct vhal_value value;
	void *arena;
};

/* "72 degF" for a property in Celsius becomes its number in Celsius. */
static const char *in_own_unit(int32_t prop, const char *text, char *buf)
{
	const struct av_unit *u = scenario_prop_unit(prop);
	struct av_err err;
	double v;
	char *end;

	strtod(text, &end);
	if (!u || end == text || !end[strspn(end, " ")] ||
	    av_quantity_parse(text, u->dim, &v, &err) < 0) {
		return text;
	}
	return sc_num((double)(float)av_unit_from_base(u, v), buf);
}

static int read_prop(struct world *w, const struct args *a, struct prop_arg *p,
		     struct av_err *err)
{
	char buf[32];
	int slot, ret;

	ret = vhal_find(w->vhal, a->v[0].str, &p->prop, &p->area, err);
	if (ret < 0) {
		return ret;
	}
	slot = vhal_slot_of(w->vhal, p->prop, p->area);
	if (slot < 0) {
		return av_err_set(err, -ENOENT, "%s has no such area",
				  a->v[0].str);
	}
	p->slot = (uint32_t)slot;
	p->arena = NULL;
	ret = vhal_value_parse(w->vhal, p->prop, p->area,
			       in_own_unit(p->prop, a->v[1].str, buf),
			       &p->value, &p->arena, err);
	if (ret == 0) {
		p->value.prop = p->prop;
		p->value.area = p->area;
		p->value.t = evq_now(w->q);
	}
	return ret;
}

ACT_FN(act_set_check)
{
	struct prop_arg p;
	int ret = read_prop(w, a, &p, err);

	if (ret < 0) {
		return ret;
	}
	p.value.status = VHAL_AVAILABLE;
	if (vhal_check_set(w->vhal, &p.value, err) == VHAL_ACCESS_DENIED ||
	    vhal_check_set(w->vhal, &p.value, err) == VHAL_INVALID_ARG) {
		ret = -EINVAL;
	}
	free(p.arena);
	return ret;
}

static enum cmd_source source_of(const struct world *w)
{
	return w->cmd ? w->cmd->source : CMD_FROM_USER;
}

ACT_FN(act_set)
{
	enum cmd_source source = source_of(w);
	struct prop_arg p;
	int ret = read_prop(w, a, &p, err);

	if (ret < 0) {
		return ret;
	}
	p.value.status = VHAL_AVAILABLE; /* only the car knows another */
	if (vhal_set(w->vhal, &p.value, source, err) != VHAL_OK) {
		ret = -EIO;
	} else {
		power_was_set(w->power, &p.value, source);
		if (w->scenario) {
			scenario_was_set(w->scenario, p.slot, &p.value);
		}
	}
	free(p.arena);
	return ret;
}

ACT_FN(act_vhal_inject_check)
{
	struct prop_arg p;
	int ret = read_prop(w, a, &p, err);

	if (ret == 0) {
		free(p.arena);
	}
	return ret;
}

ACT_FN(act_vhal_inject)
{
	struct prop_arg p;
	int ret = read_prop(w, a, &p, err);

	if (ret == 0) {
		vhal_update(w->vhal, p.slot, &p.value);
		free(p.arena);
	}
	return ret;
}

/* ---- power ---- */

const char *const act_power_requests[] = { "shutdown", "on", NULL };
enum { REQUEST_SHUTDOWN, REQUEST_ON };
enum { POWER_REQUEST, POWER_PARAM, POWER_MAX, POWER_REASON };

ACT_FN(act_power_check)
{
	bool on = a->v[POWER_REQUEST].idx == REQUEST_ON;
	int32_t prop, area;

	if (on && (a->has[POWER_PARAM] || a->has[POWER_MAX])) {
		return av_err_set(err, -EINVAL,
				  "'param' and 'max' go with 'shutdown' only");
	}
	if (a->has[POWER_MAX] && a->v[POWER_MAX].time == 0) {
		return av_err_set(err, -EINVAL, "'max' must be more than 0");
	}
	return vhal_find(w->vhal, "AP_POWER_STATE_REQ", &prop, &area, err);
}

ACT_FN(act_power)
{
	int param = a->has[POWER_PARAM] ? a->v[POWER_PARAM].idx + 1 :
					  POWER_CAN_SLEEP;

	(void)err;
	if (a->v[POWER_REQUEST].idx == REQUEST_ON) {
		power_on(w->power, source_of(w));
	} else {
		power_shutdown(w->power, source_of(w), param,
			       a->has[POWER_MAX] ? a->v[POWER_MAX].time : 0);
	}
	if (a->has[POWER_REASON]) {
		power_reason(w->power, a->v[POWER_REASON].idx);
	}
	return 0;
}

/* ---- frames ---- */

static int hex_digit(char c)
{
	const char *digits = "0123456789abcdef";
	const char *p = strchr(digits, c >= 'A' && c <= 'F' ? c + 32 : c);

	return c && p ? (int)(p - digits) : -1;
}

static int read_data(const char *s, struct can_frame *f, struct av_err *err)
{
	unsigned int n = 0;

	for (; *s; s++) {
		int hi, lo;

		if (*s == ' ' || *s == '.') {
			continue;
		}
		hi = hex_digit(s[0]);
		lo = hi < 0 ? -1 : hex_digit(s[1]);
		if (lo < 0 || n == sizeof(f->data)) {
			return av_err_set(err, -EINVAL,
					  "'data' must be up to 64 bytes in "
					  "hex, like 0011AAFF");
		}
		f->data[n++] = (uint8_t)(hi * 16 + lo);
		s++;
	}
	if (n > 8) {
		static const uint8_t fd_len[] = { 12, 16, 20, 24, 32, 48, 64 };
		size_t i = 0;

		while (i < 7 && fd_len[i] != n) {
			i++;
		}
		if (i == 7) {
			return av_err_set(err, -EINVAL,
					  "'data': a frame holds 0 to 8, 12, "
					  "16, 20, 24, 32, 48 or 64 bytes, not "
					  "%u",
					  n);
		}
		f->flags |= CAN_FD | CAN_BRS;
	}
	f->len = (uint8_t)n;
	return 0;
}

int scenario_find_bus(struct world *w, const char *name, struct av_err *err)
{
	char hint[200] = "";

	for (size_t i = 0; i < w->n_buses; i++) {
		size_t n = strlen(hint);

		if (!strcmp(w->bus_name[i], name)) {
			return (int)i;
		}
		snprintf(hint + n, sizeof(hint) - n, "%s%.32s", i ? ", " : "",
			 w->bus_name[i]);
	}
	return av_err_set(err, -ENOENT, "no bus '%.32s', there is %s", name,
			  hint);
}

static int read_frame(struct world *w, const struct args *a,
		      struct can_frame *f, struct av_err *err)
{
	int bus = scenario_find_bus(w, a->v[0].str, err);
	unsigned long id;
	char *end;
	size_t digits;

	if (bus < 0) {
		return bus;
	}
	*f = (struct can_frame){ .bus = (uint8_t)bus };
	digits = strlen(a->v[1].str);
	if (!strncmp(a->v[1].str, "0x", 2)) {
		digits -= 2;
	}
	errno = 0;
	id = strtoul(a->v[1].str, &end, 16);
	if (*end || digits == 0 || digits > 8 || hex_digit(*a->v[1].str) < 0 ||
	    id > 0x1fffffff) {
		return av_err_set(err, -EINVAL,
				  "'id' must be an identifier in hex, 7FF "
				  "or 1FFFFFFF at most");
	}
	/* as candump writes them: 29-bit identifiers have eight digits */
	if (id > 0x7ff || digits == 8) {
		f->flags |= CAN_EXT;
	}
	f->id = (uint32_t)id;
	return read_data(a->has[2] ? a->v[2].str : "", f, err);
}

ACT_FN(act_inject_check)
{
	struct can_frame f;

	return read_frame(w, a, &f, err);
}

ACT_FN(act_inject)
{
	struct can_frame f;
	int ret = read_frame(w, a, &f, err);

	if (ret < 0) {
		return ret;
	}
	ret = ecus_send(w->ecus, &f, false);
	return ret == -ENOBUFS ? av_err_set(err, ret, "the bus is overloaded")
	       : ret < 0 ? av_err_set(err, ret, "the bus takes no such frame")
			 : 0;
}

/* ---- marks ---- */

static void publish(struct world *w, const char *key, const char *text)
{
	bus_publish(w->bus, TOPIC_SCENARIO,
		    &(struct text_event){
			    .t = evq_now(w->q), .key = key, .text = text });
}

ACT_FN(act_mark)
{
	(void)err;
	publish(w, "mark", a->v[0].str);
	return 0;
}

ACT_FN(act_log)
{
	(void)w;
	(void)err;
	av_log(AV_LOG_INFO, "scenario", "%s", a->v[0].str);
	return 0;
}

ACT_FN(act_end)
{
	(void)a;
	if (!w->scenario) {
		return av_err_set(err, -ENOENT, "no scenario to end");
	}
	scenario_stop(w->scenario);
	return 0;
}
