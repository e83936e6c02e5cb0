/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "vdevices/vsock_switch.h"

#include "sim/services/sock.h"
#include "vdevices/bridge.h"
#include "vdevices/target.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	GUESTS_MAX = 8,
	RULES_MAX = 64,
	FAULTS_MAX = 32,
	LINE_MAX_ = 64, /* of a hybrid client's first line */
	ARGS_MAX = 16,
	TICK_MS = 1000,
	PATH_LEN = 108,
};
#define BURST_S 0.1 /* a bandwidth limit lets so much through at once */
#define OPEN_NS (20 * VT_MS)

struct rule {
	uint32_t port;
	enum target_kind target;
	char *arg; /* owned */
};

/* Ports that AAOS guests know (aaos-interfaces, 0.3). */
static const struct {
	uint32_t port;
	const char *service;
} builtin[] = {
	{ 9210, "vhal" },
	{ 9300, "vhal" },
	{ 9310, "dumpstate" },
	{ 9510, "tracing" },
};

struct fault_rule {
	struct vsock_switch *sw;
	struct port_fault f;
	uint32_t port; /* 0 = all */
	struct vtimer timer;
	double tokens; /* bandwidth: bytes that may move now */
	vtime filled;
	vtime open_until; /* delay: the gate */
	bool armed;       /* the timer runs */
};

struct attached {
	struct vsock_switch *sw;
	struct vsock_guest *g;
	char path[PATH_LEN];
	struct sock_listener *listener;
	struct av_acceptor acceptor;
};

struct vsock_switch {
	struct vsock_switch_env env;
	struct attached *guest[GUESTS_MAX];
	struct rule rule[RULES_MAX];
	size_t n_rules;
	struct fault_rule *fault[FAULTS_MAX];
	size_t n_faults;
	struct bridges bridges;
	struct hybrid *hybrids;
	struct child *children;
	uv_timer_t *tick;
};

/* ---- faults ---- */

static bool is(const struct fault_rule *r, const char *name)
{
	return !strcmp(r->f.name, name);
}

static void resume(struct vsock_switch *sw, uint32_t port)
{
	for (size_t i = 0; i < GUESTS_MAX; i++) {
		if (sw->guest[i]) {
			vsock_resume(sw->guest[i]->g, port);
		}
	}
}

static void reset(struct vsock_switch *sw, uint32_t port)
{
	for (size_t i = 0; i < GUESTS_MAX; i++) {
		if (sw->guest[i]) {
			vsock_reset_port(sw->guest[i]->g, port);
		}
	}
}

static void on_timer(struct vtimer *t, vtime now)
{
	struct fault_rule *r = t->ctx;

	if (is(r, "vsock-storm")) {
		double hz = isnan(r->f.v[1]) ? 1 : r->f.v[1];

		reset(r->sw, r->port);
		(void)evq_arm(r->sw->env.q, t, now + vtime_from_s(1 / hz));
		return;
	}
	r->armed = false;
	/* a delay is over; how long the gate is open, its first user says */
	r->open_until = VT_NEVER;
	resume(r->sw, r->port);
}

static void arm(struct fault_rule *r, double s)
{
	struct evq *q = r->sw->env.q;

	if (!r->armed) {
		r->armed = !evq_arm(q, &r->timer, evq_now(q) + vtime_from_s(s));
	}
}

/* Token bucket on the virtual clock. */
static size_t limit(struct fault_rule *r, size_t len)
{
	vtime now = evq_now(r->sw->env.q);
	double rate = r->f.v[1];
	size_t n;

	r->tokens += rate * vtime_to_s(now - r->filled);
	r->filled = now;
	r->tokens = fmin(r->tokens, fmax(rate * BURST_S, 1));
	n = r->tokens < (double)len ? (size_t)r->tokens : len;
	r->tokens -= (double)n;
	if (n < len) {
		arm(r, 0.02);
	}
	return n;
}

/* What waited passes the gate together with what comes within OPEN_NS. The
 * world may have stepped on since the gate opened: that time does not count. */
