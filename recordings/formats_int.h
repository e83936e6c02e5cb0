/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the rows of formats.c name.
 */
#ifndef AVSIM_RECORDINGS_FORMATS_INT_H
#define AVSIM_RECORDINGS_FORMATS_INT_H

#include "recordings/formats.h"

int export_candump_run(struct rec_reader *r, const struct rec_filter *f,
		       FILE *out, struct av_err *err);
int export_csv_run(struct rec_reader *r, const struct rec_filter *f, FILE *out,
		   struct av_err *err);
int export_csv_wide_run(struct rec_reader *r, const struct rec_filter *f,
			FILE *out, struct av_err *err);
int export_pcapng_run(struct rec_reader *r, const struct rec_filter *f,
		      FILE *out, struct av_err *err);
int export_pcap_run(struct rec_reader *r, const struct rec_filter *f,
		    FILE *out, struct av_err *err);
int export_imu_run(struct rec_reader *r, const struct rec_filter *f, FILE *out,
		   struct av_err *err);
int export_gnsslogger_run(struct rec_reader *r, const struct rec_filter *f,
			  FILE *out, struct av_err *err);
int export_gpx_run(struct rec_reader *r, const struct rec_filter *f, FILE *out,
		   struct av_err *err);
int export_kml_run(struct rec_reader *r, const struct rec_filter *f, FILE *out,
		   struct av_err *err);
int export_nmea_run(struct rec_reader *r, const struct rec_filter *f,
		    FILE *out, struct av_err *err);
int export_perfetto_run(struct rec_reader *r, const struct rec_filter *f,
			FILE *out, struct av_err *err);
void csv_put_field(FILE *out, const char *s);

bool candump_probe(const char *head, size_t len);
struct import_source *candump_open(const char *name, const char *data,
				   size_t len);
int candump_step(struct import_source *s, struct can_frame *f,
		 unsigned long *line, struct av_diags *d);
const char *candump_iface(const struct import_source *s, unsigned int bus);
void candump_close(struct import_source *s);

#endif
