/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Server reflection (grpc.reflection.v1alpha): answers from the descriptors that
 * the build put in, so that generic clients need no .proto files.
 *
 * A FileDescriptorSet is a list of length-delimited FileDescriptorProto in field
 * 1. Only three of their fields matter here: name (1), package (2), and the names
 * of what they define: message_type (4), enum_type (5), service (6) with method
 * (2) inside. So they are walked as wire format, without their own descriptor.
 */
#include "config.h"

#include "sim/services/grpc_reflect.h"

#include "descriptors.h"
#include "reflection.pb-c.h"

#include <stdlib.h>
#include <string.h>

struct span {
	const uint8_t *at;
	size_t len;
};

/* Next field of @s: number and, if length-delimited, its bytes. */
static bool next_field(struct span *s, uint32_t *number, struct span *value)
{
	uint64_t v[2] = { 0, 0 };

	for (int i = 0; i < 2; i++) {
		unsigned int shift = 0;
		uint8_t b;

		do {
			if (s->len == 0 || shift > 63) {
				return false;
			}
			b = *s->at++;
			s->len--;
			v[i] |= (uint64_t)(b & 0x7f) << shift;
			shift += 7;
		} while (b & 0x80);
		if (i == 0 && (v[0] & 7) != 2 && (v[0] & 7) != 0) {
			return false; /* descriptors have no fixed fields */
		}
	}
	*number = (uint32_t)(v[0] >> 3);
	*value = (struct span){ s->at, 0 };
	if ((v[0] & 7) == 2) {
		if (v[1] > s->len) {
			return false;
		}
		value->len = (size_t)v[1];
		s->at += v[1];
		s->len -= (size_t)v[1];
	}
	return true;
}

static bool field_text(struct span msg, uint32_t want, struct span *out)
{
	uint32_t n;

	while (next_field(&msg, &n, out)) {
		if (n == want) {
			return true;
		}
	}
	return false;
}

static bool text_is(struct span s, const char *text, size_t len)
{
	return s.len == len && !memcmp(s.at, text, len);
}

/* Whether @file defines @symbol ("package.Type", "package.Service.Method"). */
static bool defines(struct span file, const char *symbol)
{
	struct span package = { 0 }, item, name, method;
	const char *rest = symbol;
	size_t len;
	uint32_t n, m;

	if (field_text(file, 2, &package)) {
		if (strncmp(symbol, (const char *)package.at, package.len) ||
		    symbol[package.len] != '.') {
			return false;
		}
		rest = symbol + package.len + 1;
	}
	len = strcspn(rest, ".");
	while (next_field(&file, &n, &item)) {
		struct span in = item;

		if (n < 4 || n > 6 || !field_text(item, 1, &name) ||
		    !text_is(name, rest, len)) {
			continue;
		}
		if (!rest[len] || n == 4) {
			return true; /* nested types come with their file */
		}
		while (n == 6 && next_field(&in, &m, &method)) {
			if (m == 2 && field_text(method, 1, &name) &&
			    text_is(name, rest + len + 1,
				    strlen(rest + len + 1))) {
				return true;
			}
		}
	}
	return false;
}

static bool find_file(const char *filename, const char *symbol,
		      struct span *out)
{
	struct span set = { descriptor_set, sizeof(descriptor_set) }, name;
	uint32_t n;

	while (next_field(&set, &n, out)) {
		if (n != 1) {
			continue;
		}
		if (filename ? field_text(*out, 1, &name) &&
				       text_is(name, filename,
					       strlen(filename)) :
			       defines(*out, symbol)) {
			return true;
		}
	}
	return false;
}

static void answer_file(Grpc__Reflection__V1alpha__ServerReflectionResponse *r,
			struct grpc_call *c, const char *filename,
			const char *symbol)
{
	Grpc__Reflection__V1alpha__FileDescriptorResponse files =
		GRPC__REFLECTION__V1ALPHA__FILE_DESCRIPTOR_RESPONSE__INIT;
	Grpc__Reflection__V1alpha__ErrorResponse error =
		GRPC__REFLECTION__V1ALPHA__ERROR_RESPONSE__INIT;
	ProtobufCBinaryData data;
	struct span file;
	char text[] = "not found";

	if (find_file(filename, symbol, &file)) {
		data.data = (uint8_t *)(uintptr_t)file.at;
		data.len = file.len;
		files.n_file_descriptor_proto = 1;
		files.file_descriptor_proto = &data;
		r->file_descriptor_response = &files;
		r->message_response_case =
			GRPC__REFLECTION__V1ALPHA__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_FILE_DESCRIPTOR_RESPONSE;
	} else {
		error.error_code = GRPC_NOT_FOUND;
		error.error_message = text;
		r->error_response = &error;
		r->message_response_case =
			GRPC__REFLECTION__V1ALPHA__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_ERROR_RESPONSE;
	}
	grpc_call_send(c, &r->base);
}

