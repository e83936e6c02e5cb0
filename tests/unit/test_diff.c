/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "recordings/diff.h"
#include "recordings/diff_source.h"
#include "sim/core/rand.h"

#include <errno.h>
#include <string.h>

#include "tests/unit/test.h"

/* ---- dumps in memory ---- */

struct text {
	char *s;
	size_t len, cap;
};

static void add(struct text *t, double s, const char *rest)
{
	char time[VTIME_STR_MAX];
	size_t need;

	vtime_format(vtime_from_s(s), time);
	need = strlen(time) + strlen(rest) + 3;
	if (t->len + need > t->cap) {
		t->cap = (t->cap + need) * 2;
		t->s = realloc(t->s, t->cap);
		CHECK(t->s != NULL);
	}
	t->len += (size_t)sprintf(t->s + t->len, "%s\t%s\n", time, rest);
}

static int compare(const struct text *a, const struct text *b,
		   const struct diff_opts *o, struct diff_result *r,
		   struct av_err *err)
{
	struct diff_source *sa, *sb;
	int ret;

	CHECK_EQ(diff_source_mem("a", a->s ? a->s : "", a->len, &sa, err), 0);
	CHECK_EQ(diff_source_mem("b", b->s ? b->s : "", b->len, &sb, err), 0);
	ret = diff_sources(sa, sb, o, r, err);
	diff_source_close(sa);
	diff_source_close(sb);
	return ret;
}

/* Lines written out, tolerances as YAML or NULL. */
static struct diff_result diff_of(const char *a, const char *b,
				  const char *yaml)
{
	struct text ta = { (char *)(uintptr_t)a, strlen(a), 0 };
	struct text tb = { (char *)(uintptr_t)b, strlen(b), 0 };
	struct diff_opts o = { .to = VT_NEVER, .context = 2 };
	struct tolerances tol = { 0 };
	struct av_diags d = { 0 };
	struct diff_result r;
	struct av_err err = { 0 };

	if (yaml) {
		CHECK_EQ(tolerances_parse("t.yaml", yaml, strlen(yaml), &tol,
					  &d),
			 0);
		o.tol = &tol;
	}
	if (compare(&ta, &tb, &o, &r, &err) < 0) {
		fail_msg("%s", err.msg);
	}
	tolerances_finish(&tol);
	return r;
}

static void check_counts(const struct diff_result *r, uint64_t same,
			 uint64_t changed, uint64_t shifted, uint64_t missing,
			 uint64_t extra)
{
	const struct diff_counts *c = &r->total;

	if (c->same != same || c->n[DIFF_CHANGED] != changed ||
	    c->n[DIFF_SHIFTED] != shifted || c->n[DIFF_MISSING] != missing ||
	    c->n[DIFF_EXTRA] != extra) {
		fail_msg("same %d changed %d shifted %d missing %d extra %d, "
			 "want %d %d %d %d %d",
			 (int)c->same, (int)c->n[DIFF_CHANGED],
			 (int)c->n[DIFF_SHIFTED], (int)c->n[DIFF_MISSING],
			 (int)c->n[DIFF_EXTRA], (int)same, (int)changed,
			 (int)shifted, (int)missing, (int)extra);
	}
	CHECK_EQ(r->differs, changed + shifted + missing + extra > 0);
}

#define DIFF(a, b, yaml, same, changed, shifted, missing, extra)               \
	do {                                                                   \
		struct diff_result r_ = diff_of(a, b, yaml);                   \
		check_counts(&r_, same, changed, shifted, missing, extra);     \
		diff_result_finish(&r_);                                       \
	} while (0)

static const char drive[] = "0.000000000\tvhal\tGEAR/0\t4\n"
			    "0.100000000\timu\taccel\t0.1\t0.2\t9.81\n"
			    "0.200000000\timu\taccel\t0.1\t0.3\t9.81\n"
			    "1.000000000\tvhal\tGEAR/0\t8\n"
			    "2.000000000\tcommand\tuser\tset gear=P\n"
			    "3.000000000\tcan\t0:1A0\t0102\n";

/* ---- the plain cases ---- */

TEST(diff_of_a_recording_with_itself_is_the_same)
{
	struct diff_result r = diff_of(drive, drive, NULL);

	(void)state_;
	check_counts(&r, 6, 0, 0, 0, 0);
	CHECK_EQ(r.n_keys, 4);
	CHECK_EQ(r.channel[REC_VHAL].a, 2);
	CHECK_EQ(r.end, 3 * VT_S);
	diff_result_finish(&r);
}

