/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "ui/summary.h"

#include <string.h>

void summary_counts(const struct rec_counts *c, char *buf, size_t size)
{
	size_t used = 0;

	buf[0] = '\0';
	for (int i = 0; i < REC_N_CHANNELS && used < size; i++) {
		if (c->n[i] > 0) {
			used += (size_t)snprintf(
				buf + used, size - used, "%s%s %llu",
				used ? ", " : "", rec_channel_names[i],
				(unsigned long long)c->n[i]);
		}
	}
	if (used == 0) {
		snprintf(buf, size, "none");
	}
}

/* Failed expectations in full, passed ones as a number. */
static void print_expects(const struct scenario *sc)
{
	struct expect_status e;
	size_t n = scenario_expects(sc, 0, &e), passed = 0;
	char t[VTIME_STR_MAX];

	for (size_t i = 0; i < n; i++) {
		scenario_expects(sc, i, &e);
		passed += e.verdict == VERDICT_PASS;
		if (e.verdict == VERDICT_FAIL) {
			vtime_format(e.decided, t);
			t[strlen(t) - 6] = '\0';
			printf("  failed:     %s\n              at %s s: %s\n",
			       e.text, t, e.reason);
		}
	}
	if (n > 0) {
		printf("  expected:   %zu of %zu passed\n", passed, n);
	}
}

/* The recording's lines; closes it. */
static int print_recording(struct session *s, const struct runloop *l)
{
	struct rec_counts counts = { 0 };
	struct av_err err = { 0 };
	char text[512];
	int ret;

	rec_counts(s->rec, &counts);
	summary_counts(&counts, text, sizeof(text));
	printf("  records:    %s\n", text);
	ret = session_close_rec(s, &err);
	printf("  recording:  %s%s\n", s->rec_path,
	       ret < 0 ? " (incomplete)" : "");
	if (ret < 0) {
		fflush(stdout);
		/* what stopped it on the way was told then */
		return l->rec_error ? EXIT_TROUBLE : cli_trouble("%s", err.msg);
	}
	return EXIT_PASS;
}

/* The capture's line; closes it. */
static int print_capture(struct session *s, const struct runloop *l)
{
	struct capture_counts c;
	struct av_err err = { 0 };
	const char *sep = "";
	int ret;

	if (!s->capture) {
		return EXIT_PASS;
	}
	capture_counts(s->capture, &c);
	printf("  capture:    %s (", capture_path(s->capture));
	for (int i = 0; i < PCAP_N_LINKS; i++) {
		if (c.packets[i] > 0) {
			printf("%s%s %llu", sep, pcap_link_names[i],
			       (unsigned long long)c.packets[i]);
			sep = ", ";
		}
	}
	if (c.lost > 0) {
		printf("%slost %llu", sep, (unsigned long long)c.lost);
		sep = ", ";
	}
	ret = session_close_capture(s, &err);
	printf("%s%s)\n", *sep ? "" : "nothing", ret < 0 ? ", incomplete" : "");
	if (ret < 0) {
		fflush(stdout);
		/* what stopped it on the way was told then */
		return l->capture_error ? EXIT_TROUBLE :
					  cli_trouble("%s", err.msg);
	}
	return EXIT_PASS;
}

int summary_print(struct session *s, const struct runloop *l,
		  const char *title)
{
	enum verdict v = s->w->scenario ? scenario_verdict(s->w->scenario) :
					  VERDICT_NONE;
	double virt = vtime_to_s(evq_now(s->w->q));
	double wall = (double)l->wall_ns / 1e9;
	int status = EXIT_PASS, captured;

	printf("%s: %s%s\n", title,
	       v == VERDICT_NONE ? "done" : verdict_names[v],
	       l->interrupted ? " (interrupted)" : "");
	printf("  time:       %.3f s virtual in %.3f s wall (%.1fx real time)\n",
	       virt, wall, wall > 0 ? virt / wall : 0);
	if (l->pace->late_n > 0) {
		printf("  late:       %llu wake-ups over 10 ms, worst %.0f ms: "
		       "the host could not keep up\n",
		       (unsigned long long)l->pace->late_n,
		       (double)l->pace->late_max_ns / 1e6);
	}
	if (s->w->scenario) {
		print_expects(s->w->scenario);
	}
	if (s->rec) {
		status = print_recording(s, l);
	}
	captured = print_capture(s, l);
	if (status != EXIT_PASS || captured != EXIT_PASS) {
		return EXIT_TROUBLE;
	}
	return v == VERDICT_FAIL ? EXIT_FAIL : EXIT_PASS;
}
