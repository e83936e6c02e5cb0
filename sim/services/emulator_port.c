/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 *
 * Frames to a connection collect in conn->out and go to the carrier once per
 * loop turn (a uv_prepare), so that length and body of a frame are in one write:
 * the Python tool reads a body with a single recv().
 *
 * A connection with BACKLOG bytes waiting is behind: changes are marked per slot
 * and sent with their newest value when it has caught up, and commands wait (the
 * stream is held). So memory per connection is bounded by the largest reply, a
 * frame and BACKLOG, and a response is never dropped.
 *
 * What breaks the protocol (a length of 0, less, or more than
 * EMULATOR_FRAME_MAX, bytes that are no message) loses its connection.
 */
#include "config.h"

#include "sim/services/emulator_port.h"

#include "sim/core/be.h"
#include "sim/services/grpc_wire.h"
#include "sim/services/vhal_hidl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BACKLOG (256u << 10)
#define CONNS_MAX 64 /* several tools at once, not a crowd */
#define RATE_HZ 10.0f /* of continuous properties */

typedef VhalProto__EmulatorMessage message; /* the generated name is long */
typedef VhalProto__VehiclePropValue prop_value;

struct conn {
	struct emulator_port *e;
	struct conn *next, *prev;
	struct av_stream *stream;
	struct grpc_buf in, out;
	uint64_t *marked; /* bit per slot */
	size_t n_marked;
	bool held, blocked, dead;
};

struct emulator_port {
	struct emulator_env env;
	struct av_acceptor acceptor;
	struct vhal_sub *sub;
	struct conn *conns;
	size_t n_slots;
	struct packed { /* per slot: the value that was pushed last */
		uint8_t *v;
		size_t len;
	} *last;
	uint8_t *scratch;
	size_t scratch_room;
	uv_prepare_t flusher;
	struct emulator_stats stats;
};

/* ---- frames ---- */

/* Queue one message. Return: 0, -EMSGSIZE, -ENOMEM. */
static int put_frame(struct conn *c, const message *m)
{
	size_t len = protobuf_c_message_get_packed_size(&m->base);
	uint8_t *p;

	if (len > EMULATOR_REPLY_MAX) {
		return -EMSGSIZE;
	}
	p = grpc_buf_grow(&c->out, len + 4);
	if (!p) {
		return -ENOMEM;
	}
	av_put_be32(p, (uint32_t)len);
	protobuf_c_message_pack(&m->base, p + 4);
	return 0;
}

/* A whole frame at the front of @b? 1 yes, 0 not yet, -EPROTO. */
static int next_frame(const struct grpc_buf *b, const uint8_t **at, size_t *len)
{
	const uint8_t *p = b->v + b->head;
	uint32_t n;

	if (grpc_buf_len(b) < 4) {
		return 0;
	}
	n = av_be32(p);
	if (n == 0 || n > EMULATOR_FRAME_MAX) {
		return -EPROTO;
	}
	if (grpc_buf_len(b) - 4 < n) {
		return 0;
	}
	*at = p + 4;
	*len = n;
	return 1;
}

/* ---- commands ---- */

static bool is_global(int32_t prop)
{
	return (prop & VHAL_AREA_MASK) == VHAL_AREA_GLOBAL;
}

static int find_slot(const struct emulator_port *e, int32_t prop, int32_t area)
{
	return vhal_slot_of(e->env.vhal, prop, is_global(prop) ? 0 : area);
}

static bool has_value(const struct vhal_value *v)
{
	return v->n_i32 || v->n_i64 || v->n_f32 || v->n_bytes || v->str;
}

static void reply_failure(struct conn *c, message *m,
			  VhalProto__Status status)
{
	m->has_status = 1;
	m->status = status;
	if (put_frame(c, m) < 0) {
		c->dead = true;
	}
}

/* Send @m, or say that it would not fit. */
static void reply(struct conn *c, message *m)
{
	int ret;

	m->has_status = 1;
	m->status = VHAL_PROTO__STATUS__RESULT_OK;
	ret = put_frame(c, m);
	if (ret < 0) {
		message small = VHAL_PROTO__EMULATOR_MESSAGE__INIT;

		small.msg_type = m->msg_type;
		reply_failure(c, &small,
			      VHAL_PROTO__STATUS__ERROR_MEMORY_ALLOC_FAILED);
	}
}

