/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reads the world, acts by commands (CMD_FROM_USER) and by the pace. What was
 * asked for is answered when it is accepted; a command that the simulation then
 * refuses shows on the command channel.
 *
 * Items are numbered: first all signals, then all properties. A subscriber has a
 * bit per item that says "changed since you heard of it"; twice a tenth of a
 * second of wall time what changed is sent, so a slow or fast reader costs the
 * same and memory is bounded.
 */
#include "config.h"

#include "sim/services/control.h"

#include "recordings/rec.h"
#include "scenarios/fault.h"
#include "sim/core/text.h"
#include "sim/services/steer.h"
#include "sim/world.h"

#include "control.pb-c.h"
#include "google/protobuf/empty.pb-c.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SEND_MS 50
#define BACKLOG (256u << 10)

struct watcher {
	struct watcher *next, *prev;
	struct grpc_call *call;
	uint64_t *wanted, *changed; /* bit per item */
};

struct control {
	struct services_env env;
	struct grpc_service service;
	size_t n_signals, n_items;
	struct watcher *watchers;
	uv_timer_t timer;
	bool tapped;
};

static bool bit(const uint64_t *v, size_t i)
{
	return v[i / 64] >> (i & 63) & 1;
}

static void set_bit(uint64_t *v, size_t i)
{
	v[i / 64] |= UINT64_C(1) << (i & 63);
}

/* ---- items ---- */

static const char *item_name(const struct control *c, size_t i)
{
	return i < c->n_signals ?
		       signals_key(c->env.w->signals, (uint32_t)i) :
		       vhal_slot_name(c->env.w->vhal,
				      (uint32_t)(i - c->n_signals));
}

static const char *const status_names[] = { "available", "unavailable",
					    "error" };

struct item {
	Avsim__V1__Item m;
	char *value;
};

static void item_fill(const struct control *c, size_t i, struct item *out)
{
	struct world *w = c->env.w;

	avsim__v1__item__init(&out->m);
	out->value = NULL;
	out->m.name = (char *)(uintptr_t)item_name(c, i);
	out->m.changed_ns = -1;
	if (i < c->n_signals) {
		vtime changed, seen;
		double v = signals_value(w->signals, (uint32_t)i, &changed,
					 &seen);
		const struct dbc_signal *d = signals_dbc(w->signals,
							 (uint32_t)i);
		const char *label = NULL;

		out->m.unit = (char *)(uintptr_t)signals_unit(w->signals,
							      (uint32_t)i);
		if (isnan(v)) {
			return;
		}
		if (d && d->n_labels > 0) {
			label = dbc_label_of(d, dbc_to_raw(d, v));
		}
		out->m.label = (char *)(uintptr_t)(label ? label : "");
		out->m.changed_ns = changed == VT_NEVER ? -1 : changed;
		out->value = malloc(AV_NUM_TEXT_MAX);
		if (out->value) {
			av_num_text(v, out->value);
		}
	} else {
		uint32_t slot = (uint32_t)(i - c->n_signals);
		const struct vhal_value *v = vhal_get(w->vhal, slot);
		const struct vhal_prop_info *info = vhal_prop_by_id(v->prop);
		const char *label =
			v->n_i32 == 1 ? vhal_label(w->vhal, v->prop, v->i32[0]) :
					NULL;
		size_t n = vhal_value_text(v, NULL, 0);

		out->m.is_property = 1;
		out->m.unit = (char *)(uintptr_t)(info ? info->unit : "");
		out->m.label = (char *)(uintptr_t)(label ? label : "");
		out->m.status = (char *)(uintptr_t)
			status_names[(unsigned int)v->status % 3];
		out->m.changed_ns = v->t;
		out->value = malloc(n + 1);
		if (out->value) {
			vhal_value_text(v, out->value, n + 1);
		}
	}
	if (out->value) {
		out->m.value = out->value;
	}
}

