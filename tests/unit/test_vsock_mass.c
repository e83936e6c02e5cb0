/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vsock device of a running avsim with a fake guest: many connections, much
 * data, peers that do not read, a guest that reboots. The host's side is a unix
 * socket behind the hybrid one, served by a thread of this test.
 */
#include "config.h"

#include "tests/unit/test.h"
#include "tests/vu/vpeer.h"
#include "vdevices/health.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

enum { PORT = 7010, CID = 3, AT_ONCE = 1000, ALL = 10000, STEP_MS = 100 };

static char dir[64];
static pid_t avsim;
static unsigned long waited; /* steps without progress */

static bool quick(void)
{
	return getenv("AVSIM_CHECK_QUICK");
}

static void path_of(char out[108], const char *name)
{
	snprintf(out, 108, "%s/%s", dir, name);
}

/* ---- the host: echoes what it gets; ends when the guest has ended ---- */

static int listener, epoll_fd;

struct pending {
	int fd;
	bool eof;
	size_t from, len;
	uint8_t buf[65536];
};

static void set(struct pending *p)
{
	struct epoll_event e = { .events = p->len ? EPOLLOUT : EPOLLIN,
				 .data.ptr = p };

	epoll_ctl(epoll_fd, EPOLL_CTL_MOD, p->fd, &e);
}

/* Not by closing alone: a child on its way to exec() still has the socket. */
static void gone(struct pending *p)
{
	epoll_ctl(epoll_fd, EPOLL_CTL_DEL, p->fd, NULL);
	close(p->fd);
	free(p);
}

static void serve(struct pending *p)
{
	ssize_t n;

	if (!p->len) {
		n = recv(p->fd, p->buf, sizeof(p->buf), MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN) {
			return;
		}
		if (n <= 0) {
			gone(p);
			return;
		}
		p->from = 0;
		p->len = (size_t)n;
	}
	n = send(p->fd, p->buf + p->from, p->len, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n > 0) {
		p->from += (size_t)n;
		p->len -= (size_t)n;
	} else if (n < 0 && errno != EAGAIN) {
		gone(p);
		return;
	}
	set(p);
}

static void *echo(void *arg)
{
	struct epoll_event e[64];

	(void)arg;
	for (;;) {
		int n = epoll_wait(epoll_fd, e, 64, -1);

		for (int i = 0; i < n; i++) {
			struct pending *p = e[i].data.ptr;

			if (p) {
				serve(p);
				continue;
			}
			p = calloc(1, sizeof(*p));
			p->fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
			e[i] = (struct epoll_event){ .events = EPOLLIN,
						     .data.ptr = p };
			epoll_ctl(epoll_fd, EPOLL_CTL_ADD, p->fd, &e[i]);
		}
	}
	return NULL;
}

static void start_echo(void)
{
	struct sockaddr_un sa = { .sun_family = AF_UNIX };
	struct epoll_event e = { .events = EPOLLIN };
	char name[32];
	pthread_t t;

	snprintf(name, sizeof(name), "vsock.sock_%d", PORT);
	path_of(sa.sun_path, name);
	listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK_EQ(bind(listener, (struct sockaddr *)&sa, sizeof(sa)), 0);
	CHECK_EQ(listen(listener, 4096), 0);
	epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &e);
	pthread_create(&t, NULL, echo, NULL);
	pthread_detach(t);
}

static void start_avsim(void)
{
	const char *top = getenv("AVSIM_TOP_BUILDDIR");
	char bin[4096], sock[108];

	snprintf(bin, sizeof(bin), "%s/avsim", top ? top : ".");
	snprintf(dir, sizeof(dir), "/tmp/avsim-mass-%d", getpid());
	avsim = fork();
	if (avsim == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(open("/dev/null", O_WRONLY), STDOUT_FILENO);
		execl(bin, bin, "run", "--scenario", "idle", "--linger",
		      "--headless", "--no-record", "--speed", "1", "--run-dir",
		      dir, "--device", "vsock0", "--device", "vsock1,cid=4",
		      (char *)NULL);
		_exit(127);
	}
	path_of(sock, "vsock0.sock");
	for (int i = 0; i < 300 && access(sock, F_OK); i++) {
		poll(NULL, 0, STEP_MS);
	}
	CHECK_EQ(access(sock, F_OK), 0);
}

static size_t fds_of_avsim(void)
{
	char path[64];
	size_t n = 0;
	DIR *d;

	snprintf(path, sizeof(path), "/proc/%d/fd", avsim);
	d = opendir(path);
	while (d && readdir(d)) {
		n++;
	}
	closedir(d);
	return n;
}

static long rss_kib(void)
{
	char path[64], line[256];
	long kib = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", avsim);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f)) {
		sscanf(line, "VmRSS: %ld", &kib);
	}
	fclose(f);
	return kib;
}

