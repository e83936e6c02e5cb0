/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "sim/core/log.h"

#include <stdarg.h>
#include <stdio.h>

const char *const av_log_level_names[AV_LOG_N_LEVELS] = {
	"error", "warn", "info", "debug", "trace",
};

static void to_stderr(void *ctx, vtime now, enum av_log_level level,
		      const char *topic, const char *line)
{
	char t[VTIME_STR_MAX] = "";
	size_t n = 0;

	(void)ctx;
	if (now != VT_NEVER) {
		n = vtime_format(now, t);
		t[n - 6] = '\0'; /* ms are enough for people */
	}
	fprintf(stderr, "%s%s%s %s: %s\n", t, n ? " " : "",
		av_log_level_names[level], topic, line);
}

/* One log for the process, as stderr is one. */
static enum av_log_level max_level = AV_LOG_INFO;
static const vtime *clock_now;
static av_log_sink *log_sink = to_stderr;
static void *log_ctx;

void av_log_set_level(enum av_log_level level)
{
	max_level = level;
}

bool av_log_enabled(enum av_log_level level)
{
	return level <= max_level;
}

void av_log_set_clock(const vtime *now)
{
	clock_now = now;
}

void av_log_set_sink(av_log_sink *sink, void *ctx)
{
	log_sink = sink ? sink : to_stderr;
	log_ctx = ctx;
}

void av_log(enum av_log_level level, const char *topic, const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	if (level > max_level) {
		return;
	}
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	log_sink(log_ctx, clock_now ? *clock_now : VT_NEVER, level, topic, line);
}

bool av_log_limited(struct av_log_limit *l, vtime now, unsigned int *held)
{
	if (now < l->next) {
		l->held++;
		return true;
	}
	*held = l->held;
	l->held = 0;
	l->next = now + VT_S;
	return false;
}
