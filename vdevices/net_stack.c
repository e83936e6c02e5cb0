/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libslirp names the descriptors that it waits for anew before each wait. They
 * are kept in an epoll set of our own, whose one descriptor the loop watches:
 * a set that stays the same costs no system call. A turn of the loop goes
 *
 *	prepare		slirp_pollfds_fill() if anything happened since; timeout
 *	poll		kicks: frames go in; the set is readable
 *	check		slirp_pollfds_poll(): frames come out, one flush
 *
 * so that all frames of a kick are in before sockets are read.
 *
 * Each UDP flow and each ping that the guest starts is a socket of the host for
 * up to four minutes. Their number is known from what libslirp registers or
 * polls, and takes back.
 */
#include "config.h"

#include "vdevices/net_stack.h"

#include "vdevices/handle.h"
#include "vdevices/net_big.h"

#include <arpa/inet.h>
#include <errno.h>
#include <slirp/libslirp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

enum {
	EVENTS = 64,        /* taken from the set at once */
	ROUNDS = 16,        /* of reading sockets before the loop's turn ends */
	NO_HURRY_MS = 1000, /* what libslirp says when nothing is due */
	UDP_KNOWN = 8192,   /* power of two */
	FDS_SPARE = 128,    /* left to everything else in the process */
};

/* A descriptor as the epoll set has it. */
struct watch {
	uint32_t events; /* EPOLL*; 0: not in the set */
	uint32_t ready;
	uint32_t turn; /* last slirp_pollfds_fill() that named it */
	bool open;     /* counted in flows */
	bool listed;   /* has a place in named[] */
};

struct net_stack {
	Slirp *slirp;
	uv_loop_t *loop;
	const struct net_stack_ops *ops;
	void *ctx;
	struct net_reass *reass;
	struct net_opts o;
	uint16_t mtu; /* its own */
	const char *name;
	int epfd;
	uv_poll_t *poll;
	uv_prepare_t *prepare;
	uv_check_t *check;
	uv_timer_t *timer;
	bool dirty; /* the set must be asked for again */
	bool ready, due;
	uint64_t told; /* when the library last heard what time it is, ms */
	int rounds; /* of the next turn */
	struct watch *watch; /* by descriptor */
	size_t n_watch;
	int *named; /* descriptors in the set */
	size_t n_named, max_named;
	uint32_t turn;
	unsigned int max_flows;
	struct net_stack_counts counts;
	uint32_t
		udp_known[UDP_KNOWN]; /* hashes of senders, by their low bits */
};

/* ---- descriptors ---- */

static struct watch *watch_of(struct net_stack *s, int fd)
{
	size_t want = (size_t)fd + 1;
	struct watch *w;

	if (fd < 0) {
		return NULL;
	}
	if (want > s->n_watch) {
		want = want < 64 ? 64 : want * 2;
		w = realloc(s->watch, want * sizeof(*w));
		if (!w) {
			return NULL;
		}
		memset(w + s->n_watch, 0, (want - s->n_watch) * sizeof(*w));
		s->watch = w;
		s->n_watch = want;
	}
	return &s->watch[fd];
}

static struct watch *opened(struct net_stack *s, int fd)
{
	struct watch *w = watch_of(s, fd);

	if (w && !w->open) {
		w->open = true;
		s->counts.flows++;
	}
	return w;
}

static void cb_register(int fd, void *opaque)
{
	struct net_stack *s = opaque;

	opened(s, fd);
	s->dirty = true;
}

/* About to be closed: out of the set while the number is still this one's. */
static void cb_unregister(int fd, void *opaque)
{
	struct net_stack *s = opaque;
	struct watch *w = watch_of(s, fd);

	if (!w) {
		return;
	}
	if (w->events) {
		epoll_ctl(s->epfd, EPOLL_CTL_DEL, fd, NULL);
	}
	if (w->open) {
		s->counts.flows--;
	}
	*w = (struct watch){ .listed = w->listed };
	s->dirty = true;
}

