/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "sim/gnss/gnss.h"

#include "sim/gnss/sky.h"
#include "sim/gnss/text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DEG_PER_RAD 57.29577951308232

/* Into a tunnel signals fade in one second; behind it the receiver needs three
 * to find them again. */
#define TUNNEL_FADE_DB 30.0 /* per second */
#define REACQUIRE (3 * VT_S)
#define SATS_PERIOD VT_S

struct gnss {
	struct gnss_env env;
	struct gnss_faults faults;
	vtime tunnel_since, tunnel_end; /* -1 never */
	struct sky_epoch sky;
	struct gnss_fix fix; /* published last */
	bool any;
	double course_deg; /* of the last movement; NaN before it */
	/* vehicle */
	uint64_t n_epochs;
	vtime next_fix, next_status;
	/* file */
	struct vtimer timer;
	size_t at;
	uint32_t header; /* used last + 1 */
	vtime next_model;
	double dop[3], n_used; /* of the model; NaN */
	char rows[SKY_SATS * GNSS_RAW_LINE_MAX];
};

struct gnss_faults *gnss_faults(struct gnss *g)
{
	return &g->faults;
}

const struct gnss_fix *gnss_last_fix(const struct gnss *g)
{
	return g->any ? &g->fix : NULL;
}

void gnss_set_tunnel(struct gnss *g, bool in)
{
	vtime now = evq_now(g->env.q);

	if (in && !g->faults.tunnel) {
		g->tunnel_since = now;
	} else if (!in && g->faults.tunnel) {
		g->tunnel_end = now;
	}
	g->faults.tunnel = in;
}

static bool blocked(const struct gnss *g, vtime now)
{
	if (g->faults.outage) {
		return true;
	}
	return g->faults.tunnel ?
		       now - g->tunnel_since > VT_S :
		       g->tunnel_end >= 0 && now - g->tunnel_end < REACQUIRE;
}

static double weaker(const struct gnss *g, vtime now)
{
	double fade = g->faults.tunnel ?
			      TUNNEL_FADE_DB * vtime_to_s(now - g->tunnel_since) :
			      0;

	return g->faults.weaker_db + fade;
}

/* Where the faults put the receiver. */
static void displace(const struct gnss *g, vtime now, double *lat, double *lon,
		     double *alt)
{
	const struct gnss_faults *f = &g->faults;
	const double m_per_deg = 6371000 / DEG_PER_RAD;
	double dt = vtime_to_s(now - f->drift_from);
	double east = f->jump[0] + f->drift[0] * dt;
	double north = f->jump[1] + f->drift[1] * dt;

	if (f->spoof) {
		*lat = f->spoof_lat;
		*lon = f->spoof_lon;
		*alt = isnan(f->spoof_alt) ? *alt : f->spoof_alt;
		return;
	}
	if (east == 0 && north == 0 && f->jump[2] == 0) {
		return; /* not a bit of it changes */
	}
	*lon = remainder(*lon + east / (m_per_deg * cos(*lat / DEG_PER_RAD)),
			 360);
	*lat += north / m_per_deg;
	*lat = *lat > 90 ? 90 : *lat < -90 ? -90 : *lat;
	*alt += f->jump[2];
}

static void publish_fix(struct gnss *g, vtime now, const char *provider)
{
	g->any = true;
	bus_publish(g->env.bus, TOPIC_GNSS,
		    &(struct gnss_event){ .t = now,
					  .kind = GNSS_FIX,
					  .fix = &g->fix,
					  .provider = provider });
}

static void publish_sats(struct gnss *g, vtime now, const struct gnss_sat *s,
			 size_t n)
{
	bus_publish(g->env.bus, TOPIC_GNSS,
		    &(struct gnss_event){ .t = now,
					  .kind = GNSS_SATS,
					  .fix = g->any ? &g->fix : NULL,
					  .sat = s,
					  .n_sats = n });
}

/* ---- satellites of the model ---- */