/* Send the items whose bit is set in @which. */
static int send_items(struct control *c, struct grpc_call *call,
		      const uint64_t *which)
{
	Avsim__V1__ItemList list = AVSIM__V1__ITEM_LIST__INIT;
	struct item *items = calloc(c->n_items + 1, sizeof(*items));
	Avsim__V1__Item **ptrs = calloc(c->n_items + 1, sizeof(*ptrs));
	int ret = -ENOMEM;

	for (size_t i = 0; items && ptrs && i < c->n_items; i++) {
		if (bit(which, i)) {
			item_fill(c, i, &items[list.n_items]);
			ptrs[list.n_items] = &items[list.n_items].m;
			list.n_items++;
		}
	}
	list.items = ptrs;
	if (items && ptrs) {
		ret = grpc_call_send(call, &list.base);
		for (size_t i = 0; i < list.n_items; i++) {
			free(items[i].value);
		}
	}
	free(items);
	free(ptrs);
	return ret;
}

static uint64_t *new_bits(const struct control *c)
{
	return calloc(c->n_items / 64 + 1, sizeof(uint64_t));
}

static void no_memory(struct grpc_call *call)
{
	grpc_call_finish(call, GRPC_RESOURCE_EXHAUSTED, "out of memory");
}

static void list(struct grpc_call *call, void *service,
		 const ProtobufCMessage *msg)
{
	struct control *c = service;
	const Avsim__V1__ListRequest *q = (const void *)msg;
	bool all = !q->signals && !q->properties;
	uint64_t *which = new_bits(c);

	for (size_t i = 0; which && i < c->n_items; i++) {
		if ((all || (i < c->n_signals ? q->signals : q->properties)) &&
		    (!q->glob[0] ||
		     av_glob(q->glob, strlen(q->glob), item_name(c, i)))) {
			set_bit(which, i);
		}
	}
	if (!which || send_items(c, call, which) < 0) {
		no_memory(call);
	} else {
		grpc_call_finish(call, GRPC_OK, NULL);
	}
	free(which);
}

static const char *nth_name(const void *c, size_t i)
{
	return item_name(c, i);
}

/*
 * Mark what @name means: a signal by its key, a property by any spelling, or
 * one without its area: all of them. Return: false with @err.
 */
static bool mark_named(const struct control *c, const char *name,
		       uint64_t *which, struct av_err *err)
{
	const struct vhal *v = c->env.w->vhal;
	int idx = signals_find(c->env.w->signals, name);
	const char *like;
	bool any = false;
	int32_t prop, area;
	char hint[96];

	if (idx >= 0) {
		set_bit(which, (size_t)idx);
		return true;
	}
	if (vhal_find(v, name, &prop, &area, err) == 0) {
		idx = vhal_slot_of(v, prop, area);
		set_bit(which, c->n_signals + (size_t)idx);
		return true;
	}
	for (uint32_t i = 0; i < vhal_n_slots(v); i++) {
		if (!strcmp(vhal_slot_config(v, i)->name, name)) {
			set_bit(which, c->n_signals + i);
			any = true;
		}
	}
	like = av_suggest(name, c->n_items, nth_name, c);
	if (!any && like) {
		av_err_set(err, -ENOENT, "no signal or property '%.200s'%s",
			   name, av_suggest_text(hint, like));
	}
	return any;
}

static void get(struct grpc_call *call, void *service,
		const ProtobufCMessage *msg)
{
	struct control *c = service;
	const Avsim__V1__NameRequest *q = (const void *)msg;
	uint64_t *which = new_bits(c);
	struct av_err err;

	for (size_t i = 0; which && i < q->n_names; i++) {
		if (!mark_named(c, q->names[i], which, &err)) {
			grpc_call_finish(call, GRPC_NOT_FOUND, "%s", err.msg);
			free(which);
			return;
		}
	}
	if (!which || send_items(c, call, which) < 0) {
		no_memory(call);
	} else {
		grpc_call_finish(call, GRPC_OK, NULL);
	}
	free(which);
}

/* ---- watching ---- */

static void changed(struct control *c, size_t item)
{
	for (struct watcher *x = c->watchers; x; x = x->next) {
		if (bit(x->wanted, item)) {
			set_bit(x->changed, item);
		}
	}
}

static void on_signal(void *ctx, const void *msg)
{
	const struct signal_event *e = msg;

	changed(ctx, e->idx);
}

