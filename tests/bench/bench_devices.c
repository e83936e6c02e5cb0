/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a device costs before it does anything: an rng request there and back
 * in each home, the time until eight devices listen, and what all of them
 * take while nothing happens.
 *
 *	bench_devices [AVSIM]
 *
 * The peer of the start is QEMU's q35 with eight virtio devices until it
 * answers QMP: of the guest kit's cache, or the one named in AVSIM_QEMU.
 */
#include "config.h"

#include "bench.h"
#include "tests/vu/front.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	REQUESTS = 4000, /* a home, in turns of: */
	TURN = 250,
	STARTS = 7,
	IDLE_S = 5,
	PATIENCE_S = 60,
	ARGS_MAX = 48,
	FRONTS_MAX = 8,
};

static char g_dir[96];
static const char *g_avsim;

static void die(const char *what, const char *why)
{
	fprintf(stderr, "bench_devices: %s: %s\n", what, why);
	exit(1);
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* ---- programs ---- */

struct line {
	char text[2048];
	size_t len;
	char *arg[ARGS_MAX + 1];
	size_t n;
};

static void add(struct line *l, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void add(struct line *l, const char *fmt, ...)
{
	size_t room = sizeof(l->text) - l->len;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(l->text + l->len, room, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= room || l->n == ARGS_MAX) {
		die("command line", "too long");
	}
	l->arg[l->n++] = l->text + l->len;
	l->arg[l->n] = NULL;
	l->len += (size_t)n + 1;
}

static void end(pid_t pid)
{
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
}

static void avsim_line(struct line *l)
{
	l->len = l->n = 0;
	add(l, "%s", g_avsim);
	add(l, "run");
	add(l, "--headless");
	add(l, "--log");
	add(l, "warn");
	add(l, "--no-record");
	add(l, "--scenario");
	add(l, "idle");
	add(l, "--linger");
	add(l, "--run-dir");
	add(l, "%s/run", g_dir);
}

static void device(struct line *l, const char *spec)
{
	add(l, "--device");
	add(l, "%s", spec);
}

/* Wait until @name in the run dir takes a connection; it is hung up at once
 * where @out is NULL. */
static void await(pid_t pid, const char *name, int *out)
{
	double stop = bench_now_s() + PATIENCE_S;
	char path[160];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", g_dir, name);
	while ((fd = front_connect(path)) < 0) {
		if (waitpid(pid, NULL, WNOHANG) == pid) {
			die(path, "its server ended");
		}
		if (bench_now_s() > stop) {
			die(path, "nobody listens");
		}
		usleep(500);
	}
	if (out) {
		*out = fd;
	} else {
		close(fd);
	}
}

/* ---- there and back ---- */

struct client {
	struct front_mem *mem;
	struct front *f;
	uint64_t buf;
};

static void attach(struct client *c, pid_t pid, const char *name, bool busy)
{
	struct front_opts o = { .busy_poll = busy };
	char path[64];
	struct av_err err = { 0 };

	snprintf(path, sizeof(path), "run/%s.sock", name);
	c->mem = front_mem_create(1, 4 << 20);
	o.mem = c->mem;
	await(pid, path, &o.conn_fd);
	if (front_open(&o, &c->f, &err) || front_start(c->f, &err)) {
		die(name, err.msg);
	}
	c->buf = front_alloc(c->mem, 64, 64);
}

static void detach(struct client *c)
{
	front_close(c->f);
	front_mem_destroy(c->mem);
}

/* Microseconds from the kick until the completion is seen. */
static double once(struct client *c)
{
	const struct front_buf b = { c->buf, 64, true };
	struct front_used u;
	double t;

	if (front_add(c->f, 0, &b, 1, 0)) {
		die("rng", front_why(c->f));
	}
	t = bench_now_s();
	front_kick(c->f, 0);
	if (front_wait(c->f, 0, &u, FRONT_WAIT_MS)) {
		die("rng", front_why(c->f));
	}
	return (bench_now_s() - t) * 1e6;
}

static void bench_kick(bool busy)
{
	static const char *const home[] = { "loop", "thread", "child" };
	static double v[3][REQUESTS];
	struct client c[3];
	struct line l;
	char name[64];
	pid_t pid;

	avsim_line(&l);
	for (int i = 0; i < 3; i++) {
		snprintf(name, sizeof(name), "%s:rng,home=%s", home[i],
			 home[i]);
		device(&l, name);
	}
	pid = bench_spawn(l.arg, false);
	for (int i = 0; i < 3; i++) {
		attach(&c[i], pid, home[i], busy);
	}
	for (int k = 0; k < REQUESTS; k += TURN) {
		for (int i = 0; i < 3; i++) {
			for (int j = k; j < k + TURN; j++) {
				v[i][j] = once(&c[i]);
			}
		}
	}
	for (int i = 0; i < 3; i++) {
		const char *how = busy ? "busy poll" : "interrupt";

		qsort(v[i], REQUESTS, sizeof(v[i][0]), by_value);
		snprintf(name, sizeof(name), "rng, %s, %s, p50", home[i], how);
		bench_row(name, v[i][REQUESTS / 2], "us", NULL, NULL, 0);
		snprintf(name, sizeof(name), "rng, %s, %s, p99", home[i], how);
		bench_row(name, v[i][REQUESTS * 99 / 100], "us", NULL, NULL,
			  0);
		detach(&c[i]);
	}
	end(pid);
}

/* ---- start ---- */

static double start_avsim(void)
{
	static const char *const name[] = { "d0", "d1", "d2", "d3",
					    "d4", "d5", "d6", "d7" };
	static const char *const kind[] = { "rng", "net", "blk,file=",
					    "console,ports=c=file:", "input",
					    "scmi", "vsock", "input" };
	double t = bench_now_s();
	char text[256];
	struct line l;
	pid_t pid;

	avsim_line(&l);
	for (int i = 0; i < 8; i++) {
		/* the host programs' socket is called vsock.sock */
		snprintf(text, sizeof(text), "%s:%s", name[i], kind[i]);
		if (text[strlen(text) - 1] == '=') {
			snprintf(text, sizeof(text), "%s:%s%s/disk.raw",
				 name[i], kind[i], g_dir);
		} else if (text[strlen(text) - 1] == ':') {
			snprintf(text, sizeof(text), "%s:%s%s/console.txt",
				 name[i], kind[i], g_dir);
		}
		device(&l, text);
	}
	pid = bench_spawn(l.arg, false);
	for (int i = 0; i < 8; i++) {
		snprintf(text, sizeof(text), "run/%s.sock", name[i]);
		await(pid, text, NULL);
	}
	t = bench_now_s() - t;
	end(pid);
	return t;
}

static double start_qemu(const char *qemu)
{
	double t = bench_now_s();
	static const char hello[] = "{\"execute\":\"qmp_capabilities\"}\n";
	static const char quit[] = "{\"execute\":\"quit\"}\n";
	char buf[1024] = "";
	size_t len = 0;
	struct line l = { .n = 0 };
	pid_t pid;
	int fd;

	add(&l, "%s", qemu);
	add(&l, "-M");
	add(&l, "q35,accel=tcg");
	add(&l, "-nodefaults");
	add(&l, "-display");
	add(&l, "none");
	add(&l, "-S");
	add(&l, "-drive");
	add(&l, "if=none,id=d,format=raw,file=%s/disk.raw", g_dir);
	add(&l, "-netdev");
	add(&l, "user,id=n");
	for (int i = 0; i < 8; i++) {
		static const char *const kind[] = {
			"virtio-rng-pci",      "virtio-net-pci,netdev=n",
			"virtio-blk-pci,drive=d", "virtio-serial-pci",
			"virtio-keyboard-pci", "virtio-tablet-pci",
			"virtio-mouse-pci",    "virtio-balloon-pci"
		};

		add(&l, "-device");
		add(&l, "%s", kind[i]);
	}
	add(&l, "-qmp");
	add(&l, "unix:%s/qmp,server=on,wait=off", g_dir);
	pid = bench_spawn(l.arg, false);
	await(pid, "qmp", &fd);
	if (write(fd, hello, sizeof(hello) - 1) < 0) {
		die("QMP", strerror(errno));
	}
	while (!strstr(buf, "\"return\"")) {
		ssize_t n = read(fd, buf + len, sizeof(buf) - 1 - len);

		if (n <= 0) {
			die("QMP", "hung up");
		}
		len += (size_t)n;
		buf[len] = '\0';
	}
	t = bench_now_s() - t;
	/* by a signal it would say so */
	if (write(fd, quit, sizeof(quit) - 1) < 0) {
		kill(pid, SIGKILL);
	}
	waitpid(pid, NULL, 0);
	close(fd);
	return t;
}

static const char *find_qemu(char buf[512])
{
	const char *env = getenv("AVSIM_QEMU"), *home = getenv("HOME");
	const char *cache = getenv("AVSIM_GUEST_CACHE");
	glob_t g;

	if (env) {
		return env;
	}
	snprintf(buf, 512, "%s%s/qemu1*/bin/qemu-system-x86_64",
		 cache ? cache : home ? home : "",
		 cache ? "" : "/.cache/avsim/guest-kit");
	if (glob(buf, 0, NULL, &g)) {
		return NULL;
	}
	snprintf(buf, 512, "%s", g.gl_pathv[g.gl_pathc - 1]);
	globfree(&g);
	return buf;
}

static void bench_start(void)
{
	double v[STARTS], peer[STARTS] = { 0 };
	char buf[512];
	const char *qemu = find_qemu(buf);

	if (!qemu) {
		printf("no peer: no QEMU; make guest-kit, or name one in "
		       "AVSIM_QEMU\n");
	}
	for (int i = 0; i < STARTS; i++) {
		v[i] = start_avsim();
		peer[i] = qemu ? start_qemu(qemu) : 0;
	}
	qsort(v, STARTS, sizeof(v[0]), by_value);
	qsort(peer, STARTS, sizeof(peer[0]), by_value);
	bench_row("eight devices listen", v[STARTS / 2] * 1e3, "ms",
		  qemu ? "<= 1.0x" : NULL, qemu ? "QEMU q35, eight: QMP" : NULL,
		  peer[STARTS / 2] * 1e3);
}

/* ---- idle ---- */

struct cost {
	unsigned long wakes; /* voluntary context switches */
	double pss_mib;
};

static unsigned long value_in(const char *path, const char *key)
{
	FILE *f = fopen(path, "r");
	unsigned long v = 0;
	char line[256];

	while (f && fgets(line, sizeof(line), f)) {
		if (!strncmp(line, key, strlen(key))) {
			v = strtoul(line + strlen(key), NULL, 10);
		}
	}
	if (f) {
		fclose(f);
	}
	return v;
}

static void cost_of(long pid, struct cost *c)
{
	struct dirent *e;
	char path[320];
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%ld/smaps_rollup", pid);
	c->pss_mib += (double)value_in(path, "Pss:") / 1024;
	snprintf(path, sizeof(path), "/proc/%ld/task", pid);
	d = opendir(path);
	while (d && (e = readdir(d))) {
		if (e->d_name[0] != '.') {
			snprintf(path, sizeof(path),
				 "/proc/%ld/task/%.32s/status", pid,
				 e->d_name);
			c->wakes += value_in(path, "voluntary_ctxt_switches:");
		}
	}
	if (d) {
		closedir(d);
	}
}

/* avsim and its children. */
static struct cost cost(pid_t pid)
{
	struct cost c = { 0 };
	struct dirent *e;
	char path[64];
	DIR *d = opendir("/proc");

	while (d && (e = readdir(d))) {
		long p = strtol(e->d_name, NULL, 10);

		snprintf(path, sizeof(path), "/proc/%ld/status", p);
		if (p && (p == pid ||
			  value_in(path, "PPid:") == (unsigned long)pid)) {
			cost_of(p, &c);
		}
	}
	if (d) {
		closedir(d);
	}
	return c;
}

static void bench_idle(void)
{
	static const char *const name[] = { "rng",   "net",  "blk",  "console",
					    "input", "scmi", "vsock0" };
	enum { N = sizeof(name) / sizeof(name[0]) };
	struct client c[N];
	struct cost before, after;
	char text[768];
	struct line l;
	pid_t pid;

	avsim_line(&l);
	device(&l, "rng");
	device(&l, "net");
	snprintf(text, sizeof(text), "blk,file=%s/disk.raw", g_dir);
	device(&l, text);
	snprintf(text, sizeof(text), "console,ports=c=file:%s/console.txt",
		 g_dir);
	device(&l, text);
	device(&l, "input");
	device(&l, "scmi");
	device(&l, "vsock0:vsock");
	/* what has nothing to do must not cost anything either */
	add(&l, "--capture");
	add(&l, "%s/idle.pcapng", g_dir);
	add(&l, "--bt-pty");
	add(&l, "%s/hci", g_dir);
	add(&l, "--port");
	add(&l, "p=pty:%s/pty", g_dir);
	pid = bench_spawn(l.arg, false);
	for (int i = 0; i < N; i++) {
		attach(&c[i], pid, name[i], false);
	}
	/* without the simulation's clock */
	snprintf(text, sizeof(text),
		 "'%s' ctl --run-dir %s/run pause >/dev/null", g_avsim, g_dir);
	if (system(text)) {
		die("avsim ctl pause", "failed");
	}
	sleep(2); /* what attaching began has ended */
	before = cost(pid);
	sleep(IDLE_S);
	after = cost(pid);
	bench_row("all types, capture, two ptys, idle: wake-ups",
		  (double)(after.wakes - before.wakes) / IDLE_S, "/s", "<= 2",
		  NULL, 0);
	bench_row("all types, capture, two ptys, idle: PSS", after.pss_mib, "MiB",
		  "<= 60", NULL, 0);
	for (int i = 0; i < N; i++) {
		detach(&c[i]);
	}
	end(pid);
}

int main(int argc, char **argv)
{
	const char *top = getenv("AVSIM_TOP_BUILDDIR");
	const char *tmp = getenv("TMPDIR");
	char avsim[512], path[128];
	int fd;

	signal(SIGPIPE, SIG_IGN);
	snprintf(avsim, sizeof(avsim), "%s/avsim", top ? top : ".");
	g_avsim = argc > 1 ? argv[1] : avsim;
	snprintf(g_dir, sizeof(g_dir), "%s/avsim-bench-dev-XXXXXX",
		 tmp ? tmp : "/tmp");
	if (!mkdtemp(g_dir)) {
		die(g_dir, strerror(errno));
	}
	snprintf(path, sizeof(path), "%s/disk.raw", g_dir);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	if (fd < 0 || ftruncate(fd, 16 << 20)) {
		die(path, strerror(errno));
	}
	close(fd);
	bench_title("devices");
	bench_kick(true);
	bench_kick(false);
	bench_start();
	bench_idle();
	snprintf(avsim, sizeof(avsim), "rm -rf %s", g_dir);
	return system(avsim) != 0;
}
