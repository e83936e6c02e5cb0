/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The VHAL emulator protocol, usually on TCP 33452: what the debug socket of the
 * HIDL reference VHAL speaks, so that the Python tools made for it drive avsim.
 *
 * A frame is 4 bytes of length, big-endian, and one vhal_proto.EmulatorMessage.
 * Each command gets one response; changes of properties come in between as
 * SET_PROPERTY_ASYNC. Whoever connects may change every property as the car
 * itself could, so the port is closed unless asked for.
 */
#ifndef AVSIM_SERVICES_EMULATOR_PORT_H
#define AVSIM_SERVICES_EMULATOR_PORT_H

#include "sim/services/stream.h"
#include "sim/services/vhal_service.h"

#define EMULATOR_PORT "33452"
#define EMULATOR_FRAME_MAX (1u << 20) /* bytes of a message to us */
#define EMULATOR_REPLY_MAX (16u << 20) /* of one from us */

struct emulator_port;

struct emulator_env {
	uv_loop_t *loop;
	struct vhal *vhal;
	struct vhal_service *service; /* time stamps, commands, dump */
};

/* After vhal_start(). Return: 0 or -ENOMEM. */
int emulator_port_create(const struct emulator_env *env,
			 struct emulator_port **out);
/* Ends all connections. Listeners that feed it are gone before. */
void emulator_port_destroy(struct emulator_port *e);

/* For carriers: streams accepted by it become connections. Borrowed. */
struct av_acceptor *emulator_port_acceptor(struct emulator_port *e);

struct emulator_stats {
	unsigned int open;
	uint64_t connections, commands, sets;
	uint64_t pushed;    /* changes handed to connections */
	uint64_t coalesced; /* replaced by newer ones for slow connections */
	uint64_t broken;    /* connections closed for what they sent */
};
void emulator_port_stats(const struct emulator_port *e,
			 struct emulator_stats *out);

#endif
