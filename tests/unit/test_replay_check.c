/* SPDX-License-Identifier: Apache-2.0 */
/* A run held against a recording: each kind of difference is found and named. */
#include "config.h"

#include "recordings/replay_check.h"
#include "sim/vhal/vhal.h"
#include "tests/unit/rec_rig.h"

#include <errno.h>

/* One record of either the recording or the run. */
struct step {
	enum av_topic_id topic;
	vtime t;
	const char *key, *text; /* texts, commands; a property's name */
	struct can_frame frame;
	float value;
	bool refused;
};

static const struct step drive[] = {
	{ TOPIC_COMMAND, 0, .key = "user", .text = "mark text=a" },
	{ TOPIC_CAN, 1, .frame = { .id = 0x10, .len = 2, .data = { 1, 2 } } },
	{ TOPIC_VHAL, 1, .key = "SPEED/0", .value = 0.1f },
	{ TOPIC_FAULT, 2, .key = "loss", .text = "on" },
	{ TOPIC_VHAL, 3, .key = "SPEED/0", .value = NAN },
	{ TOPIC_POWER, 3, .key = "ap", .text = "on" },
	{ TOPIC_POWER, 4, .key = "state", .text = "prepare" },
	{ TOPIC_SCENARIO, 5, .key = "a\tkey", .text = "a\ntext" },
	{ TOPIC_COMMAND, 6, .key = "guest", .text = "x", .refused = true },
	{ TOPIC_CAN, 7, .frame = { .id = 0x11, .len = 1, .bus = 1 } },
};
#define N (sizeof(drive) / sizeof(drive[0]))

static void as_command(const struct step *s, struct cmd *c,
		       struct cmd_event *e)
{
	*c = (struct cmd){ .source = strcmp(s->key, "user") ? CMD_FROM_GUEST :
							      CMD_FROM_USER,
			   .text = s->text };
	*e = (struct cmd_event){ .t = s->t,
				 .cmd = c,
				 .ok = !s->refused,
				 .error = "no" };
}

static void as_vhal(const struct step *s, struct vhal_value *v,
		    struct vhal_event *e)
{
	*v = (struct vhal_value){ .prop = VHAL_TYPE_FLOAT,
				  .n_f32 = 1,
				  .f32 = &s->value };
	*e = (struct vhal_event){ .t = s->t, .value = v, .name = s->key };
}

static void record(struct rec_writer *w, const struct step *s)
{
	static const enum rec_channel ch[TOPIC_N] = {
		[TOPIC_FAULT] = REC_FAULT,
		[TOPIC_POWER] = REC_POWER,
		[TOPIC_SCENARIO] = REC_SCENARIO,
	};
	struct can_frame f = s->frame;
	struct vhal_value v;
	struct vhal_event ve;
	struct cmd c;
	struct cmd_event ce;

	switch (s->topic) {
	case TOPIC_CAN:
		f.t = s->t;
		rec_can(w, &f);
		break;
	case TOPIC_VHAL:
		as_vhal(s, &v, &ve);
		rec_vhal(w, &ve);
		break;
	case TOPIC_COMMAND:
		as_command(s, &c, &ce);
		rec_command(w, &ce);
		break;
	default:
		rec_text(w, ch[s->topic], s->t, s->key, s->text);
		break;
	}
}

static void publish(struct bus *b, const struct step *s)
{
	struct can_frame f = s->frame;
	struct vhal_value v;
	struct vhal_event ve;
	struct cmd c;
	struct cmd_event ce;
	struct text_event te = { s->t, s->key, s->text };

	switch (s->topic) {
	case TOPIC_CAN:
		f.t = s->t;
		bus_publish(b, TOPIC_CAN, &f);
		break;
	case TOPIC_VHAL:
		as_vhal(s, &v, &ve);
		bus_publish(b, TOPIC_VHAL, &ve);
		break;
	case TOPIC_COMMAND:
		as_command(s, &c, &ce);
		bus_publish(b, TOPIC_COMMAND, &ce);
		break;
	default:
		bus_publish(b, s->topic, &te);
		break;
	}
}

