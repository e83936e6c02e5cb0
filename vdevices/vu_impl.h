/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of the vhost-user back-end: what vhost_user.c (connection, sending),
 * vu_msg.c (the table of requests), vu_ring.c (life of the rings) and
 * vu_state.c (in-flight table, device state) share.
 */
#ifndef AVSIM_VDEVICES_VU_IMPL_H
#define AVSIM_VDEVICES_VU_IMPL_H

#include "vdevices/guest_mem.h"
#include "vdevices/trust.h"
#include "vdevices/vhost_user.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	VU_FDS = VU_MAX_REGIONS,  /* most that are received with a message */
	VU_STATE_MAX = 1 << 20,   /* device state: what a pipe can hold */
	VU_STATE_REFUSED = 0x101, /* SET_DEVICE_STATE_FD: error, no fd */
};

struct vu_payload {
	union {
		uint64_t u64;
		struct vu_state state;
		struct vu_addr addr;
		struct vu_mem_table table;
		struct vu_mem_slot slot;
		struct vu_log log;
		struct vu_config config;
		struct vu_inflight inflight;
		struct vu_transfer transfer;
		uint8_t bytes[VU_MAX_PAYLOAD];
	};
};

/* A request under way. The handler writes its answer over the payload. */
struct vu_msg {
	struct vu_header h;
	struct vu_payload p;
	size_t have; /* bytes of header and payload so far */
	int fd[VU_FDS];
	size_t n_fds;
	uint32_t reply_size;
	int reply_fd; /* -1; closed after the reply */
};

struct vu_ring {
	struct virtq *q;
	/* As the front-end sets them; num 0: nothing usable yet. */
	uint32_t num, base;
	struct vu_addr addr;
	bool have_addr;
	bool started; /* kick descriptor set since the last stop */
	bool enabled;
	bool running; /* both, and everything is known: virtq is bound */
	bool discarding; /* running, but not enabled: see vu_ops.discards */
	int kick_fd, call_fd, err_fd;
	/* It ran since the device was reset, and this is how it stood then. */
	bool ran;
	bool moved; /* in another instance: memory is elsewhere now */
	uint32_t last_num, last_base;
	struct vu_addr last_addr;
};

struct vu {
	int fd;
	int over; /* -errno once vu_input() has given up */
	const struct vu_ops *ops;
	void *ctx;
	struct guest_mem *mem;
	uint64_t features; /* with bits 26 and 30 */
	uint64_t protocol;
	uint8_t status;
	int backend_fd;      /* VU_PF_BACKEND_REQ; -1 */
	bool config_pending; /* CONFIG_CHANGE found no room */
	int log_fd;          /* signalled when pages were marked; -1 */
	struct vu_inflight inflight;
	struct gm_file *inflight_map;
	bool inflight_packed;
	int state_fd; /* load: the pipe until CHECK_DEVICE_STATE; -1 */
	int state_ret;
	unsigned int notes_left; /* a hostile peer shall not fill a recording */
	struct vu_msg m;
	unsigned int n_rings;
	struct vu_ring ring[];
};

/* ---- vhost_user.c ---- */

void vu_note(struct vu *vu, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* Take descriptor @i of the request; -1: it has none. */
int vu_take_fd(struct vu_msg *m, size_t i);
void vu_close_fds(struct vu_msg *m);
/* Is it fit for a kick, call, error or log? */
bool vu_event_fd(const struct vu *vu, int fd);
/* 0 or -errno. */
int vu_signal(const struct vu *vu, int fd);
void vu_set_fd(int *slot, int fd); /* closes what was there */
bool vu_has(const struct vu *vu, enum vu_protocol_feature bit);
uint64_t vu_offered(const struct vu *vu);
uint64_t vu_offered_protocol(const struct vu *vu);
/* Header and @size payload bytes, with @fd where >= 0; whole or -errno. */
int vu_send(int sock, uint32_t request, uint32_t flags, const void *payload,
	    uint32_t size, int fd);

/* ---- vu_msg.c ---- */

/* Rules for @request; NULL: unknown. */
const struct trust_shape *vu_msg_shape(uint32_t request);
const char *vu_msg_name(uint32_t request);
/* The whole request is in vu->m. 0, or -errno: the connection is over. */
int vu_msg_handle(struct vu *vu, struct av_err *err);

/*
 * Handlers. 0; -EPROTO: the front-end broke the rules, hang up; other -errno:
 * refused, say so (error answer where one is expected), go on.
 */
typedef int vu_handler(struct vu *vu, struct vu_msg *m, struct av_err *err);

/* vu_ring.c */
vu_handler vu_set_vring_num;
vu_handler vu_set_vring_addr;
vu_handler vu_set_vring_base;
vu_handler vu_get_vring_base;
vu_handler vu_set_vring_kick;
vu_handler vu_set_vring_call;
vu_handler vu_set_vring_err;
vu_handler vu_set_vring_enable;
vu_handler vu_reset_owner;
/* Starts or stops the ring as its flags say; keeps its place. */
void vu_ring_update(struct vu *vu, struct vu_ring *r);
void vu_ring_stop(struct vu *vu, struct vu_ring *r);
void vu_rings_stop(struct vu *vu); /* and disable */
void vu_rings_down(struct vu *vu); /* and take back that they are started */
/* The device's state is nobody's, or another: where rings were says nothing. */
void vu_rings_forget(struct vu *vu);
void vu_rings_enable(struct vu *vu);
void vu_rings_log(struct vu *vu); /* LOG_ALL was switched */
bool vu_any_running(const struct vu *vu);
/*
 * Around a change that unmaps memory: before, devices finish chains that point
 * into it; after, rings are found anew, and those whose memory went stop.
 */
void vu_rings_hold(struct vu *vu, bool held[VU_MAX_QUEUES]);
void vu_rings_resume(struct vu *vu, const bool held[VU_MAX_QUEUES]);

/* vu_state.c */
vu_handler vu_get_inflight_fd;
vu_handler vu_set_inflight_fd;
vu_handler vu_set_device_state_fd;
vu_handler vu_check_device_state;
/* Table of ring @index, or NULL. */
void *vu_inflight_of(const struct vu *vu, unsigned int index);

#endif