static void on_vhal(void *ctx, const void *msg)
{
	struct control *c = ctx;
	const struct vhal_event *e = msg;

	changed(c, c->n_signals + e->slot);
}

static void flush_watcher(struct control *c, struct watcher *x)
{
	size_t words = c->n_items / 64 + 1;

	for (size_t i = 0; i < words; i++) {
		if (x->changed[i]) {
			if (grpc_call_queued(x->call) < BACKLOG &&
			    send_items(c, x->call, x->changed) == 0) {
				memset(x->changed, 0, words * 8);
			}
			return;
		}
	}
}

static void on_timer(uv_timer_t *t)
{
	struct control *c = t->data;

	for (struct watcher *x = c->watchers; x; x = x->next) {
		flush_watcher(c, x);
	}
}

/* Taps and timer only while somebody watches. */
static int watch(struct control *c, bool on, struct av_err *err)
{
	struct bus *bus = c->env.w->bus;

	if (on == c->tapped) {
		return 0;
	}
	if (on && (bus_subscribe(bus, TOPIC_SIGNAL, STAGE_TAP, "control",
				 on_signal, c, err) < 0 ||
		   bus_subscribe(bus, TOPIC_VHAL, STAGE_TAP, "control", on_vhal,
				 c, err) < 0)) {
		return -ENOMEM;
	}
	c->tapped = on;
	if (on) {
		uv_timer_start(&c->timer, on_timer, SEND_MS, SEND_MS);
	} else {
		bus_unsubscribe(bus, on_signal, c);
		bus_unsubscribe(bus, on_vhal, c);
		uv_timer_stop(&c->timer);
	}
	return 0;
}

static void subscribe(struct grpc_call *call, void *service,
		      const ProtobufCMessage *msg)
{
	struct control *c = service;
	const Avsim__V1__SubscribeRequest *q = (const void *)msg;
	struct watcher *x = calloc(1, sizeof(*x));
	struct av_err err;
	size_t n = 0;

	if (x) {
		x->wanted = new_bits(c);
		x->changed = new_bits(c);
	}
	if (!x || !x->wanted || !x->changed || watch(c, true, &err) < 0) {
		if (x) {
			free(x->wanted);
			free(x->changed);
		}
		free(x);
		no_memory(call);
		return;
	}
	for (size_t i = 0; i < c->n_items; i++) {
		for (size_t k = 0; k < q->n_globs; k++) {
			if (av_glob(q->globs[k], strlen(q->globs[k]),
				    item_name(c, i))) {
				set_bit(x->wanted, i);
				set_bit(x->changed, i);
				n++;
				break;
			}
		}
	}
	x->call = call;
	x->next = c->watchers;
	if (x->next) {
		x->next->prev = x;
	}
	c->watchers = x;
	grpc_call_set_user(call, x);
	if (n == 0) {
		grpc_call_finish(call, GRPC_NOT_FOUND,
				 "nothing matches; avsim ctl list shows names");
		return;
	}
	flush_watcher(c, x);
}

static void subscribe_ended(struct grpc_call *call, void *service)
{
	struct control *c = service;
	struct watcher *x = grpc_call_user(call);

	if (!x) {
		return;
	}
	if (x->prev) {
		x->prev->next = x->next;
	} else {
		c->watchers = x->next;
	}
	if (x->next) {
		x->next->prev = x->prev;
	}
	free(x->wanted);
	free(x->changed);
	free(x);
	if (!c->watchers) {
		watch(c, false, NULL);
	}
}

/* ---- status and pace ---- */

#define LIST_MAX 256

