/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Captures (--capture): CAN, Ethernet, HCI and vsock packets of a run in one
 * file that Wireshark opens, all on the virtual clock. A FILE.pcap is classic
 * pcap, of one interface; any other name is pcapng.
 *
 * One thread calls all of this; another writes. What the simulation makes (CAN)
 * waits where the disk is slower than it, as it does for the recording: virtual
 * time waits with it. What comes from devices does not wait: a packet that finds
 * no room is dropped, and the next one of that interface says how many there
 * were, as do the statistics at the end of the file and the log.
 */
#ifndef AVSIM_RECORDINGS_CAPTURE_H
#define AVSIM_RECORDINGS_CAPTURE_H

#include "recordings/pcap.h"
#include "sim/core/err.h"

#define CAPTURE_IFACES_MAX 320 /* 255 buses, and devices */

struct capture;

struct capture_opts {
	const char *path;  /* must not exist */
	const char *only;  /* patterns over "link:name" (av_glob_only()), or
			      NULL: everything */
	int64_t epoch_ns;  /* Unix time of virtual 0 */
	const char *title; /* of the run, for the file's comment */
};

int capture_open(const struct capture_opts *o, struct capture **out,
		 struct av_err *err);

/**
 * capture_buses() - One interface per CAN bus, in their order; before any packet
 * @names:	"pt", "body"
 *
 * Return: 0; -EINVAL: a classic pcap file cannot hold them all.
 */
int capture_buses(struct capture *c, char *const *names, size_t n,
		  struct av_err *err);
/* A frame of one of them. */
void capture_can(struct capture *c, const struct can_frame *f);

/**
 * capture_device() - A packet that a device saw, as it came out of its port
 * @device:	instance: "net0", "vsock0". Its interface is added with its first
 *		packet.
 * @link:	enum pcap_link; also which headers @data has, see there
 * @to_guest:	sent to the guest; else by it
 * @full_len:	on the wire, if more than @len
 *
 * A confined child is not trusted: all values are checked.
 *
 * Return: 0; -EBADMSG: no packet can look like this. What the capture does not
 * want or has no room for is no error.
 */
int capture_device(struct capture *c, const char *device, unsigned int link,
		   vtime t, bool to_guest, size_t full_len, const void *data,
		   size_t len);
/* @n packets of @device were lost on the way here (a port was full). */
void capture_device_lost(struct capture *c, const char *device,
			 unsigned int link, uint64_t n);

/* Have everything so far written soon, so that kill -9 does not take it; tell
 * the user what was dropped since the last call. Does not block. */
void capture_tick(struct capture *c);

/* False: a tick would find nothing to write, and nothing to say. */
bool capture_waits(struct capture *c);

/* 0, or why the capture has stopped; the run goes on. */
int capture_status(struct capture *c, struct av_err *err);

struct capture_counts {
	uint64_t packets[PCAP_N_LINKS];
	uint64_t lost;
};
void capture_counts(const struct capture *c, struct capture_counts *out);
const char *capture_path(const struct capture *c);

/* Write the rest, free. 0 or the first error of its life; the packets before
 * that are in the file. NULL is fine. */
int capture_close(struct capture *c, struct av_err *err);

#endif