static void observe(struct gnss *g, struct sky_where *w, vtime now)
{
	w->seed = g->env.seed;
	w->t_s = vtime_to_s(now);
	w->weaker_db = weaker(g, now);
	w->multipath_m = g->faults.multipath_m;
	w->blocked = blocked(g, now);
	sky_observe(w, &g->sky);
	if (g->faults.spoof) {
		/* one transmitter plays all satellites */
		for (size_t i = 0; i < g->sky.n; i++) {
			g->sky.s[i].cn0_dbhz = 46;
		}
	}
}

/* As fine as receivers tell it. */
static double tenths(double v)
{
	return round(v * 10) / 10;
}

static void model_status(struct gnss *g, vtime now)
{
	struct gnss_sat s[SKY_SATS];

	for (size_t i = 0; i < g->sky.n; i++) {
		const struct sky_signal *m = &g->sky.s[i];

		s[i] = (struct gnss_sat){
			.system = (uint8_t)m->system,
			.svid = m->svid,
			.used = m->used,
			.azimuth_deg = tenths(m->azimuth_deg),
			.elevation_deg = tenths(m->elevation_deg),
			.cn0_dbhz = blocked(g, now) || m->cn0_dbhz < 10 ?
					    NAN :
					    tenths(m->cn0_dbhz)
		};
	}
	publish_sats(g, now, s, g->sky.n);
}

static void model_raw(struct gnss *g, vtime now)
{
	int64_t unix_ns = g->env.epoch_ns + now;
	size_t n = 0;

	for (size_t i = 0; i < g->sky.n; i++) {
		if (g->sky.s[i].used) {
			n += gnss_raw_line(&g->sky, &g->sky.s[i], unix_ns, now,
					   g->rows + n);
			g->rows[n++] = '\n';
		}
	}
	if (n == 0) {
		return;
	}
	g->rows[n - 1] = '\0';
	bus_publish(g->env.bus, TOPIC_GNSS,
		    &(struct gnss_event){ .t = now,
					  .kind = GNSS_RAW,
					  .rows = g->rows,
					  .header = gnss_raw_header,
					  .new_header = g->header == 0 });
	g->header = 1;
}

/* ---- out of the vehicle ---- */

/* Below that speed the course is noise: the last one stays. */
#define COURSE_MPS 0.5

static void vehicle_motion(struct gnss *g, const struct sky_where *w)
{
	struct gnss_fix *f = &g->fix;
	double east = w->vel[0] + g->sky.vel_offset[0];
	double north = w->vel[1] + g->sky.vel_offset[1];

	f->speed_mps = sqrt(east * east + north * north);
	f->speed_acc_mps = g->sky.speed_acc_mps;
	if (f->speed_mps > COURSE_MPS) {
		g->course_deg = atan2(east, north) * DEG_PER_RAD;
		g->course_deg += g->course_deg < 0 ? 360 : 0;
		f->bearing_acc_deg = atan(f->speed_acc_mps / f->speed_mps) *
				     DEG_PER_RAD;
	} else {
		f->bearing_acc_deg = 180;
	}
	f->bearing_deg = g->course_deg;
}

static void vehicle_fix(struct gnss *g, const struct vehicle_state *v)
{
	double heading = v->v[VV_heading], speed = v->v[VV_speed];
	double flat = speed * cos(v->v[VV_grade]);
	struct sky_where w = { .lat_deg = v->v[VV_lat],
			       .lon_deg = v->v[VV_lon],
			       .alt_m = v->v[VV_pos_z],
			       .vel = { flat * sin(heading),
					flat * cos(heading),
					speed * sin(v->v[VV_grade]) } };
	struct gnss_fix *f = &g->fix;
	const double m_per_deg = 6371000 / DEG_PER_RAD;

	if (isnan(g->course_deg)) {
		g->course_deg = heading * DEG_PER_RAD;
	}
	displace(g, v->t, &w.lat_deg, &w.lon_deg, &w.alt_m);
	if (g->faults.spoof) {
		memset(w.vel, 0, sizeof(w.vel));
	}
	w.gps_ns = sky_gps_ns(g->env.epoch_ns + v->t);
	observe(g, &w, v->t);
	gnss_fix_init(f);
	f->unix_ms = (double)((g->env.epoch_ns + v->t) / VT_MS);
	f->n_used = (double)g->sky.n_used;
	f->mode = g->sky.solved ? 3 : 0;
	if (g->sky.solved) {
		f->lat_deg = w.lat_deg + g->sky.offset[1] / m_per_deg;
		f->lon_deg = w.lon_deg +
			     g->sky.offset[0] /
				     (m_per_deg * cos(w.lat_deg / DEG_PER_RAD));
		f->alt_m = w.alt_m + g->sky.offset[2];
		f->h_acc_m = g->sky.h_acc_m;
		f->v_acc_m = g->sky.v_acc_m;
		f->pdop = g->sky.pdop;
		f->hdop = g->sky.hdop;
		f->vdop = g->sky.vdop;
		vehicle_motion(g, &w);
	}
	publish_fix(g, v->t, "GPS");
}