/* ---- the guest ---- */

/* Checks that bytes come back in order: the n-th byte is a function of n. */
static uint8_t byte_at(uint64_t n)
{
	return (uint8_t)(n * 2654435761u >> 13);
}

static void check_data(struct vpeer *v, struct vpeer_conn *c,
		       const uint8_t *buf, uint32_t len)
{
	uint64_t n = c->received - len;

	(void)v;
	for (uint32_t i = 0; i < len; i++) {
		if (buf[i] != byte_at(n + i)) {
			fail_msg("byte %llu is wrong",
				 (unsigned long long)(n + i));
		}
	}
}

static struct vpeer *attach(const char *name, struct vpeer_opts *o)
{
	struct av_err err = { 0 };
	struct vpeer *v = NULL;
	char sock[108];
	int ret = -1;

	path_of(sock, name);
	o->path = sock;
	/* the one before has just hung up */
	for (int i = 0; i < 50 && ret; i++) {
		ret = vpeer_open(o, &v, &err);
		if (ret) {
			poll(NULL, 0, STEP_MS);
		}
	}
	if (ret) {
		fail_msg("%s", err.msg);
	}
	return v;
}

static struct vpeer *guest(unsigned int conns, bool hold_credit)
{
	struct vpeer_opts o = { .cid = CID,
				.conns = conns,
				.hold_credit = hold_credit,
				.data = check_data };

	return attach("vsock0.sock", &o);
}

/* Nothing for a long time: it hangs. */
static void step(struct vpeer *v)
{
	int n = vpeer_run(v, STEP_MS);

	CHECK(n >= 0);
	waited = n ? 0 : waited + 1;
	if (waited > FRONT_WAIT_MS / STEP_MS) {
		fail_msg("nothing moves any more");
	}
}

static void open_all(struct vpeer *v, struct vpeer_conn **c, unsigned int n,
		     uint32_t first)
{
	for (unsigned int i = 0; i < n; i++) {
		c[i] = vpeer_dial(v, first + i, PORT);
		CHECK(c[i] != NULL);
		while (c[i]->state == VPEER_DIALLING) {
			step(v);
		}
		CHECK_EQ(c[i]->state, VPEER_OPEN);
	}
}

static void send_some(struct vpeer *v, struct vpeer_conn *c, uint32_t len)
{
	static uint8_t buf[VPEER_TX_MAX];

	len = len < sizeof(buf) ? len : (uint32_t)sizeof(buf);
	for (uint32_t i = 0; i < len; i++) {
		buf[i] = byte_at(c->sent + i);
	}
	vpeer_send(v, c, buf, len);
}

static void echo_all(struct vpeer *v, struct vpeer_conn **c, unsigned int n,
		     uint64_t bytes)
{
	bool busy = true;

	while (busy) {
		busy = false;
		for (unsigned int i = 0; i < n; i++) {
			if (c[i]->sent < bytes) {
				uint64_t left = bytes - c[i]->sent;

				send_some(v, c[i],
					  left < VPEER_TX_MAX ? (uint32_t)left
							      : VPEER_TX_MAX);
			}
			busy |= c[i]->received < bytes;
			CHECK_EQ(c[i]->state, VPEER_OPEN);
		}
		if (busy) {
			step(v);
		}
	}
}

static void close_all(struct vpeer *v, struct vpeer_conn **c, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		vpeer_shutdown(v, c[i], VSOCK_NO_SEND | VSOCK_NO_RECEIVE);
	}
	for (unsigned int i = 0; i < n; i++) {
		while (c[i]->state != VPEER_RESET) {
			step(v);
		}
		vpeer_free(c[i]);
	}
}

TEST(ten_thousand_connections_a_thousand_at_once)
{
	static struct vpeer_conn *c[AT_ONCE];
	struct vpeer *v = guest(AT_ONCE, false);
	size_t fds = fds_of_avsim();
	unsigned int all = quick() ? 2 * AT_ONCE : ALL;

	for (unsigned int done = 0; done < all; done += AT_ONCE) {
		open_all(v, c, AT_ONCE, 1000 + done);
		echo_all(v, c, AT_ONCE, 100);
		close_all(v, c, AT_ONCE);
	}
	for (int i = 0; i < 50 && fds_of_avsim() > fds; i++) {
		step(v);
	}
	CHECK_EQ(fds_of_avsim(), fds);
	vpeer_close(v);
}

TEST(a_gigabyte_there_and_back_in_order)
{
	struct vpeer *v = guest(1, false);
	struct vpeer_conn *c;

	open_all(v, &c, 1, 1000);
	echo_all(v, &c, 1, quick() ? 64u << 20 : 1u << 30);
	close_all(v, &c, 1);
	vpeer_close(v);
}

