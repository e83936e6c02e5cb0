/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Message port: a device's only link to the world, the same for a device in the
 * loop, in a thread and in a confined child process. A SOCK_SEQPACKET pair:
 * bounded, ordered, whole messages.
 *
 * Full: port_send() says -EAGAIN. What then happens is the kind's rule, in the
 * table of port.c: DROP counts and goes on (the newest is lost), HOLD waits for
 * the on_writable call. Either end may be hostile (a taken-over child): the
 * reader checks kind and length before anything else.
 */
#ifndef AVSIM_VDEVICES_PORT_H
#define AVSIM_VDEVICES_PORT_H

#include "sim/core/err.h"
#include "sim/core/vtime.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

/* A full packet of virtio-vsock (64 KiB), and what frames it. */
#define PORT_DATA_MAX (65536 + 128)

/* A new kind is one enumerator and one row in port.c. */
enum port_kind {
	/* to the device */
	PORT_FAULT,   /* struct port_fault */
	PORT_CLEAR,   /* struct port_fault: ends it */
	PORT_DATA,    /* bytes for the guest; id = port or stream number */
	PORT_INPUT,   /* id = input device; struct port_input[], one whole frame
		       */
	PORT_SAMPLE,  /* a sensor's sample: id = sensor, int64 t, int64 value[]
		       */
	PORT_CONTROL, /* device-specific text "verb key=value" */
	PORT_STOP,    /* finish what is in flight and end */
	/* from the device */
	PORT_EVENT,   /* text for TOPIC_DEVICE: "reset", "config ..."; id =
		       * PORT_WARN: the user's log says it too */
	PORT_COMMAND, /* text for the command queue, source guest */
	PORT_REPLY,   /* bytes out of the guest; id = port or stream number */
	PORT_PACKET,  /* captured packet: struct port_packet + bytes */
	PORT_READY,   /* the device is confined and serves */
	PORT_N_KINDS
};

enum { PORT_WARN = 1 };

struct port_header {
	uint16_t kind;
	uint16_t lost; /* of a DROP kind: dropped since the last one sent */
	uint32_t id;
	int64_t t; /* virtual time; from the device: 0 (stamped on arrival) */
};

struct port_msg {
	struct port_header h;
	const void *data; /* borrowed for the call */
	size_t len;
};

/* A fault of the fault table: its numbers, times (s), choices (index) and
 * switches (0, 1) in the order of the row without "device"; NAN: not given. */
#define PORT_FAULT_ARGS 4
struct port_fault {
	char name[24];
	double v[PORT_FAULT_ARGS];
};

/* One evdev event; a frame ends with EV_SYN (0). */
struct port_input {
	uint16_t type, code;
	int32_t value;
};

struct port_packet {
	uint8_t link; /* enum pcap_link of recordings/pcap.h */
	uint8_t to_guest;
	uint16_t pad;
	uint32_t full_len; /* on the wire; what follows may be cut */
};

struct port;
struct port_ops {
	void (*message)(void *ctx, const struct port_msg *m);
	void (*writable)(void *ctx); /* after an -EAGAIN; may be NULL */
	void (*closed)(void *ctx);   /* the other end is gone */
};

/* Two connected, non-blocking, close-on-exec sockets. */
int port_pair(int fd[2]);

/**
 * port_open() - One end on @loop
 * @fd:		taken over, also on failure
 * @to_device:	true: this is the world's end
 */
int port_open(uv_loop_t *loop, int fd, bool to_device,
	      const struct port_ops *ops, void *ctx, struct port **out);
/* What the other end sent before it ended: message() for each, now. */
void port_drain(struct port *p);
/* Ends the port now; no call comes after. Freed from the loop. */
void port_close(struct port *p);

/**
 * port_send() - One message, whole or not at all
 *
 * Return: 0; -EAGAIN full (a DROP kind is counted as lost); -EPIPE the other
 * end is gone; -E2BIG over PORT_DATA_MAX.
 */
int port_send(struct port *p, enum port_kind kind, uint32_t id, vtime t,
	      const void *data, size_t len);
uint64_t port_dropped(const struct port *p);

#endif
