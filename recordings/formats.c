/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "recordings/formats.h"

#include "recordings/formats_int.h"

const struct exporter exporters[] = {
	{ "candump", "CAN frames as candump -L writes them", export_candump_run },
	{ "csv", "a row per record: t,channel,key,value", export_csv_run },
	{ "csv-wide", "a column per key, a row per time of a change",
	  export_csv_wide_run },
	{ "imu", "motion sensors as a trace that plays again",
	  export_imu_run },
	{ "pcapng", "CAN frames for Wireshark, an interface per bus",
	  export_pcapng_run },
	{ "pcap", "the same, classic, of one bus: --only can:BUS:*",
	  export_pcap_run },
};
const size_t n_exporters = sizeof(exporters) / sizeof(exporters[0]);

const struct importer importers[] = {
	{ "candump", "log files of candump -L (can-utils)", candump_probe,
	  candump_open, candump_step, candump_iface, candump_close },
};
const size_t n_importers = sizeof(importers) / sizeof(importers[0]);
