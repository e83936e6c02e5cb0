/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CAN: reading logs, unpacking and packing 50 messages of 10 signals, and
 * sending frames. Peers of the same run: python3-canmatrix, C generated for
 * that very database and compiled here, and fgets() with sscanf().
 */
#include "config.h"

#include "sim/can/candump.h"
#include "sim/can/dbc.h"
#include "sim/can/ecu.h"
#include "sim/core/rand.h"
#include "tests/bench/bench.h"

#include <dlfcn.h>
#include <inttypes.h>
#include <unistd.h>

#define N_MSGS 50
#define N_SIGS 10
#define N_FRAMES 4096
#define ROUNDS 250 /* of N_FRAMES: about a million frames */

static const unsigned int sig_len[N_SIGS] = { 8, 6, 5, 7, 4, 10, 6, 6, 8, 4 };

struct setup {
	char dir[64];
	char *text; /* the database */
	size_t len;
	struct dbc *dbc;
	struct can_frame *frame;
};

static bool is_signed(unsigned int m, unsigned int s)
{
	return (m + s) % 2;
}

/* Factor and offset in tenths, so that every text of them is exact. */
static unsigned int factor10(unsigned int m, unsigned int s)
{
	return 1 + (m * 7 + s * 3) % 20;
}

static unsigned int offset10(unsigned int m, unsigned int s)
{
	return m + 5 * s;
}

static void make_text(struct setup *u)
{
	char *at = u->text = malloc(1 << 20);

	for (unsigned int m = 0; m < N_MSGS; m++) {
		unsigned int bit = 0;

		at += sprintf(at, "BO_ %u M%u: 8 ECU\n", 256 + 8 * m, m);
		for (unsigned int s = 0; s < N_SIGS; s++) {
			at += sprintf(at,
				      " SG_ M%uS%u : %u|%u@1%c (%u.%u,-%u.%u)"
				      " [0|0] \"x\" ECU\n",
				      m, s, bit, sig_len[s],
				      is_signed(m, s) ? '-' : '+',
				      factor10(m, s) / 10, factor10(m, s) % 10,
				      offset10(m, s) / 10, offset10(m, s) % 10);
			bit += sig_len[s];
		}
		at += sprintf(at, "BA_ \"GenMsgCycleTime\" BO_ %u %u;\n",
			      256 + 8 * m, m % 5 ? 20 : 50);
	}
	u->len = (size_t)(at - u->text);
}

static bool set_up(struct setup *u)
{
	struct av_diags d = { 0 };
	struct av_rand rnd;
	char path[128];
	FILE *f;

	make_text(u);
	if (dbc_parse("bench.dbc", u->text, u->len, &u->dbc, &d, NULL) < 0) {
		av_diags_print(&d, stderr);
		return false;
	}
	av_rand_init(&rnd, 1, "bench_can");
	u->frame = calloc(N_FRAMES, sizeof(*u->frame));
	for (size_t i = 0; i < N_FRAMES; i++) {
		struct can_frame *fr = &u->frame[i];

		fr->id = 256 + 8 * (uint32_t)av_rand_below(&rnd, N_MSGS);
		fr->len = 8;
		av_rand_bytes(&rnd, fr->data, 8);
	}
	snprintf(u->dir, sizeof(u->dir), "/tmp/avsim-bench-XXXXXX");
	if (!mkdtemp(u->dir)) {
		return false;
	}
	snprintf(path, sizeof(path), "%s/bench.dbc", u->dir);
	f = fopen(path, "w");
	if (!f || fwrite(u->text, 1, u->len, f) != u->len || fclose(f) != 0) {
		return false;
	}
	return true;
}

/* ---- generated C ---- */

/* As code generators do it: a struct of integers of the right width per
 * message, bytes masked and shifted into them by constants, one decode and one
 * encode function per signal. */