static void get_configs(struct conn *c, message *m,
			const struct vhal_prop_config *one)
{
	struct vhal *v = c->e->env.vhal;
	size_t n = one ? 1 : vhal_n_props(v);
	bool ok = true;

	m->config = calloc(n + 1, sizeof(*m->config));
	for (size_t i = 0; m->config && i < n; i++) {
		m->config[i] =
			vhal_hidl_config(one ? one : vhal_prop_at(v, i));
		m->n_config++;
		ok = ok && m->config[i];
	}
	if (m->config && ok) {
		reply(c, m);
	}
	for (size_t i = 0; i < m->n_config; i++) {
		free(m->config[i]);
	}
	if (!m->config || !ok) {
		m->n_config = 0;
		reply_failure(c, m,
			      VHAL_PROTO__STATUS__ERROR_MEMORY_ALLOC_FAILED);
	}
	free(m->config);
}

static void get_config(struct conn *c, const message *q, message *m)
{
	const struct vhal_prop_config *p =
		q->n_prop ? vhal_config(c->e->env.vhal, q->prop[0]->prop) :
			    NULL;

	if (p) {
		get_configs(c, m, p);
	} else {
		reply_failure(c, m, VHAL_PROTO__STATUS__ERROR_INVALID_PROPERTY);
	}
}

static void get_value(struct conn *c, const message *q, message *m)
{
	struct emulator_port *e = c->e;
	prop_value value, *values = &value;
	int slot = -1;

	if (q->n_prop > 0) {
		slot = find_slot(e, q->prop[0]->prop,
				 q->prop[0]->has_area_id ?
					 q->prop[0]->area_id :
					 0);
	}
	if (slot < 0 || !has_value(vhal_get(e->env.vhal, (uint32_t)slot))) {
		reply_failure(c, m, VHAL_PROTO__STATUS__ERROR_INVALID_PROPERTY);
		return;
	}
	vhal_hidl_value(vhal_get(e->env.vhal, (uint32_t)slot),
			vhal_service_stamp(e->env.service, (uint32_t)slot),
			&value);
	m->value = &values;
	m->n_value = 1;
	reply(c, m);
}

static void get_values(struct conn *c, message *m)
{
	struct emulator_port *e = c->e;
	prop_value *value = calloc(e->n_slots + 1, sizeof(*value));
	prop_value **values = calloc(e->n_slots + 1, sizeof(*values));

	for (uint32_t slot = 0; value && values && slot < e->n_slots; slot++) {
		const struct vhal_value *v = vhal_get(e->env.vhal, slot);

		if (has_value(v)) {
			vhal_hidl_value(v,
					vhal_service_stamp(e->env.service,
							   slot),
					&value[slot]);
			values[m->n_value++] = &value[slot];
		}
	}
	m->value = values;
	if (value && values) {
		reply(c, m);
	} else {
		reply_failure(c, m,
			      VHAL_PROTO__STATUS__ERROR_MEMORY_ALLOC_FAILED);
	}
	free(value);
	free(values);
}

/* Theirs as ours, only what the type of the property has; borrowed arrays.
 * Return: false if that is not there. */
static bool from_hidl(const prop_value *p, int32_t area, struct vhal_value *out)
{
	size_t n_i32 = p->n_int32_values, n_i64 = p->n_int64_values;
	size_t n_f32 = p->n_float_values;

	*out = (struct vhal_value){
		.prop = p->prop,
		.area = area,
		.status = p->has_status ? (int32_t)p->status : VHAL_AVAILABLE,
		.n_i32 = (uint32_t)n_i32,
		.i32 = p->int32_values,
		.n_i64 = (uint32_t)n_i64,
		.i64 = p->int64_values,
		.n_f32 = (uint32_t)n_f32,
		.f32 = p->float_values,
		.n_bytes = p->has_bytes_value ? (uint32_t)p->bytes_value.len :
						0,
		.bytes = p->bytes_value.data,
		.str = p->string_value,
	};
	if (out->status < VHAL_AVAILABLE || out->status > VHAL_ERROR) {
		return false;
	}
	switch (p->prop & VHAL_TYPE_MASK) {
	case VHAL_TYPE_BOOLEAN:
	case VHAL_TYPE_INT32:
		return n_i32 == 1;
	case VHAL_TYPE_INT64:
		return n_i64 == 1;
	case VHAL_TYPE_FLOAT:
		return n_f32 == 1;
	case VHAL_TYPE_STRING:
		return p->string_value != NULL;
	default:
		return true;
	}
}

