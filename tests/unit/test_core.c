/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "sim/core/bus.h"
#include "sim/core/cmdq.h"
#include "sim/core/evq.h"
#include "sim/core/pace.h"
#include "sim/core/rand.h"
#include "sim/core/text.h"
#include "sim/core/units.h"
#include "sim/core/yaml.h"
#include "sim/topics.h"

#include <errno.h>
#include <string.h>

#include "tests/unit/test.h"

/* ---- vtime ---- */

TEST(vtime_formats_nine_decimals)
{
	char buf[VTIME_STR_MAX];

	(void)state_;
	vtime_format(12345 * VT_MS, buf);
	CHECK_STR(buf, "12.345000000");
	vtime_format(-1, buf);
	CHECK_STR(buf, "-0.000000001");
	vtime_format(INT64_MIN, buf);
	CHECK_STR(buf, "-9223372036.854775808");
}

TEST(vtime_parses_units_exactly)
{
	static const struct {
		const char *text;
		int ret;
		vtime want;
	} rows[] = {
		{ "90", 0, 90 * VT_S },	      { "1.5s", 0, 1500 * VT_MS },
		{ "200 ms", 0, 200 * VT_MS }, { "0.1", 0, 100 * VT_MS },
		{ "2min", 0, 120 * VT_S },    { "-3us", 0, -3 * VT_US },
		{ "", -EINVAL, 0 },	      { "s", -EINVAL, 0 },
		{ "1 parsec", -EINVAL, 0 },   { "1e3", -EINVAL, 0 },
		{ "99999999999999999999", -ERANGE, 0 },
		{ "9223372036854775807h", -ERANGE, 0 },
	};

	(void)state_;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		vtime t = 0;

		CHECK_EQ(vtime_parse(rows[i].text, &t), rows[i].ret);
		CHECK_EQ(t, rows[i].want);
	}
}

/* ---- text ---- */

TEST(text_numbers_are_shortest_and_read_back_exactly)
{
	static const struct {
		double v;
		const char *text;
	} rows[] = {
		{ 0, "0" },	    { -0.0, "-0" },	  { 0.1, "0.1" },
		{ 1.0 / 3, "0.3333333333333333" },	  { 1e22, "1e+22" },
		{ 123456, "123456" }, { -2.5e-9, "-2.5e-09" },
		{ INFINITY, "inf" },  { 5e-324, "5e-324" },
	};
	struct av_rand r;
	char buf[AV_NUM_TEXT_MAX];

	(void)state_;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		av_num_text(rows[i].v, buf);
		CHECK_STR(buf, rows[i].text);
	}
	av_f32_text(0.1f, buf);
	CHECK_STR(buf, "0.1");
	av_rand_init(&r, 7, "text");
	for (int i = 0; i < 20000; i++) {
		union {
			uint64_t u;
			double d;
		} in = { .u = av_rand_u64(&r) }, out = { 0 };
		size_t len;

		if (i & 1) {
			in.d = (double)(int32_t)in.u / 1000;
		}
		if (isnan(in.d)) {
			continue;
		}
		len = av_num_text(in.d, buf);
		CHECK_EQ(av_num_parse(buf, len, &out.d), 0);
		CHECK(in.u == out.u);
	}
}

TEST(text_numbers_refuse_what_is_none)
{
	static const char *const bad[] = { "",	  "-",	 ".",	 "1 ",
					   " 1",  "0x1", "1e",	 "1e+",
					   "1.2.3", "nano", "infinity" };
	double v = 42;

	(void)state_;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK_EQ(av_num_parse(bad[i], strlen(bad[i]), &v), -EINVAL);
	}
	CHECK(v == 42);
	CHECK_EQ(av_num_parse("1e999", 5, &v), 0);
	CHECK(isinf(v));
	CHECK_EQ(av_num_parse("9007199254740993", 16, &v), 0);
	CHECK(v == 9007199254740992.0);
}

