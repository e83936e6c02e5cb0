/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Active faults of a world. Each begins and ends with an event on TOPIC_FAULT;
 * its end, and its ticks where it has some, are timers of the event queue.
 */
#include "config.h"

#include "scenarios/fault.h"

#include "scenarios/act.h"
#include "scenarios/scenario_int.h"
#include "sim/world.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct active {
	struct active *next;
	struct faults *all;
	const struct fault *row;
	struct args args;
	void *strings; /* that args point into */
	char *text;    /* canonical, for people */
	struct vtimer end;
	struct vtimer tick;
};

struct faults {
	struct world *w;
	struct active *first; /* in order of their beginning */
};

const struct fault *fault_find(const char *name)
{
	for (size_t i = 0; i < n_faults; i++) {
		if (!strcmp(fault_table[i].name, name)) {
			return &fault_table[i];
		}
	}
	return NULL;
}

struct faults *faults_create(struct world *w)
{
	struct faults *f = calloc(1, sizeof(*f));

	if (f) {
		f->w = w;
	}
	return f;
}

static void active_free(struct active *a)
{
	evq_disarm(a->all->w->q, &a->end);
	evq_disarm(a->all->w->q, &a->tick);
	free(a->strings);
	free(a->text);
	free(a);
}

void faults_destroy(struct faults *f)
{
	while (f && f->first) {
		struct active *a = f->first;

		f->first = a->next;
		active_free(a);
	}
	free(f);
}

const char *faults_active(const struct faults *f, size_t i)
{
	const struct active *a = f->first;

	while (a && i-- > 0) {
		a = a->next;
	}
	return a ? a->text : NULL;
}

static void say(const struct active *a, bool begins)
{
	struct world *w = a->all->w;
	const char *what = begins ? "begin" : "end";
	const char *args = a->text + strlen(a->row->name);
	size_t len = strlen(what) + strlen(args) + 1;
	char *text = malloc(len);

	if (text) {
		snprintf(text, len, "%s%s", what, args);
		bus_publish(w->bus, TOPIC_FAULT,
			    &(struct fault_event){
				    .text = { .t = evq_now(w->q),
					      .key = a->row->name,
					      .text = text },
				    .fault = a->row,
				    .args = &a->args,
				    .begins = begins });
		free(text);
	}
}

/* Take it off the list, undo it, tell. */
static void finish(struct active *a)
{
	struct active **p = &a->all->first;

	while (*p != a) {
		p = &(*p)->next;
	}
	*p = a->next;
	if (a->row->end) {
		a->row->end(a->all->w, &a->args);
	}
	say(a, false);
	active_free(a);
}

static void on_end(struct vtimer *t, vtime now)
{
	(void)now;
	finish(t->ctx);
}

static void on_tick(struct vtimer *t, vtime now)
{
	struct active *a = t->ctx;
	struct world *w = a->all->w;

	/* out of memory ends the ticks, not the run */
	(void)evq_arm(w->q, t, now + a->row->tick(w, &a->args));
}

/* Own copy of the strings of @args: one block. */
static int own_strings(struct active *a)
{
	const struct arg_spec *s = a->row->arg;
	size_t need = 1, len;
	char *p;

	for (size_t i = 0; s[i].name; i++) {
		if ((s[i].type == ARG_STR || s[i].type == ARG_TEXT) &&
		    a->args.has[i]) {
			need += strlen(a->args.v[i].str) + 1;
		}
	}
	p = a->strings = malloc(need);
	for (size_t i = 0; p && s[i].name; i++) {
		if ((s[i].type == ARG_STR || s[i].type == ARG_TEXT) &&
		    a->args.has[i]) {
			len = strlen(a->args.v[i].str) + 1;
			memcpy(p, a->args.v[i].str, len);
			a->args.v[i].str = p;
			p += len;
		}
	}
	return p ? 0 : -ENOMEM;
}

/* "tyre-leak wheel=fl rate=0.01", plus " for=30" */
static char *describe(const struct fault *row, const struct args *args,
		      vtime last)
{
	struct action as = { .verb = row->name };
	size_t n, room;
	char *text;

	memcpy(as.arg, row->arg, sizeof(as.arg));
	n = action_text(&as, args, NULL, 0);
	room = n + 40;
	text = malloc(room);
	if (!text) {
		return NULL;
	}
	action_text(&as, args, text, room);
	if (last != VT_NEVER) {
		char num[32];

		snprintf(text + n, room - n, " for=%s",
			 sc_num(vtime_to_s(last), num));
	}
	return text;
}