/* Would the command be understood? Strings may hold what no command can. */
static bool reads_back(const struct emulator_port *e,
		       const struct vhal_value *val)
{
	size_t len = vhal_value_text(val, NULL, 0);
	char *text = malloc(len + 1);
	struct vhal_value back;
	void *arena = NULL;
	struct av_err err;
	bool ok = false;

	if (text) {
		vhal_value_text(val, text, len + 1);
		ok = vhal_value_parse(e->env.vhal, val->prop, val->area, text,
				      &back, &arena, &err) == 0;
	}
	free(arena);
	free(text);
	return ok;
}

static void set_value(struct conn *c, const message *q, message *m)
{
	struct emulator_port *e = c->e;
	const prop_value *p = q->n_value ? q->value[0] : NULL;
	int32_t area = p && p->has_area_id ? p->area_id : 0;
	struct vhal_value val;
	int slot = p ? find_slot(e, p->prop, area) : -1;
	int ret;

	if (slot < 0 || !from_hidl(p, is_global(p->prop) ? 0 : area, &val) ||
	    !reads_back(e, &val)) {
		reply_failure(c, m, VHAL_PROTO__STATUS__ERROR_INVALID_PROPERTY);
		return;
	}
	e->stats.sets++;
	ret = vhal_service_post(e->env.service, "vhal-inject", (uint32_t)slot,
				&val, CMD_FROM_USER);
	if (ret < 0) {
		reply_failure(c, m,
			      ret == -E2BIG ?
				      VHAL_PROTO__STATUS__ERROR_INVALID_OPERATION :
				      VHAL_PROTO__STATUS__ERROR_MEMORY_ALLOC_FAILED);
		return;
	}
	reply(c, m);
}

static void debug(struct conn *c, const message *q, message *m)
{
	bool more;

	m->debug_result = vhal_service_dump(
		c->e->env.service, q->debug_commands, q->n_debug_commands,
		&more);
	if (m->debug_result) {
		reply(c, m);
	} else {
		reply_failure(c, m,
			      VHAL_PROTO__STATUS__ERROR_MEMORY_ALLOC_FAILED);
	}
	free(m->debug_result);
}

static void command(struct conn *c, const message *q)
{
	message m = VHAL_PROTO__EMULATOR_MESSAGE__INIT;

	c->e->stats.commands++;
	switch (q->msg_type) {
	case VHAL_PROTO__MSG_TYPE__GET_CONFIG_CMD:
		m.msg_type = VHAL_PROTO__MSG_TYPE__GET_CONFIG_RESP;
		get_config(c, q, &m);
		break;
	case VHAL_PROTO__MSG_TYPE__GET_CONFIG_ALL_CMD:
		m.msg_type = VHAL_PROTO__MSG_TYPE__GET_CONFIG_ALL_RESP;
		get_configs(c, &m, NULL);
		break;
	case VHAL_PROTO__MSG_TYPE__GET_PROPERTY_CMD:
		m.msg_type = VHAL_PROTO__MSG_TYPE__GET_PROPERTY_RESP;
		get_value(c, q, &m);
		break;
	case VHAL_PROTO__MSG_TYPE__GET_PROPERTY_ALL_CMD:
		m.msg_type = VHAL_PROTO__MSG_TYPE__GET_PROPERTY_ALL_RESP;
		get_values(c, &m);
		break;
	case VHAL_PROTO__MSG_TYPE__SET_PROPERTY_CMD:
		m.msg_type = VHAL_PROTO__MSG_TYPE__SET_PROPERTY_RESP;
		set_value(c, q, &m);
		break;
	case VHAL_PROTO__MSG_TYPE__DEBUG_CMD:
		m.msg_type = VHAL_PROTO__MSG_TYPE__DEBUG_RESP;
		debug(c, q, &m);
		break;
	default: /* a response or a push has no response of its own */
		m.msg_type = q->msg_type;
		if ((unsigned int)q->msg_type >
		    VHAL_PROTO__MSG_TYPE__DEBUG_RESP) {
			m.msg_type = VHAL_PROTO__MSG_TYPE__GET_CONFIG_CMD;
		}
		reply_failure(c, &m,
			      VHAL_PROTO__STATUS__ERROR_UNIMPLEMENTED_CMD);
		break;
	}
}