static bool remember(struct net_stack *s, struct watch *w, int fd)
{
	size_t want = s->max_named ? s->max_named * 2 : 64;
	int *v;

	if (w->listed) {
		return true;
	}
	if (s->n_named == s->max_named) {
		v = realloc(s->named, want * sizeof(*v));
		if (!v) {
			return false;
		}
		s->named = v;
		s->max_named = want;
	}
	s->named[s->n_named++] = fd;
	w->listed = true;
	return true;
}

static uint32_t to_epoll(int events)
{
	return (events & SLIRP_POLL_IN ? EPOLLIN : 0u) |
	       (events & SLIRP_POLL_OUT ? EPOLLOUT : 0u) |
	       (events & SLIRP_POLL_PRI ? EPOLLPRI : 0u) | EPOLLERR | EPOLLHUP;
}

static int to_slirp(uint32_t events)
{
	return (events & EPOLLIN ? SLIRP_POLL_IN : 0) |
	       (events & EPOLLOUT ? SLIRP_POLL_OUT : 0) |
	       (events & EPOLLPRI ? SLIRP_POLL_PRI : 0) |
	       (events & EPOLLERR ? SLIRP_POLL_ERR : 0) |
	       (events & EPOLLHUP ? SLIRP_POLL_HUP : 0);
}

static int cb_add_poll(int fd, int events, void *opaque)
{
	struct net_stack *s = opaque;
	struct watch *w = opened(s, fd);
	struct epoll_event e = { .events = to_epoll(events), .data.fd = fd };

	if (!w) {
		return -1;
	}
	w->turn = s->turn;
	w->ready = 0;
	if (w->events == e.events) {
		return fd;
	}
	if (!w->events && !remember(s, w, fd)) {
		return -1;
	}
	if (epoll_ctl(s->epfd, w->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd,
		      &e)) {
		w->events = 0;
		return -1;
	}
	w->events = e.events;
	return fd;
}

static int cb_revents(int idx, void *opaque)
{
	struct net_stack *s = opaque;

	return idx >= 0 && (size_t)idx < s->n_watch
		       ? to_slirp(s->watch[idx].ready)
		       : 0;
}

/* Those that were not named this time leave the set: it would stay ready. */
static void sweep(struct net_stack *s)
{
	size_t n = 0;

	for (size_t i = 0; i < s->n_named; i++) {
		int fd = s->named[i];
		struct watch *w = &s->watch[fd];

		if (w->events && w->turn == s->turn) {
			s->named[n++] = fd;
			continue;
		}
		if (w->events) {
			epoll_ctl(s->epfd, EPOLL_CTL_DEL, fd, NULL);
		}
		w->events = 0;
		w->listed = false;
	}
	s->n_named = n;
}

static void on_timer(uv_timer_t *t)
{
	((struct net_stack *)t->data)->due = true;
}

static void fill(struct net_stack *s)
{
	uint32_t timeout = UINT32_MAX;

	s->dirty = false;
	s->turn++;
	slirp_pollfds_fill(s->slirp, &timeout, cb_add_poll, s);
	sweep(s);
	if (s->due) {
		timeout = 0; /* the loop may be about to sleep */
	}
	if (timeout >= NO_HURRY_MS) {
		uv_timer_stop(s->timer);
	} else {
		uv_timer_start(s->timer, on_timer, timeout, 0);
	}
}

static void on_prepare(uv_prepare_t *p)
{
	struct net_stack *s = p->data;

	if (s->dirty) {
		fill(s);
	}
}

static void on_poll(uv_poll_t *p, int status, int events)
{
	(void)status;
	(void)events;
	((struct net_stack *)p->data)->ready = true;
}

/* Return: whether any socket was ready. */
static bool collect(struct net_stack *s)
{
	struct epoll_event e[EVENTS];
	int n = epoll_wait(s->epfd, e, EVENTS, 0);

	for (int i = 0; i < n; i++) {
		s->watch[e[i].data.fd].ready = e[i].events;
	}
	return n > 0;
}

/* One datagram of a socket a round: some rounds, as long as there are any. Where
 * the last time had but one, it is not worth asking for a second. */