TEST(every_write_size_gets_through)
{
	static const uint32_t size[] = { 1,     2,     63,    64,    1000,
					 4051,  4052,  4096,  16384, 32768,
					 65535, 65536, 262144 };
	struct vpeer *v = guest(1, false);

	for (size_t i = 0; i < sizeof(size) / sizeof(size[0]); i++) {
		struct vpeer_conn *c;
		uint64_t bytes = 64 * (uint64_t)size[i];

		open_all(v, &c, 1, 1000 + (uint32_t)i);
		while (c->received < bytes) {
			uint64_t upto = (c->sent / size[i] + 1) * size[i];

			if (c->sent < bytes) {
				send_some(v, c, (uint32_t)(upto - c->sent));
			}
			if (vpeer_run(v, 0) == 0 && c->sent == bytes) {
				step(v);
			}
		}
		close_all(v, &c, 1);
	}
	vpeer_close(v);
}

/* It gives no credit back: the host may send one buffer's worth, and waits. */
TEST(a_guest_that_does_not_read_stops_only_itself)
{
	struct vpeer *v = guest(2, true);
	struct vpeer_conn *c;
	uint64_t before = 0;
	long rss = rss_kib();

	open_all(v, &c, 1, 1000);
	for (int same = 0; same < 10;) {
		send_some(v, c, VPEER_TX_MAX);
		CHECK(vpeer_run(v, STEP_MS) >= 0);
		same = c->received == before ? same + 1 : 0;
		before = c->received;
	}
	CHECK_EQ(c->received, VPEER_BUF);
	CHECK(rss_kib() - rss < 8192);
	vpeer_reset(v, c);
	vpeer_close(v);
	v = guest(1, false); /* the next guest is served */
	open_all(v, &c, 1, 1000);
	echo_all(v, &c, 1, 100000);
	vpeer_close(v);
}

TEST(a_guest_that_reboots_in_the_middle_starts_anew)
{
	struct vpeer *v = guest(AT_ONCE, false);
	struct vpeer_conn *c[50];
	struct av_err err = { 0 };
	size_t fds = fds_of_avsim();

	for (int round = 0; round < 5; round++) {
		open_all(v, c, 50, 1000);
		for (int i = 0; i < 50; i++) {
			send_some(v, c[i], VPEER_TX_MAX);
		}
		vpeer_run(v, 0);
		CHECK_EQ(vpeer_reboot(v, &err), 0);
	}
	open_all(v, c, 50, 1000);
	echo_all(v, c, 50, 1000);
	close_all(v, c, 50);
	for (int i = 0; i < 50 && fds_of_avsim() > fds; i++) {
		step(v);
	}
	CHECK_EQ(fds_of_avsim(), fds);
	vpeer_close(v);
}

/* ---- two guests ---- */

TEST(one_guest_reaches_another_through_avsim)
{
	struct vpeer_opts oa = { .cid = CID, .to = 4, .conns = 2 };
	struct vpeer_opts ob = {
		.cid = 4, .to = CID, .conns = 2, .data = check_data
	};
	struct vpeer *a = attach("vsock0.sock", &oa);
	struct vpeer *b = attach("vsock1.sock", &ob);
	struct vpeer_conn *c, *d = NULL;

	vpeer_listen(b, 5000);
	c = vpeer_dial(a, 1000, 5000);
	while (c->state == VPEER_DIALLING) {
		CHECK(vpeer_run(b, STEP_MS) >= 0);
		d = d ? d : vpeer_accepted(b);
		step(a);
	}
	CHECK_EQ(c->state, VPEER_OPEN);
	CHECK(d != NULL);
	while (d->received < 10000000) {
		uint64_t before = d->received;

		send_some(a, c, VPEER_TX_MAX);
		CHECK(vpeer_run(b, 1) >= 0);
		CHECK(vpeer_run(a, 0) >= 0);
		if (d->received == before) {
			step(a);
		}
	}
	vpeer_reset(b, d);
	while (c->state == VPEER_OPEN) {
		step(a);
	}
	/* a guest that is not there, and a port that is closed */
	c = vpeer_dial(a, 1001, 5001);
	while (c->state == VPEER_DIALLING) {
		CHECK(vpeer_run(b, STEP_MS) >= 0);
		step(a);
	}
	CHECK_EQ(c->state, VPEER_RESET);
	vpeer_close(b);
	vpeer_free(c);
	c = vpeer_dial(a, 1002, 5000);
	while (c->state == VPEER_DIALLING) {
		step(a);
	}
	CHECK_EQ(c->state, VPEER_RESET);
	vpeer_close(a);
}

/* ---- faults ---- */

