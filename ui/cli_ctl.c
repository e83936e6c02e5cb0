/* SPDX-License-Identifier: Apache-2.0 */
/*
 * avsim ctl: a client of the control API of a running avsim.
 */
#include "config.h"

#include "sim/core/vtime.h"
#include "sim/services/grpc.h"
#include "sim/services/rundir.h"
#include "sim/services/sock.h"
#include "ui/cli.h"
#include "ui/session.h"

#include "control.pb-c.h"
#include "google/protobuf/empty.pb-c.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TIMEOUT_MS 10000

struct ctl {
	uv_loop_t loop;
	struct grpc_client *client;
	bool done;
	bool left; /* nobody reads our output any more */
	int status; /* exit status */
	char **args;
	size_t n;
};

/* ---- which avsim ---- */

static int connect_to(struct ctl *c, const char *path, struct av_err *err)
{
	struct av_stream *stream;
	int ret = sock_connect_unix(&c->loop, path, &stream, err);

	if (ret == 0) {
		c->client = grpc_client_create(&c->loop, stream);
		ret = c->client ? 0 : -ENOMEM;
	}
	return ret;
}

struct runs {
	char *path;
	char list[1024];
	size_t used;
};

static void note_run(void *ctx, const char *dir)
{
	struct runs *r = ctx;

	snprintf(r->path, PATH_MAX, "%.*s/ctl.sock", PATH_MAX - 10, dir);
	if (r->used < sizeof(r->list)) {
		r->used += (size_t)snprintf(r->list + r->used,
					    sizeof(r->list) - r->used,
					    "\n  --run-dir %s", dir);
	}
}

/* The only running one, or a message. */
static int find_run(char path[PATH_MAX])
{
	struct runs r = { .path = path };
	char base[PATH_MAX - RUNDIR_TAIL];
	unsigned int n = 0;

	if (rundir_base(base) == 0) {
		n = rundir_each(base, note_run, &r);
	}
	if (n == 0) {
		return cli_trouble("no avsim is running (or give --run-dir)");
	}
	if (n > 1) {
		return cli_trouble("%u runs, which one?%s", n, r.list);
	}
	return 0;
}

/* ---- calls ---- */

static void on_done(void *ctx, enum grpc_status status, const char *text)
{
	struct ctl *c = ctx;

	c->done = true;
	if (status != GRPC_OK && !c->left) {
		cli_trouble("%s", text[0] ? text : grpc_status_name(status));
		c->status = EXIT_TROUBLE;
	}
}

static int call(struct ctl *c, const char *method, const ProtobufCMessage *msg,
		const ProtobufCMessageDescriptor *out, unsigned int timeout_ms,
		grpc_reply_fn *reply)
{
	char path[64];
	int ret;

	snprintf(path, sizeof(path), "/avsim.v1.Control/%s", method);
	c->done = false;
	ret = grpc_client_call(c->client, path, msg, out, timeout_ms, reply,
			       on_done, c);
	if (ret < 0) {
		return cli_trouble("cannot call %s: %s", method,
				   strerror(-ret));
	}
	while (!c->done && !ferror(stdout)) {
		uv_run(&c->loop, UV_RUN_ONCE);
	}
	c->left = !c->done; /* main() judges what that means */
	return c->status;
}

static const char *seconds(int64_t ns, char buf[VTIME_STR_MAX])
{
	size_t n = vtime_format(ns, buf);

	buf[n - 6] = '\0';
	return buf;
}

static void print_status(void *ctx, const ProtobufCMessage *msg)
{
	const Avsim__V1__Status *s = (const void *)msg;
	char now[VTIME_STR_MAX], end[VTIME_STR_MAX];

	(void)ctx;
	printf("%s%s\n", s->title, s->replay ? " (replay)" : "");
	printf("  time:     %s s", seconds(s->now_ns, now));
	if (s->duration_ns >= 0) {
		printf(" of %s s", seconds(s->duration_ns, end));
	}
	printf("%s\n", s->ended ? ", ended" : s->paused ? ", paused" : "");
	if (s->speed > 0) {
		printf("  speed:    %gx\n", s->speed);
	} else {
		printf("  speed:    max\n");
	}
	if (s->late_count > 0) {
		printf("  late:     %llu times, worst %.1f ms\n",
		       (unsigned long long)s->late_count,
		       (double)s->late_max_ns / 1e6);
	}
	printf("  verdict:  %s\n", s->verdict);
	for (size_t i = 0; i < s->n_expectations; i++) {
		const Avsim__V1__Status__Expectation *e = s->expectations[i];

		printf("    %-5s %s%s%s\n",
		       strcmp(e->verdict, "none") ? e->verdict : "open",
		       e->text, e->reason[0] ? ": " : "", e->reason);
	}
	for (size_t i = 0; i < s->n_faults; i++) {
		printf("  fault:    %s\n", s->faults[i]);
	}
	if (s->recording[0]) {
		printf("  recorded: %s\n", s->recording);
	}
}