TEST(text_only_selects_channels_and_keys)
{
	(void)state_;
	CHECK(av_glob_only("vhal", "vhal", "X/0"));
	CHECK(!av_glob_only("vhal", "can", "0:1A0"));
	CHECK(av_glob_only("*", "can", "0:1A0"));
	CHECK(av_glob_only("vhal:*DOOR*", "vhal", "DOOR_POS/ROW_1_LEFT"));
	CHECK(!av_glob_only("vhal:*DOOR", "vhal", "DOOR_POS/ROW_1_LEFT"));
	CHECK(av_glob_only("imu,can:0:1A?", "can", "0:1A0"));
	CHECK(av_glob_only("*:a*b*c", "imu", "axxbxbxc"));
	CHECK(!av_glob_only("*:a*b*c", "imu", "axxbxbx"));
	CHECK(!av_glob_only("", "imu", "x"));
}

/* ---- event queue ---- */

struct trace {
	char text[256];
	struct evq *q;
	struct vtimer again;
};

static void log_a(struct vtimer *t, vtime now)
{
	struct trace *tr = t->ctx;

	snprintf(tr->text + strlen(tr->text), 32, "a%d ", (int)now);
}

static void log_b(struct vtimer *t, vtime now)
{
	struct trace *tr = t->ctx;

	snprintf(tr->text + strlen(tr->text), 32, "b%d ", (int)now);
	if (now == 5) {
		tr->again = (struct vtimer){ .fn = log_a, .ctx = tr };
		evq_arm(tr->q, &tr->again, 0); /* past: counts as now */
	}
}

TEST(evq_equal_times_fire_in_arming_order)
{
	struct trace tr = { .q = evq_create() };
	struct vtimer a = { .fn = log_a, .ctx = &tr };
	struct vtimer b = { .fn = log_b, .ctx = &tr };
	struct vtimer c = { .fn = log_b, .ctx = &tr };
	struct vtimer d = { .fn = log_a, .ctx = &tr };

	(void)state_;
	evq_arm(tr.q, &a, 9);
	evq_arm(tr.q, &b, 5);
	evq_arm(tr.q, &c, 9);
	evq_arm(tr.q, &d, 5);
	CHECK_EQ(evq_next_due(tr.q), 5);
	evq_run_until(tr.q, 7);
	CHECK_EQ(evq_now(tr.q), 7);
	evq_arm(tr.q, &a, 9); /* re-arming goes to the end of the line */
	evq_run_until(tr.q, 20);
	CHECK_STR(tr.text, "b5 a5 a5 b9 a9 ");
	CHECK_EQ(evq_next_due(tr.q), VT_NEVER);
	CHECK(!evq_run_next(tr.q));
	evq_destroy(tr.q);
}

static void count_and_check(struct vtimer *t, vtime now)
{
	vtime *last = t->ctx;

	CHECK(now >= *last);
	*last = now;
}

TEST(evq_random_arm_and_disarm_keeps_order)
{
	enum { N = 500 };
	static struct vtimer t[N];
	struct evq *q = evq_create();
	struct av_rand r;
	vtime last = 0;

	(void)state_;
	av_rand_init(&r, 1, "evq");
	memset(t, 0, sizeof(t));
	for (int round = 0; round < 20000; round++) {
		struct vtimer *x = &t[av_rand_below(&r, N)];

		x->fn = count_and_check;
		x->ctx = &last;
		switch (av_rand_below(&r, 3)) {
		case 0:
			evq_disarm(q, x);
			CHECK_EQ(x->slot, 0);
			break;
		case 1:
			evq_run_next(q);
			break;
		default:
			CHECK_EQ(evq_arm(q, x,
					 evq_now(q) +
						 (vtime)av_rand_below(&r, 99)),
				 0);
		}
	}
	while (evq_run_next(q)) {
	}
	evq_destroy(q);
}

/* ---- bus ---- */