static int ctl(const char *words, const char *then)
{
	const char *top = getenv("AVSIM_TOP_BUILDDIR");
	char command[512];

	snprintf(command, sizeof(command), "%s/avsim ctl --run-dir %s %s %s",
		 top ? top : ".", dir, words, then);
	return system(command);
}

/* A command is carried out with a later step of the simulation: until its
 * fault is among those of the status, or no more. */
static void await_fault(const char *name, bool on)
{
	char then[64];

	snprintf(then, sizeof(then), "| grep -q 'fault: *%s'", name);
	for (int i = 0; !ctl("status", then) != on; i++) {
		if (i == FRONT_WAIT_MS / STEP_MS) {
			fail_msg("fault %s %s", name,
				 on ? "does not begin" : "does not end");
		}
		poll(NULL, 0, STEP_MS);
	}
	poll(NULL, 0, STEP_MS); /* its way to the device */
}

static void fault(const char *name, const char *args)
{
	char words[128];

	snprintf(words, sizeof(words), "fault %s %s", name, args);
	CHECK_EQ(ctl(words, ">/dev/null"), 0);
	await_fault(name, true);
}

static void clear(const char *name)
{
	CHECK_EQ(ctl("clear", ">/dev/null"), 0);
	await_fault(name, false);
}

static void idle(struct vpeer *v, int steps)
{
	for (int i = 0; i < steps; i++) {
		CHECK(vpeer_run(v, STEP_MS) >= 0);
		poll(NULL, 0, STEP_MS);
	}
}

TEST(faults_refuse_reset_and_storm)
{
	struct vpeer *v = guest(4, false);
	struct vpeer_conn *c;

	open_all(v, &c, 1, 1000);
	/* over at once: what it does is waited for */
	CHECK_EQ(ctl("fault vsock-reset port=7010", ">/dev/null"), 0);
	while (c->state == VPEER_OPEN) {
		step(v);
	}
	vpeer_free(c);
	fault("vsock-refuse", "port=7010");
	c = vpeer_dial(v, 1001, PORT);
	while (c->state == VPEER_DIALLING) {
		step(v);
	}
	CHECK_EQ(c->state, VPEER_RESET);
	vpeer_free(c);
	clear("vsock-refuse");
	fault("vsock-storm", "port=7010 rate=10");
	for (uint32_t i = 0; i < 3; i++) {
		c = vpeer_dial(v, 2000 + i, PORT);
		CHECK(c != NULL);
		/* it may have been open in between */
		while (c->state != VPEER_RESET) {
			step(v);
		}
		vpeer_free(c);
	}
	clear("vsock-storm");
	open_all(v, &c, 1, 3000);
	echo_all(v, &c, 1, 1000);
	vpeer_close(v);
}

TEST(faults_stall_delay_and_limit_lose_nothing)
{
	struct vpeer *v = guest(4, false);
	struct vpeer_conn *c;
	int64_t begin;

	open_all(v, &c, 1, 1000);
	fault("vsock-stall", "port=7010");
	send_some(v, c, 5000);
	idle(v, 5);
	CHECK_EQ(c->received, 0);
	CHECK_EQ(c->state, VPEER_OPEN);
	clear("vsock-stall");
	echo_all(v, &c, 1, 5000);

	fault("vsock-delay", "by=300ms");
	echo_all(v, &c, 1, 10000);
	clear("vsock-delay");

	/* there and back at 100 kB/s: more than 2 s of the run, and a run that
	 * is late catches up with less than half of that */
	fault("vsock-bandwidth", "rate=100000");
	begin = health_clock_ns();
	send_some(v, c, 65536);
	send_some(v, c, 65536);
	echo_all(v, &c, 1, 10000 + 2 * 65536);
	CHECK(health_clock_ns() - begin > 1000000000);
	clear("vsock-bandwidth");
	echo_all(v, &c, 1, 200000);
	close_all(v, &c, 1);
	vpeer_close(v);
}

int main(void)
{
	struct rlimit files;
	int failed, st;

	getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	setrlimit(RLIMIT_NOFILE, &files);
	start_avsim();
	start_echo();
	failed = RUN_TESTS(T(ten_thousand_connections_a_thousand_at_once),
			   T(a_gigabyte_there_and_back_in_order),
			   T(every_write_size_gets_through),
			   T(a_guest_that_does_not_read_stops_only_itself),
			   T(a_guest_that_reboots_in_the_middle_starts_anew),
			   T(one_guest_reaches_another_through_avsim),
			   T(faults_refuse_reset_and_storm),
			   T(faults_stall_delay_and_limit_lose_nothing));
	kill(avsim, SIGTERM);
	waitpid(avsim, &st, 0);
	if (!WIFEXITED(st) || WEXITSTATUS(st) > 1) {
		fprintf(stderr, "avsim ended with status %#x\n", st);
		return 1;
	}
	return failed;
}
