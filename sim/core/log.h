/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Log lines for people: "<virtual time> level topic: text" on stderr, or
 * wherever the dashboard sends them. One topic per module or device name.
 */
#ifndef AVSIM_CORE_LOG_H
#define AVSIM_CORE_LOG_H

#include "sim/core/vtime.h"

#include <stdbool.h>

enum av_log_level {
	AV_LOG_ERR,
	AV_LOG_WARN,
	AV_LOG_INFO,
	AV_LOG_DEBUG,
	AV_LOG_TRACE,
	AV_LOG_N_LEVELS
};

extern const char *const av_log_level_names[AV_LOG_N_LEVELS];

/* @line: the finished text without time, level or newline */
typedef void av_log_sink(void *ctx, vtime now, enum av_log_level level,
			 const char *topic, const char *line);

void av_log(enum av_log_level level, const char *topic, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Lines above @level are dropped before they are formatted. Default: INFO. */
void av_log_set_level(enum av_log_level level);
bool av_log_enabled(enum av_log_level level);

/* Where the virtual time of a line comes from; NULL: lines show no time. */
void av_log_set_clock(const vtime *now);

/* NULL restores the default sink (stderr). */
void av_log_set_sink(av_log_sink *sink, void *ctx);

/*
 * At most one line per topic and second of virtual time for what a guest can
 * cause; what was held back is counted in the next line.
 */
struct av_log_limit {
	vtime next;
	unsigned int held;
};
bool av_log_limited(struct av_log_limit *l, vtime now, unsigned int *held);

#endif