static void on_vehicle(void *ctx, const void *msg)
{
	const struct vehicle_state *v = msg;
	struct gnss *g = ctx;
	bool status;

	if (v->t < g->next_fix) {
		return;
	}
	status = v->t >= g->next_status;
	g->next_status += status ? SATS_PERIOD : 0;
	g->n_epochs++;
	g->next_fix = vtime_from_s((double)g->n_epochs / g->env.rate_hz);
	if (!bus_wanted(g->env.bus, TOPIC_GNSS)) {
		return;
	}
	vehicle_fix(g, v);
	if (status) {
		model_status(g, v->t);
		if (g->env.raw) {
			model_raw(g, v->t);
		}
	}
}

/* ---- out of a file ---- */

/* Satellites for a file that knows none, at its own place. */
static void model_at_fix(struct gnss *g, vtime now)
{
	const struct gnss_fix *f = &g->fix;
	double course = isnan(f->bearing_deg) ? 0 :
						f->bearing_deg / DEG_PER_RAD;
	double speed = isnan(f->speed_mps) ? 0 : f->speed_mps;
	struct sky_where w = { .gps_ns = sky_gps_ns((int64_t)f->unix_ms *
						    VT_MS),
			       .lat_deg = f->lat_deg,
			       .lon_deg = f->lon_deg,
			       .alt_m = isnan(f->alt_m) ? 0 : f->alt_m,
			       .vel = { speed * sin(course),
					speed * cos(course), 0 },
			       .exact = true };

	observe(g, &w, now);
	g->dop[0] = g->sky.solved ? g->sky.pdop : NAN;
	g->dop[1] = g->sky.solved ? g->sky.hdop : NAN;
	g->dop[2] = g->sky.solved ? g->sky.vdop : NAN;
	g->n_used = (double)g->sky.n_used;
}

static void no_fix(struct gnss_fix *f)
{
	double unix_ms = f->unix_ms;

	gnss_fix_init(f);
	f->unix_ms = unix_ms;
	f->mode = 0;
	f->n_used = 0;
}

static void file_fix(struct gnss *g, const struct gnss_item *it, vtime now)
{
	struct gnss_fix *f = &g->fix;
	double low = g->faults.multipath_m;
	bool model = false, from_sky = !strcmp(it->provider, "GPS");

	*f = g->env.trace->fix[it->idx];
	if (!isnan(f->lat_deg)) {
		displace(g, now, &f->lat_deg, &f->lon_deg, &f->alt_m);
	}
	if (from_sky && low > 0 && f->mode >= 2) {
		f->lat_deg += low * 0.5 / 111195 *
			      sky_noise(g->env.seed, "gnss.multipath.north", 0,
					vtime_to_s(now), 8);
		f->h_acc_m = isnan(f->h_acc_m) ? low : f->h_acc_m + low;
	}
	if (!g->env.trace->has_sats && from_sky && f->mode >= 2 &&
	    now >= g->next_model) {
		g->next_model = now + SATS_PERIOD;
		model_at_fix(g, now);
		model = true;
	}
	if (!g->env.trace->has_sats && from_sky && f->mode >= 2) {
		f->pdop = isnan(f->pdop) ? g->dop[0] : f->pdop;
		f->hdop = isnan(f->hdop) ? g->dop[1] : f->hdop;
		f->vdop = isnan(f->vdop) ? g->dop[2] : f->vdop;
		f->n_used = isnan(f->n_used) ? g->n_used : f->n_used;
	}
	/* other providers do without satellites */
	if (from_sky && (blocked(g, now) || weaker(g, now) > 25)) {
		no_fix(f);
	}
	publish_fix(g, now, it->provider);
	if (model) {
		model_status(g, now);
	}
}