static void reply_status(struct grpc_call *call, struct control *c)
{
	struct world *w = c->env.w;
	const struct pace *p = c->env.pace;
	Avsim__V1__Status s = AVSIM__V1__STATUS__INIT;
	Avsim__V1__Status__Expectation e[LIST_MAX], *es[LIST_MAX];
	char *faults[LIST_MAX];
	struct expect_status st;
	size_t n = w->scenario ? scenario_expects(w->scenario, 0, &st) : 0;

	s.title = (char *)(uintptr_t)c->env.title;
	s.recording = (char *)(uintptr_t)(c->env.recording ? c->env.recording :
							     "");
	s.now_ns = evq_now(w->q);
	s.duration_ns = w->duration == VT_NEVER ? -1 : w->duration;
	s.speed = p->speed;
	s.paused = p->paused;
	s.replay = c->env.replay;
	s.ended = world_done(w);
	s.verdict = (char *)(uintptr_t)
		verdict_names[w->scenario ? scenario_verdict(w->scenario) :
					    VERDICT_NONE];
	s.late_max_ns = p->late_max_ns;
	s.late_count = p->late_n;
	for (size_t i = 0; i < n && i < LIST_MAX; i++) {
		scenario_expects(w->scenario, i, &st);
		avsim__v1__status__expectation__init(&e[i]);
		e[i].text = (char *)(uintptr_t)st.text;
		e[i].verdict = (char *)(uintptr_t)verdict_names[st.verdict];
		e[i].reason = (char *)(uintptr_t)(st.reason ? st.reason : "");
		es[i] = &e[i];
		s.n_expectations++;
	}
	s.expectations = es;
	while (s.n_faults < LIST_MAX) {
		const char *f = faults_active(w->faults, s.n_faults);

		if (!f) {
			break;
		}
		faults[s.n_faults++] = (char *)(uintptr_t)f;
	}
	s.faults = faults;
	grpc_call_reply(call, &s.base);
}

static void get_status(struct grpc_call *call, void *service,
		       const ProtobufCMessage *msg)
{
	(void)msg;
	reply_status(call, service);
}

static struct steer steered(const struct control *c)
{
	return (struct steer){ .w = c->env.w,
			       .pace = c->env.pace,
			       .replay = c->env.replay };
}

/* What steer_*() said, as a status. */
static void refuse(struct grpc_call *call, int ret, const struct av_err *err)
{
	grpc_call_finish(call,
			 ret == -ENOSPC ? GRPC_RESOURCE_EXHAUSTED :
			 ret == -EPERM || ret == -EBUSY || ret == -ESHUTDOWN ?
					  GRPC_FAILED_PRECONDITION :
					  GRPC_INVALID_ARGUMENT,
			 "%s", err->msg);
}

static void pause_run(struct grpc_call *call, void *service,
		      const ProtobufCMessage *msg)
{
	struct steer s = steered(service);

	(void)msg;
	steer_pause(&s, true);
	reply_status(call, service);
}

static void resume(struct grpc_call *call, void *service,
		   const ProtobufCMessage *msg)
{
	struct steer s = steered(service);

	(void)msg;
	steer_pause(&s, false);
	reply_status(call, service);
}

static void step(struct grpc_call *call, void *service,
		 const ProtobufCMessage *msg)
{
	struct steer s = steered(service);
	struct av_err err;
	int ret = steer_step(&s, ((const Avsim__V1__StepRequest *)msg)->by_ns,
			     &err);

	if (ret < 0) {
		refuse(call, ret, &err);
	} else {
		reply_status(call, service);
	}
}

static void set_speed(struct grpc_call *call, void *service,
		      const ProtobufCMessage *msg)
{
	struct steer s = steered(service);
	struct av_err err;
	int ret = steer_speed(&s, ((const Avsim__V1__SpeedRequest *)msg)->speed,
			      &err);

	if (ret < 0) {
		refuse(call, ret, &err);
	} else {
		reply_status(call, service);
	}
}

static void seek(struct grpc_call *call, void *service,
		 const ProtobufCMessage *msg)
{
	struct control *c = service;
	const Avsim__V1__SeekRequest *q = (const void *)msg;

	if (!c->env.replay || !c->env.seek) {
		grpc_call_finish(call, GRPC_FAILED_PRECONDITION,
				 "only a replay can seek");
	} else if (q->to_ns < 0) {
		grpc_call_finish(call, GRPC_INVALID_ARGUMENT,
				 "time is not negative");
	} else {
		reply_status(call, c);
		c->env.seek(c->env.ctx, q->to_ns);
	}
}

/* ---- acting ---- */

