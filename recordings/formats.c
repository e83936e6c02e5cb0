/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "recordings/formats.h"

#include "recordings/formats_int.h"
#include "sim/gnss/trace.h"

const struct exporter exporters[] = {
	{ "candump", "CAN frames as candump -L writes them", export_candump_run },
	{ "csv", "a row per record: t,channel,key,value", export_csv_run },
	{ "csv-wide", "a column per key, a row per time of a change",
	  export_csv_wide_run },
	{ "imu", "motion sensors as a trace that plays again",
	  export_imu_run },
	{ "gnsslogger", "fixes, satellites and raw measurements",
	  export_gnsslogger_run },
	{ "gpx", "fixes of the receiver as a GPX 1.1 track", export_gpx_run },
	{ "kml", "the same as a gx:Track", export_kml_run },
	{ "nmea", "RMC, VTG, GGA, GSA and GSV sentences", export_nmea_run },
	{ "pcapng", "CAN frames for Wireshark, an interface per bus",
	  export_pcapng_run },
	{ "pcap", "the same, classic, of one bus: --only can:BUS:*",
	  export_pcap_run },
	{ "perfetto", "a trace to look at in ui.perfetto.dev",
	  export_perfetto_run },
};
const size_t n_exporters = sizeof(exporters) / sizeof(exporters[0]);

const struct importer importers[] = {
	{ "candump", "log files of candump -L (can-utils)", candump_probe,
	  candump_open, candump_step, candump_iface, candump_close },
	{ .name = "gnsslogger",
	  .help = "GnssLogger text: Fix, Raw and Status rows",
	  .probe = gnss_logger_probe },
	{ .name = "gpx", .help = "tracks with times", .probe = gnss_gpx_probe },
	{ .name = "kml", .help = "gx:Track", .probe = gnss_kml_probe },
	{ .name = "nmea", .help = "NMEA 0183", .probe = gnss_nmea_probe },
	{ .name = "gnss-csv",
	  .help = "CSV of places: see avsim-recording(5)",
	  .probe = gnss_csv_probe },
};
const size_t n_importers = sizeof(importers) / sizeof(importers[0]);
