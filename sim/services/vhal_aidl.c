/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The VHAL service of Android 14 to 16 guests.
 */
#include "config.h"

#include "sim/services/vhal_service_int.h"

#include "vhal_aidl.pb-c.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The generator spells the package out in every name. */
#define P(x) Android__Hardware__Automotive__Vehicle__Proto__##x
#define F(x) android__hardware__automotive__vehicle__proto__##x

/* Strings must not be NULL in proto3 messages. */
static char *text(const char *s)
{
	return (char *)(uintptr_t)(s ? s : protobuf_c_empty_string);
}

static void to_aidl(const struct vhal_value *val, int64_t stamp,
		    P(VehiclePropValue) * out)
{
	F(vehicle_prop_value__init)(out);
	out->timestamp = stamp;
	out->area_id = val->area;
	out->prop = val->prop;
	out->status = (P(VehiclePropertyStatus))val->status;
	out->n_int32_values = val->n_i32;
	out->int32_values = (int32_t *)(uintptr_t)val->i32;
	out->n_float_values = val->n_f32;
	out->float_values = (float *)(uintptr_t)val->f32;
	out->n_int64_values = val->n_i64;
	out->int64_values = (int64_t *)(uintptr_t)val->i64;
	out->byte_values.len = val->n_bytes;
	out->byte_values.data = (uint8_t *)(uintptr_t)val->bytes;
	out->string_value = text(val->str);
}

/* Theirs as ours, borrowed. A string that is empty and not asked for by the
 * type is no string. */
static struct vhal_value from_aidl(const P(VehiclePropValue) * v)
{
	int32_t type = v->prop & VHAL_TYPE_MASK;
	bool has_str = v->string_value[0] || type == VHAL_TYPE_STRING;

	return (struct vhal_value){ .prop = v->prop,
				    .area = v->area_id,
				    .n_i32 = (uint32_t)v->n_int32_values,
				    .i32 = v->int32_values,
				    .n_i64 = (uint32_t)v->n_int64_values,
				    .i64 = v->int64_values,
				    .n_f32 = (uint32_t)v->n_float_values,
				    .f32 = v->float_values,
				    .n_bytes = (uint32_t)v->byte_values.len,
				    .bytes = v->byte_values.data,
				    .str = has_str ? v->string_value : NULL };
}

static size_t aidl_pack(struct vhal_service *s, const struct vhal_value *val,
			int64_t stamp, bool echo, uint8_t **buf, size_t *room)
{
	P(VehiclePropValue) v;
	size_t len;

	(void)s;
	(void)echo;
	to_aidl(val, stamp, &v);
	len = F(vehicle_prop_value__get_packed_size)(&v);
	if (len > *room) {
		uint8_t *p = realloc(*buf, 2 * len);

		if (!p) {
			return 0;
		}
		*buf = p;
		*room = 2 * len;
	}
	return F(vehicle_prop_value__pack)(&v, *buf);
}

const struct vgen vgen_aidl = { .pack = aidl_pack, .batched = true };

/* ---- configurations ---- */

static void send_config(struct grpc_call *c, const struct vhal_prop_config *p)
{
	P(VehiclePropConfig) cfg;
	P(VehicleAreaConfig) *area = calloc(p->n_areas + 1, sizeof(*area));
	P(VehicleAreaConfig) **areas = calloc(p->n_areas + 1, sizeof(*areas));
	P(HasSupportedValueInfo) info = { 0 };

	F(vehicle_prop_config__init)(&cfg);
	F(has_supported_value_info__init)(&info);
	for (size_t i = 0; area && areas && i < p->n_areas; i++) {
		const struct vhal_area_config *a = &p->area[i];

		F(vehicle_area_config__init)(&area[i]);
		area[i].area_id = a->area;
		area[i].min_int32_value = a->min_i32;
		area[i].max_int32_value = a->max_i32;
		area[i].min_int64_value = a->min_i64;
		area[i].max_int64_value = a->max_i64;
		area[i].min_float_value = a->min_f32;
		area[i].max_float_value = a->max_f32;
		area[i].n_supported_enum_values = a->n_enum_values;
		area[i].supported_enum_values =
			(int64_t *)(uintptr_t)a->enum_value;
		area[i].access = (P(VehiclePropertyAccess))a->access;
		area[i].support_variable_update_rate = a->variable_rate;
		areas[i] = &area[i];
		cfg.n_area_configs++;
	}
	cfg.area_configs = areas;
	cfg.prop = p->prop;
	cfg.access = (P(VehiclePropertyAccess))p->access;
	cfg.change_mode = (P(VehiclePropertyChangeMode))p->mode;
	cfg.n_config_array = p->n_config_array;
	cfg.config_array = (int32_t *)(uintptr_t)p->config_array;
	if (p->config_string) {
		cfg.config_string.data =
			(uint8_t *)(uintptr_t)p->config_string;
		cfg.config_string.len = strlen(p->config_string);
	}
	cfg.min_sample_rate = p->min_rate_hz;
	cfg.max_sample_rate = p->max_rate_hz;
	grpc_call_send(c, &cfg.base);
	free(area);
	free(areas);
}

