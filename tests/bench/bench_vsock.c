/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio-vsock without a guest: a fake guest (tests/vu) against avsim and
 * against vhost-device-vsock in turns, a unix socket server of this program
 * behind both. Round trips of 64 bytes, and throughput both ways at several
 * write sizes.
 */
#include "config.h"

#include "tests/bench/bench.h"
#include "tests/vu/vpeer.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	ECHO = 7010, /* sends back what it gets */
	SINK,        /* reads */
	SOURCE,      /* writes until it cannot */
	N_PORTS = 3,
	ROUNDS = 5,
	WAIT_MS = 3000, /* nothing for so long: stalled */
};
#define SECONDS 0.4

static char dir[] = "/tmp/avsim-bench-XXXXXX";

/* ---- the host's programs ---- */

struct server {
	int fd, port;
};

static void *serve(void *arg)
{
	struct server *s = arg;
	static __thread char buf[262144];
	ssize_t n;

	if (s->port == SOURCE) {
		while (send(s->fd, buf, sizeof(buf), MSG_NOSIGNAL) > 0) {
		}
	} else {
		while ((n = recv(s->fd, buf, sizeof(buf), 0)) > 0) {
			if (s->port == ECHO &&
			    send(s->fd, buf, (size_t)n, MSG_NOSIGNAL) != n) {
				break;
			}
		}
	}
	close(s->fd);
	free(s);
	return NULL;
}

static void *accept_all(void *arg)
{
	struct server *l = arg;

	for (;;) {
		struct server *s = malloc(sizeof(*s));
		pthread_t t;

		s->port = l->port;
		s->fd = accept(l->fd, NULL, NULL);
		pthread_create(&t, NULL, serve, s);
		pthread_detach(t);
	}
	return NULL;
}

static void listen_at(const char *hybrid)
{
	for (int port = ECHO; port < ECHO + N_PORTS; port++) {
		struct sockaddr_un sa = { .sun_family = AF_UNIX };
		struct server *l = malloc(sizeof(*l));
		pthread_t t;

		snprintf(sa.sun_path, sizeof(sa.sun_path), "%s_%d", hybrid,
			 port);
		l->port = port;
		l->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (bind(l->fd, (struct sockaddr *)&sa, sizeof(sa)) ||
		    listen(l->fd, 16)) {
			perror(sa.sun_path);
			exit(1);
		}
		pthread_create(&t, NULL, accept_all, l);
		pthread_detach(t);
	}
}

/* ---- the devices ---- */

struct target {
	const char *name;
	pid_t pid;
	char sock[108];
};

static bool await(const char *path)
{
	for (int i = 0; i < 500; i++) {
		if (!access(path, F_OK)) {
			return true;
		}
		poll(NULL, 0, 20);
	}
	return false;
}

static bool start_avsim(struct target *t)
{
	char bin[] = "./avsim", run[] = "run", sc[] = "--scenario";
	char idle[] = "idle", linger[] = "--linger", hl[] = "--headless";
	char nr[] = "--no-record", rd[] = "--run-dir", dev[] = "--device";
	char name[] = "vsock0", hybrid[108];
	char *argv[] = { bin, run, sc,  idle, linger, hl,
			 nr,  rd,  dir, dev,  name,   NULL };

	t->name = "avsim";
	snprintf(t->sock, sizeof(t->sock), "%s/vsock0.sock", dir);
	t->pid = bench_spawn(argv, true);
	if (!await(t->sock)) {
		return false;
	}
	snprintf(hybrid, sizeof(hybrid), "%s/vsock.sock", dir);
	listen_at(hybrid);
	return true;
}

static bool start_peer(struct target *t)
{
	char bin[512] = "", arg[400], opt[] = "--vm", hybrid[108];
	const char *src = getenv("AVSIM_TOP_SRCDIR");
	char *argv[] = { bin, opt, arg, NULL };
	char command[512];
	FILE *p;

	snprintf(command, sizeof(command), "%s/tests/bench/peer_vsock.sh",
		 src ? src : ".");
	p = popen(command, "r");
	if (!p || !fgets(bin, sizeof(bin), p) || pclose(p)) {
		printf("SKIP the peer: no vhost-device-vsock\n");
		return false;
	}
	bin[strcspn(bin, "\n")] = '\0';
	t->name = "vhost-device-vsock";
	snprintf(t->sock, sizeof(t->sock), "%s/peer.sock", dir);
	snprintf(hybrid, sizeof(hybrid), "%s/peer.vm", dir);
	snprintf(arg, sizeof(arg), "guest-cid=4,socket=%s,uds-path=%s", t->sock,
		 hybrid);
	t->pid = bench_spawn(argv, true);
	if (!await(t->sock)) {
		printf("SKIP the peer: it does not start\n");
		return false;
	}
	listen_at(hybrid);
	return true;
}

/* ---- measured ---- */

static struct vpeer *attach(const struct target *t)
{
	struct vpeer_opts o = { .path = t->sock,
				.cid = t->name[0] == 'a' ? 3 : 4,
				.conns = 4 };
	struct av_err err = { 0 };
	struct vpeer *v;

	/* the peer restarts its loop after a front-end went */
	for (int i = 0; i < 100; i++) {
		if (!vpeer_open(&o, &v, &err)) {
			return v;
		}
		poll(NULL, 0, 50);
	}
	fprintf(stderr, "%s: %s\n", t->name, err.msg);
	exit(1);
}

static uint32_t next_port = 1000;

static struct vpeer_conn *dial(struct vpeer *v, int port)
{
	struct vpeer_conn *c = vpeer_dial(v, next_port++, (uint32_t)port);