TEST(diff_of_empty_recordings)
{
	(void)state_;
	DIFF("", "", NULL, 0, 0, 0, 0, 0);
	DIFF(drive, "", NULL, 0, 0, 0, 6, 0);
	DIFF("", drive, NULL, 0, 0, 0, 0, 6);
}

TEST(diff_of_a_recording_that_lacks_a_channel)
{
	static const char b[] = "0.000000000\tvhal\tGEAR/0\t4\n"
				"1.000000000\tvhal\tGEAR/0\t8\n"
				"2.000000000\tcommand\tuser\tset gear=P\n"
				"3.000000000\tcan\t0:1A0\t0102\n";
	struct diff_result r = diff_of(drive, b, NULL);

	(void)state_;
	check_counts(&r, 4, 0, 0, 2, 0);
	CHECK_EQ(r.channel[REC_IMU].n[DIFF_MISSING], 2);
	CHECK_EQ(r.channel[REC_IMU].b, 0);
	CHECK_EQ(r.key[r.first].ch, REC_IMU);
	CHECK_EQ(r.key[r.first].first.t, 100 * VT_MS);
	diff_result_finish(&r);
}

TEST(diff_names_the_change_and_its_time)
{
	static const char b[] = "0.000000000\tvhal\tGEAR/0\t4\n"
				"0.100000000\timu\taccel\t0.1\t0.2\t9.81\n"
				"0.200000000\timu\taccel\t0.1\t0.5\t9.81\n"
				"1.000000000\tvhal\tGEAR/0\t16\n"
				"2.000000000\tcommand\tuser\tset gear=P\n"
				"3.000000000\tcan\t0:1A0\t0102\n";
	struct diff_result r = diff_of(drive, b, NULL);
	const struct diff_key *k = &r.key[r.first];

	(void)state_;
	check_counts(&r, 4, 2, 0, 0, 0);
	CHECK_STR(k->key, "accel");
	CHECK_EQ(k->first.what, DIFF_CHANGED);
	CHECK_EQ(k->first.t, 200 * VT_MS);
	CHECK_STR(k->first.text[0], "0.1\t0.3\t9.81");
	CHECK_STR(k->first.text[1], "0.1\t0.5\t9.81");
	CHECK_NEAR(k->first.delta, 0.2, 1e-12);
	/* two records before it, itself and two after it, of both sides */
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(r.n_context[i], 5);
		CHECK_EQ(r.context[i][0].t, 0);
		CHECK(r.context[i][2].mark);
		CHECK_EQ(r.context[i][4].ch, REC_COMMAND);
	}
	diff_result_finish(&r);
}

TEST(diff_finds_missing_extra_and_shifted)
{
	static const char a[] = "1.000000000\tvhal\tX/0\t1\n"
				"2.000000000\tvhal\tX/0\t2\n"
				"3.000000000\tvhal\tX/0\t3\n"
				"4.000000000\tvhal\tX/0\t4\n";
	static const char less[] = "1.000000000\tvhal\tX/0\t1\n"
				   "3.000000000\tvhal\tX/0\t3\n"
				   "4.000000000\tvhal\tX/0\t4\n";
	static const char moved[] = "1.000000000\tvhal\tX/0\t1\n"
				    "2.300000000\tvhal\tX/0\t2\n"
				    "3.000000000\tvhal\tX/0\t3\n"
				    "4.000000000\tvhal\tX/0\t4\n";
	struct diff_result r;

	(void)state_;
	DIFF(less, a, NULL, 3, 0, 0, 0, 1);
	r = diff_of(a, less, NULL);
	check_counts(&r, 3, 0, 0, 1, 0);
	CHECK_EQ(r.key[0].first.what, DIFF_MISSING);
	CHECK_EQ(r.key[0].first.t, 2 * VT_S);
	CHECK_STR(r.key[0].first.text[0], "2");
	CHECK(r.key[0].first.text[1] == NULL);
	diff_result_finish(&r);
	r = diff_of(a, moved, NULL);
	check_counts(&r, 3, 0, 1, 0, 0);
	CHECK_EQ(r.key[0].first.at[1], 2300 * VT_MS);
	CHECK_EQ(r.key[0].worst_shift, 300 * VT_MS);
	diff_result_finish(&r);
	/* further than the window it is another record */
	DIFF(a, moved, "- match: vhal\n  window: 200ms\n", 3, 0, 0, 1, 1);
}

/* ---- tolerances ---- */

#define ONE(v) "1.000000000\tsignal\tVehicle.Speed\t" v "\n"

