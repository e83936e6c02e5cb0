/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Traces: what a tap makes of a running world is what the recording of it gives;
 * what may overlap does not do so on one track; a store keeps to its size.
 * Whether others can read them, tests/services/test_tracing.py asks.
 */
#include "config.h"

#include "recordings/formats_int.h"
#include "recordings/perfetto.h"
#include "recordings/rec_live.h"
#include "sim/services/trace_store.h"
#include "sim/services/tracing.h"
#include "sim/services/tracing_config.h"
#include "tests/unit/rec_rig.h"
#include "tests/unit/scenario_world.h"

/* ---- a trace in memory, read back as far as needed ---- */

struct memory {
	char *v;
	size_t n;
	FILE *f;
	size_t packets, heads;
	struct perfetto *p;
	vtime last;
};

static void on_packet(void *ctx, bool head, const uint8_t *data, size_t len)
{
	struct memory *m = ctx;

	m->packets++;
	m->heads += head;
	fwrite(data, 1, len, m->f);
}

static void memory_open(struct memory *m)
{
	*m = (struct memory){ 0 };
	m->f = open_memstream(&m->v, &m->n);
	CHECK(m->f != NULL);
}

static void memory_begin(struct memory *m)
{
	memory_open(m);
	m->p = perfetto_create("t", 0, on_packet, m);
	CHECK(m->p != NULL);
}

static void memory_end(struct memory *m)
{
	perfetto_destroy(m->p);
	CHECK_EQ(fclose(m->f), 0);
}

static uint64_t varint(const uint8_t **at)
{
	uint64_t v = 0;

	for (unsigned int shift = 0;; shift += 7) {
		v |= (uint64_t)(**at & 0x7f) << shift;
		if (!(*(*at)++ & 0x80)) {
			return v;
		}
	}
}

struct field {
	uint64_t number, value; /* varints */
	const uint8_t *data;	/* and of what has a length */
	size_t len;
};

static bool next_field(const uint8_t **at, const uint8_t *end, struct field *f)
{
	uint64_t tag;

	if (*at >= end) {
		return false;
	}
	tag = varint(at);
	*f = (struct field){ .number = tag >> 3 };
	switch (tag & 7) {
	case 0:
		f->value = varint(at);
		break;
	case 1:
		*at += 8;
		break;
	default:
		f->len = varint(at);
		f->data = *at;
		*at += f->len;
		break;
	}
	CHECK(*at <= end);
	return true;
}

/* "1000 begin 3 name\n": all events, and "track 3 name\n" */
static char *events(const struct memory *m)
{
	static const char *const types[] = { "?", "begin", "end", "instant",
					     "counter" };
	const uint8_t *at = (const uint8_t *)m->v, *end = at + m->n;
	struct field packet, f, g;
	char *text;
	size_t n;
	FILE *out = open_memstream(&text, &n);

	while (next_field(&at, end, &packet)) {
		const uint8_t *in = packet.data, *stop = in + packet.len;
		uint64_t t = 0, uuid = 0, type = 0;
		struct field name = { 0 };

		while (next_field(&in, stop, &f)) {
			const uint8_t *ev = f.data;

			t = f.number == 8 ? f.value : t;
			while (f.data && next_field(&ev, f.data + f.len, &g)) {
				bool track = f.number == 60;

				uuid = g.number == (track ? 1 : 11) ? g.value :
								      uuid;
				type = g.number == 9 ? g.value : type;
				name = g.number == (track ? 2 : 23) ? g : name;
			}
		}
		uuid &= 0xffff;
		if (type) {
			fprintf(out, "%llu %s %llu%s%.*s\n",
				(unsigned long long)t, types[type],
				(unsigned long long)uuid, name.len ? " " : "",
				(int)name.len,
				name.data ? (const char *)name.data : "");
		} else {
			fprintf(out, "track %llu %.*s\n",
				(unsigned long long)uuid, (int)name.len,
				name.data ? (const char *)name.data : "");
		}
	}
	fclose(out);
	return text;
}

static void put(struct memory *m, vtime t, enum rec_channel ch, const char *key,
		const char *text)
{
	struct rec_record rec = { .t = t, .ch = ch, .key = key, .text = text };

	rec.val = av_num_parse(text, strlen(text), &rec.num) == 0 ?
			  REC_VAL_NUM :
			  REC_VAL_TEXT;
	perfetto_put(m->p, &rec);
}

/* The trace is over, and its events are @want. */
static void says(struct memory *m, const char *want)
{
	char *text;

	memory_end(m);
	text = events(m);
	CHECK_STR(text, want);
	free(text);
	free(m->v);
}

/* ---- one encoder ---- */

