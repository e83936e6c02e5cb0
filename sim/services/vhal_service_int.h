/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of the VHAL service: what both generations share (vhal_service.c), and
 * what each adds (vhal_hidl.c, vhal_aidl.c, vhal_dump.c).
 */
#ifndef AVSIM_SERVICES_VHAL_SERVICE_INT_H
#define AVSIM_SERVICES_VHAL_SERVICE_INT_H

#include "sim/services/vhal_service.h"

#include "google/protobuf/empty.pb-c.h"

struct vstream;

/* How a generation puts values on its streams. */
struct vgen {
	/* Pack one value; 0 = out of memory. @echo: answer to a guest's set. */
	size_t (*pack)(struct vhal_service *s, const struct vhal_value *val,
		       int64_t stamp, bool echo, uint8_t **buf, size_t *room);
	bool batched; /* several packed values make one message */
};

extern const struct vgen vgen_hidl, vgen_aidl;
extern const struct grpc_method vhal_hidl_methods[], vhal_aidl_methods[];
extern const size_t n_vhal_hidl_methods, n_vhal_aidl_methods;

struct vhal_service {
	struct vhal_service_env env;
	struct grpc_service hidl, aidl;
	struct vhal_sub *hidl_sub, *aidl_sub;
	struct vstream *streams;
	int64_t *stamp;	  /* per slot: of its newest value, boot time ns */
	bool *only_changes; /* per slot: AIDL sampling sends changes only */
	struct sent {	  /* per slot: the sample that streams saw last */
		uint8_t *v;
		size_t len;
	} *aidl_sent, *hidl_sent;
	uint8_t *scratch;
	size_t scratch_room;
	uv_prepare_t flusher;
	struct vhal_service_stats stats;
	struct vhal_fake *fakes; /* --genfakedata (vhal_fake.c) */
	unsigned int n_fakes, next_fake;
};

/* Open a stream of values on @c: all present ones, then what comes. */
void vstream_open(struct vhal_service *s, struct grpc_call *c,
		  const struct vgen *gen);
void vstream_writable(struct grpc_call *c, void *service);
void vstream_ended(struct grpc_call *c, void *service);
/* Every present value once more, on all streams of @gen. */
void vstream_push_all(struct vhal_service *s, const struct vgen *gen);

/**
 * vhal_service_set() - A set of a guest: checked, then posted as a command
 *
 * Return: the AAOS code; OK means accepted, the event follows.
 */
enum vhal_code vhal_service_set(struct vhal_service *s,
				const struct vhal_value *val,
				struct av_err *err);

/* Answer @c with every property's configuration, each sent by @send, and OK. */
void vhal_service_configs(struct vhal_service *s, struct grpc_call *c,
			  void (*send)(struct grpc_call *c,
				       const struct vhal_prop_config *p));

void vhal_fakes_finish(struct vhal_service *s);

#endif