TEST(diff_abs_holds_at_its_limit_and_not_beyond)
{
	static const char tol[] = "- match: signal:Vehicle.*\n  abs: 0.1\n";

	(void)state_;
	DIFF(ONE("1"), ONE("1.1"), tol, 1, 0, 0, 0, 0);
	DIFF(ONE("1.1"), ONE("1"), tol, 1, 0, 0, 0, 0);
	DIFF(ONE("1"), ONE("1.1000001"), tol, 0, 1, 0, 0, 0);
	DIFF(ONE("1000000.1"), ONE("1000000"), tol, 1, 0, 0, 0, 0);
	DIFF(ONE("1"), ONE("1.1"), NULL, 0, 1, 0, 0, 0);
}

TEST(diff_rel_is_of_the_greater_magnitude)
{
	static const char tol[] = "- match: signal\n  rel: 1 %\n";

	(void)state_;
	DIFF(ONE("99"), ONE("100"), tol, 1, 0, 0, 0, 0);
	DIFF(ONE("100"), ONE("99"), tol, 1, 0, 0, 0, 0);
	DIFF(ONE("98.999"), ONE("100"), tol, 0, 1, 0, 0, 0);
	DIFF(ONE("-99"), ONE("-100"), tol, 1, 0, 0, 0, 0);
	DIFF(ONE("0"), ONE("1e-300"), tol, 0, 1, 0, 0, 0);
}

TEST(diff_time_holds_at_its_limit_and_not_beyond)
{
	static const char tol[] = "- match: signal\n  time: 10ms\n";

	(void)state_;
	DIFF("1.000000000\tsignal\tX\t5\n", "1.010000000\tsignal\tX\t5\n",
	     tol, 1, 0, 0, 0, 0);
	DIFF("1.010000000\tsignal\tX\t5\n", "1.000000000\tsignal\tX\t5\n",
	     tol, 1, 0, 0, 0, 0);
	DIFF("1.000000000\tsignal\tX\t5\n", "1.010000001\tsignal\tX\t5\n",
	     tol, 0, 0, 1, 0, 0);
}

TEST(diff_nan_equals_nan_only)
{
	static const char tol[] = "- match: signal\n  abs: 1000\n";

	(void)state_;
	DIFF(ONE("nan"), ONE("nan"), NULL, 1, 0, 0, 0, 0);
	DIFF(ONE("nan"), ONE("nan"), tol, 1, 0, 0, 0, 0);
	DIFF(ONE("nan"), ONE("1"), tol, 0, 1, 0, 0, 0);
	DIFF(ONE("inf"), ONE("inf"), tol, 1, 0, 0, 0, 0);
	DIFF(ONE("inf"), ONE("-inf"), tol, 0, 1, 0, 0, 0);
	DIFF(ONE("inf"), ONE("1e308"), tol, 0, 1, 0, 0, 0);
}

TEST(diff_without_tolerance_goes_by_the_text)
{
	(void)state_;
	DIFF(ONE("0"), ONE("-0"), NULL, 0, 1, 0, 0, 0);
	/* bytes in hex must not be taken for numbers */
	DIFF("1.0\tvhal\tX/0\t1e05\n", "1.0\tvhal\tX/0\t10e4\n", NULL, 0, 1,
	     0, 0, 0);
}

TEST(diff_numbers_inside_texts_have_tolerance_too)
{
	static const char tol[] = "- match: \"*\"\n  abs: 0.01\n";

	(void)state_;
	DIFF("1.0\tvhal\tX/0\t[1,2.5]\n", "1.0\tvhal\tX/0\t[1.001,2.5]\n",
	     tol, 1, 0, 0, 0, 0);
	DIFF("1.0\tcommand\tu\tspeed to=5 over=2\n",
	     "1.0\tcommand\tu\tspeed to=5.009 over=2\n", tol, 1, 0, 0, 0, 0);
	DIFF("1.0\tcommand\tu\tspeed to=5 over=2\n",
	     "1.0\tcommand\tu\tbrake to=5 over=2\n", tol, 0, 1, 0, 0, 0);
	DIFF("1.0\tvhal\tX/0\t[1,2]\n", "1.0\tvhal\tX/0\t[1,2,3]\n", tol, 0,
	     1, 0, 0, 0);
	/* frames are no numbers */
	DIFF("1.0\tcan\t0:1\t1000\n", "1.0\tcan\t0:1\t1000.001\n", tol, 0, 1,
	     0, 0, 0);
}

TEST(diff_first_rule_that_matches_wins)
{
	static const char tol[] = "- match: signal:A\n  abs: 1\n"
				  "- match: signal:B\n  ignore: true\n"
				  "- match: signal\n";
	static const char a[] = "1.0\tsignal\tA\t1\n1.0\tsignal\tB\t1\n"
				"1.0\tsignal\tC\t1\n";
	static const char b[] = "1.0\tsignal\tA\t2\n1.0\tsignal\tB\t9\n"
				"1.0\tsignal\tC\t1\n";
	struct diff_result r = diff_of(a, b, tol);

	(void)state_;
	check_counts(&r, 2, 0, 0, 0, 0);
	CHECK_EQ(r.total.ignored, 2);
	CHECK_EQ(r.key[0].rule, 0);
	CHECK(r.key[0].has_worst);
	CHECK(r.key[0].worst == 1);
	diff_result_finish(&r);
}