static void generate_fields(FILE *f, unsigned int m, bool decode)
{
	unsigned int bit = 0;

	for (unsigned int s = 0; s < N_SIGS; s++) {
		unsigned int len = sig_len[s], byte = bit / 8;

		for (unsigned int done = 0; done < len; byte++) {
			unsigned int from = done == 0 ? bit % 8 : 0;
			unsigned int n =
				8 - from < len - done ? 8 - from : len - done;
			unsigned int mask = ((1u << n) - 1) << from;

			if (decode) {
				fprintf(f,
					"\tm.s%u |= (uint16_t)((uint16_t)"
					"(p[%u] & 0x%02x) >> %u << %u);\n",
					s, byte, mask, from, done);
			} else {
				fprintf(f,
					"\tp[%u] |= (uint8_t)((uint16_t)(m.s%u"
					" >> %u << %u) & 0x%02x);\n",
					byte, s, done, from, mask);
			}
			done += n;
		}
		if (decode && is_signed(m, s)) {
			fprintf(f,
				"\tif (m.s%u & 0x%xu)\n\t\tm.s%u |= 0x%xu;\n",
				s, 1u << (len - 1), s,
				0xFFFFu & ~((1u << len) - 1));
		}
		bit += len;
	}
}

static void generate_values(FILE *f, unsigned int m, bool decode)
{
	for (unsigned int s = 0; s < N_SIGS; s++) {
		const char *type = is_signed(m, s) ? "int16_t" : "uint16_t";
		double factor = factor10(m, s) / 10.0;
		double offset = -(double)offset10(m, s) / 10.0;

		if (decode) {
			fprintf(f,
				"\tv[%u] = (double)(%s)m.s%u * %.17g + "
				"%.17g;\n",
				s, type, s, factor, offset);
		} else {
			fprintf(f,
				"\tm.s%u = (uint16_t)(%s)((v[%u] - %.17g) / "
				"%.17g);\n",
				s, type, s, offset, factor);
		}
	}
}

static void generate(FILE *f)
{
	fprintf(f, "#include <stdint.h>\n#include <string.h>\n");
	for (unsigned int m = 0; m < N_MSGS; m++) {
		fprintf(f,
			"static void dec%u(const uint8_t *p, double *v)\n"
			"{\n\tstruct { uint16_t s0, s1, s2, s3, s4, s5, s6, "
			"s7, s8, s9; } m;\n\n\tmemset(&m, 0, sizeof(m));\n",
			m);
		generate_fields(f, m, true);
		generate_values(f, m, true);
		fprintf(f,
			"}\n\nstatic void enc%u(uint8_t *p, const double *v)\n"
			"{\n\tstruct { uint16_t s0, s1, s2, s3, s4, s5, s6, "
			"s7, s8, s9; } m;\n\n",
			m);
		generate_values(f, m, false);
		fprintf(f, "\tmemset(p, 0, 8);\n");
		generate_fields(f, m, false);
		fprintf(f, "}\n\n");
	}
	fprintf(f, "int decode(uint32_t id, const uint8_t *p, double *v)\n{\n"
		   "\tswitch (id) {\n");
	for (unsigned int m = 0; m < N_MSGS; m++) {
		fprintf(f, "\tcase %u: dec%u(p, v); return 0;\n", 256 + 8 * m,
			m);
	}
	fprintf(f, "\t}\n\treturn -1;\n}\n\n"
		   "int encode(uint32_t id, uint8_t *p, const double *v)\n{\n"
		   "\tswitch (id) {\n");
	for (unsigned int m = 0; m < N_MSGS; m++) {
		fprintf(f, "\tcase %u: enc%u(p, v); return 0;\n", 256 + 8 * m,
			m);
	}
	fprintf(f, "\t}\n\treturn -1;\n}\n");
}

struct generated {
	int (*decode)(uint32_t id, const uint8_t *p, double *v);
	int (*encode)(uint32_t id, uint8_t *p, const double *v);
};

