/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio-blk without a guest: a vhost-user front-end of our own (tests/vu)
 * against avsim and against qemu-storage-daemon with io_uring, 4 KiB at random
 * places of a file in the page cache, in turns within one run.
 *
 *	bench_blk [AVSIM [STORAGE-DAEMON]]
 *
 * Disks are made in $TMPDIR, else /dev/shm, where no writeback disturbs. That
 * place matters: in memory both copy only, but io_uring hands each request to
 * a worker; on ext4 it reads from the page cache at once, as we do, and then
 * most of a read is the kernel's copy, on either side.
 * The second is looked for in $AVSIM_QSD, the guest kit's cache and PATH.
 */
#include "config.h"

#include "bench.h"
#include "sim/core/rand.h"
#include "tests/vu/front.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	ROUNDS = 9,
	MAX_DEPTH = 32,
	BLOCK = 4096,
};
#define DISK_SIZE (256ull << 20)
#define ROUND_S 0.15

struct header {
	uint32_t type, reserved;
	uint64_t sector;
};

struct server {
	const char *name;
	pid_t pid;
	char socket[160];
	struct front_mem *mem;
	struct front *f;
	uint64_t slot[MAX_DEPTH]; /* header, status, data: one page and one */
};

static char g_dir[96];

static void die(const char *what, const char *why)
{
	fprintf(stderr, "bench_blk: %s: %s\n", what, why);
	exit(1);
}

static void make_disk(const char *path)
{
	static char buf[1 << 20];
	int fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0600);

	memset(buf, 0x5a, sizeof(buf));
	for (uint64_t at = 0; at < DISK_SIZE; at += sizeof(buf)) {
		if (fd < 0 || write(fd, buf, sizeof(buf)) < 0) {
			die(path, strerror(errno));
		}
	}
	close(fd);
}

static void start_avsim(struct server *s, const char *avsim)
{
	char disk[128], dir[128], dev[288];
	char *argv[] = { (char *)(uintptr_t)avsim,
			 (char *)(uintptr_t) "run",
			 (char *)(uintptr_t) "--headless",
			 (char *)(uintptr_t) "--no-record",
			 (char *)(uintptr_t) "--scenario",
			 (char *)(uintptr_t) "idle",
			 (char *)(uintptr_t) "--linger",
			 (char *)(uintptr_t) "--run-dir",
			 dir,
			 (char *)(uintptr_t) "--device",
			 dev,
			 NULL };

	snprintf(disk, sizeof(disk), "%s/avsim.raw", g_dir);
	make_disk(disk);
	snprintf(dir, sizeof(dir), "%s/run", g_dir);
	snprintf(dev, sizeof(dev), "blk,queues=1,file=%s", disk);
	snprintf(s->socket, sizeof(s->socket), "%s/blk.sock", dir);
	s->name = "avsim";
	s->pid = bench_spawn(argv, false);
}

static void start_peer(struct server *s, const char *daemon)
{
	char disk[128], dev[256], export[384];
	char *argv[] = { (char *)(uintptr_t)daemon,
			 (char *)(uintptr_t) "--blockdev",
			 dev,
			 (char *)(uintptr_t) "--export",
			 export,
			 NULL };

	snprintf(disk, sizeof(disk), "%s/peer.raw", g_dir);
	make_disk(disk);
	snprintf(s->socket, sizeof(s->socket), "%s/peer.sock", g_dir);
	snprintf(dev, sizeof(dev),
		 "driver=file,node-name=d,filename=%s,aio=io_uring", disk);
	snprintf(export, sizeof(export),
		 "type=vhost-user-blk,id=e,node-name=d,addr.type=unix,"
		 "addr.path=%s,writable=on,num-queues=1",
		 s->socket);
	s->name = "qemu-storage-daemon, io_uring";
	s->pid = bench_spawn(argv, false);
}

/* Return: false: it ended before it listened. */
static bool listens(const struct server *s)
{
	for (int i = 0; access(s->socket, F_OK) && i < 1000; i++) {
		if (waitpid(s->pid, NULL, WNOHANG) == s->pid) {
			return false;
		}
		usleep(10000);
	}
	return true;
}

static void connect_to(struct server *s)
{
	struct front_opts o = { .path = s->socket,
				.n_queues = 1,
				.queue_size = 128,
				.conn_fd = -1,
				.busy_poll = true };
	struct av_err err = { 0 };

	s->mem = front_mem_create(1, 8 << 20);
	o.mem = s->mem;
	if (front_open(&o, &s->f, &err) || front_start(s->f, &err)) {
		die(s->name, err.msg);
	}
	for (int i = 0; i < MAX_DEPTH; i++) {
		s->slot[i] = front_alloc(s->mem, 2 * BLOCK, BLOCK);
	}
}

static void offer(struct server *s, int i, bool write, struct av_rand *r)
{
	uint64_t block = av_rand_below(r, DISK_SIZE / BLOCK);
	struct header *h = front_mem_at(s->mem, s->slot[i] + BLOCK);
	struct front_buf b[3] = {
		{ s->slot[i] + BLOCK, sizeof(*h), false },
		{ s->slot[i], BLOCK, !write },
		{ s->slot[i] + BLOCK + 64, 1, true },
	};

	h->type = write;
	h->sector = block * (BLOCK / 512);
	if (front_add(s->f, 0, b, 3, (uint64_t)i)) {
		die(s->name, front_why(s->f));
	}
}