/* ---- changes ---- */

static bool is_behind(const struct conn *c)
{
	return grpc_buf_len(&c->out) > BACKLOG;
}

static void push(struct conn *c, uint32_t slot)
{
	message m = VHAL_PROTO__EMULATOR_MESSAGE__INIT;
	prop_value value, *values = &value;
	struct emulator_port *e = c->e;

	vhal_hidl_value(vhal_get(e->env.vhal, slot),
			vhal_service_stamp(e->env.service, slot), &value);
	m.msg_type = VHAL_PROTO__MSG_TYPE__SET_PROPERTY_ASYNC;
	m.has_status = 1;
	m.status = VHAL_PROTO__STATUS__RESULT_OK;
	m.value = &values;
	m.n_value = 1;
	put_frame(c, &m); /* no memory: this change is not told */
	e->stats.pushed++;
}

static void mark(struct conn *c, uint32_t slot)
{
	uint64_t bit = UINT64_C(1) << (slot & 63);

	if (c->marked[slot / 64] & bit) {
		c->e->stats.coalesced++;
	} else {
		c->marked[slot / 64] |= bit;
		c->n_marked++;
	}
}

static void catch_up(struct conn *c)
{
	for (uint32_t slot = 0; slot < c->e->n_slots && c->n_marked > 0;
	     slot++) {
		uint64_t bit = UINT64_C(1) << (slot & 63);

		if (!(c->marked[slot / 64] & bit)) {
			continue;
		}
		if (is_behind(c)) {
			return;
		}
		c->marked[slot / 64] &= ~bit;
		c->n_marked--;
		push(c, slot);
	}
}

/* A sample that is the same as the one before is no change. */
static bool is_news(struct emulator_port *e, const struct vhal_event *ev)
{
	struct packed *last = &e->last[ev->slot];
	prop_value value;
	size_t len;
	uint8_t *p;

	vhal_hidl_value(ev->value, 0, &value);
	len = protobuf_c_message_get_packed_size(&value.base);
	if (len > e->scratch_room) {
		p = realloc(e->scratch, 2 * len);
		if (!p) {
			return true;
		}
		e->scratch = p;
		e->scratch_room = 2 * len;
	}
	protobuf_c_message_pack(&value.base, e->scratch);
	if (len == last->len && !memcmp(last->v, e->scratch, len)) {
		return ev->why != VHAL_SAMPLED;
	}
	p = realloc(last->v, len);
	if (p) {
		memcpy(p, e->scratch, len);
		*last = (struct packed){ p, len };
	}
	return true;
}

static void on_value(void *ctx, const struct vhal_event *ev)
{
	struct emulator_port *e = ctx;

	if (!e->conns || !is_news(e, ev)) {
		return;
	}
	for (struct conn *c = e->conns; c; c = c->next) {
		if (c->n_marked > 0 || is_behind(c)) {
			mark(c, ev->slot);
		} else {
			push(c, ev->slot);
		}
	}
}

/* ---- connections ---- */

static void conn_free(struct conn *c)
{
	struct emulator_port *e = c->e;

	if (c->prev) {
		c->prev->next = c->next;
	} else {
		e->conns = c->next;
	}
	if (c->next) {
		c->next->prev = c->prev;
	}
	e->stats.open--;
	grpc_buf_finish(&c->in);
	grpc_buf_finish(&c->out);
	free(c->marked);
	free(c);
}

/* Carry out what came in, as long as the answers go out. */
static void process(struct conn *c)
{
	const uint8_t *at;
	size_t len;
	int ret = 0;

	while (!c->dead && !is_behind(c) &&
	       (ret = next_frame(&c->in, &at, &len)) > 0) {
		ProtobufCMessage *q = grpc_unpack(
			&vhal_proto__emulator_message__descriptor, at, len);

		if (!q) {
			ret = -EPROTO;
			break;
		}
		command(c, (const message *)(const void *)q);
		grpc_unpack_free(q);
		grpc_buf_drop(&c->in, len + 4);
	}
	if (ret < 0) {
		c->e->stats.broken++;
		c->dead = true; /* flush() closes it */
	}
	if (!c->dead && c->held != is_behind(c)) {
		c->held = !c->held;
		av_stream_hold(c->stream, c->held);
	}
}

