/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UDP echo through the device, as it runs by default (a confined child),
 * through libslirp called directly, and through passt over vhost-user where it
 * can be had, in turns. The host's end of all is one echo process.
 *
 * Measured with CPUs kept awake, which the goals are for, and as the machine
 * is. One in flight is four wake-ups a round trip for either device, and where
 * CPUs sleep between them there is little else in it. Where they may not be
 * kept awake the goals are for what there is.
 */
#include "config.h"

#include "bench.h"
#include "tests/vu/front.h"
#include "vdevices/host.h"
#include "vdevices/net_frame.h"

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <slirp/libslirp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	HDR = 12,
	UP = NET_ETH_LEN + 20, /* UDP header in the frame */
	BODY = 64,
	FRAME = UP + 8 + BODY,
	WINDOW_MAX = 64,
	ROUNDS = 7,
	BUF = 2048,
	POLLS = 64,
};
#define ROUND_S 0.3

static uint8_t udp_frame[FRAME], arp_frame[42];

static void put16(uint8_t *p, unsigned int v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void make_frames(uint16_t port)
{
	uint8_t *ip = udp_frame + NET_ETH_LEN, *u = udp_frame + UP;
	uint16_t sum;

	memcpy(udp_frame,
	       "\x52\x55\x0a\x00\x02\x02\x52\x54\x00\x12\x34\x56\x08\x00",
	       NET_ETH_LEN);
	ip[0] = 0x45;
	put16(ip + 2, FRAME - NET_ETH_LEN);
	ip[8] = 64;
	ip[9] = 17;
	memcpy(ip + 12, "\x0a\x00\x02\x0f\x0a\x00\x02\x02", 8);
	sum = (uint16_t)~net_sum(ip, 20, 0);
	memcpy(ip + 10, &sum, sizeof(sum));
	put16(u, 5000);
	put16(u + 2, port);
	put16(u + 4, 8 + BODY); /* no sum */
	memset(arp_frame, 0xff, 6);
	memcpy(arp_frame + 6, "\x52\x54\x00\x12\x34\x56\x08\x06", 8);
	memcpy(arp_frame + 14, "\x00\x01\x08\x00\x06\x04\x00\x01", 8);
	memcpy(arp_frame + 22, arp_frame + 6, 6);
	memcpy(arp_frame + 28, ip + 12, 4);
	memcpy(arp_frame + 38, ip + 16, 4);
}

static bool is_echo(const uint8_t *f, size_t len)
{
	return len == FRAME && f[12] == 8 && f[13] == 0 &&
	       f[NET_ETH_LEN + 9] == 17;
}

/* ---- the host's end ---- */

static pid_t start_echo(uint16_t *port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	char buf[BUF];
	pid_t pid;

	if (fd < 0 || bind(fd, (struct sockaddr *)&a, sizeof(a)) ||
	    getsockname(fd, (struct sockaddr *)&a, &len)) {
		abort();
	}
	*port = ntohs(a.sin_port);
	pid = fork();
	if (pid) {
		close(fd);
		return pid;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		ssize_t n = recvfrom(fd, buf, sizeof(buf), 0,
				     (struct sockaddr *)&a, &len);

		if (n >= 0) {
			sendto(fd, buf, (size_t)n, 0, (struct sockaddr *)&a,
			       len);
		}
	}
}

/* ---- libslirp by itself ---- */

struct direct {
	Slirp *slirp;
	unsigned int back;
	struct pollfd p[POLLS];
	int n;
};

static ssize_t on_packet(const void *buf, size_t len, void *opaque)
{
	((struct direct *)opaque)->back += is_echo(buf, len);
	return (ssize_t)len;
}

static void on_error(const char *msg, void *opaque)
{
	(void)msg;
	(void)opaque;
}

static int64_t clock_ns(void *opaque)
{
	(void)opaque;
	return health_clock_ns();
}

static void *timer_new(SlirpTimerCb cb, void *arg, void *opaque)
{
	(void)cb;
	(void)arg;
	return opaque;
}

static void timer_free(void *timer, void *opaque)
{
	(void)timer;
	(void)opaque;
}

static void timer_mod(void *timer, int64_t at, void *opaque)
{
	(void)timer;
	(void)at;
	(void)opaque;
}

static void on_fd(int fd, void *opaque)
{
	(void)fd;
	(void)opaque;
}

static void on_notify(void *opaque)
{
	(void)opaque;
}

static int add_poll(int fd, int events, void *opaque)
{
	struct direct *d = opaque;

	if (d->n == POLLS) {
		return -1;
	}
	d->p[d->n] = (struct pollfd){
		.fd = fd,
		.events = (short)((events & SLIRP_POLL_IN ? POLLIN : 0) |
				  (events & SLIRP_POLL_OUT ? POLLOUT : 0)),
	};
	return d->n++;
}

static int revents(int i, void *opaque)
{
	int e = ((struct direct *)opaque)->p[i].revents;

	return (e & POLLIN ? SLIRP_POLL_IN : 0) |
	       (e & POLLOUT ? SLIRP_POLL_OUT : 0) |
	       (e & POLLERR ? SLIRP_POLL_ERR : 0) |
	       (e & POLLHUP ? SLIRP_POLL_HUP : 0);
}

static void direct_open(struct direct *d)
{
	static const SlirpCb cb = {
		.send_packet = on_packet,
		.guest_error = on_error,
		.clock_get_ns = clock_ns,
		.timer_new = timer_new,
		.timer_free = timer_free,
		.timer_mod = timer_mod,
		.register_poll_fd = on_fd,
		.unregister_poll_fd = on_fd,
		.notify = on_notify,
	};
	SlirpConfig c = { .version = 1, .in_enabled = true };

	inet_pton(AF_INET, "10.0.2.0", &c.vnetwork);
	inet_pton(AF_INET, "255.255.255.0", &c.vnetmask);
	inet_pton(AF_INET, "10.0.2.2", &c.vhost);
	inet_pton(AF_INET, "10.0.2.15", &c.vdhcp_start);
	inet_pton(AF_INET, "10.0.2.3", &c.vnameserver);
	*d = (struct direct){ 0 };
	d->slirp = slirp_new(&c, &cb, d);
	if (!d->slirp) {
		abort();
	}
	slirp_input(d->slirp, arp_frame, sizeof(arp_frame));
}

static double direct_round(struct direct *d, unsigned int window)
{
	double t0 = bench_now_s(), t = 0;
	unsigned int sent = 0, done;
	uint32_t timeout;

	d->back = 0;
	for (done = 0; t < ROUND_S; done = d->back) {
		while (sent - done < window) {
			slirp_input(d->slirp, udp_frame, sizeof(udp_frame));
			sent++;
		}
		timeout = UINT32_MAX;
		d->n = 0;
		slirp_pollfds_fill(d->slirp, &timeout, add_poll, d);
		poll(d->p, (nfds_t)d->n, 100);
		slirp_pollfds_poll(d->slirp, 0, revents, d);
		t = bench_now_s() - t0;
	}
	for (int i = 0; d->back < sent && i < 1000; i++) {
		timeout = UINT32_MAX;
		d->n = 0;
		slirp_pollfds_fill(d->slirp, &timeout, add_poll, d);
		poll(d->p, (nfds_t)d->n, 10);
		slirp_pollfds_poll(d->slirp, 0, revents, d);
	}
	return done / t;
}

/* ---- the device ---- */

struct device {
	struct front_mem *m;
	struct front *f;
	uint64_t tx[WINDOW_MAX], rx[2 * WINDOW_MAX];
	unsigned int tx_free[WINDOW_MAX], n_free;
};

static void post(struct device *d, unsigned int i)
{
	struct front_buf b = { .gpa = d->rx[i], .len = BUF, .write = true };

	front_add(d->f, 0, &b, 1, i);
}

/* Without waiting. Return: echoes that came. */
static unsigned int take(struct device *d)
{
	struct front_used u;
	unsigned int n = 0, any = 0;

	while (front_get(d->f, 1, &u) == 1) {
		d->tx_free[d->n_free++] = (unsigned int)u.cookie;
	}
	while (front_get(d->f, 0, &u) == 1) {
		n += is_echo((uint8_t *)front_mem_at(d->m, d->rx[u.cookie]) +
				     HDR,
			     u.len - HDR);
		post(d, (unsigned int)u.cookie);
		any++;
	}
	if (any) {
		front_kick(d->f, 0);
	}
	return n;
}

static void give(struct device *d, const uint8_t *frame, uint32_t len)
{
	unsigned int i = d->tx_free[--d->n_free];
	struct front_buf b = { .gpa = d->tx[i], .len = HDR + len };
	uint8_t *p = front_mem_at(d->m, d->tx[i]);

	memset(p, 0, HDR);
	memcpy(p + HDR, frame, len);
	front_add(d->f, 1, &b, 1, i);
}

/* @fo says how to connect. Return: false with @err. */
static bool attach(struct device *d, struct front_opts *fo, struct av_err *err)
{
	*d = (struct device){ .m = front_mem_create(1, 4 << 20) };
	fo->mem = d->m;
	if (front_open(fo, &d->f, err) || front_start(d->f, err)) {
		return false;
	}
	for (unsigned int i = 0; i < 2 * WINDOW_MAX; i++) {
		d->rx[i] = front_alloc(d->m, BUF, 64);
		post(d, i);
	}
	for (unsigned int i = 0; i < WINDOW_MAX; i++) {
		d->tx[i] = front_alloc(d->m, BUF, 64);
		d->tx_free[d->n_free++] = i;
	}
	front_kick(d->f, 0);
	give(d, arp_frame, sizeof(arp_frame));
	front_kick(d->f, 1);
	return true;
}

static void detach(struct device *d)
{
	front_close(d->f);
	front_mem_destroy(d->m);
}

static void device_open(struct device *d)
{
	struct vdev_args a = { .name = "net0", .seed = 1 };
	struct vdev_host_opts o = { .type = vdev_type_find("net"),
				    .args = &a,
				    .listen_fd = -1 };
	struct front_opts fo = { 0 };
	struct av_err err = { 0 };
	int port[2], conn[2], fd = memfd_create("health", MFD_CLOEXEC);

	if (port_pair(port) ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, conn) ||
	    ftruncate(fd, sizeof(struct health))) {
		abort();
	}
	o.port_fd = port[1];
	o.conn_fd = conn[1];
	if (vdev_child_start(&o, fd, true, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		abort();
	}
	close(port[1]);
	close(conn[1]);
	close(fd);
	fo.conn_fd = conn[0];
	if (!attach(d, &fo, &err)) {
		fprintf(stderr, "%s\n", err.msg);
		abort();
	}
}

/* ---- passt ---- */

static pid_t passt_start(const char *words, const char *sock)
{
	char command[2048];
	pid_t pid;

	snprintf(command, sizeof(command),
		 "exec %s --vhost-user -s %s -f -1 -q -4 -a 10.0.2.15 -n 24 "
		 "-g 10.0.2.2 -m 1500 2>/dev/null",
		 words, sock);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	return pid;
}

/* Return: false: not to be had, said why. */
static bool passt_open(struct device *d, const char *sock, pid_t *pid)
{
	const char *src = getenv("AVSIM_TOP_SRCDIR");
	struct front_opts fo = { .conn_fd = -1, .n_queues = 2 };
	struct av_err err = { 0 };
	char words[1024] = "", command[512];
	bool have;
	FILE *p;

	snprintf(command, sizeof(command), "%s/tests/bench/peer_passt.sh 2>&1",
		 src ? src : ".");
	p = popen(command, "r");
	have = p && fgets(words, sizeof(words), p);
	words[strcspn(words, "\n")] = '\0';
	if (!p || pclose(p) || !have) {
		printf("SKIP passt: %s\n", words);
		return false;
	}
	*pid = passt_start(words, sock);
	for (int i = 0; i < 250 && fo.conn_fd < 0; i++) {
		poll(NULL, 0, 20);
		fo.conn_fd = front_connect(sock);
	}
	if (fo.conn_fd < 0) {
		printf("SKIP passt: it does not start\n");
		return false;
	}
	if (!attach(d, &fo, &err)) {
		printf("SKIP passt: %s\n", err.msg);
		return false;
	}
	return true;
}

static void wait_rx(struct device *d, unsigned int *done, int ms)
{
	struct front_used u;

	if (front_wait(d->f, 0, &u, ms)) {
		return;
	}
	*done += is_echo((uint8_t *)front_mem_at(d->m, d->rx[u.cookie]) + HDR,
			 u.len - HDR);
	post(d, (unsigned int)u.cookie);
	front_kick(d->f, 0);
}

static double device_round(struct device *d, unsigned int window)
{
	double t0 = bench_now_s(), t = 0;
	unsigned int sent = 0, done = 0, at_end;

	while (t < ROUND_S) {
		unsigned int more = 0;

		while (sent - done < window && d->n_free) {
			give(d, udp_frame, sizeof(udp_frame));
			sent++;
			more++;
		}
		if (more) {
			front_kick(d->f, 1);
		}
		wait_rx(d, &done, 100);
		done += take(d);
		t = bench_now_s() - t0;
	}
	at_end = done;
	for (int i = 0; done < sent && i < 1000; i++) {
		wait_rx(d, &done, 10);
		done += take(d);
	}
	return at_end / t;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *v)
{
	qsort(v, ROUNDS, sizeof(*v), by_value);
	return v[ROUNDS / 2] / 1e3;
}

struct contest {
	struct device *dev, *passt; /* @passt: NULL where not to be had */
	struct direct *direct;
};

/* @judged: the goals are for this one. */
static void measure(const struct contest *k, unsigned int window,
		    const char *how, bool judged)
{
	double a[ROUNDS], b[ROUNDS], c[ROUNDS], mine;
	bool one = window == 1;
	char name[64];

	for (int i = 0; i < ROUNDS; i++) {
		a[i] = device_round(k->dev, window);
		b[i] = direct_round(k->direct, window);
		c[i] = k->passt ? device_round(k->passt, window) : 0;
	}
	snprintf(name, sizeof(name), "UDP echo %d B, %u in flight%s", BODY,
		 window, how);
	mine = median(a);
	bench_row(name, mine, "k/s", judged && !one ? ">= 0.9x" : NULL,
		  "libslirp directly", median(b));
	if (k->passt) {
		bench_row(name, mine, "k/s", judged && one ? ">= 1.5x" : NULL,
			  "passt", median(c));
	}
}

static void measure_all(const struct contest *k)
{
	static const unsigned int windows[] = { 1, WINDOW_MAX };
	int awake = bench_stay_awake();

	for (size_t i = 0; awake >= 0 && i < 2; i++) {
		measure(k, windows[i], ", awake", true);
	}
	if (awake >= 0) {
		close(awake);
	} else {
		printf("(CPUs may sleep: /dev/cpu_dma_latency is not "
		       "writable here)\n");
	}
	for (size_t i = 0; i < 2; i++) {
		measure(k, windows[i], "", awake < 0);
	}
}

int main(int argc, char **argv)
{
	static struct direct direct;
	static struct device dev, passt;
	char dir[] = "/tmp/bench-net-XXXXXX", sock[64], repair[80];
	pid_t echo, peer = -1;
	uint16_t port;
	bool have;

	if (argc > 1 && !strcmp(argv[1], VDEV_CHILD_ARG)) {
		return vdev_child_main(argc, argv);
	}
	signal(SIGPIPE, SIG_IGN);
	if (!mkdtemp(dir)) {
		abort();
	}
	snprintf(sock, sizeof(sock), "%s/passt.sock", dir);
	snprintf(repair, sizeof(repair), "%s.repair", sock);
	echo = start_echo(&port);
	make_frames(port);
	direct_open(&direct);
	device_open(&dev);
	bench_title("net");
	have = passt_open(&passt, sock, &peer);
	measure_all(&(struct contest){ &dev, have ? &passt : NULL, &direct });
	kill(echo, SIGKILL);
	if (peer > 0) {
		kill(peer, SIGKILL);
	}
	detach(&dev);
	detach(&passt);
	unlink(sock);
	unlink(repair);
	rmdir(dir);
	slirp_cleanup(direct.slirp);
	return 0;
}
