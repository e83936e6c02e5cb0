/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 *
 * Two subscriptions on the store, one per generation, feed all streams of that
 * generation; what is subscribed is a matter of the guest, not of a stream, and
 * survives a reconnect. A value is packed once and copied to each stream.
 *
 * A stream whose queue is short gets every value. When BACKLOG bytes wait, the
 * slot is marked instead; when the queue has drained, the marked slots are sent
 * with their newest value. So a slow guest sees the newest state, memory per
 * stream is bounded by BACKLOG plus a bit per slot, and what was skipped is
 * counted.
 *
 * Time stamps are the host's boot clock at the event, made strictly monotonic
 * per slot: guests drop values that look older than what they have, and a
 * restarted avsim must stay above the stamps of the one before.
 */
#include "config.h"

#include "sim/services/vhal_service_int.h"

#include "sim/core/pace.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BACKLOG (256u << 10) /* bytes queued on a stream before it coalesces */
#define BATCH_VALUES 64
#define HIDL_RATE_HZ 10.0f

struct vstream {
	struct vstream *next, *prev;
	struct vhal_service *service;
	struct grpc_call *call;
	const struct vgen *gen;
	uint8_t *batch; /* packed values of a batched generation */
	size_t len, room;
	unsigned int n_values;
	uint64_t *marked; /* bit per slot */
	size_t n_marked;
};

/* ---- packing ---- */

/* Copy a packed value behind the batch: field 1, length-delimited. */
static bool batch_add(struct vstream *st, const uint8_t *v, size_t len)
{
	size_t need = len + 11, n = len;
	uint8_t *p;

	if (st->room - st->len < need) {
		size_t room = (st->len + need) * 2;
		uint8_t *b = realloc(st->batch, room);

		if (!b) {
			return false;
		}
		st->batch = b;
		st->room = room;
	}
	p = st->batch + st->len;
	*p++ = 0x0a;
	while (n > 0x7f) {
		*p++ = (uint8_t)(n | 0x80);
		n >>= 7;
	}
	*p++ = (uint8_t)n;
	memcpy(p, v, len);
	st->len = (size_t)(p + len - st->batch);
	st->n_values++;
	return true;
}

static void batch_send(struct vstream *st)
{
	if (st->n_values > 0) {
		grpc_call_send_packed(st->call, st->batch, st->len);
		st->len = 0;
		st->n_values = 0;
	}
}

static void put(struct vstream *st, const uint8_t *v, size_t len)
{
	st->service->stats.events++;
	if (!st->gen->batched) {
		grpc_call_send_packed(st->call, v, len);
	} else if (batch_add(st, v, len) && st->n_values >= BATCH_VALUES) {
		batch_send(st);
	}
}

static bool is_behind(const struct vstream *st)
{
	return grpc_call_queued(st->call) + st->len > BACKLOG;
}

static void mark(struct vstream *st, uint32_t slot)
{
	uint64_t bit = UINT64_C(1) << (slot & 63);

	if (st->marked[slot / 64] & bit) {
		st->service->stats.coalesced++;
	} else {
		st->marked[slot / 64] |= bit;
		st->n_marked++;
	}
}

/* Send marked slots with their present values while there is room. */
static void catch_up(struct vstream *st)
{
	struct vhal_service *s = st->service;
	size_t n_slots = vhal_n_slots(s->env.vhal);

	for (uint32_t slot = 0; slot < n_slots && st->n_marked > 0; slot++) {
		uint64_t bit = UINT64_C(1) << (slot & 63);
		const struct vhal_value *val;
		size_t len;

		if (!(st->marked[slot / 64] & bit)) {
			continue;
		}
		if (is_behind(st)) {
			return;
		}
		st->marked[slot / 64] &= ~bit;
		st->n_marked--;
		val = vhal_get(s->env.vhal, slot);
		len = st->gen->pack(s, val, vhal_service_stamp(s, slot), false,
				    &s->scratch, &s->scratch_room);
		if (len > 0) {
			put(st, s->scratch, len);
		}
	}
}