	while (c->state == VPEER_DIALLING && vpeer_run(v, WAIT_MS) > 0) {
	}
	if (c->state != VPEER_OPEN) {
		fprintf(stderr, "port %d: no connection\n", port);
		exit(1);
	}
	return c;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Round trips a second; @p50_us gets the median. */
static double round_trips(const struct target *t, double *p50_us)
{
	static double us[1000000];
	struct vpeer *v = attach(t);
	struct vpeer_conn *c = dial(v, ECHO);
	char msg[64] = "ping";
	double start = bench_now_s(), end = start + SECONDS, t0 = start;
	size_t n = 0;

	while (t0 < end && n < 1000000) {
		uint64_t want = c->received + sizeof(msg);
		double t1;

		vpeer_send(v, c, msg, sizeof(msg));
		while (c->received < want) {
			if (vpeer_run(v, WAIT_MS) <= 0) {
				return 0;
			}
		}
		t1 = bench_now_s();
		us[n++] = (t1 - t0) * 1e6;
		t0 = t1;
	}
	qsort(us, n, sizeof(us[0]), by_value);
	*p50_us = us[n / 2];
	vpeer_reset(v, c);
	vpeer_close(v);
	return (double)n / (t0 - start);
}

/* MB/s from the guest; 0: it stalled. */
static double transmit(const struct target *t, uint32_t size)
{
	static char buf[VPEER_TX_MAX];
	struct vpeer *v = attach(t);
	struct vpeer_conn *c = dial(v, SINK);
	double start = bench_now_s(), end = start + SECONDS, moved = start;
	double mbs = 0;

	for (double now = start; now < end; now = bench_now_s()) {
		uint32_t part = size - (uint32_t)(c->sent % size);

		/* a write is cut into packets, as the driver does */
		if (vpeer_send(v, c, buf,
			       part < VPEER_TX_MAX ? part : VPEER_TX_MAX)) {
			moved = now;
		} else if (vpeer_run(v, 10) < 0 ||
			   now - moved > WAIT_MS / 1e3) {
			goto out;
		}
		if (moved == now && c->sent % (64 * size) < size) {
			vpeer_run(v, 0);
		}
		if (now + 0.1 > end && moved + 0.3 < now) {
			end = moved +
			      WAIT_MS / 1e3; /* stalled, or just slow? */
		}
	}
	mbs = (double)c->sent / (moved - start) / 1e6;
out:
	vpeer_reset(v, c);
	vpeer_close(v);
	return mbs;
}

static double receive(const struct target *t)
{
	struct vpeer *v = attach(t);
	struct vpeer_conn *c = dial(v, SOURCE);
	double start = bench_now_s(), end = start + SECONDS, now = start;

	while (now < end && vpeer_run(v, WAIT_MS) > 0) {
		now = bench_now_s();
	}
	vpeer_reset(v, c);
	vpeer_close(v);
	return (double)c->received / (now - start) / 1e6;
}

static double median(double *v)
{
	qsort(v, ROUNDS, sizeof(v[0]), by_value);
	return v[ROUNDS / 2];
}

static void row(const char *name, double *ours, double *theirs,
		const char *unit, const char *goal)
{
	double a = median(ours);

	if (theirs) {
		bench_row(name, a, unit, goal, "vhost-device-vsock",
			  median(theirs));
	} else {
		bench_row(name, a, unit, NULL, NULL, 0);
	}
}

static void rr(const struct target *a, const struct target *b)
{
	double n[2][ROUNDS], us[2][ROUNDS];

	for (int i = 0; i < ROUNDS; i++) {
		n[0][i] = round_trips(a, &us[0][i]);
		if (b) {
			n[1][i] = round_trips(b, &us[1][i]);
		}
	}
	row("vsock round trips, 64 B", n[0], b ? n[1] : NULL, "/s", ">= 1.0x");
	row("vsock round trip p50", us[0], b ? us[1] : NULL, "us", "<= 1.0x");
}

static void tx(const struct target *a, const struct target *b, uint32_t size,
	       const char *goal)
{
	double n[2][ROUNDS];
	char name[64];

	for (int i = 0; i < ROUNDS; i++) {
		n[0][i] = transmit(a, size);
		/* from 64 KiB on the peer stalls for ever */
		n[1][i] = b && size <= 32768 ? transmit(b, size) : 0;
	}
	snprintf(name, sizeof(name), "vsock from the guest, %u B writes", size);
	row(name, n[0], b && size <= 32768 ? n[1] : NULL, "MB/s", goal);
}

int main(void)
{
	static const uint32_t sizes[] = { 1, 64, 1000, 65536, 262144 };
	struct target a = { 0 }, b = { 0 };
	double n[2][ROUNDS];
	bool peer;

	signal(SIGPIPE, SIG_IGN);
	if (!mkdtemp(dir)) {
		perror(dir);
		return 1;
	}
	bench_title("vsock");
	if (!start_avsim(&a)) {
		printf("SKIP: ./avsim does not start\n");
		return 1;
	}
	peer = start_peer(&b);
	rr(&a, peer ? &b : NULL);
	tx(&a, peer ? &b : NULL, 4096, ">= 0.9x");
	tx(&a, peer ? &b : NULL, 32768, ">= 0.9x");
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		tx(&a, NULL, sizes[i], NULL);
	}
	for (int i = 0; i < ROUNDS; i++) {
		n[0][i] = receive(&a);
		n[1][i] = peer ? receive(&b) : 0;
	}
	row("vsock to the guest", n[0], peer ? n[1] : NULL, "MB/s", ">= 0.9x");
	kill(a.pid, SIGTERM);
	waitpid(a.pid, NULL, 0);
	if (peer) {
		kill(b.pid, SIGKILL);
		waitpid(b.pid, NULL, 0);
	}
	snprintf(b.sock, sizeof(b.sock), "rm -rf %s", dir);
	return system(b.sock) != 0;
}
