/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The VHAL service of Android 11 and 12 guests.
 */
#include "config.h"

#include "sim/services/vhal_hidl.h"

#include "sim/services/vhal_service_int.h"

#include "vhal_hidl.pb-c.h"

#include <stdlib.h>
#include <string.h>

void vhal_hidl_value(const struct vhal_value *val, int64_t stamp,
		     VhalProto__VehiclePropValue *out)
{
	vhal_proto__vehicle_prop_value__init(out);
	out->prop = val->prop;
	out->has_value_type = 1;
	out->value_type = val->prop & VHAL_TYPE_MASK;
	out->has_timestamp = 1;
	out->timestamp = stamp;
	out->has_area_id = 1;
	out->area_id = val->area;
	out->n_int32_values = val->n_i32;
	out->int32_values = (int32_t *)(uintptr_t)val->i32;
	out->n_int64_values = val->n_i64;
	out->int64_values = (int64_t *)(uintptr_t)val->i64;
	out->n_float_values = val->n_f32;
	out->float_values = (float *)(uintptr_t)val->f32;
	out->string_value = (char *)(uintptr_t)val->str;
	out->has_bytes_value = val->n_bytes > 0;
	out->bytes_value.len = val->n_bytes;
	out->bytes_value.data = (uint8_t *)(uintptr_t)val->bytes;
	out->has_status = 1;
	out->status = (VhalProto__VehiclePropStatus)val->status;
}

static size_t hidl_pack(struct vhal_service *s, const struct vhal_value *val,
			int64_t stamp, bool echo, uint8_t **buf, size_t *room)
{
	VhalProto__WrappedVehiclePropValue w =
		VHAL_PROTO__WRAPPED_VEHICLE_PROP_VALUE__INIT;
	VhalProto__VehiclePropValue v;
	size_t len;

	(void)s;
	vhal_hidl_value(val, stamp, &v);
	w.value = &v;
	/* an echo brings the value only; the guest keeps its status */
	w.update_status = !echo;
	len = vhal_proto__wrapped_vehicle_prop_value__get_packed_size(&w);
	if (len > *room) {
		uint8_t *p = realloc(*buf, 2 * len);

		if (!p) {
			return 0;
		}
		*buf = p;
		*room = 2 * len;
	}
	return vhal_proto__wrapped_vehicle_prop_value__pack(&w, *buf);
}

const struct vgen vgen_hidl = { .pack = hidl_pack, .batched = false };

/* Limits only where the type has them. */
static void hidl_area(const struct vhal_area_config *a, int32_t type,
		      VhalProto__VehicleAreaConfig *out)
{
	vhal_proto__vehicle_area_config__init(out);
	out->area_id = a->area;
	out->has_min_int32_value = type == VHAL_TYPE_INT32;
	out->has_max_int32_value = type == VHAL_TYPE_INT32;
	out->min_int32_value = a->min_i32;
	out->max_int32_value = a->max_i32;
	out->has_min_int64_value = type == VHAL_TYPE_INT64;
	out->has_max_int64_value = type == VHAL_TYPE_INT64;
	out->min_int64_value = a->min_i64;
	out->max_int64_value = a->max_i64;
	out->has_min_float_value = type == VHAL_TYPE_FLOAT;
	out->has_max_float_value = type == VHAL_TYPE_FLOAT;
	out->min_float_value = a->min_f32;
	out->max_float_value = a->max_f32;
}