static void on_record(void *ctx, const struct rec_record *rec)
{
	struct memory *m = ctx;

	CHECK(rec != NULL);
	perfetto_put(m->p, rec);
	m->last = rec->t;
}

TEST(a_tap_gives_the_trace_that_the_recording_gives)
{
	const char *yaml = "duration: 9s\n"
			   "start: { gear: P, ignition: on }\n"
			   "timeline:\n"
			   "  - { at: 1s, do: { speed: { to: 20 km/h } } }\n"
			   "  - { at: 2s, do: { mark: { text: two } } }\n"
			   "  - at: 3s\n"
			   "    do: { fault: { name: gnss-outage, for: 2s } }\n"
			   "  - at: 4s\n"
			   "    do: { audio-focus: { do: acquire, usage: "
			   "safety, for: 1s } }\n";
	struct run *r = calloc(1, sizeof(*r));
	struct rig g;
	struct memory live, file;
	struct rec_live *tap;
	struct rec_writer *rec;
	struct rec_reader *reader;
	struct av_err err = { 0 };
	const char *path;

	rig_init(&g);
	path = rig_file(&g, "a.avrec");
	CHECK_EQ(run_try(r, yaml, NULL, 0), 0);
	rec = rig_create(path);
	CHECK_EQ(world_record(r->w, rec, &err), 0);
	memory_open(&live);
	live.p = perfetto_create(rig_meta()->title, 0, on_packet, &live);
	if (rig_meta()->epoch_ns > 0) {
		perfetto_clock(live.p, 0, rig_meta()->epoch_ns);
	}
	CHECK_EQ(rec_live_create(&(struct rec_live_env){
					 .bus = r->w->bus,
					 .who = "test",
					 .channels = PERFETTO_CHANNELS,
					 .bus_name = r->w->bus_name,
					 .signals = r->w->signals,
					 .fn = on_record,
					 .ctx = &live },
				 &tap, &err),
		 0);
	CHECK_EQ(world_start(r->w, &err), 0);
	world_run_until(r->w, VT_NEVER);
	world_end(r->w);
	rec_live_destroy(tap);
	perfetto_end(live.p, live.last);
	CHECK_EQ(perfetto_lost(live.p), 0);
	memory_end(&live);
	CHECK_EQ(rec_close(rec, 9 * VT_S, "none", &err), 0);

	memory_open(&file);
	reader = rig_open(path);
	CHECK_EQ(export_perfetto_run(reader,
				     &(struct rec_filter){ .to = VT_NEVER },
				     file.f, &err),
		 0);
	rec_close_reader(reader);
	memory_end(&file);
	CHECK(live.packets > 1000);
	CHECK_EQ(live.n, file.n);
	assert_memory_equal(live.v, file.v, live.n);
	free(live.v);
	free(file.v);
	run_finish(r);
	free(r);
	rig_finish(&g);
}

/* ---- tracks ---- */

TEST(a_state_is_a_slice_until_the_next_one_and_a_number_ends_it)
{
	struct memory m;

	memory_begin(&m);
	put(&m, 1, REC_VHAL, "GEAR_SELECTION", "4");
	put(&m, 2, REC_VHAL, "GEAR_SELECTION", "4");
	put(&m, 3, REC_VHAL, "GEAR_SELECTION", "8");
	put(&m, 4, REC_VHAL, "PERF_ODOMETER", "unavailable\t7");
	put(&m, 5, REC_VHAL, "PERF_ODOMETER", "7.5");
	put(&m, 6, REC_SCENARIO, "mark", "a");
	perfetto_end(m.p, 9);
	says(&m, "track 0 avsim t\n"
		 "track 1 vhal\n"
		 "track 2 GEAR_SELECTION\n"
		 "1 begin 2 GEAR_PARK\n"
		 "3 end 2\n"
		 "3 begin 2 GEAR_DRIVE\n"
		 "track 3 PERF_ODOMETER\n"
		 "4 begin 3 unavailable 7\n"
		 "5 end 3\n"
		 "track 4 PERF_ODOMETER\n"
		 "5 counter 4\n"
		 "track 5 scenario\n"
		 "track 6 mark\n"
		 "6 begin 6 a\n"
		 "9 end 2\n"
		 "9 end 6\n");
}