static bool build_generated(const struct setup *u, struct generated *g)
{
	const char *cc = getenv("CC");
	char path[128], cmd[512];
	void *so;
	FILE *f;

	snprintf(path, sizeof(path), "%s/gen.c", u->dir);
	f = fopen(path, "w");
	if (!f) {
		return false;
	}
	generate(f);
	fclose(f);
	snprintf(cmd, sizeof(cmd), "%s -O2 -shared -fPIC -o %s/gen.so %s",
		 cc ? cc : "cc", u->dir, path);
	if (system(cmd) != 0) {
		return false;
	}
	snprintf(path, sizeof(path), "%s/gen.so", u->dir);
	so = dlopen(path, RTLD_NOW);
	if (!so) {
		fprintf(stderr, "bench_can: %s\n", dlerror());
		return false;
	}
	*(void **)&g->decode = dlsym(so, "decode");
	*(void **)&g->encode = dlsym(so, "encode");
	return g->decode && g->encode;
}

/* The generated code must do the same work: same values, to the last bit. */
static bool same_work(const struct setup *u, const struct generated *g)
{
	for (size_t i = 0; i < N_FRAMES; i++) {
		const struct can_frame *f = &u->frame[i];
		double a[N_SIGS], b[N_SIGS];

		dbc_decode(dbc_by_id(u->dbc, f->id, false), f->data, 8, a,
			   NULL);
		g->decode(f->id, f->data, b);
		if (memcmp(a, b, sizeof(a)) != 0) {
			fprintf(stderr, "bench_can: generated C decodes "
					"differently\n");
			return false;
		}
	}
	return true;
}

/* ---- unpacking and packing ---- */

static double ours_decode(const struct setup *u)
{
	double phys[N_SIGS], t = bench_cpu_s();

	for (int r = 0; r < ROUNDS; r++) {
		for (size_t i = 0; i < N_FRAMES; i++) {
			const struct can_frame *f = &u->frame[i];

			dbc_decode(dbc_by_id(u->dbc, f->id, false), f->data, 8,
				   phys, NULL);
			bench_use(phys);
		}
	}
	return ROUNDS * N_FRAMES / (bench_cpu_s() - t) / 1e6;
}

static double theirs_decode(const struct setup *u, const struct generated *g)
{
	double phys[N_SIGS], t = bench_cpu_s();

	for (int r = 0; r < ROUNDS; r++) {
		for (size_t i = 0; i < N_FRAMES; i++) {
			g->decode(u->frame[i].id, u->frame[i].data, phys);
			bench_use(phys);
		}
	}
	return ROUNDS * N_FRAMES / (bench_cpu_s() - t) / 1e6;
}

static double ours_encode(const struct setup *u, const double *phys)
{
	uint8_t data[8];
	double t = bench_cpu_s();

	for (int r = 0; r < ROUNDS; r++) {
		for (size_t i = 0; i < N_FRAMES; i++) {
			dbc_encode(dbc_by_id(u->dbc, u->frame[i].id, false),
				   phys + i * N_SIGS, data);
			bench_use(data);
		}
	}
	return ROUNDS * N_FRAMES / (bench_cpu_s() - t) / 1e6;
}

static double theirs_encode(const struct setup *u, const struct generated *g,
			    const double *phys)
{
	uint8_t data[8];
	double t = bench_cpu_s();

	for (int r = 0; r < ROUNDS; r++) {
		for (size_t i = 0; i < N_FRAMES; i++) {
			g->encode(u->frame[i].id, data, phys + i * N_SIGS);
			bench_use(data);
		}
	}
	return ROUNDS * N_FRAMES / (bench_cpu_s() - t) / 1e6;
}