static void get_all_config(struct grpc_call *c, void *service,
			   const ProtobufCMessage *msg)
{
	(void)msg;
	vhal_service_configs(service, c, send_config);
}

/* ---- values ---- */

/* What the store has goes out with the time stamp of its newest event; an answer
 * made for this request has its own (a freeze frame is named by it). */
static enum vhal_code get_one(struct vhal_service *s,
			      const P(VehiclePropValue) * want,
			      P(VehiclePropValue) * out, struct av_err *err)
{
	struct vhal_value q = from_aidl(want);
	const struct vhal_value *val = NULL;
	enum vhal_code code = vhal_query(s->env.vhal, &q, &val, err);
	int slot;

	if (code == VHAL_OK) {
		slot = vhal_slot_of(s->env.vhal, q.prop, q.area);
		to_aidl(val,
			val == vhal_get(s->env.vhal, (uint32_t)slot) ?
				vhal_service_stamp(s, (uint32_t)slot) :
				val->t,
			out);
	}
	return code;
}

static void get_values(struct grpc_call *c, void *service,
		       const ProtobufCMessage *msg)
{
	struct vhal_service *s = service;
	const P(VehiclePropValueRequests) *q = (const void *)msg;
	P(GetValueResults) r;
	P(GetValueResult) *res = calloc(q->n_requests + 1, sizeof(*res));
	P(GetValueResult) **list = calloc(q->n_requests + 1, sizeof(*list));
	P(VehiclePropValue) *val = calloc(q->n_requests + 1, sizeof(*val));
	struct av_err err;

	F(get_value_results__init)(&r);
	for (size_t i = 0; res && list && val && i < q->n_requests; i++) {
		const P(VehiclePropValue) *want = q->requests[i]->value;
		enum vhal_code code = VHAL_INVALID_ARG;

		F(get_value_result__init)(&res[i]);
		res[i].request_id = q->requests[i]->request_id;
		if (want) {
			code = get_one(s, want, &val[i], &err);
		}
		if (code == VHAL_OK) {
			res[i].value = &val[i];
		}
		res[i].status = (P(StatusCode))code;
		list[i] = &res[i];
		r.n_results++;
		s->stats.gets++;
	}
	r.results = list;
	if (r.n_results == q->n_requests) {
		grpc_call_reply(c, &r.base);
	} else {
		grpc_call_finish(c, GRPC_RESOURCE_EXHAUSTED, "out of memory");
	}
	free(res);
	free(list);
	free(val);
}

static void set_values(struct grpc_call *c, void *service,
		       const ProtobufCMessage *msg)
{
	const P(VehiclePropValueRequests) *q = (const void *)msg;
	P(SetValueResults) r;
	P(SetValueResult) *res = calloc(q->n_requests + 1, sizeof(*res));
	P(SetValueResult) **list = calloc(q->n_requests + 1, sizeof(*list));
	struct av_err err;

	F(set_value_results__init)(&r);
	for (size_t i = 0; res && list && i < q->n_requests; i++) {
		enum vhal_code code = VHAL_INVALID_ARG;

		F(set_value_result__init)(&res[i]);
		res[i].request_id = q->requests[i]->request_id;
		if (q->requests[i]->value) {
			struct vhal_value val =
				from_aidl(q->requests[i]->value);

			code = vhal_service_set(service, &val, &err);
		}
		res[i].status = (P(StatusCode))code;
		list[i] = &res[i];
		r.n_results++;
	}
	r.results = list;
	if (r.n_results == q->n_requests) {
		grpc_call_reply(c, &r.base);
	} else {
		grpc_call_finish(c, GRPC_RESOURCE_EXHAUSTED, "out of memory");
	}
	free(res);
	free(list);
}

