/* SPDX-License-Identifier: Apache-2.0 */
/* Faults of satellite navigation: what a row does to the receiver. */
#include "config.h"

#include "scenarios/fault.h"
#include "sim/world.h"

#include <errno.h>
#include <math.h>
#include <string.h>

int fault_gnss_check(struct world *w, const struct args *a, struct av_err *err)
{
	(void)a;
	return w->gnss ? 0 :
			 av_err_set(err, -ENODEV,
				    "nothing tells a place in this run");
}

int fault_gnss_outage_begin(struct world *w, const struct args *a,
			struct av_err *err)
{
	int ret = fault_gnss_check(w, a, err);

	if (ret == 0) {
		gnss_faults(w->gnss)->outage = true;
	}
	return ret;
}

void fault_gnss_outage_end(struct world *w, const struct args *a)
{
	(void)a;
	gnss_faults(w->gnss)->outage = false;
}

int fault_gnss_tunnel_begin(struct world *w, const struct args *a,
			struct av_err *err)
{
	int ret = fault_gnss_check(w, a, err);

	if (ret == 0) {
		gnss_set_tunnel(w->gnss, true);
	}
	return ret;
}

void fault_gnss_tunnel_end(struct world *w, const struct args *a)
{
	(void)a;
	gnss_set_tunnel(w->gnss, false);
}

int fault_gnss_weak_begin(struct world *w, const struct args *a, struct av_err *err)
{
	int ret = fault_gnss_check(w, a, err);

	if (ret == 0) {
		gnss_faults(w->gnss)->weaker_db = a->has[0] ? a->v[0].num : 10;
	}
	return ret;
}

void fault_gnss_weak_end(struct world *w, const struct args *a)
{
	(void)a;
	gnss_faults(w->gnss)->weaker_db = 0;
}

int fault_gnss_multipath_begin(struct world *w, const struct args *a,
			   struct av_err *err)
{
	int ret = fault_gnss_check(w, a, err);

	if (ret == 0) {
		gnss_faults(w->gnss)->multipath_m =
			a->has[0] ? a->v[0].num : 15;
	}
	return ret;
}

void fault_gnss_multipath_end(struct world *w, const struct args *a)
{
	(void)a;
	gnss_faults(w->gnss)->multipath_m = 0;
}

int fault_gnss_jump_begin(struct world *w, const struct args *a, struct av_err *err)
{
	int ret = fault_gnss_check(w, a, err);

	for (int i = 0; ret == 0 && i < 3; i++) {
		gnss_faults(w->gnss)->jump[i] = a->has[i] ? a->v[i].num : 0;
	}
	return ret;
}

void fault_gnss_jump_end(struct world *w, const struct args *a)
{
	(void)a;
	memset(gnss_faults(w->gnss)->jump, 0,
	       sizeof(gnss_faults(w->gnss)->jump));
}

int fault_gnss_drift_begin(struct world *w, const struct args *a,
		       struct av_err *err)
{
	int ret = fault_gnss_check(w, a, err);
	struct gnss_faults *f;

	if (ret == 0) {
		double rate = a->has[0] ? a->v[0].num : 1;
		double bearing = a->has[1] ? a->v[1].num : 1.5707963267948966;

		f = gnss_faults(w->gnss);
		f->drift[0] = rate * sin(bearing);
		f->drift[1] = rate * cos(bearing);
		f->drift_from = evq_now(w->q);
	}
	return ret;
}

void fault_gnss_drift_end(struct world *w, const struct args *a)
{
	(void)a;
	memset(gnss_faults(w->gnss)->drift, 0,
	       sizeof(gnss_faults(w->gnss)->drift));
}

int fault_gnss_spoof_begin(struct world *w, const struct args *a,
		       struct av_err *err)
{
	int ret = fault_gnss_check(w, a, err);
	struct gnss_faults *f;

	if (ret == 0) {
		f = gnss_faults(w->gnss);
		f->spoof = true;
		f->spoof_lat = a->v[0].num;
		f->spoof_lon = a->v[1].num;
		f->spoof_alt = a->has[2] ? a->v[2].num : NAN;
	}
	return ret;
}

void fault_gnss_spoof_end(struct world *w, const struct args *a)
{
	(void)a;
	gnss_faults(w->gnss)->spoof = false;
}