TEST(what_overlaps_is_on_tracks_of_its_own)
{
	struct memory m;

	memory_begin(&m);
	put(&m, 1, REC_FAULT, "net-loss", "begin share=1");
	put(&m, 2, REC_FAULT, "net-loss", "begin share=0.5");
	put(&m, 3, REC_FAULT, "net-loss", "end share=1");
	put(&m, 4, REC_FAULT, "net-loss", "begin share=0.1");
	put(&m, 5, REC_FAULT, "net-loss", "end share=0.5");
	put(&m, 6, REC_FAULT, "can-mute", "end");
	/* two requests of 2 us, the second in the midst of the first */
	put(&m, 10000, REC_DEVICE, "p.S/Get", "OK\t2.0 us\t5\t6\tunix");
	put(&m, 11000, REC_DEVICE, "p.S/Get", "UNKNOWN\t2.0 us\t5\t6\tunix");
	put(&m, 12000, REC_DEVICE, "p.S/Get", "OK\t2.0 us\t5\t6\tunix");
	/* one that began before the trace */
	put(&m, 13000, REC_DEVICE, "p.S/Get", "OK\t2e300 us\t5\t6\tunix");
	perfetto_end(m.p, 20000);
	says(&m, "track 0 avsim t\n"
		 "track 1 faults\n"
		 "track 2 net-loss\n"
		 "1 begin 2 net-loss share=1\n"
		 "track 3 net-loss\n"
		 "2 begin 3 net-loss share=0.5\n"
		 "3 end 2\n"
		 "4 begin 2 net-loss share=0.1\n"
		 "5 end 3\n"
		 "track 4 services\n"
		 "track 5 p.S/Get\n"
		 "8000 begin 5 Get\n"
		 "10000 end 5\n"
		 "track 6 p.S/Get\n"
		 "9000 begin 6 Get\n"
		 "11000 end 6\n"
		 "10000 begin 5 Get\n"
		 "12000 end 5\n"
		 "track 7 p.S/Get\n"
		 "0 begin 7 Get\n"
		 "13000 end 7\n");
}

TEST(health_of_a_device_is_counters_and_what_is_no_request_an_instant)
{
	struct memory m;

	memory_begin(&m);
	put(&m, 1, REC_DEVICE, "blk0",
	    "health state=running requests=12 p99=80us errors=");
	put(&m, 2, REC_DEVICE, "blk0", "connected");
	put(&m, 3, REC_DEVICE, "a/b", "OK\tsoon\t1\t2\tunix");
	says(&m, "track 0 avsim t\n"
		 "track 1 devices\n"
		 "track 2 blk0\n"
		 "track 3 state\n"
		 "1 begin 3 running\n"
		 "track 4 requests\n"
		 "1 counter 4\n"
		 "track 5 p99\n"
		 "1 counter 5\n"
		 "track 6 errors\n"
		 "1 begin 6 (none)\n"
		 "2 instant 2 connected\n"
		 "track 7 a/b\n"
		 "3 instant 7 OK soon 1 2 unix\n");
}

TEST(tracks_have_a_limit_and_texts_become_utf8)
{
	struct memory m;
	char key[32], *text;

	memory_begin(&m);
	put(&m, 1, REC_POWER, "x", "a\xff"
				   "b\xc3\xa4\xe0\x80\x80z");
	for (int i = 0; i < 2 * PERFETTO_TRACKS_MAX; i++) {
		snprintf(key, sizeof(key), "V%d", i);
		put(&m, 2, REC_SIGNAL, key, "1");
	}
	CHECK_EQ(perfetto_lost(m.p), PERFETTO_TRACKS_MAX + 3);
	memory_end(&m);
	text = events(&m);
	CHECK(strstr(text, "instant 1 x a?b\xc3\xa4???z\n") != NULL);
	CHECK_EQ(m.packets,
		 PERFETTO_TRACKS_MAX + 1 + (PERFETTO_TRACKS_MAX - 3));
	free(text);
	free(m.v);
}