static void print_items(void *ctx, const ProtobufCMessage *msg)
{
	const Avsim__V1__ItemList *l = (const void *)msg;

	(void)ctx;
	for (size_t i = 0; i < l->n_items; i++) {
		const Avsim__V1__Item *m = l->items[i];

		printf("%s\t%s%s%s%s%s%s\n", m->name,
		       m->value[0] ? m->value : "-", m->unit[0] ? " " : "",
		       m->unit, m->label[0] ? " (" : "", m->label,
		       m->label[0] ? ")" : "");
	}
	fflush(stdout);
}

#define EMPTY_MSG(name)                                                        \
	Google__Protobuf__Empty name = GOOGLE__PROTOBUF__EMPTY__INIT

static int status_call(struct ctl *c, const char *method,
		       const ProtobufCMessage *msg)
{
	EMPTY_MSG(empty);

	return call(c, method, msg ? msg : &empty.base,
		    &avsim__v1__status__descriptor, TIMEOUT_MS, print_status);
}

/* The text of a command while it grows. */
struct text {
	FILE *f;
	char *buf;
	size_t len;
};

/* 0 or EXIT_TROUBLE (said). */
static int text_begin(struct text *t, const char *verb)
{
	*t = (struct text){ 0 };
	t->f = open_memstream(&t->buf, &t->len);
	if (!t->f) {
		return cli_trouble("out of memory");
	}
	fputs(verb, t->f);
	return 0;
}

/* For use within quotes: those inside are doubled. */
static void text_doubled(struct text *t, const char *s)
{
	for (; *s; s++) {
		if (*s == '\'') {
			fputc('\'', t->f);
		}
		fputc(*s, t->f);
	}
}

/* Send "verb key=value ..." */
static int text_send(struct ctl *c, struct text *t)
{
	Avsim__V1__CommandRequest q = AVSIM__V1__COMMAND_REQUEST__INIT;
	int status;

	if (fclose(t->f) != 0) {
		free(t->buf);
		return cli_trouble("out of memory");
	}
	q.text = t->buf;
	status = call(c, "Command", &q.base,
		      &google__protobuf__empty__descriptor, TIMEOUT_MS, NULL);
	free(t->buf);
	return status;
}

/*
 * One word of the shell's. It took its quotes away: name=Anna's phone gets them
 * back. A word that is several of ours, as "fade to=1 in=2s", stays as it is.
 */
static void put_word(struct text *t, const char *word)
{
	size_t key = strcspn(word, "= ");
	const char *value = word + key + 1;

	if (word[key] == '=' && *value != '\'' && strpbrk(value, " '") &&
	    !strchr(value, '=')) {
		fprintf(t->f, "%.*s='", (int)key, word);
		text_doubled(t, value);
		fputc('\'', t->f);
	} else {
		fputs(word, t->f);
	}
}

/* @verb and all arguments behind it, separated by spaces. */
static int send_joined(struct ctl *c, const char *verb)
{
	struct text t;

	if (text_begin(&t, verb)) {
		return EXIT_TROUBLE;
	}
	for (size_t i = 0; i < c->n; i++) {
		fputs(i ? " " : "", t.f);
		put_word(&t, c->args[i]);
	}
	return text_send(c, &t);
}

/* ---- subcommands ---- */

static int do_status(struct ctl *c)
{
	return status_call(c, "GetStatus", NULL);
}

static int do_pause(struct ctl *c)
{
	return status_call(c, "Pause", NULL);
}

static int do_resume(struct ctl *c)
{
	return status_call(c, "Resume", NULL);
}

static int do_step(struct ctl *c)
{
	Avsim__V1__StepRequest q = AVSIM__V1__STEP_REQUEST__INIT;

	if (c->n > 0 && vtime_parse(c->args[0], &q.by_ns) < 0) {
		return cli_trouble("step wants a time like 100ms, not '%s'",
				   c->args[0]);
	}
	return status_call(c, "Step", &q.base);
}

