/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The path comes from the best source there is: the position signals that a
 * guest would see too; without them the simulated vehicle itself; for a foreign
 * log without positions it is reckoned from speed and yaw rate.
 *
 * Memory is bounded: points are at least spacing_m apart, and when the array is
 * full every second point goes and the spacing doubles.
 */
#include "config.h"

#include "ui/track.h"

#include <math.h>

#include "sim/core/units.h"
#include "sim/world.h"
#include "ui/model.h"

#define SPACING_M 0.25
#define M_PER_DEG 111319.49 /* WGS84 equator, pi / 180 * 6378137 m */
#define RAD_PER_DEG 0.017453292519943295

static int find(const struct model *m, const char *key)
{
	return m->w->signals ? signals_find(m->w->signals, key) : -1;
}

void track_init(struct model *m)
{
	m->track.spacing_m = SPACING_M;
	m->track.heading_rad = NAN;
	m->sig_lat = find(m, "Vehicle.CurrentLocation.Latitude");
	m->sig_lon = find(m, "Vehicle.CurrentLocation.Longitude");
	m->sig_speed = find(m, "Vehicle.Speed");
	m->sig_yaw = find(m, "Vehicle.AngularVelocity.Yaw");
	m->lat = m->lon = NAN;
	m->track.lat0 = m->track.lon0 = NAN;
	if (m->w->vehicle) { /* count from where it started, as routes do */
		const double *v = m->w->state.v;
		double lat0 = v[VV_lat] - v[VV_pos_y] / M_PER_DEG;

		m->track.lat0 = lat0;
		m->track.lon0 = v[VV_lon] - v[VV_pos_x] / M_PER_DEG /
						    cos(lat0 * RAD_PER_DEG);
	}
}

static void thin_out(struct model_track *t)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n; i += 2) {
		t->p[n++] = t->p[i];
	}
	t->n = n;
	t->spacing_m *= 2;
}

static void add_point(struct model_track *t, enum model_track_from from,
		      double x, double y)
{
	double dx, dy, step;

	if (!isfinite(x) || !isfinite(y)) {
		return;
	}
	t->from = from;
	t->x_m = x;
	t->y_m = y;
	if (t->n > 0) {
		dx = x - (double)t->p[t->n - 1].x_m;
		dy = y - (double)t->p[t->n - 1].y_m;
		step = hypot(dx, dy);
		if (step < t->spacing_m) {
			return;
		}
		t->length_m += step;
	}
	if (t->n == MODEL_TRACK_MAX) {
		thin_out(t);
	}
	t->p[t->n++] = (struct model_point){ (float)x, (float)y };
}

void track_vehicle(struct model *m, const void *msg)
{
	const struct vehicle_state *s = msg;

	if (m->sig_lat >= 0 && m->sig_lon >= 0) {
		return; /* as seen on the bus */
	}
	add_point(&m->track, TRACK_VEHICLE, s->v[VV_pos_x], s->v[VV_pos_y]);
	m->track.heading_rad = s->v[VV_heading];
}

static void position(struct model *m)
{
	struct model_track *t = &m->track;

	if (isnan(m->lat) || isnan(m->lon)) {
		return;
	}
	if (isnan(t->lat0)) {
		t->lat0 = m->lat;
		t->lon0 = m->lon;
	}
	add_point(t, TRACK_POSITION,
		  (m->lon - t->lon0) * M_PER_DEG * cos(t->lat0 * RAD_PER_DEG),
		  (m->lat - t->lat0) * M_PER_DEG);
}

/* Signals come on change only: until now speed and yaw rate stayed as they
 * were. */
static void reckon(struct model *m, vtime now)
{
	struct model_track *t = &m->track;
	double dt = vtime_to_s(now - m->reckon_t);

	if (t->n == 0) {
		t->heading_rad = 0;
		add_point(t, TRACK_RECKONED, 0, 0);
	} else if (dt > 0 && dt < 10) { /* longer: the log has a hole */
		t->heading_rad -= m->reckon_yaw * dt / 2;
		add_point(t, TRACK_RECKONED,
			  t->x_m + m->reckon_speed * dt * sin(t->heading_rad),
			  t->y_m + m->reckon_speed * dt * cos(t->heading_rad));
		t->heading_rad = fmod(t->heading_rad - m->reckon_yaw * dt / 2,
				      2 * M_PI);
	}
	m->reckon_t = now;
}

static double to_base(const struct model *m, const struct signal_event *e,
		      enum av_dim dim)
{
	const struct av_unit *u =
		av_unit_find(signals_unit(m->w->signals, e->idx));

	return u && u->dim == dim ? av_unit_to_base(u, e->value) : e->value;
}

void track_signal(struct model *m, const void *msg)
{
	const struct signal_event *e = msg;
	int idx = (int)e->idx;

	if (idx == m->sig_lat) {
		m->lat = e->value;
		position(m);
	} else if (idx == m->sig_lon) {
		m->lon = e->value;
		position(m);
	} else if (m->w->vehicle || m->sig_lat >= 0) {
		return;
	} else if (idx == m->sig_speed) {
		reckon(m, e->t);
		m->reckon_speed = to_base(m, e, DIM_SPEED);
	} else if (idx == m->sig_yaw) {
		reckon(m, e->t);
		m->reckon_yaw = to_base(m, e, DIM_ANGLE_RATE);
	}
}