static bool gate(struct fault_rule *r)
{
	vtime now = evq_now(r->sw->env.q);

	if (r->open_until == VT_NEVER) {
		r->open_until = now + OPEN_NS;
	}
	if (now > r->open_until) {
		arm(r, r->f.v[1]);
		return false;
	}
	return true;
}

static size_t give(void *ctx, struct vsock_guest *g, uint32_t port, size_t len,
		   bool to_guest)
{
	struct vsock_switch *sw = ctx;

	(void)g;
	(void)to_guest;
	for (size_t i = 0; i < sw->n_faults && len; i++) {
		struct fault_rule *r = sw->fault[i];

		if (r->port && r->port != port) {
			continue;
		}
		if (is(r, "vsock-stall")) {
			return 0;
		}
		if (is(r, "vsock-bandwidth")) {
			len = limit(r, len);
		} else if (is(r, "vsock-delay")) {
			if (!gate(r)) {
				return 0;
			}
		}
	}
	return len;
}

static const struct fault_rule *active(const struct vsock_switch *sw,
				       const char *name, uint32_t port)
{
	for (size_t i = 0; i < sw->n_faults; i++) {
		const struct fault_rule *r = sw->fault[i];

		if (is(r, name) && (!r->port || r->port == port)) {
			return r;
		}
	}
	return NULL;
}

static bool half_open(void *ctx, uint32_t port)
{
	return active(ctx, "vsock-half-open", port);
}

static void fault_end(struct vsock_switch *sw, size_t i)
{
	struct fault_rule *r = sw->fault[i];
	uint32_t port = r->port;

	evq_disarm(sw->env.q, &r->timer);
	free(r);
	sw->fault[i] = sw->fault[--sw->n_faults];
	resume(sw, port);
}

void vsock_switch_fault(struct vsock_switch *sw, const struct port_fault *f,
			bool begins)
{
	uint32_t port = isnan(f->v[0]) ? 0 : (uint32_t)f->v[0];
	struct fault_rule *r;

	if (!begins) {
		for (size_t i = sw->n_faults; i-- > 0;) {
			if (is(sw->fault[i], f->name) &&
			    sw->fault[i]->port == port) {
				fault_end(sw, i);
			}
		}
		return;
	}
	r = sw->n_faults < FAULTS_MAX ? calloc(1, sizeof(*r)) : NULL;
	if (!r) {
		return;
	}
	r->sw = sw;
	r->f = *f;
	r->port = port;
	r->timer = (struct vtimer){ .fn = on_timer, .ctx = r };
	r->filled = evq_now(sw->env.q);
	r->open_until = -1;
	sw->fault[sw->n_faults++] = r;
	if (is(r, "vsock-reset") || is(r, "vsock-refuse")) {
		reset(sw, port);
	} else if (is(r, "vsock-storm")) {
		arm(r, 0);
	}
}

/* ---- programs ---- */

struct child {
	uv_process_t proc; /* first: closed and freed as this */
	struct vsock_switch *sw;
	struct child *next;
	bool running;
};

static void child_freed(uv_handle_t *h)
{
	free(h);
}

static void child_unlink(struct child *c)
{
	struct child **at = &c->sw->children;

	while (*at && *at != c) {
		at = &(*at)->next;
	}
	if (*at) {
		*at = c->next;
	}
}

static void on_exit_(uv_process_t *p, int64_t status, int sig)
{
	struct child *c = (struct child *)p;

	(void)status;
	(void)sig;
	c->running = false;
	child_unlink(c);
	uv_close((uv_handle_t *)p, child_freed);
}

static void child_over(void *ctx)
{
	struct child *c = ctx;

	if (c->running) {
		uv_process_kill(&c->proc, SIGTERM);
	}
}

static int split(char *text, char **argv)
{
	size_t n = 0;
	char *word;

	while (n < ARGS_MAX - 1 && (word = strsep(&text, " "))) {
		if (*word) {
			argv[n++] = word;
		}
	}
	argv[n] = NULL;
	return n ? 0 : -EINVAL;
}