TEST(diff_allows_what_a_rule_allows)
{
	static const char a[] = "1.0\tfault\tx\ton\n2.0\tfault\tx\toff\n";
	static const char b[] = "1.0\tfault\tx\ton\n";

	(void)state_;
	DIFF(a, b, "- match: fault\n  missing: allow\n", 1, 0, 0, 0, 0);
	DIFF(b, a, "- match: fault\n  missing: allow\n", 1, 0, 0, 0, 1);
	DIFF(b, a, "- match: fault\n  extra: allow\n", 1, 0, 0, 0, 0);
}

TEST(diff_order_any_takes_a_set)
{
	static const char a[] = "1.0\tdevice\tx\ta\n1.0\tdevice\tx\tb\n"
				"1.0\tdevice\tx\tb\n";
	static const char b[] = "1.0\tdevice\tx\tb\n1.0\tdevice\tx\tb\n"
				"1.0\tdevice\tx\ta\n";
	static const char c[] = "1.0\tdevice\tx\ta\n1.0\tdevice\tx\ta\n"
				"1.0\tdevice\tx\tb\n";
	static const char tol[] = "- match: device\n  order: any\n";

	(void)state_;
	CHECK(true);
	DIFF(a, b, tol, 3, 0, 0, 0, 0);
	DIFF(a, c, tol, 2, 0, 0, 1, 1);
	struct diff_result r = diff_of(a, b, NULL);

	CHECK(r.differs);
	diff_result_finish(&r);
}

/* ---- curves ---- */

static struct text wave(double from, double step, int n, double offset)
{
	struct text t = { 0 };
	char line[64];

	for (int i = 0; i < n; i++) {
		double s = from + i * step;

		snprintf(line, sizeof(line), "imu\tgyro\t%.9g",
			 sin(s) + offset);
		add(&t, s, line);
	}
	return t;
}

static struct diff_result diff_waves(struct text a, struct text b,
				     const char *yaml)
{
	struct diff_result r;

	r = diff_of(a.s, b.s, yaml);
	free(a.s);
	free(b.s);
	return r;
}

TEST(diff_curves_of_different_rates_agree_within_abs)
{
	static const char tol[] = "- match: imu\n  abs: 0.002\n"
				  "  max_gap: 200ms\n";
	struct diff_result r = diff_waves(wave(0, 0.01, 974, 0),
					  wave(0, 0.0695, 141, 0), tol);

	(void)state_;
	check_counts(&r, 974, 0, 0, 0, 0);
	CHECK(r.key[0].curve);
	CHECK(r.key[0].worst > 0 && r.key[0].worst < 0.002);
	diff_result_finish(&r);
	/* without max_gap every sample needs a partner */
	r = diff_waves(wave(0, 0.01, 1000, 0), wave(0, 0.0695, 141, 0),
		       "- match: imu\n  abs: 0.002\n");
	CHECK(r.differs);
	CHECK(!r.key[0].curve);
	diff_result_finish(&r);
	r = diff_waves(wave(0, 0.01, 1000, 0), wave(0, 0.0695, 141, 0.003),
		       tol);
	CHECK(r.differs);
	CHECK(r.total.n[DIFF_CHANGED] > 900);
	diff_result_finish(&r);
}

TEST(diff_curve_with_a_hole_is_missing_there)
{
	static const char tol[] = "- match: imu\n  abs: 0.01\n"
				  "  max_gap: 100ms\n";
	struct text a = wave(0, 0.01, 1000, 0), b = { 0 };
	struct diff_result r;

	(void)state_;
	for (int i = 0; i < 1000; i++) {
		char line[64];

		/* nothing in the half second after 4 s */
		if (i > 400 && i < 450) {
			continue;
		}
		snprintf(line, sizeof(line), "imu\tgyro\t%.9g", sin(i * 0.01));
		add(&b, i * 0.01, line);
	}
	r = diff_waves(a, b, tol);
	/* nearest samples stand in for up to 100 ms on both sides of the hole */
	CHECK_EQ(r.total.n[DIFF_EXTRA], 0);
	CHECK(r.total.n[DIFF_MISSING] > 25 && r.total.n[DIFF_MISSING] < 50);
	CHECK(r.key[0].first.t >= 4 * VT_S);
	CHECK(r.key[0].first.t < 4500 * VT_MS);
	diff_result_finish(&r);
}