static void file_sats(struct gnss *g, const struct gnss_item *it, vtime now)
{
	struct gnss_sat s[GNSS_SATS_MAX];
	size_t n = it->n < GNSS_SATS_MAX ? it->n : GNSS_SATS_MAX;
	double db = weaker(g, now);

	memcpy(s, g->env.trace->sat + it->idx, n * sizeof(*s));
	for (size_t i = 0; i < n; i++) {
		if (blocked(g, now) || s[i].cn0_dbhz - db < 10) {
			s[i].used = s[i].used && !blocked(g, now) && db == 0;
			s[i].cn0_dbhz = s[i].used ? s[i].cn0_dbhz : NAN;
		} else {
			s[i].cn0_dbhz -= db;
		}
	}
	publish_sats(g, now, s, n);
}

static void file_raw(struct gnss *g, const struct gnss_item *it, vtime now)
{
	if (blocked(g, now)) {
		return;
	}
	bus_publish(g->env.bus, TOPIC_GNSS,
		    &(struct gnss_event){
			    .t = now,
			    .kind = GNSS_RAW,
			    .rows = g->env.trace->text + it->text,
			    .header = g->env.trace->header[it->idx],
			    .new_header = g->header != it->idx + 1 });
	g->header = it->idx + 1;
}

static void on_timer(struct vtimer *t, vtime now)
{
	struct gnss *g = t->ctx;
	const struct gnss_trace *tr = g->env.trace;

	for (; g->at < tr->n; g->at++) {
		const struct gnss_item *it = &tr->item[g->at];
		vtime due = it->unix_ns - g->env.trace_zero_ns;

		if (due > now) {
			/* out of memory ends the file, not the run */
			(void)evq_arm(g->env.q, t, due);
			return;
		}
		if (due < 0) {
			continue;
		}
		if (it->kind == GNSS_FIX) {
			file_fix(g, it, now);
		} else if (it->kind == GNSS_SATS) {
			file_sats(g, it, now);
		} else {
			file_raw(g, it, now);
		}
	}
}

/* ---- life ---- */

int gnss_create(const struct gnss_env *env, struct gnss **out,
		struct av_err *err)
{
	struct gnss *g = calloc(1, sizeof(*g));
	int ret = 0;

	if (!g) {
		gnss_trace_destroy(env->trace);
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	g->env = *env;
	g->timer = (struct vtimer){ .fn = on_timer, .ctx = g };
	g->tunnel_end = -1;
	g->course_deg = g->n_used = NAN;
	g->dop[0] = g->dop[1] = g->dop[2] = NAN;
	if (env->vehicle) {
		ret = bus_subscribe(env->bus, TOPIC_VEHICLE, STAGE_GNSS,
				    "gnss", on_vehicle, g, err);
	}
	if (ret < 0) {
		gnss_destroy(g);
		return ret;
	}
	*out = g;
	return 0;
}

void gnss_destroy(struct gnss *g)
{
	if (!g) {
		return;
	}
	evq_disarm(g->env.q, &g->timer);
	gnss_trace_destroy(g->env.trace);
	free(g);
}

int gnss_start(struct gnss *g)
{
	const struct gnss_trace *t = g->env.trace;
	vtime due;

	if (!t || t->n == 0) {
		return 0;
	}
	due = t->item[0].unix_ns - g->env.trace_zero_ns;
	return evq_arm(g->env.q, &g->timer, due > 0 ? due : 0);
}