/* ---- events ---- */

int64_t vhal_service_stamp(struct vhal_service *s, uint32_t slot)
{
	if (s->stamp[slot] == 0) {
		s->stamp[slot] = pace_boot_ns();
	}
	return s->stamp[slot];
}

static int64_t new_stamp(struct vhal_service *s, uint32_t slot)
{
	int64_t now = pace_boot_ns();

	s->stamp[slot] = now > s->stamp[slot] ? now : s->stamp[slot] + 1;
	return s->stamp[slot];
}

static void fan_out(struct vhal_service *s, const struct vgen *gen,
		    const struct vhal_event *e, int64_t stamp)
{
	bool echo = e->why == VHAL_SET_ECHO && e->source == CMD_FROM_GUEST;
	size_t len = 0;

	for (struct vstream *st = s->streams; st; st = st->next) {
		if (st->gen != gen) {
			continue;
		}
		if (st->n_marked > 0 || is_behind(st)) {
			mark(st, e->slot);
			continue;
		}
		if (len == 0) {
			len = gen->pack(s, e->value, stamp, echo, &s->scratch,
					&s->scratch_room);
			if (len == 0) {
				return;
			}
		}
		put(st, s->scratch, len);
	}
}

/* Is the value, apart from its time, what was @sent last? Keeps it. */
static bool same_as_sent(struct vhal_service *s, struct sent *sent,
			 const struct vhal_event *e)
{
	size_t len = vgen_aidl.pack(s, e->value, 0, false, &s->scratch,
				    &s->scratch_room);
	uint8_t *v;

	if (len == sent->len && len > 0 && !memcmp(sent->v, s->scratch, len)) {
		return true;
	}
	v = realloc(sent->v, len ? len : 1);
	if (v) {
		memcpy(v, s->scratch, len);
		sent->v = v;
		sent->len = len;
	}
	return false;
}

/* A HIDL guest samples by itself: it only wants to know changes. */
static void on_hidl(void *ctx, const struct vhal_event *e)
{
	struct vhal_service *s = ctx;
	int64_t stamp = new_stamp(s, e->slot);

	if (s->streams && !(e->why == VHAL_SAMPLED &&
			    same_as_sent(s, &s->hidl_sent[e->slot], e))) {
		fan_out(s, &vgen_hidl, e, stamp);
	}
}

static void on_aidl(void *ctx, const struct vhal_event *e)
{
	struct vhal_service *s = ctx;
	int64_t stamp = new_stamp(s, e->slot);

	if (s->streams &&
	    !(e->why == VHAL_SAMPLED && s->only_changes[e->slot] &&
	      same_as_sent(s, &s->aidl_sent[e->slot], e))) {
		fan_out(s, &vgen_aidl, e, stamp);
	}
}

static void on_flush(uv_prepare_t *p)
{
	struct vhal_service *s = p->data;

	for (struct vstream *st = s->streams; st; st = st->next) {
		if (st->n_marked > 0 && !is_behind(st)) {
			catch_up(st);
		}
		batch_send(st);
	}
}

/* ---- streams ---- */

static void mark_all(struct vstream *st)
{
	struct vhal *v = st->service->env.vhal;

	for (uint32_t slot = 0; slot < vhal_n_slots(v); slot++) {
		const struct vhal_prop_config *c = vhal_slot_config(v, slot);
		const struct vhal_value *val = vhal_get(v, slot);
		bool empty = !val->n_i32 && !val->n_i64 && !val->n_f32 &&
			     !val->n_bytes && !val->str;

		if (c->access != VHAL_WRITE &&
		    !(empty && val->status == VHAL_UNAVAILABLE)) {
			mark(st, slot);
		}
	}
}