TEST(diff_curve_sees_a_spike_that_only_one_side_has)
{
	static const char tol[] = "- match: imu\n  abs: 0.01\n"
				  "  max_gap: 100ms\n  time: 20ms\n";
	struct text a = wave(0, 0.01, 300, 0), b = { 0 };
	struct diff_result r;

	(void)state_;
	for (int i = 0; i < 300; i++) {
		char line[64];

		snprintf(line, sizeof(line), "imu\tgyro\t%.9g",
			 sin(i * 0.01) + (i == 200 ? 5 : 0));
		add(&b, i * 0.01, line);
	}
	r = diff_waves(a, b, tol);
	check_counts(&r, 300, 1, 0, 0, 0);
	CHECK_EQ(r.key[0].first.t, 2 * VT_S);
	CHECK_NEAR(r.key[0].worst, 5, 0.05);
	diff_result_finish(&r);
}

TEST(diff_curve_holds_values_where_told)
{
	static const char tol[] = "- match: signal\n  max_gap: 10s\n";
	static const char a[] = "0.0\tsignal\tX\t1\n2.0\tsignal\tX\t3\n";
	/* the same staircase, said more often */
	static const char b[] = "0.0\tsignal\tX\t1\n1.0\tsignal\tX\t1\n"
				"2.0\tsignal\tX\t3\n3.0\tsignal\tX\t3\n";
	static const char c[] = "0.0\tsignal\tX\t1\n1.0\tsignal\tX\t2\n"
				"2.0\tsignal\tX\t3\n3.0\tsignal\tX\t3\n";

	(void)state_;
	DIFF(a, b, tol, 2, 0, 0, 0, 0);
	DIFF(b, a, tol, 4, 0, 0, 0, 0);
	DIFF(a, c, tol, 2, 1, 0, 0, 0);
	/* a straight line through them instead */
	DIFF(a, c,
	     "- match: signal\n  max_gap: 10s\n  interpolate: linear\n", 2, 0,
	     0, 0, 0);
	/* a step that comes 50 ms late is within 50 ms and not within 40 */
	DIFF("0.0\tsignal\tX\t1\n2.0\tsignal\tX\t3\n4.0\tsignal\tX\t3\n",
	     "0.0\tsignal\tX\t1\n2.05\tsignal\tX\t3\n4.0\tsignal\tX\t3\n",
	     "- match: signal\n  max_gap: 10s\n  time: 50ms\n", 3, 0, 0, 0, 0);
	DIFF("0.0\tsignal\tX\t1\n2.0\tsignal\tX\t3\n4.0\tsignal\tX\t3\n",
	     "0.0\tsignal\tX\t1\n2.05\tsignal\tX\t3\n4.0\tsignal\tX\t3\n",
	     "- match: signal\n  max_gap: 10s\n  time: 40ms\n", 2, 1, 0, 0, 0);
}

TEST(diff_curve_compares_columns_and_texts)
{
	static const char tol[] = "- match: imu\n  abs: 0.1\n  max_gap: 1s\n";

	(void)state_;
	DIFF("0.0\timu\ta\t1\t2\n1.0\timu\ta\t1\t2\n",
	     "0.0\timu\ta\t1\t2.05\n1.0\timu\ta\t1\t2\n", tol, 2, 0, 0, 0, 0);
	DIFF("0.0\timu\ta\t1\t2\n1.0\timu\ta\t1\t2\n",
	     "0.0\timu\ta\t1\t2.5\n1.0\timu\ta\t1\t2\n", tol, 1, 1, 0, 0, 0);
	DIFF("0.0\timu\ta\t1\t2\n1.0\timu\ta\tx\t2\n",
	     "0.0\timu\ta\t1\t2\n1.0\timu\ta\tx\t2\n", tol, 2, 0, 0, 0, 0);
	DIFF("0.0\timu\ta\t1\t2\n1.0\timu\ta\tx\t2\n",
	     "0.0\timu\ta\t1\t2\n1.0\timu\ta\ty\t2\n", tol, 1, 1, 0, 0, 0);
}

/* ---- properties ---- */

struct rec {
	vtime t;
	int key, value;
};

static void write_recs(struct text *out, const struct rec *v, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		char line[64];

		snprintf(line, sizeof(line), "vhal\tP%d/0\t%d", v[i].key,
			 v[i].value);
		add(out, vtime_to_s(v[i].t), line);
	}
}

static int by_t(const void *a, const void *b)
{
	const struct rec *x = a, *y = b;

	return x->t < y->t ? -1 : x->t > y->t;
}