static void take_in(struct net_stack *s)
{
	bool any;
	int i;

	for (i = 0; i < s->rounds; i++) {
		any = s->ready && collect(s);
		if (!any && !s->due) {
			break;
		}
		s->due = false;
		s->told = uv_now(s->loop);
		slirp_pollfds_poll(s->slirp, 0, cb_revents, s);
		fill(s);
	}
	if (i == s->rounds) {
		s->rounds = 2 * i < ROUNDS ? 2 * i : ROUNDS;
	} else {
		s->rounds = i ? i : 1;
	}
	s->ready = s->due = false;
	s->ops->flush(s->ctx);
}

static void on_check(uv_check_t *c)
{
	struct net_stack *s = c->data;

	if (s->ready || s->due) {
		take_in(s);
	} else {
		s->rounds = 1;
	}
}

void net_stack_look(struct net_stack *s)
{
	if (s->dirty) {
		fill(s);
	}
	s->ready = true;
	take_in(s);
}

/* ---- what libslirp asks for ---- */

static ssize_t cb_send(const void *buf, size_t len, void *opaque)
{
	struct net_stack *s = opaque;

	s->ops->frame(s->ctx, buf, len);
	return (ssize_t)len;
}

static void cb_guest_error(const char *msg, void *opaque)
{
	(void)msg;
	((struct net_stack *)opaque)->counts.refused++;
}

/* Milliseconds are what it goes by: the time of the loop's turn will do. */
static int64_t cb_clock(void *opaque)
{
	return (int64_t)uv_now(((struct net_stack *)opaque)->loop) * 1000000;
}

struct timer {
	uv_timer_t t; /* first: freed as this */
	struct net_stack *s;
	SlirpTimerId id;
	void *arg;
};

static void on_slirp_timer(uv_timer_t *t)
{
	struct timer *m = (struct timer *)t;

	slirp_handle_timer(m->s->slirp, m->id, m->arg);
	m->s->dirty = true;
	m->s->ops->flush(m->s->ctx);
}

static void *cb_timer_new(SlirpTimerId id, void *arg, void *opaque)
{
	struct net_stack *s = opaque;
	struct timer *m = calloc(1, sizeof(*m));

	if (!m) {
		abort(); /* as the library itself does */
	}
	uv_timer_init(s->loop, &m->t);
	uv_unref((uv_handle_t *)&m->t);
	m->s = s;
	m->id = id;
	m->arg = arg;
	return m;
}

static void cb_timer_free(void *timer, void *opaque)
{
	(void)opaque;
	handle_close(timer);
}

static void cb_timer_mod(void *timer, int64_t at_ms, void *opaque)
{
	struct timer *m = timer;
	int64_t wait = at_ms - cb_clock(opaque) / 1000000;

	uv_timer_start(&m->t, on_slirp_timer, wait > 0 ? (uint64_t)wait : 0, 0);
}

static void cb_notify(void *opaque)
{
	((struct net_stack *)opaque)->dirty = true;
}

static void cb_init_completed(Slirp *slirp, void *opaque)
{
	((struct net_stack *)opaque)->slirp = slirp;
}

static const SlirpCb callbacks = {
	.send_packet = cb_send,
	.guest_error = cb_guest_error,
	.clock_get_ns = cb_clock,
	.timer_free = cb_timer_free,
	.timer_mod = cb_timer_mod,
	.register_poll_fd = cb_register,
	.unregister_poll_fd = cb_unregister,
	.notify = cb_notify,
	.init_completed = cb_init_completed,
	.timer_new_opaque = cb_timer_new,
};

/* ---- frames in ---- */

/* With all sockets in use only those go on that are there. */
static bool room_for(struct net_stack *s, const struct net_about *a)
{
	bool full = s->counts.flows >= s->max_flows;
	uint32_t *known = &s->udp_known[a->from & (UDP_KNOWN - 1)];

	switch (a->opens) {
	case NET_OPENS_NOTHING:
		return true;
	case NET_OPENS_UDP:
		if (full && *known != a->from) {
			return false;
		}
		*known = a->from;
		return true;
	default:
		return !full;
	}
}

/* ARP, or ICMPv6 with the neighbour discovery in it; net_check() has passed
 * it. */