static int spawn(struct child *c, char *text, int fd)
{
	char *argv[ARGS_MAX];
	uv_stdio_container_t io[3] = {
		{ .flags = UV_INHERIT_FD, .data.fd = fd },
		{ .flags = UV_INHERIT_FD, .data.fd = fd },
		{ .flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO },
	};
	uv_process_options_t o = { .exit_cb = on_exit_,
				   .stdio = io,
				   .stdio_count = 3 };
	int ret = split(text, argv);

	if (ret) {
		return ret;
	}
	o.file = argv[0];
	o.args = argv;
	return uv_spawn(c->sw->env.loop, &c->proc, &o);
}

static int open_exec(struct vsock_switch *sw, const char *command, int type,
		     struct av_stream *s)
{
	struct child *c = calloc(1, sizeof(*c));
	char *text = strdup(command);
	struct av_stream *host = NULL;
	int fd[2] = { -1, -1 };
	int ret = -ENOMEM;

	if (!c || !text) {
		goto out;
	}
	c->sw = sw;
	ret = socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fd) ? -errno : 0;
	if (ret) {
		goto out;
	}
	fcntl(fd[0], F_SETFL, O_NONBLOCK);
	ret = sock_adopt(sw->env.loop, fd[0], command, &host);
	if (ret) {
		goto out;
	}
	ret = spawn(c, text, fd[1]);
	c->running = !ret;
	if (!ret) {
		c->next = sw->children;
		sw->children = c;
		ret = bridge(&sw->bridges, s, host, child_over, c, NULL);
	} else {
		uv_close((uv_handle_t *)&c->proc, child_freed);
	}
	c = NULL; /* its handle's now */
	if (ret) {
		av_stream_close(host);
	}
out:
	if (fd[1] >= 0) {
		close(fd[1]);
	}
	free(text);
	free(c);
	return ret;
}

/* ---- guest to host ---- */

static const struct rule *rule_of(const struct vsock_switch *sw, uint32_t port)
{
	for (size_t i = sw->n_rules; i-- > 0;) {
		if (sw->rule[i].port == port) {
			return &sw->rule[i];
		}
	}
	return NULL;
}

static int open_unix(struct vsock_switch *sw, const char *path,
		     enum vsock_type type, struct av_stream *s)
{
	struct av_stream *host;
	int ret = sock_connect_unix_type(
		sw->env.loop, path,
		type == VSOCK_SEQPACKET ? SOCK_SEQPACKET : SOCK_STREAM, &host,
		NULL);

	if (ret) {
		return ret;
	}
	ret = bridge(&sw->bridges, s, host, NULL, NULL, NULL);
	if (ret) {
		av_stream_close(host);
	}
	return ret;
}

static int open_service(struct vsock_switch *sw, const char *name,
			enum vsock_type type, struct av_stream *s)
{
	struct av_acceptor *a =
		sw->env.acceptor ? sw->env.acceptor(sw->env.ctx, name) : NULL;

	/* none of them keeps messages apart */
	return a && type == VSOCK_STREAM ? a->accept(a, s) : -ECONNREFUSED;
}

static const struct attached *at(const struct vsock_switch *sw,
				 const struct vsock_guest *g)
{
	for (size_t i = 0; i < GUESTS_MAX; i++) {
		if (sw->guest[i] && sw->guest[i]->g == g) {
			return sw->guest[i];
		}
	}
	return NULL;
}

static int open_port(void *ctx, struct vsock_guest *g, uint32_t port,
		     enum vsock_type type, struct av_stream *s)
{
	struct vsock_switch *sw = ctx;
	const struct rule *r = rule_of(sw, port);
	const struct attached *a = at(sw, g);
	char path[PATH_LEN + 16];