/* B is A with some records dropped, changed and moved by less than the time
 * tolerance. */
static void vary(struct av_rand *r, const struct rec *a, size_t n,
		 struct rec *b, size_t *nb, unsigned int per_mille,
		 uint64_t *dropped, uint64_t *changed)
{
	*nb = 0;
	*dropped = *changed = 0;
	for (size_t i = 0; i < n; i++) {
		uint64_t dice = av_rand_below(r, 1000);

		if (dice < per_mille) {
			(*dropped)++;
			continue;
		}
		b[*nb] = a[i];
		if (dice < 2 * per_mille) {
			b[*nb].value += 1 + (int)av_rand_below(r, 5);
			(*changed)++;
		} else if (dice < 2 * per_mille + 100) {
			b[*nb].t += (vtime)av_rand_below(r, 900000);
		}
		(*nb)++;
	}
	qsort(b, *nb, sizeof(*b), by_t);
}

TEST(diff_counts_are_what_was_done_to_the_recording)
{
	static const char tol[] = "- match: vhal\n  time: 1ms\n";
	enum { N = 20000, KEYS = 20 };
	struct rec *a = calloc(N, sizeof(*a)), *b = calloc(N, sizeof(*b));
	struct av_rand rnd;

	(void)state_;
	for (uint64_t seed = 1; seed <= 5; seed++) {
		struct text ta = { 0 }, tb = { 0 };
		uint64_t dropped, changed;
		struct diff_result r;
		size_t nb;

		av_rand_init(&rnd, seed, "diff");
		for (int i = 0; i < N; i++) {
			a[i] = (struct rec){ i * 200 * VT_US, i % KEYS,
					     (int)av_rand_below(&rnd, 1000) };
		}
		vary(&rnd, a, N, b, &nb, 3, &dropped, &changed);
		write_recs(&ta, a, N);
		write_recs(&tb, b, nb);
		r = diff_of(ta.s, tb.s, tol);
		check_counts(&r, N - dropped - changed, changed, 0, dropped,
			     0);
		diff_result_finish(&r);
		r = diff_of(tb.s, ta.s, tol);
		check_counts(&r, N - dropped - changed, changed, 0, 0,
			     dropped);
		diff_result_finish(&r);
		free(ta.s);
		free(tb.s);
	}
	free(a);
	free(b);
}

/* Whatever the two are: each record is counted once, and exchanging the sides
 * exchanges missing and extra and nothing else. */
TEST(diff_is_symmetric_and_counts_each_record_once)
{
	static const char *const rules[] = {
		NULL, "- match: vhal\n  time: 5ms\n  abs: 1\n",
		"- match: vhal\n  order: any\n  time: 20ms\n",
		"- match: vhal\n  window: 30ms\n"
	};
	struct av_rand rnd;

	(void)state_;
	for (uint64_t seed = 1; seed <= 200; seed++) {
		struct text t[2] = { { 0 }, { 0 } };
		struct diff_result ab, ba;
		const char *tol = rules[seed % 4];

		av_rand_init(&rnd, seed, "symmetry");
		for (int side = 0; side < 2; side++) {
			struct rec v[300];
			size_t n = av_rand_below(&rnd, 300) + 1;
			vtime now = 0;

			for (size_t i = 0; i < n; i++) {
				now += (vtime)av_rand_below(&rnd, 30) * VT_MS;
				v[i] = (struct rec){
					now, (int)av_rand_below(&rnd, 3),
					(int)av_rand_below(&rnd, 4)
				};
			}
			write_recs(&t[side], v, n);
		}
		ab = diff_of(t[0].s, t[1].s, tol);
		ba = diff_of(t[1].s, t[0].s, tol);
		for (size_t i = 0; i < ab.n_keys; i++) {
			const struct diff_counts *x = &ab.key[i].c;
			const struct diff_counts *y = &ba.key[i].c;

			CHECK_EQ(x->a, x->same + x->n[DIFF_CHANGED] +
					       x->n[DIFF_SHIFTED] +
					       x->n[DIFF_MISSING]);
			CHECK_EQ(x->b, x->same + x->n[DIFF_CHANGED] +
					       x->n[DIFF_SHIFTED] +
					       x->n[DIFF_EXTRA]);
			CHECK_EQ(x->same, y->same);
			CHECK_EQ(x->n[DIFF_MISSING], y->n[DIFF_EXTRA]);
			CHECK_EQ(x->n[DIFF_EXTRA], y->n[DIFF_MISSING]);
			CHECK_EQ(x->n[DIFF_CHANGED], y->n[DIFF_CHANGED]);
			CHECK_EQ(x->n[DIFF_SHIFTED], y->n[DIFF_SHIFTED]);
		}
		diff_result_finish(&ab);
		diff_result_finish(&ba);
		free(t[0].s);
		free(t[1].s);
	}
}

