/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records as a Perfetto trace: what ui.perfetto.dev and trace_processor open.
 * Numbers become counters, what lasts becomes slices, the rest instants, each on
 * a track of its own below the tracks "vhal", "devices" and so on.
 *
 * Timestamps are virtual time, said to be BOOTTIME, the clock in which these
 * tools show a trace.
 *
 * Source: protos/perfetto/trace/{trace_packet,clock_snapshot}.proto and
 * trace/track_event/ in google/perfetto (numbers of fields and of enums), and
 * docs/reference/synthetic-track-event.md there (what makes a valid trace).
 */
#ifndef AVSIM_RECORDINGS_PERFETTO_H
#define AVSIM_RECORDINGS_PERFETTO_H

#include "recordings/rec.h"

#define PERFETTO_TRACKS_MAX 4096 /* what finds no track is counted as lost */
#define PERFETTO_PACKET_MAX 16384 /* bytes */

/* What is worth drawing, unless somebody asks for more: not every frame. */
#define PERFETTO_CHANNELS                                                      \
	(1u << REC_VHAL | 1u << REC_IMU | 1u << REC_GNSS | 1u << REC_AUDIO |   \
	 1u << REC_POWER | 1u << REC_COMMAND | 1u << REC_FAULT |               \
	 1u << REC_SCENARIO | 1u << REC_DEVICE)

struct perfetto;

/*
 * One packet as it is in the file, borrowed. Concatenated they are the trace.
 * @head: names a track or tells of the beginning; others may be dropped, these
 * may not.
 */
typedef void perfetto_fn(void *ctx, bool head, const uint8_t *data, size_t len);

/* @title: name of the track above all; @from: nothing begins earlier. NULL: out
 * of memory. */
struct perfetto *perfetto_create(const char *title, vtime from, perfetto_fn *fn,
				 void *ctx);
void perfetto_destroy(struct perfetto *p);

/* Records put while it is on tell how things stand at the beginning. */
void perfetto_begins(struct perfetto *p, bool on);

/* @rec has a text, and frames a key. */
void perfetto_put(struct perfetto *p, const struct rec_record *rec);

/* At @t it was @unix_ns (UTC): lets tools lay the trace beside others. */
void perfetto_clock(struct perfetto *p, vtime t, int64_t unix_ns);

/* A remark of the tracer itself, on the track above all. */
void perfetto_note(struct perfetto *p, vtime t, const char *text);

/* The trace ends at @t: ends the slices of what is a state. */
void perfetto_end(struct perfetto *p, vtime t);

/* Records not drawn for want of tracks or memory. */
uint64_t perfetto_lost(const struct perfetto *p);

#endif