/* @drive as a recording in g->path. */
static void record_drive(struct rig *g)
{
	struct av_err err = { 0 };
	struct rec_writer *w;

	rig_init(g);
	w = rig_create(rig_file(g, "r.avrec"));
	for (size_t i = 0; i < N; i++) {
		record(w, &drive[i]);
		/* evidence of the outside world, which no replay brings */
		rec_text(w, REC_DEVICE, drive[i].t, "blk0", "reset");
	}
	CHECK_EQ(rec_close(w, 8, "none", &err), 0);
}

/* Record @drive, run @n steps of @run against it. */
static struct replay_result compare(const struct step *run, size_t n,
				    bool to_the_end)
{
	struct bus *b = bus_create(av_topics, TOPIC_N);
	struct replay_result res = { 0 };
	struct replay_check *c = NULL;
	struct av_err err = { 0 };
	struct rig g;

	record_drive(&g);
	CHECK_EQ(replay_check_create(g.path, b, &c, &err), 0);
	for (size_t i = 0; i < n; i++) {
		publish(b, &run[i]);
	}
	if (to_the_end) {
		replay_check_finish(c, &res);
	} else {
		replay_check_stop(c, &res);
	}
	replay_check_destroy(c);
	bus_destroy(b);
	rig_finish(&g);
	CHECK_STR(res.error, "");
	return res;
}

TEST(replay_check_finds_nothing_where_nothing_is)
{
	struct replay_result res = compare(drive, N, true);

	CHECK(!res.differs);
	CHECK_EQ(res.n_compared, N);
	res = compare(drive, 4, false);
	CHECK(!res.differs);
	CHECK_EQ(res.n_compared, 4);
}

/* Step @i is changed to @s: found there, both lines told. */
static void planted(size_t i, struct step s, const char *want, const char *got)
{
	struct step run[N];
	struct replay_result res;

	memcpy(run, drive, sizeof(run));
	run[i] = s;
	res = compare(run, N, true);
	CHECK(res.differs);
	CHECK_EQ(res.at, i + 1);
	CHECK_EQ(res.n_compared, i);
	CHECK_STR(res.want, want);
	CHECK_STR(res.got, got);
}

TEST(replay_check_names_a_changed_frame)
{
	static const char want[] = "0.000000001\tcan\tcan0:010\t0102";
	struct step s = drive[1];

	s.frame.data[1] = 3;
	planted(1, s, want, "0.000000001\tcan\tcan0:010\t0103");
	s = drive[1];
	s.frame.len = 1;
	planted(1, s, want, "0.000000001\tcan\tcan0:010\t01");
	s = drive[1];
	s.frame.id++;
	planted(1, s, want, "0.000000001\tcan\tcan0:011\t0102");
	s = drive[1];
	s.frame.bus = 1;
	planted(1, s, want, "0.000000001\tcan\tbody:010\t0102");
	s = drive[1];
	s.frame.flags = CAN_EXT;
	planted(1, s, want, "0.000000001\tcan\tcan0:00000010\t0102");
	s = drive[1];
	s.t = 0;
	planted(1, s, want, "0.000000000\tcan\tcan0:010\t0102");
}

TEST(replay_check_names_a_changed_property)
{
	struct step s = drive[2];

	s.value = nextafterf(0.1f, 1);
	planted(2, s, "0.000000001\tvhal\tSPEED/0\t0.1",
		"0.000000001\tvhal\tSPEED/0\t0.10000001");
	s = drive[2];
	s.key = "GEAR/0";
	planted(2, s, "0.000000001\tvhal\tSPEED/0\t0.1",
		"0.000000001\tvhal\tGEAR/0\t0.1");
	s = drive[4];
	s.value = 0;
	planted(4, s, "0.000000003\tvhal\tSPEED/0\tnan",
		"0.000000003\tvhal\tSPEED/0\t0");
}