TEST(diff_finds_one_planted_change_anywhere)
{
	enum { N = 2000 };
	struct av_rand rnd;

	(void)state_;
	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct rec v[N];
		struct text a = { 0 }, b = { 0 };
		struct diff_result r;
		size_t at, kind = seed % 3;

		av_rand_init(&rnd, seed, "planted");
		for (int i = 0; i < N; i++) {
			v[i] = (struct rec){ (i + 1) * VT_MS,
					     (int)av_rand_below(&rnd, 7),
					     (int)av_rand_below(&rnd, 3) };
		}
		write_recs(&a, v, N);
		at = av_rand_below(&rnd, N - 1);
		if (kind == 0) {
			v[at].value = 99;
			write_recs(&b, v, N);
		} else if (kind == 1) {
			write_recs(&b, v, at);
			write_recs(&b, v + at + 1, N - at - 1);
		} else {
			/* two records of one moment for one */
			v[at].value = 77;
			write_recs(&b, v, at + 1);
			v[at].value = 99;
			write_recs(&b, v + at, N - at);
		}
		r = diff_of(a.s, b.s, NULL);
		CHECK(r.differs);
		CHECK_EQ(r.key[r.first].first.t, v[at].t);
		if (kind != 2) {
			CHECK_EQ(r.key[r.first].first.what,
				 kind ? DIFF_MISSING : DIFF_CHANGED);
		}
		CHECK_EQ(diff_total(&r.total), kind == 2 ? 2 : 1);
		diff_result_finish(&r);
		free(a.s);
		free(b.s);
	}
}

TEST(diff_of_a_drive_that_runs_late_is_all_shifted)
{
	struct text a = { 0 }, b = { 0 };
	struct diff_result r;

	(void)state_;
	for (int i = 0; i < 3000; i++) {
		char line[64];

		snprintf(line, sizeof(line), "vhal\tX/0\t%d", i * 7919 % 1000);
		add(&a, i * 0.02, line);
		add(&b, i * 0.02 + 0.3, line);
	}
	r = diff_of(a.s, b.s, NULL);
	check_counts(&r, 0, 0, 3000, 0, 0);
	CHECK_EQ(r.key[0].worst_shift, 300 * VT_MS);
	CHECK(r.key[0].n_spans < DIFF_SPANS_MAX);
	diff_result_finish(&r);
	free(a.s);
	free(b.s);
}

/* ---- sources ---- */

static void check_refused(const char *dump, const char *where)
{
	struct text a = { (char *)(uintptr_t)dump, strlen(dump), 0 }, b = { 0 };
	struct diff_opts o = { .to = VT_NEVER };
	struct diff_result r;
	struct av_err err = { 0 };

	CHECK_EQ(compare(&a, &b, &o, &r, &err), -EINVAL);
	if (strncmp(err.msg, where, strlen(where)) != 0) {
		fail_msg("'%s' does not start with '%s'", err.msg, where);
	}
}

TEST(diff_says_where_a_dump_is_broken)
{
	(void)state_;
	check_refused("hello\n", "a:1:1: ");
	check_refused("1.0\tvhal\tX/0\t1\n2.0 vhal\n", "a:2:1: ");
	check_refused("1.0\tvhal\tX/0\t1\n\n2.0\tvahl\tX/0\t1\n", "a:3:5: ");
	check_refused("1.0\tvhal\tX/0\t1\n0.5\tvhal\tX/0\t1\n",
		      "a:2:1: time goes back");
	check_refused("99999999999\tvhal\tX/0\t1\n", "a:1:1: ");
}

TEST(diff_takes_dumps_as_people_have_them)
{
	(void)state_;
	/* CRLF, an empty line, fewer decimals, no newline at the end, no value */
	DIFF("1.0\tvhal\tX/0\t1\r\n\r\n2\tdevice\tx\t",
	     "1.000000000\tvhal\tX/0\t1\n2.000\tdevice\tx\n", NULL, 2, 0, 0, 0,
	     0);
}

TEST(diff_only_and_from_to_select)
{
	struct text a = { (char *)(uintptr_t)drive, strlen(drive), 0 };
	struct text b = { NULL, 0, 0 };
	struct diff_opts o = { .to = VT_NEVER, .only = "vhal,imu:acc*" };
	struct diff_result r;

	(void)state_;
	CHECK_EQ(compare(&a, &b, &o, &r, NULL), 0);
	check_counts(&r, 0, 0, 0, 4, 0);
	diff_result_finish(&r);
	o = (struct diff_opts){ .from = 200 * VT_MS, .to = 2 * VT_S };
	CHECK_EQ(compare(&a, &b, &o, &r, NULL), 0);
	check_counts(&r, 0, 0, 0, 3, 0);
	diff_result_finish(&r);
}