TEST(a_long_text_is_cut_and_remembered_as_cut)
{
	char value[5001], *text;
	struct memory m;

	memory_begin(&m);
	memset(value, 'x', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	put(&m, 1, REC_POWER, "state", value);
	put(&m, 2, REC_POWER, "state", value);
	value[999] = 'y'; /* the last byte that is shown */
	put(&m, 3, REC_POWER, "state", value);
	value[1000] = 'y';
	put(&m, 4, REC_POWER, "state", value);
	memory_end(&m);
	text = events(&m);
	CHECK(strstr(text, "1 begin 2 xxx") && strstr(text, "3 begin 2 xxx"));
	CHECK(!strstr(text, "\n2 ") && !strstr(text, "\n4 "));
	CHECK(m.n < 2500);
	free(text);
	free(m.v);
}

/* ---- store ---- */

static size_t store_size(const struct trace_store *s, uint8_t *first_of_rest)
{
	const struct trace_block *b = NULL;
	size_t n = 0, len;
	bool rest = false;

	while ((b = trace_store_next(s, b))) {
		const uint8_t *data = trace_block_data(b, &len);

		CHECK(len > 0 && len <= TRACE_BLOCK && len % 1000 == 0);
		if (data[0] != 'h' && !rest) {
			*first_of_rest = data[0];
			rest = true;
		}
		n += len;
	}
	return n;
}

static void fill(struct trace_store *s, int n)
{
	static uint8_t packet[1000];

	for (int i = 0; i < n; i++) {
		bool head = i % 100 == 0;

		memset(packet, head ? 'h' : i % 100, sizeof(packet));
		trace_store_put(s, head, packet, sizeof(packet));
	}
}

TEST(a_ring_keeps_the_newest_and_the_head)
{
	struct trace_store s;
	uint8_t first = 0;

	trace_store_init(&s, 1, true);
	fill(&s, 1000);
	/* two blocks of 65 packets, the second not full; 10 of the head */
	CHECK_EQ(store_size(&s, &first), (65 + 990 % 65 + 10) * 1000);
	CHECK_EQ(s.dropped, 990 - 65 - 990 % 65);
	CHECK(trace_store_bytes(&s) < 4 * TRACE_BLOCK);
	trace_store_finish(&s);
}

TEST(what_is_no_ring_keeps_the_oldest)
{
	struct trace_store s;
	uint8_t first = 0;

	trace_store_init(&s, 3 * TRACE_BLOCK, false);
	fill(&s, 1000);
	CHECK_EQ(store_size(&s, &first), (3 * 65 + 10) * 1000);
	CHECK_EQ(first, 1);
	CHECK_EQ(s.dropped, 990 - 3 * 65);
	trace_store_finish(&s);
	CHECK(trace_store_next(&s, NULL) == NULL);
}

/* ---- configuration ---- */

TEST(nothing_asked_for_is_a_ring_of_four_mebibytes)
{
	Perfetto__Protos__TraceConfig c = PERFETTO__PROTOS__TRACE_CONFIG__INIT;
	struct tracing_config got;
	struct av_err err = { 0 };

	for (int i = 0; i < 2; i++) {
		CHECK_EQ(tracing_config_read(i ? &c : NULL, &got, &err), 0);
		CHECK(got.ring && got.duration == VT_NEVER);
		CHECK_EQ(got.size, TRACING_BUFFER_DEFAULT);
		CHECK_EQ(got.channels, PERFETTO_CHANNELS);
		CHECK_STR(got.ignored, "");
	}
	c.write_into_file = c.has_write_into_file = 1;
	CHECK_EQ(tracing_config_read(&c, &got, &err), 0);
	CHECK(!got.ring);
	CHECK_EQ(got.size, TRACING_BUFFER_MAX);
}

TEST(what_is_not_heeded_is_named_once_and_never_too_long)
{
	/* 1000 times field 12, 13, 900; and data sources */
	static uint8_t wire[20000];
	Perfetto__Protos__TraceConfig *c;
	struct tracing_config got;
	struct av_err err = { 0 };
	size_t n = 0;

	for (int i = 0; i < 1000; i++) {
		static const uint8_t part[] = { 0x60, 1, 0x68, 1,
						0xa0, 0x38, 1 };

		memcpy(wire + n, part, sizeof(part));
		n += sizeof(part);
	}
	for (int i = 0; i < 100; i++) {
		n += (size_t)snprintf((char *)wire + n, sizeof(wire) - n,
				      "\x12\x12\n\x10\n\x0elinux.p%07d", i);
	}
	c = perfetto__protos__trace_config__unpack(NULL, n, wire);
	CHECK(c != NULL);
	CHECK_EQ(tracing_config_read(c, &got, &err), 0);
	CHECK(strstr(got.ignored, "data source linux.p0000003, ") != NULL);
	CHECK(strlen(got.ignored) < sizeof(got.ignored));
	perfetto__protos__trace_config__free_unpacked(c, NULL);
	c = perfetto__protos__trace_config__unpack(NULL, 7000, wire);
	CHECK_EQ(tracing_config_read(c, &got, &err), 0);
	CHECK_STR(got.ignored, "deferred_start, field 900");
	perfetto__protos__trace_config__free_unpacked(c, NULL);
}

int main(void)
{
	return RUN_TESTS(
		T(a_tap_gives_the_trace_that_the_recording_gives),
		T(a_state_is_a_slice_until_the_next_one_and_a_number_ends_it),
		T(what_overlaps_is_on_tracks_of_its_own),
		T(health_of_a_device_is_counters_and_what_is_no_request_an_instant),
		T(tracks_have_a_limit_and_texts_become_utf8),
		T(a_long_text_is_cut_and_remembered_as_cut),
		T(a_ring_keeps_the_newest_and_the_head),
		T(what_is_no_ring_keeps_the_oldest),
		T(nothing_asked_for_is_a_ring_of_four_mebibytes),
		T(what_is_not_heeded_is_named_once_and_never_too_long));
}
