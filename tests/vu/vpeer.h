/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest's side of virtio-vsock on top of the fake guest (front.h), for
 * tests and benches: connections from and to the host, with credit in both
 * directions.
 */
#ifndef AVSIM_TESTS_VU_VPEER_H
#define AVSIM_TESTS_VU_VPEER_H

#include "tests/vu/front.h"
#include "vdevices/vsock.h"

#define VPEER_RX_BUF 4096      /* payload of a receive buffer */
#define VPEER_TX_MAX 65536     /* payload of one packet that we send */
#define VPEER_BUF (256 * 1024) /* credit that we give */

enum vpeer_state { VPEER_FREE, VPEER_DIALLING, VPEER_OPEN, VPEER_RESET };

struct vpeer_conn {
	enum vpeer_state state;
	uint32_t guest_port, host_port;
	uint32_t tx_cnt, peer_fwd, peer_buf; /* of what we send */
	uint32_t rx_cnt, told;               /* of what we get */
	uint64_t received, sent;
	unsigned int shut; /* VSOCK_NO_* that the host said */
	void *user;
};

struct vpeer;

struct vpeer_opts {
	const char *path; /* the device's socket */
	uint64_t cid;
	uint64_t to; /* the other side's CID; 0: the host */
	unsigned int conns; /* at once */
	bool busy_poll;
	bool hold_credit; /* never say that anything was read */
	/* @c: got bytes; NULL: only counted */
	void (*data)(struct vpeer *v, struct vpeer_conn *c, const uint8_t *buf,
		     uint32_t len);
};

int vpeer_open(const struct vpeer_opts *o, struct vpeer **out,
	       struct av_err *err);
void vpeer_close(struct vpeer *v);
struct front *vpeer_front(struct vpeer *v);
/* Take the device through a reset, as a guest that reboots: all is forgotten.
 */
int vpeer_reboot(struct vpeer *v, struct av_err *err);

/* REQUEST; vpeer_run() until it is OPEN or RESET. NULL: no slot. */
struct vpeer_conn *vpeer_dial(struct vpeer *v, uint32_t guest_port,
			      uint32_t host_port);
/* At most @len bytes, one packet, within credit. Return: how many. */
uint32_t vpeer_send(struct vpeer *v, struct vpeer_conn *c, const void *buf,
		    uint32_t len);
void vpeer_shutdown(struct vpeer *v, struct vpeer_conn *c, unsigned int how);
void vpeer_reset(struct vpeer *v, struct vpeer_conn *c); /* RST; slot is free */
void vpeer_free(struct vpeer_conn *c);
/* Answer host connections to @port (RESPONSE); @user for their conns. */
void vpeer_listen(struct vpeer *v, uint32_t port);
struct vpeer_conn *vpeer_accepted(struct vpeer *v); /* newest; NULL: none new */

/* Handle what came. Waits up to @timeout_ms for the first packet. Return:
 * packets handled, or -errno of the device's end. */
int vpeer_run(struct vpeer *v, int timeout_ms);

#endif
