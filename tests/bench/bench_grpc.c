/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The VHAL service as a guest feels it: calls per second beside the C++ gRPC
 * library's server (peer_grpc.cc), with one and the same client; events per
 * second; many subscribers; a slow one among them.
 *
 *	bench_grpc                       the figures
 *	bench_grpc --serve SOCKET RATE   a server of ours whose 200 properties
 *					 change RATE times a second (0: never,
 *					 -1: as fast as it goes)
 */
#include "config.h"

#include "tests/bench/bench.h"

#include "sim/core/pace.h"
#include "sim/services/grpc.h"
#include "sim/services/sock.h"
#include "sim/services/vhal_service.h"

#include "google/protobuf/empty.pb-c.h"
#include "vhal_aidl.pb-c.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define P(x) Android__Hardware__Automotive__Vehicle__Proto__##x
#define F(x) android__hardware__automotive__vehicle__proto__##x
#define SERVICE "/android.hardware.automotive.vehicle.proto.VehicleServer/"

#define N_PROPS 200
#define FIRST_PROP 0x21400100
#define SPEED 0x11600207
#define ROUND_S 0.25
#define CALL_ROUNDS 7

/* ---- the server ---- */

struct serve {
	uv_loop_t loop;
	struct evq *q;
	struct vhal *v;
	struct grpc_server *server;
	struct sock_listener *l;
	struct vhal_service *s;
	uint32_t slot[N_PROPS];
	double x;
};

static void change_all(struct serve *d)
{
	d->x = d->x > 1e9 ? 0 : d->x + 1;
	for (size_t i = 0; i < N_PROPS; i++) {
		vhal_update_num(d->v, d->slot[i], d->x);
	}
}

static void on_idle(uv_idle_t *h)
{
	change_all(h->data);
}

static void on_timer(uv_timer_t *t)
{
	change_all(t->data);
}

static void load_props(struct serve *d)
{
	static char json[N_PROPS * 160 + 400];
	struct av_diags diags = { 0 };
	size_t n = (size_t)snprintf(
		json, sizeof(json),
		"{\"properties\":[{\"property\":%d,\"minSampleRate\":1,"
		"\"maxSampleRate\":10,\"defaultValue\":{\"floatValues\":[12.5]"
		"}}",
		SPEED);

	for (int i = 0; i < N_PROPS; i++) {
		n += (size_t)snprintf(json + n, sizeof(json) - n,
				      ",{\"property\":%d,\"access\":1,"
				      "\"changeMode\":1,\"defaultValue\":{"
				      "\"int32Values\":[0]}}",
				      FIRST_PROP + i);
	}
	n += (size_t)snprintf(json + n, sizeof(json) - n, "]}");
	if (vhal_load(d->v, "bench", json, n, &diags) < 0) {
		av_diags_print(&diags, stderr);
		exit(1);
	}
	for (int i = 0; i < N_PROPS; i++) {
		d->slot[i] = (uint32_t)vhal_slot_of(d->v, FIRST_PROP + i, 0);
	}
}

static int serve(const char *path, double rate)
{
	struct rlimit many = { 8192, 8192 };
	struct av_err err = { 0 };
	struct serve d = { 0 };
	struct vhal_service_env env;
	uv_idle_t idle;
	uv_timer_t timer;

	signal(SIGPIPE, SIG_IGN);
	setrlimit(RLIMIT_NOFILE, &many);
	uv_loop_init(&d.loop);
	d.q = evq_create();
	d.v = vhal_create(d.q, NULL);
	load_props(&d);
	vhal_start(d.v, &err);
	d.server = grpc_server_create(&d.loop, "bench");
	env = (struct vhal_service_env){ .loop = &d.loop,
					 .q = d.q,
					 .vhal = d.v,
					 .cmdq = cmdq_create(evq_clock(d.q)) };
	if (vhal_service_create(&env, d.server, &d.s) < 0 ||
	    sock_listen_unix(&d.loop, path, grpc_server_acceptor(d.server),
			     &d.l, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		return 1;
	}
	if (rate < 0) {
		uv_idle_init(&d.loop, &idle);
		idle.data = &d;
		uv_idle_start(&idle, on_idle);
	} else if (rate > 0) {
		uv_timer_init(&d.loop, &timer);
		timer.data = &d;
		uv_timer_start(&timer, on_timer, 100,
			       (uint64_t)(1000 / rate));
	}
	uv_run(&d.loop, UV_RUN_DEFAULT);
	return 0;
}

/* ---- children ---- */

static char self[4096], dir[] = "/tmp/avsim-bench-XXXXXX";

static const char *sock(char path[108])
{
	snprintf(path, 108, "%s/s", dir);
	return path;
}

/* A server process that listens when this returns; -1: it does not come. */
static pid_t start(char *const argv[])
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	pid_t pid;

	sock(a.sun_path);
	unlink(a.sun_path);
	pid = fork();
	if (pid == 0) {
		execv(argv[0], argv);
		_exit(127);
	}
	for (int i = 0; i < 500; i++) {
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);
		int ret = connect(fd, (struct sockaddr *)&a, sizeof(a));

		close(fd);
		if (ret == 0) {
			return pid;
		}
		usleep(10000);
	}
	return -1;
}

