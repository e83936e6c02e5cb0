/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 *
 * A call is a job: a text that is there already (avsim about itself), or a
 * command. A command runs without a shell, in a session of its own, with
 * standard input and error on /dev/null; what it prints goes out as it comes, in
 * chunks. When more than BACKLOG bytes wait for the guest, reading stops, the
 * pipe fills and the command waits: memory per job is bounded. It is killed with
 * its process group when the call is cancelled, when it prints too much, and
 * when its time is up, held back or not.
 *
 * A job ends when the command has ended and its pipe too, or at the latest when
 * its time is up (a grandchild may hold the pipe open for ever). Its handles
 * outlive the call by a loop turn, so the job is freed with the last of them.
 */
#include "config.h"

#include "sim/services/dumpstate_int.h"

#include "dumpstate.pb-c.h"
#include "google/protobuf/empty.pb-c.h"
#include "sim/world.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define BACKLOG (256u << 10) /* bytes queued on a call before it holds */

struct job {
	struct dumpstate *d;
	struct job *next, *prev;
	struct grpc_call *call; /* NULL once it is over */
	/* a text */
	char *text;
	size_t len, at;
	/* a command */
	const struct dumpstate_command *cmd;
	uv_process_t process;
	uv_pipe_t out;
	uv_timer_t timer;
	unsigned int n_handles;
	bool running, piping, held;
	int64_t exit_status;
	int exit_signal;
	size_t n_bytes;
	char buf[DUMPSTATE_CHUNK];
};

struct dumpstate {
	struct dumpstate_env env;
	struct services_env services;
	struct grpc_service service;
	struct event_ring *events;
	struct job *jobs; /* with a command, until freed */
	unsigned int n_jobs;
	struct dumpstate_stats stats;
};

static const char *const own_names[] = { "avsim-status", "avsim-events",
					 "avsim-devices", "avsim-properties" };
#define N_OWN (sizeof(own_names) / sizeof(own_names[0]))

/* ---- sending ---- */

static int send_chunk(struct grpc_call *c, const char *data, size_t len)
{
	DumpstateProto__DumpstateBuffer b =
		DUMPSTATE_PROTO__DUMPSTATE_BUFFER__INIT;

	b.buffer.data = (uint8_t *)(uintptr_t)data;
	b.buffer.len = len;
	return grpc_call_send(c, &b.base);
}

/* Is more queued than should be? Then writable() comes. */
static bool is_behind(struct grpc_call *c)
{
	if (grpc_call_queued(c) <= BACKLOG) {
		return false;
	}
	grpc_call_wait(c);
	return true;
}

/* ---- a text ---- */

static void pump_text(struct job *j)
{
	while (j->at < j->len) {
		size_t n = j->len - j->at;

		if (is_behind(j->call)) {
			return;
		}
		n = n < DUMPSTATE_CHUNK ? n : DUMPSTATE_CHUNK;
		if (send_chunk(j->call, j->text + j->at, n) < 0) {
			grpc_call_finish(j->call, GRPC_RESOURCE_EXHAUSTED,
					 "out of memory");
			return;
		}
		j->at += n;
	}
	grpc_call_finish(j->call, GRPC_OK, NULL);
}

/* What avsim says about itself; NULL: the whole of it, as a system log. */
static void print_own(struct dumpstate *d, const char *name, FILE *out)
{
	if (!name || !strcmp(name, "avsim-status")) {
		dumpstate_print_status(&d->services, out);
	}
	if (!name || !strcmp(name, "avsim-devices")) {
		d->env.devices(d->env.ctx, out);
	}
	if (!name || !strcmp(name, "avsim-events")) {
		event_ring_print(d->events, out);
	}
	if (name && !strcmp(name, "avsim-properties")) {
		dumpstate_print_properties(&d->services, out);
	}
}