/* ---- subscriptions ---- */

static void reply_code(struct grpc_call *c, enum vhal_code code)
{
	P(VehicleHalCallStatus) r;

	F(vehicle_hal_call_status__init)(&r);
	r.status_code = (P(StatusCode))code;
	grpc_call_reply(c, &r.base);
}

/* @rate 0: stop sampling. */
static enum vhal_code set_rate(struct vhal_service *s, int32_t prop,
			       int32_t area, float rate, bool only_changes)
{
	int slot = vhal_slot_of(s->env.vhal, prop, area);
	int ret = 0;

	if (slot < 0 || !(rate >= 0)) {
		return VHAL_INVALID_ARG;
	}
	s->only_changes[slot] = only_changes;
	if (vhal_slot_config(s->env.vhal, (uint32_t)slot)->mode !=
	    VHAL_CONTINUOUS) {
		return VHAL_OK; /* changes always go out */
	}
	if (rate > 0) {
		ret = vhal_sub_add(s->aidl_sub, (uint32_t)slot, rate);
	} else {
		vhal_sub_remove(s->aidl_sub, (uint32_t)slot);
	}
	return ret == 0	      ? VHAL_OK :
	       ret == -EACCES ? VHAL_ACCESS_DENIED :
				VHAL_INTERNAL_ERROR;
}

static void update_sample_rate(struct grpc_call *c, void *service,
			       const ProtobufCMessage *msg)
{
	const P(UpdateSampleRateRequest) *q = (const void *)msg;

	reply_code(c, set_rate(service, q->prop, q->area_id, q->sample_rate,
			       false));
}

static void subscribe(struct grpc_call *c, void *service,
		      const ProtobufCMessage *msg)
{
	struct vhal_service *s = service;
	const P(SubscribeRequest) *q = (const void *)msg;
	const P(SubscribeOptions) *o = q->options;
	const struct vhal_prop_config *p =
		o ? vhal_config(s->env.vhal, o->prop_id) : NULL;
	enum vhal_code code = p ? VHAL_OK : VHAL_INVALID_ARG;
	size_t n = o ? o->n_area_ids : 0;

	/* no areas: all of them */
	for (size_t i = 0; p && code == VHAL_OK && i < (n ? n : p->n_areas);
	     i++) {
		int32_t area = n ? o->area_ids[i] : p->area[i].area;
		int slot = vhal_slot_of(s->env.vhal, o->prop_id, area);
		bool may_vary = slot >= 0 && o->enable_variable_update_rate;

		for (size_t k = 0; may_vary && k < p->n_areas; k++) {
			may_vary = p->area[k].area != area ||
				   p->area[k].variable_rate;
		}
		code = set_rate(s, o->prop_id, area, o->sample_rate, may_vary);
	}
	reply_code(c, code);
}

static void unsubscribe(struct grpc_call *c, void *service,
			const ProtobufCMessage *msg)
{
	const P(UnsubscribeRequest) *q = (const void *)msg;

	reply_code(c, set_rate(service, q->prop_id, q->area_id, 0, false));
}

static void check_health(struct grpc_call *c, void *service,
			 const ProtobufCMessage *msg)
{
	(void)service;
	(void)msg;
	reply_code(c, VHAL_OK);
}

static void start_stream(struct grpc_call *c, void *service,
			 const ProtobufCMessage *msg)
{
	(void)msg;
	vstream_open(service, c, &vgen_aidl);
}

/* ---- supported values (Android 16) ---- */

static bool is_vector(int32_t prop)
{
	int32_t type = prop & VHAL_TYPE_MASK;

	return type == VHAL_TYPE_INT32_VEC || type == VHAL_TYPE_INT64_VEC ||
	       type == VHAL_TYPE_FLOAT_VEC;
}

static const struct vhal_area_config *area_of(const struct vhal_service *s,
					      const P(PropIdAreaId) * id)
{
	const struct vhal_prop_config *p = vhal_config(s->env.vhal,
						       id->prop_id);

	for (size_t i = 0; p && i < p->n_areas; i++) {
		if (p->area[i].area == id->area_id) {
			return &p->area[i];
		}
	}
	return NULL;
}