/* Return: false if the connection was closed and freed. */
static bool flush(struct conn *c)
{
	for (;;) {
		size_t len = grpc_buf_len(&c->out);
		ssize_t n;

		if (len > 0 && !c->blocked) {
			n = av_stream_write(c->stream, c->out.v + c->out.head,
					    len);
			if (n < 0) {
				grpc_buf_drop(&c->out, len);
				return true; /* on_closed follows */
			}
			grpc_buf_drop(&c->out, (size_t)n);
			c->blocked = (size_t)n < len;
		}
		if (c->dead) {
			av_stream_close(c->stream);
			conn_free(c);
			return false;
		}
		if (is_behind(c) || (!c->held && c->n_marked == 0)) {
			return true;
		}
		if (c->held) {
			process(c);
		}
		catch_up(c);
		if (c->blocked) {
			return true;
		}
	}
}

static void on_flush(uv_prepare_t *p)
{
	struct emulator_port *e = p->data;

	for (struct conn *c = e->conns, *next; c; c = next) {
		next = c->next;
		flush(c);
	}
}

static void on_data(struct av_stream *s, const void *buf, size_t len)
{
	struct conn *c = s->user;
	uint8_t *to = grpc_buf_grow(&c->in, len);

	if (!to) {
		c->dead = true;
		return;
	}
	memcpy(to, buf, len);
	process(c);
}

static void on_writable(struct av_stream *s)
{
	struct conn *c = s->user;

	c->blocked = false;
}

static void on_closed(struct av_stream *s)
{
	conn_free(s->user);
}

static int on_accept(struct av_acceptor *a, struct av_stream *s)
{
	struct emulator_port *e = a->ctx;
	struct conn *c;

	if (e->stats.open >= CONNS_MAX) {
		return -EMFILE;
	}
	c = calloc(1, sizeof(*c));
	if (c) {
		c->marked = calloc(e->n_slots / 64 + 1, sizeof(*c->marked));
	}
	if (!c || !c->marked) {
		free(c);
		return -ENOMEM;
	}
	c->e = e;
	c->stream = s;
	c->next = e->conns;
	if (c->next) {
		c->next->prev = c;
	}
	e->conns = c;
	e->stats.open++;
	e->stats.connections++;
	s->user = c;
	s->on_data = on_data;
	s->on_writable = on_writable;
	s->on_closed = on_closed;
	return 0;
}

/* ---- creation ---- */

static int subscribe(struct emulator_port *e)
{
	for (uint32_t slot = 0; slot < e->n_slots; slot++) {
		int ret = vhal_sub_add(e->sub, slot, RATE_HZ);

		if (ret < 0 && ret != -EACCES) {
			return ret;
		}
	}
	return 0;
}

int emulator_port_create(const struct emulator_env *env,
			 struct emulator_port **out)
{
	struct emulator_port *e = calloc(1, sizeof(*e));

	if (!e) {
		return -ENOMEM;
	}
	e->env = *env;
	e->n_slots = vhal_n_slots(env->vhal);
	e->acceptor = (struct av_acceptor){ .name = "debug",
					    .accept = on_accept,
					    .ctx = e };
	uv_prepare_init(env->loop, &e->flusher);
	e->flusher.data = e;
	uv_prepare_start(&e->flusher, on_flush);
	uv_unref((uv_handle_t *)&e->flusher);
	e->last = calloc(e->n_slots + 1, sizeof(*e->last));
	e->sub = vhal_sub_create(env->vhal, on_value, e);
	if (!e->last || !e->sub || subscribe(e) < 0) {
		emulator_port_destroy(e);
		return -ENOMEM;
	}
	*out = e;
	return 0;
}

static void flusher_closed(uv_handle_t *h)
{
	free(h->data);
}

void emulator_port_destroy(struct emulator_port *e)
{
	if (!e) {
		return;
	}
	while (e->conns) {
		av_stream_close(e->conns->stream);
		conn_free(e->conns);
	}
	vhal_sub_destroy(e->sub);
	for (size_t i = 0; e->last && i < e->n_slots; i++) {
		free(e->last[i].v);
	}
	free(e->last);
	free(e->scratch);
	uv_close((uv_handle_t *)&e->flusher, flusher_closed);
}

struct av_acceptor *emulator_port_acceptor(struct emulator_port *e)
{
	return &e->acceptor;
}

void emulator_port_stats(const struct emulator_port *e,
			 struct emulator_stats *out)
{
	*out = e->stats;
}