static void answer_own(struct dumpstate *d, struct grpc_call *c,
		       const char *name)
{
	struct job *j = calloc(1, sizeof(*j));
	FILE *out = j ? open_memstream(&j->text, &j->len) : NULL;

	if (out) {
		print_own(d, name, out);
	}
	if (!out || fclose(out) != 0) {
		if (j) {
			free(j->text);
		}
		free(j);
		grpc_call_finish(c, GRPC_RESOURCE_EXHAUSTED, "out of memory");
		return;
	}
	j->d = d;
	j->call = c;
	if (j->len > d->env.output_max) {
		j->len = d->env.output_max;
	}
	grpc_call_set_user(c, j);
	pump_text(j);
}

/* ---- a command ---- */

static void handle_closed(uv_handle_t *h)
{
	struct job *j = h->data;

	if (--j->n_handles > 0) {
		return;
	}
	if (j->prev) {
		j->prev->next = j->next;
	} else {
		j->d->jobs = j->next;
	}
	if (j->next) {
		j->next->prev = j->prev;
	}
	j->d->n_jobs--;
	free(j);
}

/* The process itself and what it started, as far as it stayed in the group. */
static void kill_group(struct job *j)
{
	if (j->process.pid > 0) {
		kill(-j->process.pid, SIGKILL);
	}
}

static void close_pipe(struct job *j)
{
	if (j->piping) {
		j->piping = false;
		uv_close((uv_handle_t *)&j->out, handle_closed);
	}
}

/* The call is over or never was; the process may still have to be reaped. */
static void job_over(struct job *j)
{
	if (j->call) {
		grpc_call_set_user(j->call, NULL);
		j->call = NULL;
	}
	if (j->running) {
		kill_group(j);
	}
	close_pipe(j);
	if (!uv_is_closing((uv_handle_t *)&j->timer)) {
		uv_close((uv_handle_t *)&j->timer, handle_closed);
	}
}

static void fail(struct job *j, enum grpc_status status, const char *what)
{
	j->d->stats.failed++;
	grpc_call_finish(j->call, status, "command '%.200s' %s",
			 j->cmd->command, what);
	job_over(j);
}

static void finish_if_done(struct job *j)
{
	char text[96];

	if (!j->call || j->running || j->piping) {
		return;
	}
	if (j->exit_status == 0 && j->exit_signal == 0) {
		grpc_call_finish(j->call, GRPC_OK, NULL);
		job_over(j);
		return;
	}
	/* the number is what wait(2) gives, as the reference prints it */
	if (j->exit_signal != 0) {
		snprintf(text, sizeof(text),
			 "failed with status %d (killed by signal %d)",
			 j->exit_signal, j->exit_signal);
	} else {
		snprintf(text, sizeof(text),
			 "failed with status %d (exit status %d)",
			 (int)j->exit_status << 8, (int)j->exit_status);
	}
	fail(j, GRPC_INTERNAL, text);
}

static void on_exit_status(uv_process_t *p, int64_t status, int signum)
{
	struct job *j = p->data;

	/* what it left behind in its group must not hold the pipe; the group
	 * is gone or still its own, since it was reaped just now */
	kill_group(j);
	j->running = false;
	j->exit_status = status;
	j->exit_signal = signum;
	uv_close((uv_handle_t *)p, handle_closed);
	finish_if_done(j);
}

static void on_alloc(uv_handle_t *h, size_t wanted, uv_buf_t *buf)
{
	struct job *j = h->data;

	(void)wanted;
	*buf = uv_buf_init(j->buf, sizeof(j->buf));
}

static void on_output(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
	struct job *j = s->data;
	size_t left = j->d->env.output_max - j->n_bytes;

	if (n == 0 || !j->call) {
		return;
	}
	if (n < 0) { /* the end, or as good as that */
		close_pipe(j);
		finish_if_done(j);
		return;
	}
	if (send_chunk(j->call, buf->base,
		       (size_t)n < left ? (size_t)n : left) < 0) {
		fail(j, GRPC_RESOURCE_EXHAUSTED, "cannot be sent");
		return;
	}
	if ((size_t)n > left) {
		fail(j, GRPC_RESOURCE_EXHAUSTED, "prints too much, cut off");
		return;
	}
	j->n_bytes += (size_t)n;
	if (is_behind(j->call)) {
		j->held = true;
		uv_read_stop(s);
	}
}