/* Limits of an area as values; 0/0 in the configuration means no limit. */
static void limits(const struct vhal_area_config *a, int32_t prop,
		   P(MinMaxSupportedValueResult) * r, P(RawPropValues) v[2])
{
	int32_t type = prop & VHAL_TYPE_MASK;

	F(raw_prop_values__init)(&v[0]);
	F(raw_prop_values__init)(&v[1]);
	if (is_vector(prop)) {
		return;
	}
	if (type == VHAL_TYPE_INT32 && (a->min_i32 || a->max_i32)) {
		v[0].n_int32_values = v[1].n_int32_values = 1;
		v[0].int32_values = (int32_t *)(uintptr_t)&a->min_i32;
		v[1].int32_values = (int32_t *)(uintptr_t)&a->max_i32;
	} else if (type == VHAL_TYPE_INT64 && (a->min_i64 || a->max_i64)) {
		v[0].n_int64_values = v[1].n_int64_values = 1;
		v[0].int64_values = (int64_t *)(uintptr_t)&a->min_i64;
		v[1].int64_values = (int64_t *)(uintptr_t)&a->max_i64;
	} else if (type == VHAL_TYPE_FLOAT && (a->min_f32 != 0 ||
					       a->max_f32 != 0)) {
		v[0].n_float_values = v[1].n_float_values = 1;
		v[0].float_values = (float *)(uintptr_t)&a->min_f32;
		v[1].float_values = (float *)(uintptr_t)&a->max_f32;
	} else {
		return;
	}
	r->min_supported_value = &v[0];
	r->max_supported_value = &v[1];
}

static void get_min_max(struct grpc_call *c, void *service,
			const ProtobufCMessage *msg)
{
	const P(GetMinMaxSupportedValuesRequest) *q = (const void *)msg;
	size_t n = q->n_prop_id_area_id;
	P(GetMinMaxSupportedValuesResult) r;
	P(MinMaxSupportedValueResult) *res = calloc(n + 1, sizeof(*res));
	P(MinMaxSupportedValueResult) **list = calloc(n + 1, sizeof(*list));
	P(RawPropValues) *raw = calloc(n + 1, 2 * sizeof(*raw));

	F(get_min_max_supported_values_result__init)(&r);
	for (size_t i = 0; res && list && raw && i < n; i++) {
		const struct vhal_area_config *a =
			area_of(service, q->prop_id_area_id[i]);

		F(min_max_supported_value_result__init)(&res[i]);
		res[i].status =
			(P(StatusCode))(a ? VHAL_OK : VHAL_INVALID_ARG);
		if (a) {
			limits(a, q->prop_id_area_id[i]->prop_id, &res[i],
			       &raw[2 * i]);
		}
		list[i] = &res[i];
		r.n_result++;
	}
	r.result = list;
	if (r.n_result == n) {
		grpc_call_reply(c, &r.base);
	} else {
		grpc_call_finish(c, GRPC_RESOURCE_EXHAUSTED, "out of memory");
	}
	free(res);
	free(list);
	free(raw);
}

/* supportedEnumValues of one area, each as a value of its own. */
struct enum_list {
	P(RawPropValues) *raw;
	P(RawPropValues) **list;
	int32_t *i32;
};

static void list_free(struct enum_list *l)
{
	free(l->raw);
	free(l->list);
	free(l->i32);
}

static bool list_fill(struct enum_list *l, const struct vhal_area_config *a,
		      int32_t prop, P(SupportedValuesListResult) * r)
{
	bool wide = (prop & VHAL_TYPE_MASK) == VHAL_TYPE_INT64;
	size_t n = a->n_enum_values;

	l->raw = calloc(n + 1, sizeof(*l->raw));
	l->list = calloc(n + 1, sizeof(*l->list));
	l->i32 = calloc(n + 1, sizeof(*l->i32));
	if (!l->raw || !l->list || !l->i32) {
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		F(raw_prop_values__init)(&l->raw[i]);
		l->i32[i] = (int32_t)a->enum_value[i];
		if (wide) {
			l->raw[i].n_int64_values = 1;
			l->raw[i].int64_values =
				(int64_t *)(uintptr_t)&a->enum_value[i];
		} else {
			l->raw[i].n_int32_values = 1;
			l->raw[i].int32_values = &l->i32[i];
		}
		l->list[i] = &l->raw[i];
	}
	r->n_supported_values_list = n;
	r->supported_values_list = l->list;
	return true;
}

