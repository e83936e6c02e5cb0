/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio-vsock, the protocol: connections of one guest, their credit, and what
 * carries their bytes on the host. Knows no queues: packets come in by
 * vsock_input() and go out through struct vsock_out, so that the whole of it is
 * tested without a guest.
 *
 * To a service a connection is a struct av_stream. Bytes are not buffered on
 * the way to the guest (a service keeps what was not taken), and on the way
 * from it only while the service holds the stream, within the credit given.
 */
#ifndef AVSIM_VDEVICES_VSOCK_H
#define AVSIM_VDEVICES_VSOCK_H

#include "sim/core/err.h"
#include "sim/services/stream.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	VSOCK_CID_HOST = 2,
	VSOCK_CID_GUEST_MIN = 3,
	VSOCK_CONNS_MAX = 8192,      /* of one guest; more are refused */
	VSOCK_BUF = 256 * 1024,      /* credit that each connection gives */
	VSOCK_HELD_MAX = 48 << 20,   /* bytes held of one guest, all together */
	VSOCK_PAYLOAD_MAX = 1 << 16, /* of one packet, either way */
};
#define VSOCK_CID_ANY UINT64_C(0xffffffff)
#define VSOCK_PORT_ANY UINT32_C(0xffffffff)

enum vsock_type { VSOCK_STREAM = 1, VSOCK_SEQPACKET = 2 };

enum vsock_op {
	VSOCK_OP_REQUEST = 1,
	VSOCK_OP_RESPONSE,
	VSOCK_OP_RST,
	VSOCK_OP_SHUTDOWN,
	VSOCK_OP_RW,
	VSOCK_OP_CREDIT_UPDATE,
	VSOCK_OP_CREDIT_REQUEST,
};

enum { VSOCK_NO_RECEIVE = 1, VSOCK_NO_SEND = 2 }; /* of SHUTDOWN */
enum { VSOCK_EOM = 1, VSOCK_EOR = 2 };            /* of a seqpacket's RW */

/* As on the wire, little endian. */
#pragma pack(push, 1)
struct vsock_hdr {
	uint64_t src_cid, dst_cid;
	uint32_t src_port, dst_port;
	uint32_t len;
	uint16_t type, op;
	uint32_t flags;
	uint32_t buf_alloc, fwd_cnt;
};
#pragma pack(pop)

struct vsock_guest;

/* The way to the guest: its receive queue. */
struct vsock_out {
	/* Most payload that the next packet can have; -1: no buffer now,
	 * vsock_pump() will be called when there is one. */
	ssize_t (*room)(void *ctx);
	/* One packet, after room() >= h->len. */
	void (*send)(void *ctx, const struct vsock_hdr *h, const void *data);
	/* Have vsock_pump() called soon, from the loop. */
	void (*wake)(void *ctx);
	/* Every packet, both ways, for a capture; or NULL. */
	void (*seen)(void *ctx, const struct vsock_hdr *h, const void *data,
		     bool to_guest);
	void *ctx;
};

/*
 * Who is on the host's side of a port; see vsock_switch.h.
 */
struct vsock_ports {
	/* A guest's connection asks for @port. Take @s (set its on_*) and
	 * return 0; -errno: refused. */
	int (*open)(void *ctx, struct vsock_guest *g, uint32_t port,
		    enum vsock_type type, struct av_stream *s);
	/* To another CID. -ENOENT: there is none. */
	int (*relay)(void *ctx, struct vsock_guest *from,
		     const struct vsock_hdr *h, const void *data);
	/* Faults: may bytes of @port move now? @give: of @len, how many.
	 * The switch calls vsock_resume() when that changes. NULL: all. */
	size_t (*give)(void *ctx, struct vsock_guest *g, uint32_t port,
		       size_t len, bool to_guest);
	/* True: the guest does not learn that @port's peer has ended. */
	bool (*half_open)(void *ctx, uint32_t port);
	void *ctx;
};

struct vsock_counts {
	uint64_t opened, refused, reset, packets_in, packets_out;
	uint64_t bytes_in, bytes_out; /* payload from, to the guest */
	uint64_t bad;                 /* packets that break the rules */
	unsigned int open;
	size_t held; /* bytes */
};

int vsock_guest_create(uint64_t cid, const struct vsock_out *out,
		       const struct vsock_ports *ports, struct vsock_guest **g);
void vsock_guest_destroy(struct vsock_guest *g); /* services see a close */
uint64_t vsock_guest_cid(const struct vsock_guest *g);
void vsock_guest_counts(const struct vsock_guest *g, struct vsock_counts *out);

/* The driver is there (its queues run), or gone: then all its connections are.
 */
void vsock_guest_up(struct vsock_guest *g, bool up);
/* Its queues have stopped, and it may go on where it was: nothing is late until
 * it is up again. */
void vsock_guest_pause(struct vsock_guest *g);

/**
 * vsock_input() - A packet of the guest
 * @h, @data:	private copies; @data has h->len bytes, checked by the caller
 *
 * Return: 0; -EBADMSG: it was dropped (counted in bad).
 */
int vsock_input(struct vsock_guest *g, const struct vsock_hdr *h,
		const void *data);
/* A packet of another guest, as it is. False: no room, the caller resets. */
bool vsock_relay_in(struct vsock_guest *g, const struct vsock_hdr *h,
		    const void *data);
/* Buffers for the guest came, or wake() was called. Return: true: call again.
 */
bool vsock_pump(struct vsock_guest *g);

/**
 * vsock_connect() - From the host to @port of the guest
 *
 * The caller sets the on_* before the loop runs on. on_writable follows when
 * the guest has accepted, on_closed when it has not. Return: 0; -ENOTCONN no
 * driver; -EMFILE; -ENOMEM.
 */
int vsock_connect(struct vsock_guest *g, uint32_t port, enum vsock_type type,
		  struct av_stream **out);
/* The host's port of a stream made by vsock_connect(). */
uint32_t vsock_host_port(const struct av_stream *s);
enum vsock_type vsock_stream_type(const struct av_stream *s);

/* End all connections of @port (0 = all) the hard way: RST. Return: how many.
 */
unsigned int vsock_reset_port(struct vsock_guest *g, uint32_t port);
/* Bytes of @port (0 = all) may move again. */
void vsock_resume(struct vsock_guest *g, uint32_t port);
/* Once a second while there are some: closes that the guest did not answer. */
void vsock_tick(struct vsock_guest *g);

#endif