static const struct av_topic topics[] = {
	{ .name = "T0", .owner = STAGE_VEHICLE, .size = sizeof(int) },
	{ .name = "T1", .owner = STAGE_CAN, .size = sizeof(int) },
};

struct seen {
	struct bus *b;
	char text[64];
	const char *tag;
	char *out;
};

static void note(void *ctx, const void *msg)
{
	struct seen *s = ctx;

	snprintf(s->out + strlen(s->out), 16, "%s%d ", s->tag,
		 *(const int *)msg);
}

static void leave(void *ctx, const void *msg)
{
	struct seen *s = ctx;

	note(ctx, msg);
	bus_unsubscribe(s->b, leave, s);
}

TEST(bus_refuses_a_reader_that_is_not_later)
{
	struct bus *b = bus_create(topics, 2);
	struct av_err err = { 0 };

	(void)state_;
	CHECK_EQ(bus_subscribe(b, 1, STAGE_VEHICLE, "x", note, NULL, &err),
		 -EPERM);
	CHECK(strstr(err.msg, "later stages"));
	CHECK_EQ(bus_subscribe(b, 1, STAGE_CAN, "x", note, NULL, &err), -EPERM);
	CHECK_EQ(bus_subscribe(b, 0, STAGE_CAN, "x", note, NULL, &err), 0);
	bus_seal(b);
	CHECK_EQ(bus_subscribe(b, 0, STAGE_VHAL, "x", note, NULL, &err),
		 -EBUSY);
	CHECK_EQ(bus_subscribe(b, 0, STAGE_TAP, "x", note, NULL, &err), 0);
	bus_destroy(b);
}

TEST(bus_delivers_by_stage_then_by_subscription)
{
	struct bus *b = bus_create(topics, 2);
	char out[64] = "";
	struct seen s[3] = { { .b = b, .tag = "tap", .out = out },
			     { .b = b, .tag = "vhal", .out = out },
			     { .b = b, .tag = "can", .out = out } };
	int msg = 1;

	(void)state_;
	CHECK(!bus_wanted(b, 0));
	bus_subscribe(b, 0, STAGE_TAP, "t", leave, &s[0], NULL);
	bus_subscribe(b, 0, STAGE_VHAL, "v", note, &s[1], NULL);
	bus_subscribe(b, 0, STAGE_CAN, "c", note, &s[2], NULL);
	CHECK(bus_wanted(b, 0));
	bus_publish(b, 0, &msg);
	msg = 2;
	bus_publish(b, 0, &msg);
	CHECK_STR(out, "can1 vhal1 tap1 can2 vhal2 ");
	bus_destroy(b);
}

/* Every topic of avsim belongs to a stage and says its units and rate. */
TEST(bus_topic_table_is_complete)
{
	(void)state_;
	for (int i = 0; i < TOPIC_N; i++) {
		CHECK(av_topics[i].name && av_topics[i].units &&
		      av_topics[i].rate);
		CHECK(av_topics[i].size > 0 && av_topics[i].owner < STAGE_TAP);
	}
}

TEST(vehicle_variables_have_known_units)
{
	(void)state_;
	for (int i = 0; i < VV_N; i++) {
		CHECK(av_unit_find(vehicle_var_info[i].unit));
		CHECK_EQ(vehicle_var_find(vehicle_var_info[i].name), i);
	}
	CHECK_EQ(vehicle_var_find("nonsense"), -1);
	CHECK_EQ(vehicle_var_info[VV_speed].writable, 0);
	CHECK_EQ(vehicle_var_info[VV_throttle].writable, 1);
}

/* ---- command queue ---- */

struct cmd_log {
	struct cmdq *q;
	char out[256];
};

static int apply_cmd(void *ctx, const struct cmd *c, struct av_err *err)
{
	struct cmd_log *l = ctx;
	size_t n = strlen(l->out);

	snprintf(l->out + n, sizeof(l->out) - n, "%s@%d ",
		 c->kind == CMD_TEXT ? c->text : "actuate", (int)c->t);
	if (c->kind == CMD_TEXT && !strcmp(c->text, "again")) {
		cmdq_post(l->q, CMD_FROM_SCENARIO, "later");
	}
	if (c->kind == CMD_TEXT && !strcmp(c->text, "bad")) {
		return av_err_set(err, -EINVAL, "no");
	}
	return 0;
}

