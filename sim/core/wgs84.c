/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "sim/core/wgs84.h"

#include <math.h>

#define PI 3.141592653589793

void wgs84_to_ecef(double lat_deg, double lon_deg, double h_m, double out[3])
{
	double lat = lat_deg * PI / 180, lon = lon_deg * PI / 180;
	double s = sin(lat), c = cos(lat);
	double n = WGS84_A / sqrt(1 - WGS84_E2 * s * s);

	out[0] = (n + h_m) * c * cos(lon);
	out[1] = (n + h_m) * c * sin(lon);
	out[2] = (n * (1 - WGS84_E2) + h_m) * s;
}

void wgs84_from_ecef(const double e[3], double *lat_deg, double *lon_deg,
		     double *h_m)
{
	double p = sqrt(e[0] * e[0] + e[1] * e[1]);
	double t, sb, cb, lat, s;

	if (p < 1e-3) { /* on the axis every longitude is right */
		*lat_deg = e[2] < 0 ? -90 : 90;
		*lon_deg = 0;
		if (h_m) {
			*h_m = fabs(e[2]) - WGS84_B;
		}
		return;
	}
	t = e[2] * WGS84_A / (p * WGS84_B);
	cb = 1 / sqrt(1 + t * t);
	sb = t * cb;
	lat = atan2(e[2] + WGS84_EP2 * WGS84_B * sb * sb * sb,
		    p - WGS84_E2 * WGS84_A * cb * cb * cb);
	*lat_deg = lat * 180 / PI;
	*lon_deg = atan2(e[1], e[0]) * 180 / PI;
	if (h_m) {
		s = sin(lat);
		*h_m = p * cos(lat) + e[2] * s -
		       WGS84_A * sqrt(1 - WGS84_E2 * s * s);
	}
}

void wgs84_enu(double lat_deg, double lon_deg, double enu[3][3])
{
	double sf = sin(lat_deg * PI / 180), cf = cos(lat_deg * PI / 180);
	double sl = sin(lon_deg * PI / 180), cl = cos(lon_deg * PI / 180);

	enu[0][0] = -sl;
	enu[0][1] = cl;
	enu[0][2] = 0;
	enu[1][0] = -sf * cl;
	enu[1][1] = -sf * sl;
	enu[1][2] = cf;
	enu[2][0] = cf * cl;
	enu[2][1] = cf * sl;
	enu[2][2] = sf;
}