void vstream_open(struct vhal_service *s, struct grpc_call *c,
		  const struct vgen *gen)
{
	struct vstream *st = calloc(1, sizeof(*st));
	size_t words = vhal_n_slots(s->env.vhal) / 64 + 1;

	if (st) {
		st->marked = calloc(words, sizeof(*st->marked));
	}
	if (!st || !st->marked) {
		free(st);
		grpc_call_finish(c, GRPC_RESOURCE_EXHAUSTED, "out of memory");
		return;
	}
	st->service = s;
	st->call = c;
	st->gen = gen;
	st->next = s->streams;
	if (st->next) {
		st->next->prev = st;
	}
	s->streams = st;
	s->stats.streams++;
	grpc_call_set_user(c, st);
	mark_all(st);
	catch_up(st);
	batch_send(st);
}

void vstream_writable(struct grpc_call *c, void *service)
{
	struct vstream *st = grpc_call_user(c);

	(void)service;
	if (st) {
		catch_up(st);
		batch_send(st);
	}
}

void vstream_ended(struct grpc_call *c, void *service)
{
	struct vhal_service *s = service;
	struct vstream *st = grpc_call_user(c);

	if (!st) {
		return;
	}
	if (st->prev) {
		st->prev->next = st->next;
	} else {
		s->streams = st->next;
	}
	if (st->next) {
		st->next->prev = st->prev;
	}
	s->stats.streams--;
	free(st->marked);
	free(st->batch);
	free(st);
}

void vstream_push_all(struct vhal_service *s, const struct vgen *gen)
{
	for (struct vstream *st = s->streams; st; st = st->next) {
		if (st->gen == gen) {
			mark_all(st);
			catch_up(st);
		}
	}
}

/* ---- sets ---- */

int vhal_service_post(struct vhal_service *s, const char *verb, uint32_t slot,
		      const struct vhal_value *val, enum cmd_source source)
{
	const char *name = vhal_slot_name(s->env.vhal, slot);
	size_t len = vhal_value_text(val, NULL, 0), n;
	size_t room = 2 * len + strlen(verb) + strlen(name) + 32;
	char *value, *text;
	int ret = -ENOMEM;

	if (len > CMDQ_TEXT_MAX) {
		return -E2BIG;
	}
	value = malloc(len + 1);
	text = malloc(room);
	if (value && text) {
		vhal_value_text(val, value, len + 1);
		n = (size_t)snprintf(text, room, "%s property='%s' value='",
				     verb, name);
		for (const char *p = value; *p; p++) {
			if (*p == '\'') { /* doubled, see action_parse() */
				text[n++] = '\'';
			}
			text[n++] = *p;
		}
		text[n++] = '\'';
		text[n] = '\0';
		ret = cmdq_post(s->env.cmdq, source, text);
	}
	free(value);
	free(text);
	return ret;
}

enum vhal_code vhal_service_set(struct vhal_service *s,
				const struct vhal_value *val,
				struct av_err *err)
{
	enum vhal_code code = vhal_check_set(s->env.vhal, val, err);
	int slot, ret;

	s->stats.sets++;
	if (code != VHAL_OK) {
		return code;
	}
	slot = vhal_slot_of(s->env.vhal, val->prop,
			    (val->prop & VHAL_AREA_MASK) == 0x01000000 ?
				    0 :
				    val->area);
	if (slot < 0) {
		return VHAL_INVALID_ARG;
	}
	ret = vhal_service_post(s, "set", (uint32_t)slot, val, CMD_FROM_GUEST);
	return ret == 0 ? VHAL_OK :
	       ret == -E2BIG ? VHAL_INVALID_ARG :
			       VHAL_TRY_AGAIN;
}

/* ---- configurations ---- */