static bool is_neighbour(const uint8_t *f, size_t len)
{
	return (f[12] == 0x08 && f[13] == 0x06) ||
	       (f[12] == 0x86 && len > 20 && f[20] == 58);
}

/* The library reads the clock when it polls: what begins after a long pause
 * would be taken for as old as that, and a UDP flow end before its answer. */
static void tell_time(struct net_stack *s)
{
	uint64_t now = uv_now(s->loop);

	if (now - s->told > NO_HURRY_MS) {
		s->told = now;
		slirp_pollfds_poll(s->slirp, 1, cb_revents, s);
	}
}

static void input(void *ctx, uint8_t *frame, size_t len)
{
	slirp_input(((struct net_stack *)ctx)->slirp, frame, (int)len);
}

void net_stack_input(struct net_stack *s, uint8_t *frame, size_t len)
{
	struct net_about about;
	const uint8_t *whole;
	uint8_t *f = frame;
	enum net_verdict v = net_check(f, &len, &about);

	if (v == NET_FRAGMENT) {
		len = net_reass_add(s->reass, f, len, health_clock_ns(),
				    &whole);
		if (!len) {
			return;
		}
		f = (uint8_t *)(uintptr_t)whole; /* reass has no other user */
		v = net_check(f, &len, &about);
	}
	if (v != NET_PASS || (!s->o.ipv6 && f[12] == 0x86)) {
		s->counts.refused++;
		return;
	}
	s->counts.urgent += about.urgent;
	if (!room_for(s, &about)) {
		s->counts.over_flow++;
		return;
	}
	s->dirty = true;
	tell_time(s);
	if (f[12] == 0x86) {
		/* more than its MTU it refuses, of IPv6 */
		net_big_cut(f, len, s->mtu, input, s);
	} else {
		input(s, f, len);
	}
	/* What waited for this neighbour goes out only by a poll, and with
	 * four datagrams waiting its socket is not in the set any more. */
	s->due = s->due || is_neighbour(f, len);
}

void net_stack_get_counts(const struct net_stack *s,
			  struct net_stack_counts *out)
{
	*out = s->counts;
}

/* ---- life ---- */

static SlirpConfig configure(const struct net_opts *o, uint16_t mtu)
{
	SlirpConfig c = {
		.version = 4,
		.restricted = o->restricted,
		.in_enabled = true,
		.vnetwork = o->net,
		.vnetmask = o->mask,
		.vhost = o->host,
		.in6_enabled = o->ipv6,
		.vprefix_len = 64,
		.vhostname = o->hostname,
		.vdhcp_start = o->dhcp,
		.vnameserver = o->dns,
		.if_mtu = mtu,
		.if_mru = mtu,
		.disable_host_loopback = !o->loopback,
		.disable_dns = !o->serve_dns,
		.disable_dhcp = !o->serve_dhcp,
	};

	inet_pton(AF_INET6, "fec0::", &c.vprefix_addr6);
	inet_pton(AF_INET6, "fec0::2", &c.vhost6);
	inet_pton(AF_INET6, "fec0::3", &c.vnameserver6);
	return c;
}

static int add_forwards(struct net_stack *s, struct av_err *err)
{
	for (size_t i = 0; i < s->o.n_forwards; i++) {
		const struct net_forward *f = &s->o.forward[i];
		char addr[INET_ADDRSTRLEN];

		if (!slirp_add_hostfwd(s->slirp, f->udp, f->host, f->host_port,
				       s->o.dhcp, f->guest_port)) {
			continue;
		}
		inet_ntop(AF_INET, &f->host, addr, sizeof(addr));
		return av_err_set(err, -EADDRINUSE,
				  "%s: cannot forward %s port %s:%u: %s; is "
				  "it in use?",
				  s->name, f->udp ? "udp" : "tcp", addr,
				  f->host_port, strerror(errno));
	}
	return 0;
}

