/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Positions: metres east and north of the start point are a tangent plane of
 * the WGS84 ellipsoid (NIMA TR8350.2, 2000). Back to latitude and longitude by
 * Bowring (1976), Survey Review 23(181), exact to far below a millimetre near
 * the surface.
 */
#include "config.h"

#include "sim/vehicle/model.h"

#define WGS84_A 6378137.0
#define WGS84_F (1 / 298.257223563)
#define WGS84_B (WGS84_A * (1 - WGS84_F))
#define WGS84_E2 (WGS84_F * (2 - WGS84_F))
#define WGS84_EP2 (WGS84_E2 / (1 - WGS84_E2))

static void ecef_of(double lat, double lon, double h, double out[3])
{
	double s = sin(lat), c = cos(lat);
	double n = WGS84_A / sqrt(1 - WGS84_E2 * s * s);

	out[0] = (n + h) * c * cos(lon);
	out[1] = (n + h) * c * sin(lon);
	out[2] = (n * (1 - WGS84_E2) + h) * s;
}

void geo_init(struct geo *g, double lat_deg, double lon_deg, double alt_m)
{
	double lat = lat_deg * PI / 180, lon = lon_deg * PI / 180;
	double sf = sin(lat), cf = cos(lat), sl = sin(lon), cl = cos(lon);
	double w2 = 1 - WGS84_E2 * sf * sf;

	ecef_of(lat, lon, alt_m, g->ecef);
	g->east[0] = -sl;
	g->east[1] = cl;
	g->east[2] = 0;
	g->north[0] = -sf * cl;
	g->north[1] = -sf * sl;
	g->north[2] = cf;
	g->up[0] = cf * cl;
	g->up[1] = cf * sl;
	g->up[2] = sf;
	/* geometric mean of meridian and prime vertical radius */
	g->radius = WGS84_A * sqrt(1 - WGS84_E2) / w2 + alt_m;
}

void geo_from_enu(const struct geo *g, double x, double y, double *lat_deg,
		  double *lon_deg)
{
	/* the surface falls away from the plane */
	double u = -(x * x + y * y) / (2 * g->radius);
	double e[3], p, t, sb, cb;

	for (int i = 0; i < 3; i++) {
		e[i] = g->ecef[i] + g->east[i] * x + g->north[i] * y +
		       g->up[i] * u;
	}
	p = sqrt(e[0] * e[0] + e[1] * e[1]);
	t = e[2] * WGS84_A / (p * WGS84_B);
	cb = 1 / sqrt(1 + t * t);
	sb = t * cb;
	*lat_deg = atan2(e[2] + WGS84_EP2 * WGS84_B * sb * sb * sb,
			 p - WGS84_E2 * WGS84_A * cb * cb * cb) *
		   180 / PI;
	*lon_deg = atan2(e[1], e[0]) * 180 / PI;
}
