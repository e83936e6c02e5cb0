/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The vhost-user wire: numbers and layouts of QEMU's interop document
 * (docs/interop/vhost-user.rst, as of QEMU 11.1). Host byte order, packed.
 */
#ifndef AVSIM_VDEVICES_VU_PROTO_H
#define AVSIM_VDEVICES_VU_PROTO_H

#include <stdint.h>

#define VU_VERSION 1u
#define VU_FLAG_VERSION 3u
#define VU_FLAG_REPLY 4u
#define VU_FLAG_NEED_REPLY 8u

#define VU_MAX_REGIONS 32 /* in one SET_MEM_TABLE: crosvm sends so many */
#define VU_MAX_FDS 8      /* in any other message; more: closed and refused */
#define VU_MAX_QUEUES 256 /* bits 7:0 of a kick's payload */
#define VU_CONFIG_MAX 256
#define VU_MAX_PAYLOAD 4096

struct vu_header {
	uint32_t request;
	uint32_t flags;
	uint32_t size;
};

enum vu_request {
	VU_GET_FEATURES = 1,
	VU_SET_FEATURES = 2,
	VU_SET_OWNER = 3,
	VU_RESET_OWNER = 4,
	VU_SET_MEM_TABLE = 5,
	VU_SET_LOG_BASE = 6,
	VU_SET_LOG_FD = 7,
	VU_SET_VRING_NUM = 8,
	VU_SET_VRING_ADDR = 9,
	VU_SET_VRING_BASE = 10,
	VU_GET_VRING_BASE = 11,
	VU_SET_VRING_KICK = 12,
	VU_SET_VRING_CALL = 13,
	VU_SET_VRING_ERR = 14,
	VU_GET_PROTOCOL_FEATURES = 15,
	VU_SET_PROTOCOL_FEATURES = 16,
	VU_GET_QUEUE_NUM = 17,
	VU_SET_VRING_ENABLE = 18,
	VU_SEND_RARP = 19,
	VU_NET_SET_MTU = 20,
	VU_SET_BACKEND_REQ_FD = 21,
	VU_IOTLB_MSG = 22,
	VU_SET_VRING_ENDIAN = 23,
	VU_GET_CONFIG = 24,
	VU_SET_CONFIG = 25,
	VU_CREATE_CRYPTO_SESSION = 26,
	VU_CLOSE_CRYPTO_SESSION = 27,
	VU_POSTCOPY_ADVISE = 28,
	VU_POSTCOPY_LISTEN = 29,
	VU_POSTCOPY_END = 30,
	VU_GET_INFLIGHT_FD = 31,
	VU_SET_INFLIGHT_FD = 32,
	VU_GPU_SET_SOCKET = 33,
	VU_RESET_DEVICE = 34,
	VU_VRING_KICK = 35,
	VU_GET_MAX_MEM_SLOTS = 36,
	VU_ADD_MEM_REG = 37,
	VU_REM_MEM_REG = 38,
	VU_SET_STATUS = 39,
	VU_GET_STATUS = 40,
	VU_GET_SHARED_OBJECT = 41,
	VU_SET_DEVICE_STATE_FD = 42,
	VU_CHECK_DEVICE_STATE = 43,
	VU_GET_SHMEM_CONFIG = 44,
	VU_GET_VRING_BASE_SKIP_DRAIN = 45,
	VU_N_REQUESTS
};

/* Back-end requests, on the socket of SET_BACKEND_REQ_FD. */
enum vu_backend_request {
	VU_BE_IOTLB_MSG = 1,
	VU_BE_CONFIG_CHANGE = 2,
};

#define VHOST_F_LOG_ALL (1ULL << 26)
#define VHOST_USER_F_PROTOCOL_FEATURES (1ULL << 30)

enum vu_protocol_feature {
	VU_PF_MQ = 0,
	VU_PF_LOG_SHMFD = 1,
	VU_PF_RARP = 2,
	VU_PF_REPLY_ACK = 3,
	VU_PF_MTU = 4,
	VU_PF_BACKEND_REQ = 5,
	VU_PF_CONFIG = 9,
	VU_PF_BACKEND_SEND_FD = 10,
	VU_PF_INFLIGHT_SHMFD = 12,
	VU_PF_RESET_DEVICE = 13,
	VU_PF_CONFIGURE_MEM_SLOTS = 15,
	VU_PF_STATUS = 16,
	VU_PF_DEVICE_STATE = 19,
};

struct vu_state {
	uint32_t index, num;
};
struct vu_addr {
	uint32_t index, flags;           /* bit 0: log writes */
	uint64_t desc, used, avail, log; /* in this order */
};
struct vu_region {
	uint64_t gpa, size, uva, offset;
};
struct vu_mem_table {
	uint32_t n, pad;
	struct vu_region region[VU_MAX_REGIONS];
};
struct vu_mem_slot {
	uint64_t pad;
	struct vu_region region;
};
struct vu_log {
	uint64_t size, offset;
};
struct vu_config {
	uint32_t offset, size, flags; /* flags: 0 driver write, 1 migration */
	uint8_t data[VU_CONFIG_MAX];
};
#pragma pack(push, 1)
struct vu_inflight {
	uint64_t size, offset;
	uint16_t queues, queue_size;
};
#pragma pack(pop)
struct vu_transfer {
	uint32_t direction, phase; /* 0 save, 1 load; 0 = stopped */
};

#endif