/* Handles do not keep a loop alive by themselves: its owner decides. */
static int make_handles(struct net_stack *s)
{
	s->poll = calloc(1, sizeof(*s->poll));
	s->prepare = calloc(1, sizeof(*s->prepare));
	s->check = calloc(1, sizeof(*s->check));
	s->timer = calloc(1, sizeof(*s->timer));
	if (!s->poll || !s->prepare || !s->check || !s->timer ||
	    uv_poll_init(s->loop, s->poll, s->epfd)) {
		free(s->poll);
		free(s->prepare);
		free(s->check);
		free(s->timer);
		s->poll = NULL;
		s->prepare = NULL;
		s->check = NULL;
		s->timer = NULL;
		return -ENOMEM;
	}
	uv_prepare_init(s->loop, s->prepare);
	uv_check_init(s->loop, s->check);
	uv_timer_init(s->loop, s->timer);
	s->poll->data = s->prepare->data = s->check->data = s;
	s->timer->data = s;
	uv_poll_start(s->poll, UV_READABLE, on_poll);
	uv_prepare_start(s->prepare, on_prepare);
	uv_check_start(s->check, on_check);
	uv_unref((uv_handle_t *)s->poll);
	uv_unref((uv_handle_t *)s->prepare);
	uv_unref((uv_handle_t *)s->check);
	uv_unref((uv_handle_t *)s->timer);
	return 0;
}

static unsigned int flows_allowed(void)
{
	struct rlimit r;
	rlim_t spare = FDS_SPARE;

	if (getrlimit(RLIMIT_NOFILE, &r) || r.rlim_cur == RLIM_INFINITY) {
		return NET_FLOWS_MAX;
	}
	if (r.rlim_cur < 2 * spare) {
		spare = r.rlim_cur / 2;
	}
	return r.rlim_cur - spare < NET_FLOWS_MAX
		       ? (unsigned int)(r.rlim_cur - spare)
		       : NET_FLOWS_MAX;
}

static int start_slirp(struct net_stack *s, struct av_err *err)
{
	const SlirpConfig c = configure(&s->o, s->mtu);

	s->told = 0;
	s->slirp = slirp_new(&c, &callbacks, s);
	s->dirty = true;
	return s->slirp ? add_forwards(s, err) : -ENOMEM;
}

bool net_stack_crowded(const struct net_stack *s)
{
	return s->counts.flows >= s->max_flows / 2;
}

int net_stack_renew(struct net_stack *s)
{
	slirp_cleanup(s->slirp);
	s->slirp = NULL;
	return start_slirp(s, NULL);
}

int net_stack_create(uv_loop_t *loop, const struct net_opts *o,
		     const char *name, const struct net_stack_ops *ops,
		     void *ctx, struct net_stack **out, struct av_err *err)
{
	struct net_stack *s = calloc(1, sizeof(*s));
	int ret = -ENOMEM;

	if (!s) {
		return av_err_set(err, -ENOMEM, "%s: out of memory", name);
	}
	s->loop = loop;
	s->ops = ops;
	s->ctx = ctx;
	s->o = *o;
	s->name = name;
	s->mtu = o->offloads ? net_big_mtu(o->mtu) : o->mtu;
	s->max_flows = flows_allowed();
	s->rounds = 1;
	s->epfd = epoll_create1(EPOLL_CLOEXEC);
	s->reass = net_reass_create();
	if (s->epfd < 0 || !s->reass || make_handles(s)) {
		goto fail;
	}
	ret = start_slirp(s, err);
	if (ret) {
		goto fail;
	}
	*out = s;
	return 0;

fail:
	if (ret == -ENOMEM) {
		av_err_set(err, ret,
			   "%s: no network stack: out of memory or "
			   "descriptors",
			   name);
	}
	net_stack_destroy(s);
	return ret;
}

void net_stack_destroy(struct net_stack *s)
{
	if (!s) {
		return;
	}
	if (s->slirp) {
		slirp_cleanup(s->slirp);
	}
	handle_close(s->poll);
	handle_close(s->prepare);
	handle_close(s->check);
	handle_close(s->timer);
	if (s->epfd >= 0) {
		close(s->epfd);
	}
	net_reass_destroy(s->reass);
	free(s->watch);
	free(s->named);
	free(s);
}