static int do_speed(struct ctl *c)
{
	Avsim__V1__SpeedRequest q = AVSIM__V1__SPEED_REQUEST__INIT;

	return session_speed(c->args[0], &q.speed) ?
		       EXIT_TROUBLE :
		       status_call(c, "SetSpeed", &q.base);
}

static int do_seek(struct ctl *c)
{
	Avsim__V1__SeekRequest q = AVSIM__V1__SEEK_REQUEST__INIT;

	if (vtime_parse(c->args[0], &q.to_ns) < 0) {
		return cli_trouble("seek wants a time like 20s, not '%s'",
				   c->args[0]);
	}
	return status_call(c, "Seek", &q.base);
}

static int do_list(struct ctl *c)
{
	Avsim__V1__ListRequest q = AVSIM__V1__LIST_REQUEST__INIT;

	if (c->n > 0) {
		q.glob = c->args[0];
	}
	return call(c, "List", &q.base, &avsim__v1__item_list__descriptor,
		    TIMEOUT_MS, print_items);
}

static int do_get(struct ctl *c)
{
	Avsim__V1__NameRequest q = AVSIM__V1__NAME_REQUEST__INIT;

	q.n_names = c->n;
	q.names = c->args;
	return call(c, "Get", &q.base, &avsim__v1__item_list__descriptor,
		    TIMEOUT_MS, print_items);
}

static int do_watch(struct ctl *c)
{
	Avsim__V1__SubscribeRequest q = AVSIM__V1__SUBSCRIBE_REQUEST__INIT;

	q.n_globs = c->n;
	q.globs = c->args;
	return call(c, "Subscribe", &q.base, &avsim__v1__item_list__descriptor,
		    0, print_items);
}

static int do_set(struct ctl *c)
{
	struct text t;

	if (text_begin(&t, "set property='")) {
		return EXIT_TROUBLE;
	}
	text_doubled(&t, c->args[0]);
	fputs("' value='", t.f);
	text_doubled(&t, c->args[1]);
	fputc('\'', t.f);
	return text_send(c, &t);
}

static int do_do(struct ctl *c)
{
	return send_joined(c, "");
}

/* fault NAME key=value ..., clear [NAME] */
static int do_fault(struct ctl *c)
{
	return send_joined(c, "fault name=");
}

static int do_clear(struct ctl *c)
{
	return send_joined(c, c->n ? "clear-fault name=" : "clear-fault");
}

/* All words are one text. */
static int do_mark(struct ctl *c)
{
	struct text t;

	if (text_begin(&t, "mark text='")) {
		return EXIT_TROUBLE;
	}
	for (size_t i = 0; i < c->n; i++) {
		fputs(i ? " " : "", t.f);
		text_doubled(&t, c->args[i]);
	}
	fputc('\'', t.f);
	return text_send(c, &t);
}

/* BUS ID#DATA as cansend writes it */
static int do_inject(struct ctl *c)
{
	Avsim__V1__FrameRequest q = AVSIM__V1__FRAME_REQUEST__INIT;
	const char *hash = strchr(c->args[1], '#');
	uint8_t data[64];
	char *end;

	q.bus = c->args[0];
	q.id = (uint32_t)strtoul(c->args[1], &end, 16);
	q.extended = hash && hash - c->args[1] > 3;
	q.data.data = data;
	if (!hash || end != hash || strlen(hash + 1) % 2 ||
	    strlen(hash + 1) > 128 ||
	    strspn(hash + 1, "0123456789abcdefABCDEF") != strlen(hash + 1)) {
		return cli_trouble("inject wants BUS ID#DATA in hex, for "
				   "example can0 123#11223344");
	}
	for (const char *p = hash + 1; *p; p += 2) {
		unsigned int byte;

		sscanf(p, "%2x", &byte);
		data[q.data.len++] = (uint8_t)byte;
	}
	q.fd = q.data.len > 8;
	return call(c, "Inject", &q.base, &google__protobuf__empty__descriptor,
		    TIMEOUT_MS, NULL);
}

static int do_quit(struct ctl *c)
{
	EMPTY_MSG(empty);

	return call(c, "Quit", &empty.base,
		    &google__protobuf__empty__descriptor, TIMEOUT_MS, NULL);
}