static void get_lists(struct grpc_call *c, void *service,
		      const ProtobufCMessage *msg)
{
	const P(GetSupportedValuesListsRequest) *q = (const void *)msg;
	size_t n = q->n_prop_id_area_id;
	P(GetSupportedValuesListsResult) r;
	P(SupportedValuesListResult) *res = calloc(n + 1, sizeof(*res));
	P(SupportedValuesListResult) **list = calloc(n + 1, sizeof(*list));
	struct enum_list *e = calloc(n + 1, sizeof(*e));
	bool ok = res && list && e;

	F(get_supported_values_lists_result__init)(&r);
	for (size_t i = 0; ok && i < n; i++) {
		const struct vhal_area_config *a =
			area_of(service, q->prop_id_area_id[i]);

		F(supported_values_list_result__init)(&res[i]);
		res[i].status =
			(P(StatusCode))(a ? VHAL_OK : VHAL_INVALID_ARG);
		ok = !a || list_fill(&e[i], a, q->prop_id_area_id[i]->prop_id,
				     &res[i]);
		list[i] = &res[i];
		r.n_result++;
	}
	r.result = list;
	if (ok) {
		grpc_call_reply(c, &r.base);
	} else {
		grpc_call_finish(c, GRPC_RESOURCE_EXHAUSTED, "out of memory");
	}
	for (size_t i = 0; e && i < n; i++) {
		list_free(&e[i]);
	}
	free(res);
	free(list);
	free(e);
}

/* Supported values never change in a run: the stream stays open and silent. */
static void start_supported(struct grpc_call *c, void *service,
			    const ProtobufCMessage *msg)
{
	(void)c;
	(void)service;
	(void)msg;
}

static void dump(struct grpc_call *c, void *service,
		 const ProtobufCMessage *msg)
{
	const P(DumpOptions) *q = (const void *)msg;
	P(DumpResult) r;
	bool more = false;
	char *out = vhal_service_dump(service, q->options, q->n_options, &more);

	if (!out) {
		grpc_call_finish(c, GRPC_RESOURCE_EXHAUSTED, "out of memory");
		return;
	}
	F(dump_result__init)(&r);
	r.caller_should_dump_state = more;
	r.buffer = out;
	grpc_call_reply(c, &r.base);
	free(out);
}

#define EMPTY &google__protobuf__empty__descriptor

const struct grpc_method vhal_aidl_methods[] = {
	{ .name = "GetAllPropertyConfig",
	  .in = EMPTY,
	  .message = get_all_config },
	{ .name = "SetValues",
	  .in = &F(vehicle_prop_value_requests__descriptor),
	  .message = set_values },
	{ .name = "GetValues",
	  .in = &F(vehicle_prop_value_requests__descriptor),
	  .message = get_values },
	{ .name = "UpdateSampleRate",
	  .in = &F(update_sample_rate_request__descriptor),
	  .message = update_sample_rate },
	{ .name = "CheckHealth", .in = EMPTY, .message = check_health },
	{ .name = "Dump",
	  .in = &F(dump_options__descriptor),
	  .message = dump },
	{ .name = "StartPropertyValuesStream",
	  .in = EMPTY,
	  .message = start_stream,
	  .writable = vstream_writable,
	  .ended = vstream_ended },
	{ .name = "Subscribe",
	  .in = &F(subscribe_request__descriptor),
	  .message = subscribe },
	{ .name = "Unsubscribe",
	  .in = &F(unsubscribe_request__descriptor),
	  .message = unsubscribe },
	{ .name = "GetMinMaxSupportedValues",
	  .in = &F(get_min_max_supported_values_request__descriptor),
	  .message = get_min_max },
	{ .name = "GetSupportedValuesLists",
	  .in = &F(get_supported_values_lists_request__descriptor),
	  .message = get_lists },
	{ .name = "StartSupportedValuesChangeStream",
	  .in = EMPTY,
	  .message = start_supported },
};
const size_t n_vhal_aidl_methods =
	sizeof(vhal_aidl_methods) / sizeof(vhal_aidl_methods[0]);