/* CPU seconds that the server has used. */
static double cpu_of(const struct server *s)
{
	unsigned long user = 0, sys = 0;
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)s->pid);
	f = fopen(path, "r");
	if (f) {
		if (fscanf(f,
			   "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u "
			   "%*u %*u %lu %lu",
			   &user, &sys) != 2) {
			user = sys = 0;
		}
		fclose(f);
	}
	return (double)(user + sys) / (double)sysconf(_SC_CLK_TCK);
}

/* Requests a second. */
static double run(struct server *s, int depth, bool write, struct av_rand *r)
{
	double t0 = bench_now_s(), t = 0;
	struct front_used u;
	uint64_t done = 0;

	for (int i = 0; i < depth; i++) {
		offer(s, i, write, r);
	}
	front_kick(s->f, 0);
	while (t < ROUND_S) {
		int n = 0, ret;

		while ((ret = front_get(s->f, 0, &u)) == 1) {
			const uint8_t *st = front_mem_at(
				s->mem, s->slot[u.cookie] + BLOCK + 64);

			if (*st) {
				die(s->name, "a request failed");
			}
			offer(s, (int)u.cookie, write, r);
			n++;
		}
		if (ret < 0) {
			die(s->name, front_why(s->f));
		}
		if (n) {
			front_kick(s->f, 0);
			done += (uint64_t)n;
		}
		t = bench_now_s() - t0;
	}
	for (int i = 0; i < depth; i++) {
		if (front_wait(s->f, 0, &u, FRONT_WAIT_MS)) {
			die(s->name, front_why(s->f));
		}
	}
	return (double)done / t;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void compare(struct server *s, int n, int depth, bool write,
		    const char *goal)
{
	double v[2][ROUNDS], cpu[2] = { 0 }, done[2] = { 0 };
	struct av_rand r;
	char name[64];

	av_rand_init(&r, 1, "bench");
	for (int k = 0; k < ROUNDS; k++) {
		for (int i = 0; i < n; i++) {
			double t = cpu_of(&s[i]);

			v[i][k] = run(&s[i], depth, write, &r);
			cpu[i] += cpu_of(&s[i]) - t;
			done[i] += v[i][k] * ROUND_S;
		}
	}
	for (int i = 0; i < n; i++) {
		qsort(v[i], ROUNDS, sizeof(v[i][0]), by_value);
	}
	snprintf(name, sizeof(name), "4 KiB %s, depth %d",
		 write ? "write" : "read", depth);
	bench_row(name, v[0][ROUNDS / 2] / 1e3, "k/s", n > 1 ? goal : NULL,
		  n > 1 ? s[1].name : NULL, n > 1 ? v[1][ROUNDS / 2] / 1e3 : 0);
	bench_row("  CPU a request", cpu[0] / done[0] * 1e6, "us", NULL,
		  n > 1 ? s[1].name : NULL, cpu[1] / done[1] * 1e6);
}

static const char *find_peer(int argc, char **argv, char buf[512])
{
	const char *env = getenv("AVSIM_QSD"), *home = getenv("HOME");
	glob_t g;

	if (argc > 2 || env) {
		return argc > 2 ? argv[2] : env;
	}
	snprintf(buf, 512,
		 "%s/.cache/avsim/guest-kit/qemu*/bin/qemu-storage-daemon",
		 home ? home : "");
	if (!glob(buf, 0, NULL, &g)) {
		snprintf(buf, 512, "%s", g.gl_pathv[0]);
		globfree(&g);
		return buf;
	}
	return !system("command -v qemu-storage-daemon >/dev/null 2>&1")
		       ? "qemu-storage-daemon"
		       : NULL;
}

int main(int argc, char **argv)
{
	struct server s[2] = { { .name = "avsim" } };
	char buf[512], clean[128];
	const char *top = getenv("AVSIM_TOP_BUILDDIR");
	const char *peer = find_peer(argc, argv, buf);
	const char *dir = getenv("TMPDIR");
	char avsim[512];
	int n = 1;

	signal(SIGPIPE, SIG_IGN);
	snprintf(avsim, sizeof(avsim), "%s/avsim", top ? top : ".");
	snprintf(g_dir, sizeof(g_dir), "%s/avsim-bench-blk-XXXXXX",
		 dir ? dir : access("/dev/shm", W_OK) ? "/tmp" : "/dev/shm");
	if (!mkdtemp(g_dir)) {
		die(g_dir, strerror(errno));
	}
	start_avsim(&s[0], argc > 1 ? argv[1] : avsim);
	if (!listens(&s[0])) {
		die(s[0].name, "did not start");
	}
	connect_to(&s[0]);
	if (peer) {
		start_peer(&s[1], peer);
		n = listens(&s[1]) ? 2 : 1;
	}
	if (n > 1) {
		connect_to(&s[1]);
	}
	bench_title("blk");
	if (n == 1) {
		printf("no peer: %s; make guest-kit, or name one in "
		       "AVSIM_QSD\n",
		       peer ? "qemu-storage-daemon does not start"
			    : "no qemu-storage-daemon");
	}
	compare(s, n, 1, false, ">= 1.0x");
	compare(s, n, 1, true, ">= 2.0x");
	compare(s, n, 32, false, ">= 2.5x");
	compare(s, n, 32, true, ">= 2.5x");
	for (int i = 0; i < n; i++) {
		front_close(s[i].f);
		front_mem_destroy(s[i].mem);
		kill(s[i].pid, SIGTERM);
		waitpid(s[i].pid, NULL, 0);
	}
	snprintf(clean, sizeof(clean), "rm -rf %s", g_dir);
	return system(clean) != 0;
}