	if (active(sw, "vsock-refuse", port)) {
		return -ECONNREFUSED;
	}
	if (r && r->target == TARGET_SERVICE) {
		return open_service(sw, r->arg, type, s);
	}
	if (r && r->target == TARGET_UNIX) {
		return open_unix(sw, r->arg, type, s);
	}
	if (r && r->target == TARGET_EXEC) {
		return open_exec(sw, r->arg,
				 type == VSOCK_SEQPACKET ? SOCK_SEQPACKET
							 : SOCK_STREAM,
				 s);
	}
	if (r) {
		return -ECONNREFUSED;
	}
	for (size_t i = 0; i < sizeof(builtin) / sizeof(builtin[0]); i++) {
		if (builtin[i].port == port &&
		    !open_service(sw, builtin[i].service, type, s)) {
			return 0;
		}
	}
	if (!a) {
		return -ECONNREFUSED;
	}
	snprintf(path, sizeof(path), "%s_%" PRIu32, a->path, port);
	return open_unix(sw, path, type, s);
}

static int relay(void *ctx, struct vsock_guest *from, const struct vsock_hdr *h,
		 const void *data)
{
	struct vsock_switch *sw = ctx;
	uint64_t cid = le64toh(h->dst_cid);

	for (size_t i = 0; i < GUESTS_MAX; i++) {
		struct attached *a = sw->guest[i];

		if (a && a->g != from && vsock_guest_cid(a->g) == cid) {
			return vsock_relay_in(a->g, h, data) ? 0 : -ENOBUFS;
		}
	}
	return -ENOENT;
}

static int add_rule(void *ctx, const char *name, const char *target,
		    struct av_err *err)
{
	struct vsock_switch *sw = ctx;
	const struct target_env env = { .acceptor = sw->env.acceptor,
					.ctx = sw->env.ctx };
	unsigned long port;
	char *end, who[32];
	struct rule r;
	const char *arg;
	int ret;

	if (sw->n_rules == RULES_MAX) {
		return av_err_set(err, -ENOSPC, "more than %d ports",
				  RULES_MAX);
	}
	port = strtoul(name, &end, 10);
	if (*end || port == 0 || port >= VSOCK_PORT_ANY) {
		return av_err_set(err, -EINVAL,
				  "'%s' is no vsock port (1 to 4294967294)",
				  name);
	}
	snprintf(who, sizeof(who), "port %lu", port);
	ret = target_parse(&env, who, target, TARGETS_VSOCK, &r.target, &arg,
			   err);
	if (ret) {
		return ret;
	}
	r.port = (uint32_t)port;
	r.arg = strdup(arg);
	if (!r.arg) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	sw->rule[sw->n_rules++] = r;
	return 0;
}

int vsock_switch_ports(struct vsock_switch *sw, const char *rules,
		       struct av_err *err)
{
	return target_each(rules, add_rule, sw, err);
}

/* ---- host to guest ---- */

int vsock_switch_connect(struct vsock_switch *sw, uint64_t cid, uint32_t port,
			 struct av_stream **out)
{
	for (size_t i = 0; i < GUESTS_MAX; i++) {
		struct attached *a = sw->guest[i];

		if (a && vsock_guest_cid(a->g) == cid) {
			return vsock_connect(a->g, port, VSOCK_STREAM, out);
		}
	}
	return -ENOENT;
}

/* A client of the hybrid socket that has not been joined yet. */
struct hybrid {
	struct vsock_switch *sw;
	struct attached *a;
	struct hybrid *next;
	struct av_stream *client, *guest;
	char line[LINE_MAX_];
	size_t len;
	/* sent behind the first line already */
	char *early;
	size_t n_early;
};

static void hybrid_free(struct hybrid *h)
{
	struct hybrid **p = &h->sw->hybrids;

	while (*p != h) {
		p = &(*p)->next;
	}
	*p = h->next;
	free(h->early);
	free(h);
}

static void hybrid_end(struct hybrid *h)
{
	struct av_stream *c = h->client, *g = h->guest;

	h->client = h->guest = NULL;
	if (g) {
		av_stream_close(g);
	}
	if (c) {
		av_stream_close(c);
	}
	hybrid_free(h);
}