static void on_timeout(uv_timer_t *t)
{
	struct job *j = t->data;

	if (j->call) {
		fail(j, GRPC_DEADLINE_EXCEEDED, "took too long");
	}
}

static int spawn(struct job *j)
{
	uv_stdio_container_t stdio[3] = {
		{ .flags = UV_IGNORE },
		{ .flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE,
		  .data.stream = (uv_stream_t *)&j->out },
		{ .flags = UV_IGNORE },
	};
	uv_process_options_t o = {
		.exit_cb = on_exit_status,
		.file = j->cmd->argv[0],
		.args = j->cmd->argv,
		.flags = UV_PROCESS_DETACHED, /* a group of its own */
		.stdio = stdio,
		.stdio_count = 3,
	};
	int ret = uv_spawn(j->d->services.loop, &j->process, &o);

	j->process.data = j;
	j->n_handles++;
	if (ret < 0) {
		j->process.pid = 0;
		uv_close((uv_handle_t *)&j->process, handle_closed);
		return ret;
	}
	j->running = true;
	return uv_read_start((uv_stream_t *)&j->out, on_alloc, on_output);
}

static void answer_command(struct dumpstate *d, struct grpc_call *c,
			   const struct dumpstate_command *cmd)
{
	uv_loop_t *loop = d->services.loop;
	struct job *j;
	int ret;

	if (d->n_jobs >= DUMPSTATE_JOBS_MAX) {
		grpc_call_finish(c, GRPC_RESOURCE_EXHAUSTED,
				 "%u commands run already", d->n_jobs);
		return;
	}
	j = calloc(1, sizeof(*j));
	if (!j) {
		grpc_call_finish(c, GRPC_RESOURCE_EXHAUSTED, "out of memory");
		return;
	}
	j->d = d;
	j->call = c;
	j->cmd = cmd;
	j->next = d->jobs;
	if (j->next) {
		j->next->prev = j;
	}
	d->jobs = j;
	d->n_jobs++;
	d->stats.commands++;
	grpc_call_set_user(c, j);
	uv_timer_init(loop, &j->timer);
	uv_pipe_init(loop, &j->out, 0);
	j->timer.data = j->out.data = j;
	j->n_handles = 2;
	j->piping = true;
	ret = spawn(j);
	if (ret < 0) {
		char text[96];

		snprintf(text, sizeof(text), "cannot be started: %s",
			 uv_strerror(ret));
		fail(j, GRPC_INTERNAL, text);
		return;
	}
	uv_timer_start(&j->timer, on_timeout, d->env.timeout_ms, 0);
}

/* ---- methods ---- */

static void get_system_logs(struct grpc_call *c, void *service,
			    const ProtobufCMessage *msg)
{
	struct dumpstate *d = service;

	(void)msg;
	if (d->env.config) {
		answer_command(d, c, &d->env.config->system_log);
	} else {
		answer_own(d, c, NULL);
	}
}

static void get_available_services(struct grpc_call *c, void *service,
				   const ProtobufCMessage *msg)
{
	struct dumpstate *d = service;
	size_t n = d->env.config ? d->env.config->n_services : 0;
	DumpstateProto__ServiceNameList list =
		DUMPSTATE_PROTO__SERVICE_NAME_LIST__INIT;

	(void)msg;
	list.service_names = calloc(n + N_OWN, sizeof(char *));
	for (size_t i = 0; list.service_names && i < N_OWN + n; i++) {
		list.service_names[i] =
			i < N_OWN ? (char *)(uintptr_t)own_names[i] :
				    d->env.config->service[i - N_OWN].name;
		list.n_service_names++;
	}
	if (list.service_names) {
		grpc_call_reply(c, &list.base);
	} else {
		grpc_call_finish(c, GRPC_RESOURCE_EXHAUSTED, "out of memory");
	}
	free(list.service_names);
}