static void done_cmd(void *ctx, const struct cmd *c, int ret,
		     const struct av_err *err)
{
	struct cmd_log *l = ctx;

	(void)c;
	if (ret < 0) {
		strcat(l->out, err->msg);
		strcat(l->out, " ");
	}
}

TEST(cmdq_applies_inputs_first_and_defers_what_handlers_post)
{
	vtime now = 7;
	struct cmd_log l = { .q = cmdq_create(&now) };

	(void)state_;
	cmdq_set_handler(l.q, apply_cmd, &l);
	cmdq_set_done(l.q, done_cmd, &l);
	cmdq_post(l.q, CMD_FROM_USER, "again");
	cmdq_post_actuate(l.q, VV_throttle, 1);
	cmdq_post(l.q, CMD_FROM_GUEST, "bad");
	cmdq_apply(l.q, 10);
	CHECK_EQ(cmdq_waiting(l.q), 1);
	cmdq_apply(l.q, 20);
	CHECK_STR(l.out, "again@10 bad@10 no actuate@10 later@20 ");
	cmdq_destroy(l.q);
}

static int ignore_cmd(void *ctx, const struct cmd *c, struct av_err *err)
{
	(void)ctx;
	(void)c;
	(void)err;
	return 0;
}

TEST(cmdq_is_bounded)
{
	vtime now = 0;
	struct cmdq *q = cmdq_create(&now);
	char *big = malloc(70000);

	(void)state_;
	memset(big, 'x', 69999);
	big[69999] = '\0';
	CHECK_EQ(cmdq_post(q, CMD_FROM_GUEST, big), -E2BIG);
	for (size_t i = 0; i < CMDQ_BYTES_MAX / CMDQ_TEXT_MAX; i++) {
		big[CMDQ_TEXT_MAX] = '\0';
		CHECK_EQ(cmdq_post(q, CMD_FROM_GUEST, big), 0);
	}
	CHECK_EQ(cmdq_post(q, CMD_FROM_USER, "x"), -ENOSPC);
	CHECK_EQ(cmdq_post(q, CMD_FROM_SCENARIO, "x"), 0);
	cmdq_set_handler(q, ignore_cmd, NULL);
	cmdq_apply(q, 10); /* there is room again */
	free(big);
	for (int i = 0; i < CMDQ_MAX; i++) {
		CHECK_EQ(cmdq_post(q, CMD_FROM_GUEST, "x"), 0);
	}
	CHECK_EQ(cmdq_post(q, CMD_FROM_GUEST, "x"), -ENOSPC);
	CHECK_EQ(cmdq_post_actuate(q, 0, 0), 0); /* a place of its own */
	cmdq_destroy(q);
}

/* ---- random streams ---- */

TEST(rand_streams_do_not_depend_on_each_other)
{
	struct av_rand a, b, a2;
	double sum = 0, sq = 0;

	(void)state_;
	av_rand_init(&a, 1, "imu");
	av_rand_init(&b, 1, "gnss");
	av_rand_init(&a2, 1, "imu");
	CHECK(av_rand_u64(&a) != av_rand_u64(&b));
	CHECK_EQ(av_rand_u64(&a), (av_rand_u64(&a2), av_rand_u64(&a2)));
	for (int i = 0; i < 100000; i++) {
		double g = av_rand_gauss(&a);

		sum += g;
		sq += g * g;
	}
	CHECK_NEAR(sum / 100000, 0, 0.02);
	CHECK_NEAR(sq / 100000, 1, 0.02);
}