static void guest_refused(struct av_stream *s)
{
	struct hybrid *h = s->user;

	h->guest = NULL;
	hybrid_end(h); /* closed without an answer: refused */
}

/* The guest accepted. */
static void guest_open(struct av_stream *s)
{
	struct hybrid *h = s->user;
	struct bridge *br;
	char ok[32];
	int n = snprintf(ok, sizeof(ok), "OK %" PRIu32 "\n",
			 vsock_host_port(h->guest));

	/* the first bytes on a fresh socket: they fit, or it is gone */
	if (av_stream_write(h->client, ok, (size_t)n) != n ||
	    bridge(&h->sw->bridges, h->client, h->guest, NULL, NULL,
			 &br)) {
		hybrid_end(h);
		return;
	}
	if (h->n_early) {
		(void)bridge_first(br, h->early, h->n_early);
	} else {
		av_stream_hold(h->client, false);
	}
	hybrid_free(h);
}

static void early_data(struct av_stream *s, const void *buf, size_t len)
{
	(void)s;
	(void)buf;
	(void)len; /* no guest sends before it has accepted */
}

static int parse_connect(const char *line, uint32_t *port)
{
	unsigned long n;
	char *end;

	if (strncmp(line, "CONNECT ", 8) != 0) {
		return -EINVAL;
	}
	n = strtoul(line + 8, &end, 10);
	if (end == line + 8 || (*end && *end != '\r') || n == 0 ||
	    n >= VSOCK_PORT_ANY) {
		return -EINVAL;
	}
	*port = (uint32_t)n;
	return 0;
}

static void client_line(struct hybrid *h)
{
	uint32_t port;

	if (parse_connect(h->line, &port) ||
	    vsock_connect(h->a->g, port, VSOCK_STREAM, &h->guest)) {
		hybrid_end(h);
		return;
	}
	av_stream_hold(h->client, true);
	h->guest->user = h;
	h->guest->on_data = early_data;
	h->guest->on_writable = guest_open;
	h->guest->on_closed = guest_refused;
	(void)av_stream_write(h->guest, "", 0); /* asks for on_writable */
}

static void client_data(struct av_stream *s, const void *buf, size_t len)
{
	struct hybrid *h = s->user;
	const char *nl = memchr(buf, '\n', len);
	size_t n = nl ? (size_t)(nl - (const char *)buf) : len;

	if (h->len + n >= sizeof(h->line)) {
		hybrid_end(h);
		return;
	}
	memcpy(h->line + h->len, buf, n);
	h->len += n;
	h->line[h->len] = '\0';
	if (!nl) {
		return;
	}
	if (n + 1 < len) {
		h->n_early = len - n - 1;
		h->early = malloc(h->n_early);
		if (!h->early) {
			hybrid_end(h);
			return;
		}
		memcpy(h->early, nl + 1, h->n_early);
	}
	client_line(h);
}

static void client_writable(struct av_stream *s)
{
	(void)s;
}

static void client_closed(struct av_stream *s)
{
	struct hybrid *h = s->user;

	h->client = NULL;
	hybrid_end(h);
}

static int on_hybrid(struct av_acceptor *acc, struct av_stream *s)
{
	struct attached *a = acc->ctx;
	struct hybrid *h = calloc(1, sizeof(*h));

	if (!h) {
		return -ENOMEM;
	}
	h->sw = a->sw;
	h->a = a;
	h->client = s;
	h->next = a->sw->hybrids;
	a->sw->hybrids = h;
	s->user = h;
	s->on_data = client_data;
	s->on_writable = client_writable;
	s->on_closed = client_closed;
	return 0;
}

/* ---- life ---- */

static void on_tick(uv_timer_t *t)
{
	struct vsock_switch *sw = t->data;

	for (size_t i = 0; i < GUESTS_MAX; i++) {
		if (sw->guest[i]) {
			vsock_tick(sw->guest[i]->g);
		}
	}
}

struct vsock_switch *vsock_switch_create(const struct vsock_switch_env *env)
{
	struct vsock_switch *sw = calloc(1, sizeof(*sw));