TEST(diff_reads_lines_longer_than_a_block)
{
	size_t len = 700000;
	struct text a = { 0 }, b = { 0 };
	struct diff_opts o = { .to = VT_NEVER, .context = 3 };
	struct diff_result r;
	char *line = malloc(len);

	(void)state_;
	memset(line, 'x', len);
	memcpy(line, "device\tblk\t", 11);
	line[len - 1] = '\0';
	for (int i = 0; i < 3; i++) {
		add(&a, i, line);
		line[len - 2] = i == 1 ? 'y' : 'x';
		add(&b, i, line);
		line[len - 2] = 'x';
	}
	CHECK_EQ(compare(&a, &b, &o, &r, NULL), 0);
	check_counts(&r, 2, 1, 0, 0, 0);
	CHECK_EQ(strlen(r.key[0].first.text[0]), DIFF_TEXT_MAX - 1);
	diff_result_finish(&r);
	free(a.s);
	free(b.s);
	free(line);
}

TEST(diff_refuses_more_keys_than_memory_is_for)
{
	struct text a = { 0 }, b = { 0 };
	struct diff_opts o = { .to = VT_NEVER };
	struct diff_result r;
	struct av_err err = { 0 };

	(void)state_;
	for (int i = 0; i <= DIFF_KEYS_MAX + 1; i++) {
		char line[64];

		snprintf(line, sizeof(line), "vhal\tP%d/0\t1", i);
		add(&a, i * 0.001, line);
	}
	CHECK_EQ(compare(&a, &b, &o, &r, &err), -E2BIG);
	CHECK(strstr(err.msg, "--only") != NULL);
	free(a.s);
}

TEST(diff_context_is_found_far_into_long_recordings)
{
	struct text a = { 0 }, b = { 0 };
	struct diff_opts o = { .to = VT_NEVER, .context = 2, .only = "vhal" };
	struct diff_result r;

	(void)state_;
	/* one vhal record in 20000: the context lies megabytes back */
	for (int i = 0; i < 200000; i++) {
		const char *line = i % 20000 == 0 ? "vhal\tX/0\t1" :
						    "device\tx\tsomething";

		add(&a, i * 0.001, line);
		add(&b, i * 0.001,
		    i == 180000 ? "vhal\tX/0\t2" : line);
	}
	CHECK_EQ(compare(&a, &b, &o, &r, NULL), 0);
	check_counts(&r, 9, 1, 0, 0, 0);
	CHECK_EQ(r.n_context[0], 3);
	CHECK_EQ(r.context[0][0].t, 140 * VT_S);
	CHECK(r.context[0][2].mark);
	CHECK_STR(r.context[1][2].text, "2");
	diff_result_finish(&r);
	free(a.s);
	free(b.s);
}

int main(void)
{
	return RUN_TESTS(
		T(diff_of_a_recording_with_itself_is_the_same),
		T(diff_of_empty_recordings),
		T(diff_of_a_recording_that_lacks_a_channel),
		T(diff_names_the_change_and_its_time),
		T(diff_finds_missing_extra_and_shifted),
		T(diff_abs_holds_at_its_limit_and_not_beyond),
		T(diff_rel_is_of_the_greater_magnitude),
		T(diff_time_holds_at_its_limit_and_not_beyond),
		T(diff_nan_equals_nan_only),
		T(diff_without_tolerance_goes_by_the_text),
		T(diff_numbers_inside_texts_have_tolerance_too),
		T(diff_first_rule_that_matches_wins),
		T(diff_allows_what_a_rule_allows),
		T(diff_order_any_takes_a_set),
		T(diff_curves_of_different_rates_agree_within_abs),
		T(diff_curve_with_a_hole_is_missing_there),
		T(diff_curve_sees_a_spike_that_only_one_side_has),
		T(diff_curve_holds_values_where_told),
		T(diff_curve_compares_columns_and_texts),
		T(diff_counts_are_what_was_done_to_the_recording),
		T(diff_is_symmetric_and_counts_each_record_once),
		T(diff_finds_one_planted_change_anywhere),
		T(diff_of_a_drive_that_runs_late_is_all_shifted),
		T(diff_says_where_a_dump_is_broken),
		T(diff_takes_dumps_as_people_have_them),
		T(diff_only_and_from_to_select),
		T(diff_reads_lines_longer_than_a_block),
		T(diff_refuses_more_keys_than_memory_is_for),
		T(diff_context_is_found_far_into_long_recordings));
}