/* xoshiro256** seeded with 1,2,3,4: first outputs of the authors' code. */
TEST(rand_matches_the_published_generator)
{
	struct av_rand r = { .s = { 1, 2, 3, 4 } };

	(void)state_;
	CHECK(av_rand_u64(&r) == UINT64_C(11520));
	CHECK(av_rand_u64(&r) == UINT64_C(0));
	CHECK(av_rand_u64(&r) == UINT64_C(1509978240));
	CHECK(av_rand_u64(&r) == UINT64_C(1215971899390074240));
}

/* ---- units ---- */

TEST(units_read_quantities_and_name_the_mistake)
{
	struct av_err err;
	double v;

	(void)state_;
	CHECK_EQ(av_quantity_parse("36 km/h", DIM_SPEED, &v, &err), 0);
	CHECK_NEAR(v, 10, 1e-12);
	CHECK_EQ(av_quantity_parse("-40degF", DIM_TEMPERATURE, &v, &err), 0);
	CHECK_NEAR(v, -40, 1e-9);
	CHECK_EQ(av_quantity_parse("80 %", DIM_RATIO, &v, &err), 0);
	CHECK_NEAR(v, 0.8, 1e-12);
	CHECK_EQ(av_quantity_parse("5 km", DIM_SPEED, &v, &err), -EINVAL);
	CHECK_STR(err.msg, "unit 'km' does not fit here, want one like m/s");
	CHECK_EQ(av_quantity_parse("5 kmm/h", DIM_SPEED, &v, &err), -EINVAL);
	CHECK_STR(err.msg, "unknown unit 'kmm/h' (did you mean 'km/h'?)");
	CHECK_EQ(av_quantity_parse("nan", DIM_NONE, &v, &err), -EINVAL);
	CHECK_EQ(av_quantity_parse("0x10", DIM_NONE, &v, &err), -EINVAL);
	CHECK_EQ(av_quantity_parse("1e999", DIM_NONE, &v, &err), -EINVAL);
	for (size_t i = 0; av_unit_at(i); i++) {
		const struct av_unit *u = av_unit_at(i);

		CHECK(av_unit_find(u->name) == u);
		CHECK_NEAR(av_unit_from_base(u, av_unit_to_base(u, 7)), 7,
			   1e-9);
	}
}

/* ---- YAML ---- */

static void yaml_fails(const char *text, const char *want)
{
	struct av_yaml_doc doc;
	struct av_diags d = { 0 };
	char got[600];

	CHECK_EQ(av_yaml_parse("f", text, strlen(text), &doc, &d), -EINVAL);
	CHECK(d.n > 0);
	snprintf(got, sizeof(got), "%u:%u: %s", d.v[0].line, d.v[0].col,
		 d.v[0].msg);
	CHECK_STR(got, want);
	av_diags_finish(&d);
}

TEST(yaml_tree_knows_places)
{
	static const char text[] = "a: 1\nb: [x, 'y z']\nc:\n  - d: 2.5s\n";
	struct av_yaml_doc doc;
	struct av_diags d = { 0 };
	const struct av_yaml *b, *c;
	vtime t;

	(void)state_;
	CHECK_EQ(av_yaml_parse("f", text, strlen(text), &doc, &d), 0);
	b = av_yaml_get(doc.root, "b");
	CHECK_EQ(b->n, 2);
	CHECK_STR(b->item[1]->text, "y z");
	CHECK(b->item[1]->quoted && !b->item[0]->quoted);
	CHECK_EQ(b->item[1]->line, 2);
	CHECK_EQ(b->item[1]->col, 8);
	c = av_yaml_get(av_yaml_get(doc.root, "c")->item[0], "d");
	CHECK_EQ(av_yaml_time((struct av_yaml_at){ &doc, &d, doc.root }, c, "d",
			      &t),
		 0);
	CHECK_EQ(t, 2500 * VT_MS);
	CHECK_EQ(d.n, 0);
	av_yaml_finish(&doc);
}