/* Checked now for a good answer, applied with the next step. */
static void post(struct grpc_call *call, struct control *c, const char *text)
{
	Google__Protobuf__Empty empty = GOOGLE__PROTOBUF__EMPTY__INIT;
	struct steer s = steered(c);
	struct av_err err;
	int ret = steer_command(&s, text, &err);

	if (ret < 0) {
		refuse(call, ret, &err);
	} else {
		grpc_call_reply(call, &empty.base);
	}
}

static void command(struct grpc_call *call, void *service,
		    const ProtobufCMessage *msg)
{
	post(call, service, ((const Avsim__V1__CommandRequest *)msg)->text);
}

static void inject(struct grpc_call *call, void *service,
		   const ProtobufCMessage *msg)
{
	const Avsim__V1__FrameRequest *q = (const void *)msg;
	char text[256], *p = text;

	if (q->data.len > 64 || strlen(q->bus) > 31 || strchr(q->bus, '\'') ||
	    q->id > (q->extended ? 0x1fffffffu : 0x7ffu)) {
		grpc_call_finish(call, GRPC_INVALID_ARGUMENT,
				 "not a CAN frame");
		return;
	}
	p += sprintf(p, q->extended ? "inject bus='%s' id=%08X data=" :
				      "inject bus='%s' id=%03X data=",
		     q->bus, q->id);
	for (size_t i = 0; i < q->data.len; i++) {
		p += sprintf(p, "%02X", q->data.data[i]);
	}
	if (q->data.len == 0) {
		*(p - 6) = '\0'; /* no data argument */
	}
	post(call, service, text);
}

static void quit(struct grpc_call *call, void *service,
		 const ProtobufCMessage *msg)
{
	struct control *c = service;
	Google__Protobuf__Empty empty = GOOGLE__PROTOBUF__EMPTY__INIT;

	(void)msg;
	grpc_call_reply(call, &empty.base);
	if (c->env.quit) {
		c->env.quit(c->env.ctx);
	}
}

#define EMPTY &google__protobuf__empty__descriptor

static const struct grpc_method methods[] = {
	{ .name = "GetStatus", .in = EMPTY, .message = get_status },
	{ .name = "Pause", .in = EMPTY, .message = pause_run },
	{ .name = "Resume", .in = EMPTY, .message = resume },
	{ .name = "Step",
	  .in = &avsim__v1__step_request__descriptor,
	  .message = step },
	{ .name = "SetSpeed",
	  .in = &avsim__v1__speed_request__descriptor,
	  .message = set_speed },
	{ .name = "Seek",
	  .in = &avsim__v1__seek_request__descriptor,
	  .message = seek },
	{ .name = "List",
	  .in = &avsim__v1__list_request__descriptor,
	  .message = list },
	{ .name = "Get",
	  .in = &avsim__v1__name_request__descriptor,
	  .message = get },
	{ .name = "Subscribe",
	  .in = &avsim__v1__subscribe_request__descriptor,
	  .message = subscribe,
	  .ended = subscribe_ended },
	{ .name = "Command",
	  .in = &avsim__v1__command_request__descriptor,
	  .message = command },
	{ .name = "Inject",
	  .in = &avsim__v1__frame_request__descriptor,
	  .message = inject },
	{ .name = "Quit", .in = EMPTY, .message = quit },
};

int control_create(const struct services_env *env, struct grpc_server *server,
		   struct control **out, struct av_err *err)
{
	struct control *c = calloc(1, sizeof(*c));

	if (!c) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	c->env = *env;
	c->n_signals = signals_count(env->w->signals);
	c->n_items = c->n_signals + vhal_n_slots(env->w->vhal);
	c->service = (struct grpc_service){
		.name = "avsim.v1.Control",
		.method = methods,
		.n_methods = sizeof(methods) / sizeof(methods[0]),
		.ctx = c,
	};
	uv_timer_init(env->loop, &c->timer);
	uv_unref((uv_handle_t *)&c->timer);
	c->timer.data = c;
	*out = c;
	return grpc_server_add(server, &c->service) < 0 ?
		       av_err_set(err, -ENOMEM, "out of memory") :
		       0;
}

static void timer_closed(uv_handle_t *h)
{
	free(h->data);
}

void control_destroy(struct control *c)
{
	if (c) {
		watch(c, false, NULL);
		uv_close((uv_handle_t *)&c->timer, timer_closed);
	}
}