static const struct sub {
	const char *name, *args, *help;
	size_t min, max;
	int (*run)(struct ctl *c);
} subs[] = {
	{ "status", "", "where the run is and how it does", 0, 0, do_status },
	{ "pause", "", "hold virtual time", 0, 0, do_pause },
	{ "resume", "", "let it go on", 0, 0, do_resume },
	{ "step", "[TIME]", "while paused: go on by TIME (10ms)", 0, 1,
	  do_step },
	{ "speed", "X|max", "virtual seconds per second", 1, 1, do_speed },
	{ "seek", "TIME", "a replay: go there, forward or back", 1, 1,
	  do_seek },
	{ "list", "[GLOB]", "signals and properties with their values", 0, 1,
	  do_list },
	{ "get", "NAME...", "some of them", 1, 1000, do_get },
	{ "watch", "GLOB...", "print values as they change, until Ctrl-C", 1,
	  1000, do_watch },
	{ "set", "PROPERTY VALUE", "write a property as a guest would", 2, 2,
	  do_set },
	{ "inject", "BUS ID#DATA", "put a CAN frame on a bus", 2, 2,
	  do_inject },
	{ "fault", "NAME [KEY=VALUE]...", "break something on purpose", 1, 100,
	  do_fault },
	{ "clear", "[NAME]", "end faults", 0, 1, do_clear },
	{ "mark", "TEXT", "put a mark on the time line", 1, 100, do_mark },
	{ "do", "VERB [KEY=VALUE]...", "any action; see avsim list actions", 1,
	  100, do_do },
	{ "quit", "", "end the run", 0, 0, do_quit },
};
#define N_SUBS (sizeof(subs) / sizeof(subs[0]))

static const char *sub_name(const void *ctx, size_t i)
{
	(void)ctx;
	return subs[i].name;
}

static int run_sub(const char *run_dir, struct cli_list *rest)
{
	struct ctl c = { .args = (char **)(uintptr_t)(rest->v + 1),
			 .n = rest->n - 1 };
	const struct sub *s = NULL;
	char path[PATH_MAX], hint[96];
	struct av_err err = { 0 };
	int status;

	for (size_t i = 0; i < N_SUBS; i++) {
		if (!strcmp(subs[i].name, rest->v[0])) {
			s = &subs[i];
		}
	}
	if (!s) {
		return cli_trouble("unknown ctl command '%s'%s; see avsim ctl "
				   "--help",
				   rest->v[0],
				   av_suggest_text(hint,
						   av_suggest(rest->v[0],
							      N_SUBS, sub_name,
							      NULL)));
	}
	if (c.n < s->min || c.n > s->max) {
		return cli_trouble("usage: avsim ctl %s %s", s->name, s->args);
	}
	if (run_dir) {
		snprintf(path, sizeof(path), "%s/ctl.sock", run_dir);
	} else if (find_run(path)) {
		return EXIT_TROUBLE;
	}
	uv_loop_init(&c.loop);
	if (connect_to(&c, path, &err) < 0) {
		status = cli_trouble("%s; is avsim still running?",
				     err.msg[0] ? err.msg : "out of memory");
	} else {
		status = s->run(&c);
	}
	grpc_client_destroy(c.client);
	uv_run(&c.loop, UV_RUN_DEFAULT);
	uv_loop_close(&c.loop);
	return status;
}

static int run(int argc, char **argv)
{
	const char *run_dir = NULL;
	const struct cli_opt opts[] = {
		{ "run-dir", OPT_STR, &run_dir },
		{ 0 },
	};
	struct cli_list rest = { 0 };
	int ret = cli_parse("ctl", argc, argv, opts, &rest);
	int status = EXIT_TROUBLE;

	if (ret == 1) {
		puts("\ncommands:");
		for (size_t i = 0; i < N_SUBS; i++) {
			printf("  %-7s %-20s %s\n", subs[i].name, subs[i].args,
			       subs[i].help);
		}
		status = EXIT_PASS;
	} else if (ret == 0 && rest.n == 0) {
		cli_trouble("which command? see avsim ctl --help");
	} else if (ret == 0) {
		status = run_sub(run_dir, &rest);
	}
	cli_list_finish(&rest);
	return status;
}

const struct cli_command cli_ctl = {
	.name = "ctl",
	.args = "[--run-dir DIR] COMMAND [ARGUMENT]...",
	.summary = "look into a running avsim and steer it",
	.help = "  --run-dir DIR  the run's folder (default: the only one that "
		"runs)\n",
	.run = run,
};