VhalProto__VehiclePropConfig *vhal_hidl_config(const struct vhal_prop_config *p)
{
	struct {
		VhalProto__VehiclePropConfig cfg;
		VhalProto__VehicleAreaConfig *areas[];
	} *m;
	VhalProto__VehicleAreaConfig *area;
	int32_t type = p->prop & VHAL_TYPE_MASK;

	m = malloc(sizeof(*m) +
		   p->n_areas * (sizeof(*m->areas) + sizeof(*area)));
	if (!m) {
		return NULL;
	}
	area = (void *)(m->areas + p->n_areas);
	vhal_proto__vehicle_prop_config__init(&m->cfg);
	for (size_t i = 0; i < p->n_areas; i++) {
		hidl_area(&p->area[i], type, &area[i]);
		m->areas[i] = &area[i];
	}
	m->cfg.n_area_configs = p->n_areas;
	m->cfg.area_configs = m->areas;
	m->cfg.prop = p->prop;
	m->cfg.has_access = m->cfg.has_change_mode = 1;
	m->cfg.has_value_type = 1;
	m->cfg.access = (int32_t)p->access;
	m->cfg.change_mode = (int32_t)p->mode;
	m->cfg.value_type = type;
	m->cfg.n_config_array = p->n_config_array;
	m->cfg.config_array = (int32_t *)(uintptr_t)p->config_array;
	m->cfg.config_string = (char *)(uintptr_t)p->config_string;
	m->cfg.has_min_sample_rate = m->cfg.has_max_sample_rate = 1;
	m->cfg.min_sample_rate = p->min_rate_hz;
	m->cfg.max_sample_rate = p->max_rate_hz;
	return &m->cfg;
}

static void send_config(struct grpc_call *c, const struct vhal_prop_config *p)
{
	VhalProto__VehiclePropConfig *cfg = vhal_hidl_config(p);

	if (cfg) {
		grpc_call_send(c, &cfg->base);
	}
	free(cfg);
}

static void get_all_config(struct grpc_call *c, void *service,
			   const ProtobufCMessage *msg)
{
	(void)msg;
	vhal_service_configs(service, c, send_config);
}

static void set_property(struct grpc_call *c, void *service,
			 const ProtobufCMessage *msg)
{
	const VhalProto__WrappedVehiclePropValue *q = (const void *)msg;
	const VhalProto__VehiclePropValue *v = q->value;
	VhalProto__VehicleHalCallStatus r =
		VHAL_PROTO__VEHICLE_HAL_CALL_STATUS__INIT;
	struct av_err err;
	enum vhal_code code;

	if (!v) {
		grpc_call_finish(c, GRPC_INVALID_ARGUMENT, "no value");
		return;
	}
	code = vhal_service_set(
		service,
		&(struct vhal_value){
			.prop = v->prop,
			.area = v->area_id,
			.n_i32 = (uint32_t)v->n_int32_values,
			.i32 = v->int32_values,
			.n_i64 = (uint32_t)v->n_int64_values,
			.i64 = v->int64_values,
			.n_f32 = (uint32_t)v->n_float_values,
			.f32 = v->float_values,
			.n_bytes = (uint32_t)v->bytes_value.len,
			.bytes = v->bytes_value.data,
			.str = v->string_value },
		&err);
	/* codes of later generations are unknown here */
	r.status_code = (VhalProto__VehicleHalStatusCode)(
		code > VHAL_INTERNAL_ERROR ? VHAL_NOT_AVAILABLE : code);
	grpc_call_reply(c, &r.base);
}

static void send_all(struct grpc_call *c, void *service,
		     const ProtobufCMessage *msg)
{
	Google__Protobuf__Empty empty = GOOGLE__PROTOBUF__EMPTY__INIT;

	(void)msg;
	vstream_push_all(service, &vgen_hidl);
	grpc_call_reply(c, &empty.base);
}

static void start_stream(struct grpc_call *c, void *service,
			 const ProtobufCMessage *msg)
{
	(void)msg;
	vstream_open(service, c, &vgen_hidl);
}

const struct grpc_method vhal_hidl_methods[] = {
	{ .name = "GetAllPropertyConfig",
	  .in = &google__protobuf__empty__descriptor,
	  .message = get_all_config },
	{ .name = "SetProperty",
	  .in = &vhal_proto__wrapped_vehicle_prop_value__descriptor,
	  .message = set_property },
	{ .name = "SendAllPropertyValuesToStream",
	  .in = &google__protobuf__empty__descriptor,
	  .message = send_all },
	{ .name = "StartPropertyValuesStream",
	  .in = &google__protobuf__empty__descriptor,
	  .message = start_stream,
	  .writable = vstream_writable,
	  .ended = vstream_ended },
};
const size_t n_vhal_hidl_methods =
	sizeof(vhal_hidl_methods) / sizeof(vhal_hidl_methods[0]);