TEST(replay_check_names_a_changed_text_command_and_channel)
{
	struct step s = drive[0];

	s.text = "mark text=b";
	planted(0, s, "0.000000000\tcommand\tuser\tmark text=a",
		"0.000000000\tcommand\tuser\tmark text=b");
	s = drive[8];
	s.refused = false;
	planted(8, s, "0.000000006\tcommand\tguest\tx\tno",
		"0.000000006\tcommand\tguest\tx");
	s = drive[3];
	s.topic = TOPIC_POWER;
	planted(3, s, "0.000000002\tfault\tloss\ton",
		"0.000000002\tpower\tloss\ton");
	s = drive[7];
	s.text = "a text";
	planted(7, s, "0.000000005\tscenario\ta?key\ta\\ntext",
		"0.000000005\tscenario\ta?key\ta text");
	s = drive[6];
	s.t++;
	planted(6, s, "0.000000004\tpower\tstate\tprepare",
		"0.000000005\tpower\tstate\tprepare");
}

TEST(replay_check_names_what_is_missing_and_what_is_too_much)
{
	struct step run[N + 1];
	struct replay_result res;

	memcpy(run, drive, sizeof(drive));
	res = compare(run, N - 1, true);
	CHECK(res.differs);
	CHECK_EQ(res.at, N);
	CHECK_STR(res.want, "0.000000007\tcan\tbody:011\t00");
	CHECK_STR(res.got, "(end)");
	res = compare(run, N - 1, false);
	CHECK(!res.differs);

	run[N] = drive[N - 1];
	res = compare(run, N + 1, true);
	CHECK(res.differs);
	CHECK_EQ(res.at, N + 1);
	CHECK_STR(res.want, "(end)");
	CHECK_STR(res.got, "0.000000007\tcan\tbody:011\t00");
	run[N] = drive[6];
	run[N].t = 9;
	res = compare(run, N + 1, true);
	CHECK_STR(res.want, "(end)");
	CHECK_STR(res.got, "0.000000009\tpower\tstate\tprepare");

	/* one left out in the middle */
	memmove(&run[2], &drive[3], (N - 3) * sizeof(run[0]));
	res = compare(run, N - 1, true);
	CHECK_EQ(res.at, 3);
	CHECK_STR(res.want, "0.000000001\tvhal\tSPEED/0\t0.1");
	CHECK_STR(res.got, "0.000000002\tfault\tloss\ton");
}

TEST(replay_check_tells_of_a_damaged_file)
{
	struct bus *b = bus_create(av_topics, TOPIC_N);
	struct replay_result res = { 0 };
	struct replay_check *c = NULL;
	struct av_err err = { 0 };
	struct rig g;

	record_drive(&g);
	rig_sql(g.path, "UPDATE events SET key=99 WHERE seq=5");
	CHECK_EQ(replay_check_create(g.path, b, &c, &err), 0);
	for (size_t i = 0; i < N; i++) {
		publish(b, &drive[i]);
	}
	replay_check_finish(c, &res);
	CHECK(strstr(res.error, "damaged"));
	CHECK(!res.differs);
	replay_check_destroy(c);
	CHECK(replay_check_create(rig_file(&g, "none"), b, &c, &err) < 0);
	CHECK(strstr(err.msg, "none"));
	bus_destroy(b);
	rig_finish(&g);
}

int main(void)
{
	return RUN_TESTS(
		T(replay_check_finds_nothing_where_nothing_is),
		T(replay_check_names_a_changed_frame),
		T(replay_check_names_a_changed_property),
		T(replay_check_names_a_changed_text_command_and_channel),
		T(replay_check_names_what_is_missing_and_what_is_too_much),
		T(replay_check_tells_of_a_damaged_file));
}