#define SERVICES_MAX 32

static void answer_list(Grpc__Reflection__V1alpha__ServerReflectionResponse *r,
			struct grpc_call *c, const struct grpc_server *s)
{
	Grpc__Reflection__V1alpha__ListServiceResponse list =
		GRPC__REFLECTION__V1ALPHA__LIST_SERVICE_RESPONSE__INIT;
	Grpc__Reflection__V1alpha__ServiceResponse item[SERVICES_MAX];
	Grpc__Reflection__V1alpha__ServiceResponse *items[SERVICES_MAX];
	const struct grpc_service *svc;
	size_t n = 0;

	while (n < SERVICES_MAX && (svc = grpc_server_service(s, n))) {
		grpc__reflection__v1alpha__service_response__init(&item[n]);
		item[n].name = (char *)(uintptr_t)svc->name;
		items[n] = &item[n];
		n++;
	}
	list.n_service = n;
	list.service = items;
	r->list_services_response = &list;
	r->message_response_case =
		GRPC__REFLECTION__V1ALPHA__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_LIST_SERVICES_RESPONSE;
	grpc_call_send(c, &r->base);
}

static void on_request(struct grpc_call *c, void *service,
		       const ProtobufCMessage *msg)
{
	const Grpc__Reflection__V1alpha__ServerReflectionRequest *q =
		(const void *)msg;
	Grpc__Reflection__V1alpha__ServerReflectionResponse r =
		GRPC__REFLECTION__V1ALPHA__SERVER_REFLECTION_RESPONSE__INIT;
	Grpc__Reflection__V1alpha__ErrorResponse error =
		GRPC__REFLECTION__V1ALPHA__ERROR_RESPONSE__INIT;
	char text[] = "extensions do not exist here";

	r.valid_host = q->host;
	r.original_request =
		(Grpc__Reflection__V1alpha__ServerReflectionRequest *)(uintptr_t)
			q;
	switch (q->message_request_case) {
	case GRPC__REFLECTION__V1ALPHA__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_BY_FILENAME:
		answer_file(&r, c, q->file_by_filename, NULL);
		break;
	case GRPC__REFLECTION__V1ALPHA__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_FILE_CONTAINING_SYMBOL:
		answer_file(&r, c, NULL, q->file_containing_symbol);
		break;
	case GRPC__REFLECTION__V1ALPHA__SERVER_REFLECTION_REQUEST__MESSAGE_REQUEST_LIST_SERVICES:
		answer_list(&r, c, service);
		break;
	default:
		error.error_code = GRPC_UNIMPLEMENTED;
		error.error_message = text;
		r.error_response = &error;
		r.message_response_case =
			GRPC__REFLECTION__V1ALPHA__SERVER_REFLECTION_RESPONSE__MESSAGE_RESPONSE_ERROR_RESPONSE;
		grpc_call_send(c, &r.base);
	}
}

static void on_half_closed(struct grpc_call *c, void *service)
{
	(void)service;
	grpc_call_finish(c, GRPC_OK, NULL);
}

static const struct grpc_method methods[] = {
	{ .name = "ServerReflectionInfo",
	  .in = &grpc__reflection__v1alpha__server_reflection_request__descriptor,
	  .client_streaming = true,
	  .message = on_request,
	  .half_closed = on_half_closed },
};

int grpc_reflect_add(struct grpc_server *s, struct grpc_service *slot)
{
	*slot = (struct grpc_service){
		.name = "grpc.reflection.v1alpha.ServerReflection",
		.method = methods,
		.n_methods = 1,
		.ctx = s,
	};
	return grpc_server_add(s, slot);
}