static struct active *make(struct faults *f, const struct fault *row,
			   const struct args *args, vtime last)
{
	struct active *a = calloc(1, sizeof(*a));

	if (!a) {
		return NULL;
	}
	a->all = f;
	a->row = row;
	a->args = *args;
	a->end = (struct vtimer){ .fn = on_end, .ctx = a };
	a->tick = (struct vtimer){ .fn = on_tick, .ctx = a };
	a->text = describe(row, args, last);
	if (own_strings(a) < 0 || !a->text) {
		active_free(a);
		return NULL;
	}
	return a;
}

static struct active *find_same(struct faults *f, const struct fault *row,
				const struct args *args)
{
	char *text = describe(row, args, VT_NEVER);
	struct active *a = f->first;
	size_t len = text ? strlen(text) : 0;

	for (; text && a; a = a->next) {
		if (a->row == row && !strncmp(a->text, text, len) &&
		    (!a->text[len] || !strncmp(a->text + len, " for=", 5))) {
			break;
		}
	}
	free(text);
	return text ? a : NULL;
}

int faults_begin(struct faults *f, const struct fault *row,
		 const struct args *args, vtime last, struct av_err *err)
{
	struct active *same = find_same(f, row, args), *a, **tail;
	struct evq *q = f->w->q;
	int ret;

	if (same) {
		finish(same);
	}
	a = make(f, row, args, last);
	if (!a) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	ret = row->begin ? row->begin(f->w, &a->args, err) : 0;
	if (ret == 0 && last != VT_NEVER) {
		ret = evq_arm(q, &a->end, evq_now(q) + last);
	}
	if (ret == 0 && row->tick) {
		ret = evq_arm(q, &a->tick, evq_now(q));
	}
	if (ret < 0) {
		active_free(a);
		return ret;
	}
	for (tail = &f->first; *tail; tail = &(*tail)->next) {
	}
	*tail = a;
	say(a, true);
	return 0;
}

size_t faults_clear(struct faults *f, const struct fault *row)
{
	struct active *a = f->first, *next;
	size_t n = 0;

	for (; a; a = next) {
		next = a->next;
		if (!row || a->row == row) {
			finish(a);
			n++;
		}
	}
	return n;
}

void faults_of_device(const struct faults *f, const char *type,
		      void (*fn)(void *ctx, const struct fault_event *e),
		      void *ctx)
{
	for (struct active *a = f->first; a; a = a->next) {
		if (a->row->device && !strcmp(a->row->device, type)) {
			fn(ctx, &(struct fault_event){ .fault = a->row,
						       .args = &a->args,
						       .begins = true });
		}
	}
}

/* ---- the actions ---- */

/* Arguments of the fault follow those of the action: name and for. */
enum { FAULT_OWN = 2 };

const struct arg_spec *act_fault_more(const struct args *a)
{
	return a->has[0] ? fault_table[a->v[0].idx].arg : NULL;
}

static void fault_args(const struct args *a, struct args *out)
{
	*out = (struct args){ 0 };
	for (size_t i = FAULT_OWN; i < ACTION_ARGS_MAX; i++) {
		out->has[i - FAULT_OWN] = a->has[i];
		out->v[i - FAULT_OWN] = a->v[i];
	}
}

ACT_FN(act_fault_check)
{
	const struct fault *row = &fault_table[a->v[0].idx];
	struct args args;

	fault_args(a, &args);
	return row->check ? row->check(w, &args, err) : 0;
}

ACT_FN(act_fault)
{
	struct args args;

	fault_args(a, &args);
	return faults_begin(w->faults, &fault_table[a->v[0].idx], &args,
			    a->has[1] ? a->v[1].time : VT_NEVER, err);
}

ACT_FN(act_clear_fault)
{
	const struct fault *row = a->has[0] ? &fault_table[a->v[0].idx] : NULL;

	if (faults_clear(w->faults, row) == 0) {
		return av_err_set(err, -ENOENT, "no %s is active",
				  row ? row->name : "fault");
	}
	return 0;
}
