/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "sim/services/tracing_config.h"

#include "recordings/perfetto.h"
#include "sim/services/tracing.h"

#include <errno.h>
#include <string.h>

/*
 * Fields of TraceConfig that are nothing to a tracer without probes, files and
 * buffers shared between processes: leaving them out changes no trace.
 */
static const uint32_t harmless[] = {
	4,  /* enable_extra_guardrails */
	5,  /* lockdown_mode */
	6,  /* producers */
	9,  /* file_write_period_ms */
	11, /* guardrail_overrides */
	13, /* flush_period_ms */
	14, /* flush_timeout_ms */
	20, /* builtin_data_sources */
	21, /* incremental_state_config */
	22, /* unique_session_name */
	23, /* data_source_stop_timeout_ms */
	36, /* prefer_suspend_clock_for_duration */
	44, /* write_flush_mode */
	45, /* fflush_post_write */
};

/* And those by which a client may have meant something. */
static const struct {
	uint32_t number;
	const char *name;
} heeded[] = {
	{ 7, "statsd_metadata" },
	{ 12, "deferred_start" },
	{ 16, "notify_traceur" },
	{ 17, "trigger_config" },
	{ 18, "activate_triggers" },
	{ 24, "compression_type" },
	{ 29, "output_path" },
	{ 30, "bugreport_score" },
	{ 33, "trace_filter" },
	{ 34, "android_report_config" },
	{ 35, "cmd_trace_start_delay" },
	{ 39, "session_semaphores" },
	{ 41, "exclusive_prio" },
	{ 47, "compression" },
};

/* Add one to the list for people, once, as long as there is room. */
static void ignore(struct tracing_config *c, const char *what)
{
	size_t n = strlen(c->ignored), len = strlen(what);
	const char *old = strstr(c->ignored, what);

	if ((old && (old[len] == ',' || old[len] == '\0')) || n + len + 8 >
		    sizeof(c->ignored)) {
		return;
	}
	snprintf(c->ignored + n, sizeof(c->ignored) - n, "%s%s",
		 n ? ", " : "", what);
}

static void ignore_field(struct tracing_config *c, uint32_t number)
{
	char text[32];

	for (size_t i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++) {
		if (harmless[i] == number) {
			return;
		}
	}
	for (size_t i = 0; i < sizeof(heeded) / sizeof(heeded[0]); i++) {
		if (heeded[i].number == number) {
			ignore(c, heeded[i].name);
			return;
		}
	}
	snprintf(text, sizeof(text), "field %u", (unsigned int)number);
	ignore(c, text);
}

/* ---- data sources ---- */

#define OURS "avsim"
#define CHANNELS_ALL (PERFETTO_CHANNELS | 1u << REC_CAN | 1u << REC_SIGNAL)

/* 0: there is no such source. */
static uint32_t channels_of(const char *name)
{
	if (!strcmp(name, OURS)) {
		return PERFETTO_CHANNELS;
	}
	for (size_t i = 0; i < REC_N_CHANNELS; i++) {
		if ((CHANNELS_ALL & 1u << i) &&
		    !strcmp(name + sizeof(OURS), rec_channel_names[i])) {
			return 1u << i;
		}
	}
	return 0;
}

static int no_source(const char *name, struct av_err *err)
{
	char list[200];
	size_t n = 0;

	for (size_t i = 0; i < REC_N_CHANNELS; i++) {
		if (CHANNELS_ALL & 1u << i) {
			n += (size_t)snprintf(list + n, sizeof(list) - n,
					      ", %s.%s", OURS,
					      rec_channel_names[i]);
		}
	}
	return av_err_set(err, -EINVAL,
			  "there is no data source '%.60s', but %s%s", name,
			  OURS, list);
}

static int read_source(const char *name, struct tracing_config *out,
		       struct av_err *err)
{
	size_t len = strlen(OURS);
	char what[100];
	uint32_t found;

	if (!strncmp(name, OURS, len) &&
	    (name[len] == '\0' || name[len] == '.')) {
		found = channels_of(name);
		out->channels |= found;
		return found ? 0 : no_source(name, err);
	}
	/* the guest's own, or of producers that are not here */
	snprintf(what, sizeof(what), "data source %.60s", name);
	ignore(out, what);
	return 0;
}

/* ---- all ---- */

static int read_size(const Perfetto__Protos__TraceConfig *c,
		     struct tracing_config *out, struct av_err *err)
{
	uint64_t kb = 0;

	for (size_t i = 0; i < c->n_buffers; i++) {
		kb += c->buffers[i]->size_kb;
		if (c->buffers[i]->fill_policy ==
		    PERFETTO__PROTOS__TRACE_CONFIG__BUFFER_CONFIG__FILL_POLICY__DISCARD) {
			out->ring = false;
		}
	}
	if (kb > TRACING_BUFFER_MAX / 1024) {
		return av_err_set(err, -EINVAL,
				  "buffers of %llu kB in all: avsim keeps at "
				  "most %u kB of a session",
				  (unsigned long long)kb,
				  TRACING_BUFFER_MAX / 1024);
	}
	if (kb > 0) {
		out->size = (size_t)kb * 1024;
	}
	/* a file has a beginning, and no limit unless one is named */
	if (c->write_into_file) {
		out->ring = false;
		out->size = TRACING_BUFFER_MAX;
		if (c->max_file_size_bytes > 0 &&
		    c->max_file_size_bytes < TRACING_BUFFER_MAX) {
			out->size = (size_t)c->max_file_size_bytes;
		}
	}
	return 0;
}

int tracing_config_read(const Perfetto__Protos__TraceConfig *c,
			struct tracing_config *out, struct av_err *err)
{
	int ret = 0;

	*out = (struct tracing_config){ .duration = VT_NEVER,
					.size = TRACING_BUFFER_DEFAULT,
					.ring = true };
	if (c) {
		ret = read_size(c, out, err);
		if (c->duration_ms > 0) {
			out->duration = (vtime)c->duration_ms * VT_MS;
		}
		for (size_t i = 0; i < c->n_data_sources && ret == 0; i++) {
			const Perfetto__Protos__DataSourceConfig *s =
				c->data_sources[i]->config;

			if (s && s->name) {
				ret = read_source(s->name, out, err);
			}
		}
		for (size_t i = 0; i < c->base.n_unknown_fields; i++) {
			ignore_field(out, c->base.unknown_fields[i].tag);
		}
	}
	if (out->channels == 0) {
		out->channels = PERFETTO_CHANNELS;
	}
	return ret;
}
