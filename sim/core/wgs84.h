/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The WGS84 ellipsoid (NIMA TR8350.2, 2000): degrees and metres to earth-centred
 * coordinates and back. Back by Bowring (1976), Survey Review 23(181), exact to
 * far below a millimetre near the surface.
 */
#ifndef AVSIM_CORE_WGS84_H
#define AVSIM_CORE_WGS84_H

#define WGS84_A 6378137.0
#define WGS84_F (1 / 298.257223563)
#define WGS84_B (WGS84_A * (1 - WGS84_F))
#define WGS84_E2 (WGS84_F * (2 - WGS84_F))
#define WGS84_EP2 (WGS84_E2 / (1 - WGS84_E2))

void wgs84_to_ecef(double lat_deg, double lon_deg, double h_m, double out[3]);
/* @h_m: may be NULL */
void wgs84_from_ecef(const double e[3], double *lat_deg, double *lon_deg,
		     double *h_m);

/* Rows of the rotation from earth-centred to east, north, up at a place. */
void wgs84_enu(double lat_deg, double lon_deg, double enu[3][3]);

#endif