static pid_t start_ours(const char *rate)
{
	char path[108];
	char *const argv[] = { self, (char *)(uintptr_t) "--serve",
			       (char *)(uintptr_t)sock(path),
			       (char *)(uintptr_t)rate, NULL };

	return start(argv);
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* CPU seconds and resident bytes of a process. */
static double cpu_of(pid_t pid)
{
	unsigned long long ns = 0;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", (int)pid);
	f = fopen(path, "r");
	if (f) {
		if (fscanf(f, "%llu", &ns) != 1) {
			ns = 0;
		}
		fclose(f);
	}
	return (double)ns * 1e-9;
}

static double rss_of(pid_t pid)
{
	unsigned long size, rss = 0;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/statm", (int)pid);
	f = fopen(path, "r");
	if (f) {
		if (fscanf(f, "%lu %lu", &size, &rss) != 2) {
			rss = 0;
		}
		fclose(f);
	}
	return (double)rss * (double)sysconf(_SC_PAGESIZE);
}

/* ---- calls ---- */

struct caller {
	struct grpc_client *client;
	double until;
	size_t n, open, errors;
	double *took; /* ring of the last TOOK latencies */
	P(VehiclePropValueRequests) q;
	P(VehiclePropValueRequest) one, *list;
	P(VehiclePropValue) value;
};
#define TOOK 65536

struct one_call {
	struct caller *c;
	double t;
};

static void call_again(struct one_call *o);

static void on_done(void *ctx, enum grpc_status status, const char *text)
{
	struct one_call *o = ctx;
	double now = bench_now_s();

	(void)text;
	o->c->took[o->c->n++ % TOOK] = now - o->t;
	o->c->errors += status != GRPC_OK;
	o->c->open--;
	if (now < o->c->until) {
		call_again(o);
	}
}

static void on_values(void *ctx, const ProtobufCMessage *msg)
{
	const P(GetValueResults) *r = (const void *)msg;
	struct one_call *o = ctx;

	o->c->errors += r->n_results != 1 || !r->results[0]->value ||
			r->results[0]->value->n_float_values != 1;
}

static void call_again(struct one_call *o)
{
	o->t = bench_now_s();
	o->c->open++;
	if (grpc_client_call(o->c->client, SERVICE "GetValues", &o->c->q.base,
			     &F(get_value_results__descriptor), 0, on_values,
			     on_done, o) < 0) {
		fprintf(stderr, "the connection is gone\n");
		exit(1);
	}
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

struct calls {
	double per_s, p50_us;
};

/* GetValues of one property with @depth calls in flight. */
static struct calls measure_calls(size_t depth, double seconds)
{
	static double took[TOOK];
	struct one_call slot[64];
	struct caller c = { .took = took };
	struct av_stream *stream;
	struct av_err err = { 0 };
	struct calls out = { 0 };
	char path[108];
	uv_loop_t loop;
	double t;

	F(vehicle_prop_value_requests__init)(&c.q);
	F(vehicle_prop_value_request__init)(&c.one);
	F(vehicle_prop_value__init)(&c.value);
	c.value.prop = SPEED;
	c.one.value = &c.value;
	c.list = &c.one;
	c.q.n_requests = 1;
	c.q.requests = &c.list;
	uv_loop_init(&loop);
	if (sock_connect_unix(&loop, sock(path), &stream, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		exit(1);
	}
	c.client = grpc_client_create(&loop, stream);
	t = bench_now_s();
	c.until = t + seconds;
	for (size_t i = 0; i < depth; i++) {
		slot[i].c = &c;
		call_again(&slot[i]);
	}
	while (c.open > 0) {
		uv_run(&loop, UV_RUN_ONCE);
	}
	out.per_s = (double)c.n / (bench_now_s() - t);
	qsort(took, c.n < TOOK ? c.n : TOOK, sizeof(*took), by_value);
	out.p50_us = took[(c.n < TOOK ? c.n : TOOK) / 2] * 1e6;
	if (c.errors) {
		fprintf(stderr, "%zu answers were wrong\n", c.errors);
		exit(1);
	}
	grpc_client_destroy(c.client);
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
	return out;
}

/* Best of rounds that alternate: another load on the machine hits both. */
static void bench_calls(const char *peer)
{
	char path[108];
	char *const argv[] = { (char *)(uintptr_t)peer,
			       (char *)(uintptr_t)sock(path), NULL };
	static const size_t depth[] = { 1, 32 };
	struct calls best[2][2] = { 0 };

	for (int round = 0; round < CALL_ROUNDS; round++) {
		for (int who = 0; who < (peer ? 2 : 1); who++) {
			pid_t pid = who ? start(argv) : start_ours("0");

			if (pid < 0) {
				fprintf(stderr, "a server does not start\n");
				exit(1);
			}
			measure_calls(32, 0.2);
			for (int d = 0; d < 2; d++) {
				struct calls c = measure_calls(depth[d],
							       ROUND_S);

				if (c.per_s > best[who][d].per_s) {
					best[who][d] = c;
				}
			}
			end(pid);
		}
	}
	bench_row("GetValues, 1 in flight", best[0][0].per_s, "calls/s",
		  peer ? ">= 2x" : NULL, peer ? "C++ gRPC sync" : NULL,
		  best[1][0].per_s);
	bench_row("  p50", best[0][0].p50_us, "us", peer ? "<= 1x" : NULL,
		  peer ? "C++ gRPC sync" : NULL, best[1][0].p50_us);
	bench_row("GetValues, 32 in flight", best[0][1].per_s, "calls/s",
		  peer ? ">= 1.3x" : NULL, peer ? "C++ gRPC sync" : NULL,
		  best[1][1].per_s);
	bench_row("  p50", best[0][1].p50_us, "us", peer ? "<= 1x" : NULL,
		  peer ? "C++ gRPC sync" : NULL, best[1][1].p50_us);
}

/* ---- streams ---- */

struct sub {
	struct grpc_client *client;
	size_t values;
	bool timed;
};

static double late[1u << 20]; /* seconds from event to callback */
static size_t n_late;

static void on_batch(void *ctx, const ProtobufCMessage *msg)
{
	const P(VehiclePropValues) *v = (const void *)msg;
	struct sub *s = ctx;

	s->values += v->n_values;
	if (s->timed && n_late < sizeof(late) / sizeof(late[0]) &&
	    v->n_values > 0) {
		late[n_late++] =
			(double)(pace_boot_ns() -
				 v->values[v->n_values - 1]->timestamp) *
			1e-9;
	}
}

static void on_end(void *ctx, enum grpc_status status, const char *text)
{
	(void)ctx, (void)status, (void)text;
}

static void subscribe(uv_loop_t *loop, struct sub *s)
{
	Google__Protobuf__Empty empty = GOOGLE__PROTOBUF__EMPTY__INIT;
	struct av_stream *stream;
	struct av_err err = { 0 };
	char path[108];

	if (sock_connect_unix(loop, sock(path), &stream, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		exit(1);
	}
	s->client = grpc_client_create(loop, stream);
	grpc_client_call(s->client, SERVICE "StartPropertyValuesStream",
			 &empty.base, &F(vehicle_prop_values__descriptor), 0,
			 on_batch, on_end, s);
}

static void on_wake(uv_timer_t *t)
{
	(void)t;
}

/* Run the loop for @seconds. */
static void spin(uv_loop_t *loop, double seconds)
{
	double until = bench_now_s() + seconds;
	uv_timer_t tick;

	uv_timer_init(loop, &tick);
	uv_timer_start(&tick, on_wake, 5, 5);
	while (bench_now_s() < until) {
		uv_run(loop, UV_RUN_ONCE);
	}
	uv_close((uv_handle_t *)&tick, NULL);
	uv_run(loop, UV_RUN_NOWAIT);
}

static void bench_events(void)
{
	pid_t pid = start_ours("-1");
	struct sub s = { 0 };
	uv_loop_t loop;
	double t;
	size_t n;

	uv_loop_init(&loop);
	subscribe(&loop, &s);
	spin(&loop, 0.3);
	n = s.values;
	t = bench_now_s();
	spin(&loop, 1.5);
	bench_row("events to one subscriber",
		  (double)(s.values - n) / (bench_now_s() - t), "values/s",
		  ">= 300000", NULL, 0);
	grpc_client_destroy(s.client);
	uv_run(&loop, UV_RUN_NOWAIT);
	end(pid);
}

/* All properties at 10 Hz to a thousand connections. */
static void bench_many(void)
{
	enum { N = 1000 };
	static struct sub s[N];
	struct rlimit many = { 8192, 8192 };
	pid_t pid = start_ours("10");
	double rss = rss_of(pid), cpu, t;
	uv_loop_t loop;
	size_t n = 0;

	setrlimit(RLIMIT_NOFILE, &many);
	uv_loop_init(&loop);
	for (int i = 0; i < N; i++) {
		subscribe(&loop, &s[i]);
		if (i % 50 == 49) {
			spin(&loop, 0.02);
		}
	}
	spin(&loop, 2);
	for (int i = 0; i < N; i++) {
		n += s[i].values;
	}
	cpu = cpu_of(pid);
	t = bench_now_s();
	spin(&loop, 3);
	t = bench_now_s() - t;
	cpu = cpu_of(pid) - cpu;
	for (int i = 0; i < N; i++) {
		n -= s[i].values;
	}
	printf("1000 subscribers, %d properties at 10 Hz: %.3g values/s came\n",
	       N_PROPS, -(double)(ptrdiff_t)n / t);
	bench_row("  CPU of the server", cpu / t, "cores", "<= 1", NULL, 0);
	bench_row("  memory per client", (rss_of(pid) - rss) / N / 1024, "KiB",
		  NULL, NULL, 0);
	for (int i = 0; i < N; i++) {
		grpc_client_destroy(s[i].client);
	}
	uv_run(&loop, UV_RUN_NOWAIT);
	end(pid);
}

static double p99(uv_loop_t *loop, struct sub *s, size_t n, double seconds)
{
	n_late = 0;
	for (size_t i = 0; i < n; i++) {
		s[i].timed = true;
	}
	spin(loop, seconds);
	for (size_t i = 0; i < n; i++) {
		s[i].timed = false;
	}
	qsort(late, n_late, sizeof(*late), by_value);
	return n_late ? late[n_late * 99 / 100] * 1e6 : 0;
}

/* Twenty that read, and then one more that does not. Rounds alternate, medians
 * of their p99: a hiccup of the machine is not the slow one's doing. */
static void bench_slow(void)
{
	enum { N = 20, ROUNDS = 9 };
	struct sub s[N] = { 0 }, slow = { 0 };
	double with[ROUNDS], without[ROUNDS];
	pid_t pid = start_ours("200");
	uv_loop_t loop, other;

	uv_loop_init(&loop);
	uv_loop_init(&other);
	for (int i = 0; i < N; i++) {
		subscribe(&loop, &s[i]);
	}
	spin(&loop, 1);
	for (int r = 0; r < ROUNDS; r++) {
		without[r] = p99(&loop, s, N, 0.4);
		/* its loop runs until the call is out, then never again */
		slow.client = NULL;
		subscribe(&other, &slow);
		for (int i = 0; i < 3; i++) {
			uv_run(&other, UV_RUN_NOWAIT);
		}
		spin(&loop, 0.8); /* its queue fills */
		with[r] = p99(&loop, s, N, 0.4);
		grpc_client_destroy(slow.client);
		uv_run(&other, UV_RUN_NOWAIT);
	}
	qsort(with, ROUNDS, sizeof(*with), by_value);
	qsort(without, ROUNDS, sizeof(*without), by_value);
	bench_row("p99 of 20 subscribers, a slow one there", with[ROUNDS / 2],
		  "us", "<= 1.2x", "without it", without[ROUNDS / 2]);
	for (int i = 0; i < N; i++) {
		grpc_client_destroy(s[i].client);
	}
	uv_run(&loop, UV_RUN_NOWAIT);
	end(pid);
}

int main(int argc, char **argv)
{
	char peer[4200], command[9000];
	const char *top = getenv("AVSIM_TOP_SRCDIR");
	char path[108];
	ssize_t n;

	if (argc == 4 && !strcmp(argv[1], "--serve")) {
		return serve(argv[2], strtod(argv[3], NULL));
	}
	signal(SIGPIPE, SIG_IGN);
	n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	if (n < 0 || !mkdtemp(dir)) {
		return 1;
	}
	bench_title("grpc");
	snprintf(peer, sizeof(peer), "%s-peer", self);
	snprintf(command, sizeof(command),
		 "AVSIM_TOP_SRCDIR='%s' '%s/tests/bench/peer_grpc.sh' '%s'",
		 top ? top : ".", top ? top : ".", peer);
	bench_calls(system(command) == 0 ? peer : NULL);
	bench_events();
	bench_many();
	bench_slow();
	unlink(sock(path));
	rmdir(dir);
	return 0;
}
