/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Positions: metres east and north of the start point are a tangent plane of
 * the WGS84 ellipsoid.
 */
#include "config.h"

#include "sim/core/wgs84.h"
#include "sim/vehicle/model.h"

#include <string.h>

void geo_init(struct geo *g, double lat_deg, double lon_deg, double alt_m)
{
	double enu[3][3], sf = sin(lat_deg * PI / 180);
	double w2 = 1 - WGS84_E2 * sf * sf;

	wgs84_to_ecef(lat_deg, lon_deg, alt_m, g->ecef);
	wgs84_enu(lat_deg, lon_deg, enu);
	memcpy(g->east, enu[0], sizeof(g->east));
	memcpy(g->north, enu[1], sizeof(g->north));
	memcpy(g->up, enu[2], sizeof(g->up));
	/* geometric mean of meridian and prime vertical radius */
	g->radius = WGS84_A * sqrt(1 - WGS84_E2) / w2 + alt_m;
}

void geo_from_enu(const struct geo *g, double x, double y, double *lat_deg,
		  double *lon_deg)
{
	/* the surface falls away from the plane */
	double u = -(x * x + y * y) / (2 * g->radius);
	double e[3];

	for (int i = 0; i < 3; i++) {
		e[i] = g->ecef[i] + g->east[i] * x + g->north[i] * y +
		       g->up[i] * u;
	}
	wgs84_from_ecef(e, lat_deg, lon_deg, NULL);
}