void vhal_service_configs(struct vhal_service *s, struct grpc_call *c,
			  void (*send)(struct grpc_call *c,
				       const struct vhal_prop_config *p))
{
	for (size_t i = 0; i < vhal_n_props(s->env.vhal); i++) {
		send(c, vhal_prop_at(s->env.vhal, i));
	}
	grpc_call_finish(c, GRPC_OK, NULL);
}

/* ---- creation ---- */

static int subscribe(struct vhal_service *s)
{
	struct vhal *v = s->env.vhal;

	for (uint32_t slot = 0; slot < vhal_n_slots(v); slot++) {
		const struct vhal_prop_config *c = vhal_slot_config(v, slot);
		int ret;

		/* until a guest asks for a rate: changes, seldom */
		s->only_changes[slot] = true;
		ret = vhal_sub_add(s->aidl_sub, slot, c->min_rate_hz);
		if (ret == 0) {
			ret = vhal_sub_add(s->hidl_sub, slot, HIDL_RATE_HZ);
		}
		if (ret < 0 && ret != -EACCES) {
			return ret;
		}
	}
	return 0;
}

int vhal_service_create(const struct vhal_service_env *env,
			struct grpc_server *server, struct vhal_service **out)
{
	size_t n = vhal_n_slots(env->vhal) + 1;
	struct vhal_service *s = calloc(1, sizeof(*s));
	int ret = -ENOMEM;

	if (!s) {
		return -ENOMEM;
	}
	s->env = *env;
	s->stamp = calloc(n, sizeof(*s->stamp));
	s->only_changes = calloc(n, sizeof(*s->only_changes));
	s->aidl_sent = calloc(n, sizeof(*s->aidl_sent));
	s->hidl_sent = calloc(n, sizeof(*s->hidl_sent));
	s->hidl_sub = vhal_sub_create(env->vhal, on_hidl, s);
	s->aidl_sub = vhal_sub_create(env->vhal, on_aidl, s);
	s->hidl = (struct grpc_service){
		.name = "vhal_proto.VehicleServer",
		.method = vhal_hidl_methods,
		.n_methods = n_vhal_hidl_methods,
		.ctx = s,
	};
	s->aidl = (struct grpc_service){
		.name = "android.hardware.automotive.vehicle.proto."
			"VehicleServer",
		.method = vhal_aidl_methods,
		.n_methods = n_vhal_aidl_methods,
		.ctx = s,
	};
	uv_prepare_init(env->loop, &s->flusher);
	s->flusher.data = s;
	uv_prepare_start(&s->flusher, on_flush);
	uv_unref((uv_handle_t *)&s->flusher);
	if (s->stamp && s->only_changes && s->aidl_sent && s->hidl_sent &&
	    s->hidl_sub && s->aidl_sub) {
		ret = subscribe(s);
	}
	if (ret == 0) {
		ret = grpc_server_add(server, &s->hidl);
	}
	if (ret == 0) {
		ret = grpc_server_add(server, &s->aidl);
	}
	if (ret < 0) {
		vhal_service_destroy(s);
		return ret;
	}
	*out = s;
	return 0;
}

static void flusher_closed(uv_handle_t *h)
{
	free(h->data);
}

static void sent_finish(struct vhal_service *s, struct sent *sent)
{
	for (size_t i = 0; sent && i < vhal_n_slots(s->env.vhal); i++) {
		free(sent[i].v);
	}
	free(sent);
}

void vhal_service_destroy(struct vhal_service *s)
{
	if (!s) {
		return;
	}
	vhal_fakes_finish(s);
	vhal_sub_destroy(s->hidl_sub);
	vhal_sub_destroy(s->aidl_sub);
	sent_finish(s, s->aidl_sent);
	sent_finish(s, s->hidl_sent);
	free(s->stamp);
	free(s->only_changes);
	free(s->scratch);
	uv_close((uv_handle_t *)&s->flusher, flusher_closed);
}

void vhal_service_stats(const struct vhal_service *s,
			struct vhal_service_stats *out)
{
	*out = s->stats;
}
