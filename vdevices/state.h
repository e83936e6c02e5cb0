/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a device says of itself for a snapshot or a migration (vhost-user
 * DEVICE_STATE): a head with the type's name, the version of what follows and
 * its length; where its queues stood (host.c); what the type's save() puts there.
 * Little endian.
 *
 * It comes back as foreign bytes. A reader gives zeroes behind the end and where
 * a value cannot be, and remembers it: load() reads all, asks state_end() once,
 * and only then changes the device.
 */
#ifndef AVSIM_VDEVICES_STATE_H
#define AVSIM_VDEVICES_STATE_H

#include "sim/core/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STATE_HEAD_SIZE 32
#define STATE_TYPE_MAX 16 /* of a type's name, with its NUL */

struct state_out {
	uint8_t *buf; /* malloc'ed */
	size_t len, size;
	bool failed; /* out of memory */
};

void state_begin(struct state_out *o, const char *type, uint16_t version);
void state_put(struct state_out *o, const void *p, size_t len);
void state_put8(struct state_out *o, uint8_t v);
void state_put16(struct state_out *o, uint16_t v);
void state_put32(struct state_out *o, uint32_t v);
void state_put64(struct state_out *o, uint64_t v);
/* Length byte and bytes; at most 255. */
void state_put_text(struct state_out *o, const char *text);
/* The head gets its length. 0 or -ENOMEM; @o->buf is the caller's. */
int state_finish(struct state_out *o);

struct state_in {
	const uint8_t *p;
	size_t left;
	bool bad; /* something was not there, or cannot be */
};

/* Looks at the head. 0, or -EINVAL with @err. */
int state_open(struct state_in *in, const uint8_t *buf, size_t len,
	       const char *type, uint16_t version, struct av_err *err);
void state_get(struct state_in *in, void *to, size_t len);
uint8_t state_get8(struct state_in *in);
uint16_t state_get16(struct state_in *in);
uint32_t state_get32(struct state_in *in);
uint64_t state_get64(struct state_in *in);
bool state_get_flag(struct state_in *in); /* a byte, 0 or 1 */
/* The next ones are what state_put_text() has put for @text. */
bool state_same_text(struct state_in *in, const char *text);
/* All was read and made sense: 0, else -EINVAL with @err. */
int state_end(const struct state_in *in, struct av_err *err);

#endif