TEST(yaml_refuses_what_could_explode_or_surprise)
{
	char deep[201];

	(void)state_;
	yaml_fails("a: &x [1]\nb: *x\n", "1:4: anchors are not supported");
	yaml_fails("a: 1\nb: 2\na: 3\n",
		   "3:1: key 'a' is given twice, first in line 1");
	yaml_fails("a: !!int 3\n", "1:4: tags are not supported");
	yaml_fails("? [1]\n: 2\n", "1:3: a key must be a word");
	yaml_fails("a: 1\n---\nb: 2\n",
		   "2:1: a second document starts here, only one is allowed");
	memset(deep, '[', 200);
	deep[200] = '\0';
	yaml_fails(deep, "1:65: nested too deeply");
	yaml_fails("a: \"x\\0y\"\n", "1:4: NUL in a text");
	yaml_fails("a:\n\tb: 1\n", "2:1: a tab: indent with spaces");
}

TEST(yaml_suggests_the_key_that_was_meant)
{
	static const char *const known[] = { "duration", "vehicle", NULL };
	static const char text[] = "durration: 1\n";
	struct av_yaml_doc doc;
	struct av_diags d = { 0 };

	(void)state_;
	CHECK_EQ(av_yaml_parse("f", text, strlen(text), &doc, &d), 0);
	CHECK_EQ(av_yaml_check_keys(&doc, doc.root, known, &d), -EINVAL);
	CHECK_STR(d.v[0].msg,
		  "unknown key 'durration' (did you mean 'duration'?)");
	av_diags_finish(&d);
	av_yaml_finish(&doc);
}

/* ---- pacing ---- */

TEST(pace_follows_the_wall_clock_at_its_speed)
{
	struct pace p;
	int64_t wake;

	(void)state_;
	pace_init(&p, 2.0);
	/* an event due at 1 s of virtual time is due after 0.5 s of wall time */
	CHECK_EQ(pace_until(&p, p.wall0, 0, VT_S, &wake), 0);
	CHECK_EQ(wake, p.wall0 + VT_S / 2);
	CHECK_EQ(pace_until(&p, wake, 0, VT_S, &wake), VT_S);
	/* 10 s asleep: give up what is lost instead of a burst */
	CHECK_EQ(pace_until(&p, p.wall0 + 10 * VT_S, VT_S, 2 * VT_S, &wake),
		 2 * VT_S);
	CHECK(p.late_n > 0);
	pace_pause(&p, true, 2 * VT_S);
	CHECK_EQ(pace_until(&p, p.wall0 + VT_S, 2 * VT_S, 3 * VT_S, &wake),
		 2 * VT_S);
	CHECK_EQ(wake, INT64_MAX);
	pace_step(&p, VT_S, 2 * VT_S);
	CHECK_EQ(pace_until(&p, p.wall0 + VT_S, 2 * VT_S, 3 * VT_S, &wake),
		 3 * VT_S);
}

int main(void)
{
	return RUN_TESTS(
		T(vtime_formats_nine_decimals), T(vtime_parses_units_exactly),
		T(text_numbers_are_shortest_and_read_back_exactly),
		T(text_numbers_refuse_what_is_none),
		T(text_only_selects_channels_and_keys),
		T(evq_equal_times_fire_in_arming_order),
		T(evq_random_arm_and_disarm_keeps_order),
		T(bus_refuses_a_reader_that_is_not_later),
		T(bus_delivers_by_stage_then_by_subscription),
		T(bus_topic_table_is_complete),
		T(vehicle_variables_have_known_units),
		T(cmdq_applies_inputs_first_and_defers_what_handlers_post),
		T(cmdq_is_bounded), T(rand_streams_do_not_depend_on_each_other),
		T(rand_matches_the_published_generator),
		T(units_read_quantities_and_name_the_mistake),
		T(yaml_tree_knows_places),
		T(yaml_refuses_what_could_explode_or_surprise),
		T(yaml_suggests_the_key_that_was_meant),
		T(pace_follows_the_wall_clock_at_its_speed));
}