/* Million frames per second of canmatrix. */
static double canmatrix(const struct setup *u, const char *what)
{
	const char *python = getenv("PYTHON"),
		   *top = getenv("AVSIM_TOP_SRCDIR");
	char cmd[1024];

	snprintf(cmd, sizeof(cmd),
		 "%s %s/tests/bench/peer_canmatrix.py %s "
		 "%s/bench.dbc",
		 python ? python : "/usr/bin/python3", top ? top : ".", what,
		 u->dir);
	return bench_peer(cmd) / 1e6;
}

static double best(double a, double b)
{
	return a > b ? a : b;
}

static void bench_codec(const struct setup *u)
{
	double *phys = calloc(N_FRAMES * N_SIGS, sizeof(*phys));
	double od = 0, gd = 0, oe = 0, ge = 0;
	struct generated g = { 0 };
	bool gen = build_generated(u, &g) && same_work(u, &g);

	for (size_t i = 0; i < N_FRAMES; i++) {
		dbc_decode(dbc_by_id(u->dbc, u->frame[i].id, false),
			   u->frame[i].data, 8, phys + i * N_SIGS, NULL);
	}
	for (int i = 0; i < 3; i++) { /* interleaved, the best of three */
		od = best(od, ours_decode(u));
		gd = gen ? best(gd, theirs_decode(u, &g)) : 0;
		oe = best(oe, ours_encode(u, phys));
		ge = gen ? best(ge, theirs_encode(u, &g, phys)) : 0;
	}
	bench_row("decode 50 x 10", od, "M frames/s", ">= 100x", "canmatrix",
		  canmatrix(u, "decode"));
	bench_row("decode 50 x 10", od, "M frames/s", ">= 0.25x", "generated C",
		  gd);
	bench_row("encode 50 x 10", oe, "M frames/s", ">= 100x", "canmatrix",
		  canmatrix(u, "encode"));
	bench_row("encode 50 x 10", oe, "M frames/s", ">= 0.25x", "generated C",
		  ge);
	free(phys);
}

/* ---- reading ---- */

static double ours_lines(const char *text, size_t len)
{
	struct candump_reader r;
	struct can_frame f;
	size_t n = 0;
	double t = bench_cpu_s();

	candump_reader_init(&r, "bench.log", text, len);
	while (candump_next(&r, &f, NULL) == 1) {
		bench_use(&f);
		n++;
	}
	return (double)n / (bench_cpu_s() - t) / 1e6;
}

static double sscanf_lines(const char *text, size_t len)
{
	FILE *in = fmemopen((void *)(uintptr_t)text, len, "r");
	char line[256], iface[32], data[64];
	unsigned long sec, usec;
	unsigned int id, byte;
	size_t n = 0;
	double t = bench_cpu_s();

	while (in && fgets(line, sizeof(line), in)) {
		if (sscanf(line, "(%lu.%lu) %31s %x#%63s", &sec, &usec, iface,
			   &id, data) != 5) {
			continue;
		}
		for (size_t i = 0; data[i] && data[i + 1]; i += 2) {
			sscanf(data + i, "%2x", &byte);
			bench_use(&byte);
		}
		n++;
	}
	t = bench_cpu_s() - t;
	if (in) {
		fclose(in);
	}
	return (double)n / t / 1e6;
}

static void bench_candump(const struct setup *u)
{
	const size_t lines = 1000000;
	char *text = malloc(lines * 48), *at = text;
	double ours = 0;

	for (size_t i = 0; i < lines; i++) {
		at += candump_format(
			&u->frame[i % N_FRAMES], i % 3 ? "can0" : "can1",
			1690000000 * VT_S + (vtime)i * 607 * VT_US, at);
	}
	for (int i = 0; i < 3; i++) {
		ours = best(ours, ours_lines(text, (size_t)(at - text)));
	}
	bench_row("candump lines read", ours, "M lines/s", ">= 10",
		  "fgets + sscanf",
		  sscanf_lines(text, (size_t)(at - text) / 10));
	free(text);
}

