/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "vdevices/handle.h"
#include "vdevices/vsock_switch_priv.h"

#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { TICK_MS = 1000 };

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

/* ---- guest to host ---- */

static const struct vsock_rule *rule_of(const struct vsock_switch *sw,
					uint32_t port)
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

static const struct vsock_attached *at(const struct vsock_switch *sw,
				       const struct vsock_guest *g)
{
	for (size_t i = 0; i < VSOCK_GUESTS_MAX; i++) {
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
	const struct vsock_rule *r = rule_of(sw, port);
	const struct vsock_attached *a = at(sw, g);
	char path[VSOCK_PATH_LEN + 16];

	if (vsock_fault_active(sw, "vsock-refuse", port)) {
		return -ECONNREFUSED;
	}
	if (r && r->target == TARGET_SERVICE) {
		return open_service(sw, r->arg, type, s);
	}
	if (r && r->target == TARGET_UNIX) {
		return open_unix(sw, r->arg, type, s);
	}
	if (r && r->target == TARGET_EXEC) {
		return vsock_exec(sw, r->arg,
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

	for (size_t i = 0; i < VSOCK_GUESTS_MAX; i++) {
		struct vsock_attached *a = sw->guest[i];

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
	struct vsock_rule r;
	const char *arg;
	int ret;

	if (sw->n_rules == VSOCK_RULES_MAX) {
		return av_err_set(err, -ENOSPC, "more than %d ports",
				  VSOCK_RULES_MAX);
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
	for (size_t i = 0; i < VSOCK_GUESTS_MAX; i++) {
		struct vsock_attached *a = sw->guest[i];

		if (a && vsock_guest_cid(a->g) == cid) {
			return vsock_connect(a->g, port, VSOCK_STREAM, out);
		}
	}
	return -ENOENT;
}

/* ---- life ---- */

static void on_tick(uv_timer_t *t)
{
	struct vsock_switch *sw = t->data;

	for (size_t i = 0; i < VSOCK_GUESTS_MAX; i++) {
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

void vsock_switch_destroy(struct vsock_switch *sw)
{
	if (!sw) {
		return;
	}
	vsock_hybrids_end(sw, NULL);
	bridges_end(&sw->bridges);
	vsock_exec_end(sw);
	while (sw->n_faults) {
		vsock_fault_end(sw, sw->n_faults - 1);
	}
	for (size_t i = 0; i < sw->n_rules; i++) {
		free(sw->rule[i].arg);
	}
	handle_close(sw->tick);
	free(sw);
}

int vsock_switch_attach(struct vsock_switch *sw, uint64_t cid,
			const char *hybrid, const struct vsock_out *out,
			struct vsock_guest **g, struct av_err *err)
{
	const struct vsock_ports ports = { .open = open_port,
					   .relay = relay,
					   .give = vsock_fault_give,
					   .half_open = vsock_fault_half_open,
					   .ctx = sw };
	struct vsock_attached *a = calloc(1, sizeof(*a));
	size_t free_at = VSOCK_GUESTS_MAX;
	bool first = true;
	int ret = -ENOMEM;

	if (!a) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	for (size_t i = 0; i < VSOCK_GUESTS_MAX; i++) {
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
	if (free_at == VSOCK_GUESTS_MAX) {
		free(a);
		return av_err_set(err, -ENOSPC, "more than %d vsock guests",
				  VSOCK_GUESTS_MAX);
	}
	a->sw = sw;
	a->acceptor = (struct av_acceptor){ .name = "vsock",
					    .accept = vsock_hybrid_accept,
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
	for (size_t i = 0; i < VSOCK_GUESTS_MAX; i++) {
		struct vsock_attached *a = sw->guest[i];

		if (!a || a->g != g) {
			continue;
		}
		vsock_hybrids_end(sw, a);
		vsock_guest_destroy(g);
		sock_listener_destroy(a->listener);
		sw->guest[i] = NULL;
		free(a);
	}
}