static void get_service_logs(struct grpc_call *c, void *service,
			     const ProtobufCMessage *msg)
{
	struct dumpstate *d = service;
	const char *name =
		((const DumpstateProto__ServiceLogRequest *)(const void *)msg)
			->service_name;

	if (!name[0]) {
		grpc_call_finish(c, GRPC_OK, NULL);
		return;
	}
	for (size_t i = 0; i < N_OWN; i++) {
		if (!strcmp(name, own_names[i])) {
			answer_own(d, c, name);
			return;
		}
	}
	for (size_t i = 0; d->env.config && i < d->env.config->n_services;
	     i++) {
		if (!strcmp(name, d->env.config->service[i].name)) {
			answer_command(d, c, &d->env.config->service[i]);
			return;
		}
	}
	grpc_call_finish(c, GRPC_INTERNAL, "Bad service name: %.255s", name);
}

static void writable(struct grpc_call *c, void *service)
{
	struct job *j = grpc_call_user(c);

	(void)service;
	if (!j) {
		return;
	}
	if (!j->cmd) {
		pump_text(j);
	} else if (j->held && !is_behind(c)) {
		j->held = false;
		if (j->piping) {
			uv_read_start((uv_stream_t *)&j->out, on_alloc,
				      on_output);
		}
	}
}

static void ended(struct grpc_call *c, void *service)
{
	struct job *j = grpc_call_user(c);

	(void)service;
	if (!j) {
		return;
	}
	if (j->cmd) {
		job_over(j);
	} else {
		free(j->text);
		free(j);
	}
}

static const struct grpc_method methods[] = {
	{ .name = "GetSystemLogs",
	  .in = &google__protobuf__empty__descriptor,
	  .message = get_system_logs,
	  .writable = writable,
	  .ended = ended },
	{ .name = "GetAvailableServices",
	  .in = &google__protobuf__empty__descriptor,
	  .message = get_available_services },
	{ .name = "GetServiceLogs",
	  .in = &dumpstate_proto__service_log_request__descriptor,
	  .message = get_service_logs,
	  .writable = writable,
	  .ended = ended },
};

/* ---- creation ---- */

int dumpstate_create(const struct dumpstate_env *env,
		     struct grpc_server *server, struct dumpstate **out,
		     struct av_err *err)
{
	struct dumpstate *d = calloc(1, sizeof(*d));

	if (!d) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	d->env = *env;
	d->services = *env->services;
	if (d->env.timeout_ms == 0) {
		d->env.timeout_ms = DUMPSTATE_TIMEOUT_MS;
	}
	if (d->env.output_max == 0) {
		d->env.output_max = DUMPSTATE_OUTPUT_MAX;
	}
	d->service = (struct grpc_service){
		.name = "dumpstate_proto.DumpstateServer",
		.method = methods,
		.n_methods = sizeof(methods) / sizeof(methods[0]),
		.ctx = d,
	};
	d->events = event_ring_create(env->services->w->bus, err);
	if (!d->events) {
		free(d);
		return -ENOMEM;
	}
	*out = d;
	return grpc_server_add(server, &d->service) < 0 ?
		       av_err_set(err, -ENOMEM, "out of memory") :
		       0;
}

void dumpstate_stats(const struct dumpstate *d, struct dumpstate_stats *out)
{
	*out = d->stats;
	out->running = d->n_jobs;
}

/*
 * Killed commands are reaped here: the loop's signal watcher goes with the loop,
 * and jobs point to us.
 */
void dumpstate_destroy(struct dumpstate *d)
{
	if (!d) {
		return;
	}
	for (struct job *j = d->jobs; j; j = j->next) {
		job_over(j);
	}
	while (d->n_jobs > 0) {
		uv_run(d->services.loop, UV_RUN_ONCE);
	}
	event_ring_destroy(d->events);
	free(d);
}