	if (!sw) {
		return NULL;
	}
	sw->env = *env;
	sw->tick = calloc(1, sizeof(*sw->tick));
	if (!sw->tick) {
		free(sw);
		return NULL;
	}
	uv_timer_init(env->loop, sw->tick);
	sw->tick->data = sw;
	uv_timer_start(sw->tick, on_tick, TICK_MS, TICK_MS);
	return sw;
}

static void handle_freed(uv_handle_t *h)
{
	free(h);
}

void vsock_switch_destroy(struct vsock_switch *sw)
{
	if (!sw) {
		return;
	}
	while (sw->hybrids) {
		hybrid_end(sw->hybrids);
	}
	bridges_end(&sw->bridges);
	while (sw->children) {
		struct child *c = sw->children;

		uv_process_kill(&c->proc, SIGKILL);
		child_unlink(c);
		uv_close((uv_handle_t *)&c->proc, child_freed);
	}
	while (sw->n_faults) {
		fault_end(sw, sw->n_faults - 1);
	}
	for (size_t i = 0; i < sw->n_rules; i++) {
		free(sw->rule[i].arg);
	}
	uv_close((uv_handle_t *)sw->tick, handle_freed);
	free(sw);
}

int vsock_switch_attach(struct vsock_switch *sw, uint64_t cid,
			const char *hybrid, const struct vsock_out *out,
			struct vsock_guest **g, struct av_err *err)
{
	const struct vsock_ports ports = { .open = open_port,
					   .relay = relay,
					   .give = give,
					   .half_open = half_open,
					   .ctx = sw };
	struct attached *a = calloc(1, sizeof(*a));
	size_t free_at = GUESTS_MAX;
	bool first = true;
	int ret = -ENOMEM;

	if (!a) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	for (size_t i = 0; i < GUESTS_MAX; i++) {
		if (!sw->guest[i]) {
			free_at = free_at < i ? free_at : i;
			continue;
		}
		first = false;
		if (vsock_guest_cid(sw->guest[i]->g) == cid) {
			free(a);
			return av_err_set(err, -EADDRINUSE,
					  "two guests have the CID %" PRIu64
					  "; give one another cid",
					  cid);
		}
	}
	if (free_at == GUESTS_MAX) {
		free(a);
		return av_err_set(err, -ENOSPC, "more than %d vsock guests",
				  GUESTS_MAX);
	}
	a->sw = sw;
	a->acceptor = (struct av_acceptor){ .name = "vsock",
					    .accept = on_hybrid,
					    .ctx = a };
	if (hybrid) {
		snprintf(a->path, sizeof(a->path), "%s", hybrid);
	} else if (first) {
		snprintf(a->path, sizeof(a->path), "%s/vsock.sock",
			 sw->env.run_dir);
	} else {
		snprintf(a->path, sizeof(a->path), "%s/vsock-%" PRIu64 ".sock",
			 sw->env.run_dir, cid);
	}
	ret = vsock_guest_create(cid, out, &ports, &a->g);
	if (ret) {
		free(a);
		return av_err_set(err, ret, "out of memory");
	}
	ret = sock_listen_unix(sw->env.loop, a->path, &a->acceptor,
			       &a->listener, err);
	if (ret) {
		vsock_guest_destroy(a->g);
		free(a);
		return ret;
	}
	sw->guest[free_at] = a;
	*g = a->g;
	return 0;
}

void vsock_switch_detach(struct vsock_switch *sw, struct vsock_guest *g)
{
	for (size_t i = 0; i < GUESTS_MAX; i++) {
		struct attached *a = sw->guest[i];

		if (!a || a->g != g) {
			continue;
		}
		for (struct hybrid *h = sw->hybrids, *n; h; h = n) {
			n = h->next;
			if (h->a == a) {
				hybrid_end(h);
			}
		}
		vsock_guest_destroy(g);
		sock_listener_destroy(a->listener);
		sw->guest[i] = NULL;
		free(a);
	}
}