static void bench_parse(const struct setup *u)
{
	struct dbc *dbc;
	double t = bench_cpu_s();
	int n = 0;

	do {
		dbc_parse("bench.dbc", u->text, u->len, &dbc, NULL, NULL);
		dbc_destroy(dbc);
		n++;
	} while (bench_cpu_s() - t < 0.2);
	bench_row("DBC files read", n / (bench_cpu_s() - t), "files/s", NULL,
		  "canmatrix", canmatrix(u, "load") * 1e6);
}

/* ---- sending ---- */

static void count_frame(void *ctx, const void *msg)
{
	bench_use(msg);
	++*(size_t *)ctx;
}

/* One minute of 50 messages, all of their signals driven, at 51 percent load:
 * vehicle states, sampling, packing, counters, checksums and the wire. */
static void bench_ecus(const struct setup *u)
{
	struct ecu_source *src = calloc(N_MSGS * N_SIGS, sizeof(*src));
	struct ecu_message *extra = calloc(N_MSGS, sizeof(*extra));
	struct evq *q = evq_create();
	struct bus *bus = bus_create(av_topics, TOPIC_N);
	struct cmdq *cmdq = cmdq_create(evq_clock(q));
	struct vehicle_state *st = calloc(1, sizeof(*st));
	struct can_bus_stats stats;
	struct ecus *e = NULL;
	struct av_err err = { 0 };
	size_t n = 0, seen = 0;
	double t;

	for (size_t m = 0; m < N_MSGS; m++) {
		const struct dbc_message *msg = &u->dbc->message[m];

		for (size_t s = 0; s < N_SIGS - 2; s++) {
			src[n] = (struct ecu_source){
				.signal = &msg->signal[s],
				.var = (enum vehicle_var)(n % VV_N),
				.scale = 1
			};
			n++;
		}
		extra[m] = (struct ecu_message){ msg, &msg->signal[9],
						 &msg->signal[8],
						 CHECKSUM_CRC8_J1850 };
	}
	if (ecus_create(q, bus, cmdq,
			&(struct ecu_bus){ .name = "can0",
					   .dbc = u->dbc,
					   .bit_rate = 1000000,
					   .source = src,
					   .n_sources = n,
					   .extra = extra,
					   .n_extras = N_MSGS },
			1, true, &e, &err) < 0) {
		fprintf(stderr, "bench_can: %s\n", err.msg);
		return;
	}
	bus_subscribe(bus, TOPIC_CAN, STAGE_TAP, "bench", count_frame, &seen,
		      &err);
	t = bench_cpu_s();
	for (int step = 0; step < 6000; step++) {
		for (size_t i = 0; i < VV_N; i++) { /* everything moves */
			st->v[i] += 0.01;
		}
		bus_publish(bus, TOPIC_VEHICLE, st);
		evq_run_until(q, (step + 1) * VEHICLE_STEP);
	}
	t = bench_cpu_s() - t;
	ecus_stats(e, 0, &stats);
	bench_row("one frame sent", t / (double)seen * 1e9, "ns", "<= 300",
		  NULL, 0);
	bench_row("bus load there", stats.load * 100, "%", NULL, NULL, 0);
	ecus_destroy(e);
	cmdq_destroy(cmdq);
	bus_destroy(bus);
	evq_destroy(q);
	free(src);
	free(extra);
	free(st);
}

int main(void)
{
	struct setup u = { 0 };
	char cmd[128];

	bench_title("can");
	if (!set_up(&u)) {
		fprintf(stderr, "bench_can: cannot set up\n");
		return 1;
	}
	bench_candump(&u);
	bench_parse(&u);
	bench_codec(&u);
	bench_ecus(&u);
	snprintf(cmd, sizeof(cmd), "rm -rf %s", u.dir);
	if (system(cmd) != 0) {
		fprintf(stderr, "bench_can: %s stays\n", u.dir);
	}
	dbc_destroy(u.dbc);
	free(u.text);
	free(u.frame);
	return 0;
}
