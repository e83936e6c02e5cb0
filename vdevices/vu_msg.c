/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The requests, one row each: what shape it has, which protocol feature it
 * needs, how it is answered, and who handles it. Those without handler are
 * known and not offered; an answer that the front-end waits for says no.
 */
#include "config.h"

#include "vdevices/vu_impl.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum answer {
	ACK,      /* only if asked for (need_reply) */
	U64,      /* always; refused: the row's value */
	STATE,    /* always */
	CONFIG,   /* always; refused: empty */
	INFLIGHT, /* always; refused: all zero */
};

/* virtio device status bits */
enum {
	STATUS_NEEDS_RESET = 64,
	STATUS_MASK = 0xff,
};

/* ---- handlers ---- */

static int reply_u64(struct vu_msg *m, uint64_t v)
{
	m->p.u64 = v;
	m->reply_size = sizeof(v);
	return 0;
}

static int get_features(struct vu *vu, struct vu_msg *m, struct av_err *err)
{
	(void)err;
	return reply_u64(m, vu_offered(vu));
}

static int set_features(struct vu *vu, struct vu_msg *m, struct av_err *err)
{
	uint64_t v = m->p.u64;
	uint64_t changed = v ^ vu->features;
	int ret = trust_bits(v, vu_offered(vu), err);

	if (ret < 0) {
		return ret;
	}
	if (changed & ~VHOST_F_LOG_ALL && vu_any_running(vu)) {
		return av_err_set(err, -EBUSY,
				  "0x%llx would change while queues run",
				  (unsigned long long)changed);
	}
	vu->features = v;
	gm_log_enable(vu->mem, v & VHOST_F_LOG_ALL);
	if (changed & ~VHOST_F_LOG_ALL) {
		vu_note(vu, "features 0x%llx, protocol 0x%llx",
			(unsigned long long)vu_features(vu),
			(unsigned long long)vu->protocol);
	}
	if (!(v & VHOST_USER_F_PROTOCOL_FEATURES)) {
		vu_rings_enable(vu); /* nobody will */
	}
	return 0;
}

static int get_protocol_features(struct vu *vu, struct vu_msg *m,
				 struct av_err *err)
{
	(void)err;
	return reply_u64(m, vu_offered_protocol(vu));
}

static int set_protocol_features(struct vu *vu, struct vu_msg *m,
				 struct av_err *err)
{
	int ret = trust_bits(m->p.u64, vu_offered_protocol(vu), err);

	if (!ret) {
		vu->protocol = m->p.u64;
	}
	return ret;
}

static int set_owner(struct vu *vu, struct vu_msg *m, struct av_err *err)
{
	(void)vu;
	(void)m;
	(void)err;
	return 0;
}

static int get_queue_num(struct vu *vu, struct vu_msg *m, struct av_err *err)
{
	(void)err;
	return reply_u64(m, vu->n_rings);
}

static void device_reset(struct vu *vu)
{
	vu_rings_down(vu);
	vu_rings_forget(vu);
	for (unsigned int i = 0; i < vu->n_rings; i++) {
		vu->ring[i].base = 0;
	}
	vu->status = 0;
	vu->ops->reset(vu->ctx);
}

static int reset_device(struct vu *vu, struct vu_msg *m, struct av_err *err)
{
	(void)m;
	(void)err;
	device_reset(vu);
	return 0;
}

static int get_status(struct vu *vu, struct vu_msg *m, struct av_err *err)
{
	uint64_t v = vu->status;

	(void)err;
	for (unsigned int i = 0; i < vu->n_rings; i++) {
		if (vu->ring[i].running && virtq_broken(vu->ring[i].q)) {
			v |= STATUS_NEEDS_RESET;
		}
	}
	return reply_u64(m, v);
}

/* QEMU sends FEATURES_OK and, whenever a network stops, 0: whether that is a
 * reset shows later, see vu_ring.c. Rings start by their own messages. Who has
 * not asked where running rings stand does not mean to go on. */
static int set_status(struct vu *vu, struct vu_msg *m, struct av_err *err)
{
	uint8_t before = vu->status;

	(void)err;
	vu->status = m->p.u64 & STATUS_MASK & ~(unsigned)STATUS_NEEDS_RESET;
	if (vu->status == 0 && vu_any_running(vu)) {
		device_reset(vu);
	} else if (vu->status == 0 && before != 0) {
		vu_rings_down(vu);
	}
	return 0;
}

/* ---- config space ---- */

/* A longer window than the device has reads as zeroes: a newer VMM asks for
 * fields that an older device lacks, and must get as much as it asked for. */
static int get_config(struct vu *vu, struct vu_msg *m, struct av_err *err)
{
	uint8_t buf[VU_CONFIG_MAX] = { 0 };
	struct vu_config *c = &m->p.config;
	uint32_t size = vu->ops->config_size(vu->ctx);
	int ret = trust_config_read(c, m->h.size, size, err);

	if (ret < 0) {
		return ret;
	}
	vu->ops->get_config(vu->ctx, buf);
	memcpy(c->data, buf + c->offset, c->size);
	m->reply_size = (uint32_t)offsetof(struct vu_config, data) + c->size;
	return 0;
}

static int set_config(struct vu *vu, struct vu_msg *m, struct av_err *err)
{
	uint8_t now[VU_CONFIG_MAX] = { 0 };
	struct vu_config *c = &m->p.config;
	uint32_t size = vu->ops->config_size(vu->ctx);
	uint32_t first = 0, end;
	const uint8_t *old;
	int ret;

	ret = trust_config_write(c, m->h.size, size, err);
	if (ret < 0) {
		return ret;
	}
	/* QEMU writes the whole space where the guest wrote a byte */
	vu->ops->get_config(vu->ctx, now);
	old = now + c->offset;
	end = c->size;
	while (first < end && c->data[first] == old[first]) {
		first++;
	}
	while (end > first && c->data[end - 1] == old[end - 1]) {
		end--;
	}
	if (first == end) {
		return 0;
	}
	ret = vu->ops->set_config(vu->ctx, c->offset + first, c->data + first,
				  end - first, c->flags & 1);
	if (ret < 0) {
		return av_err_set(err, ret == -EPROTO ? -EINVAL : ret,
				  "bytes %u to %u: %s", c->offset + first,
				  c->offset + end, strerror(-ret));
	}
	return 0;
}

/* ---- memory ---- */

static struct gm_region region_of(const struct vu_region *r)
{
	return (struct gm_region){ .gpa = r->gpa,
				   .size = r->size,
				   .uva = r->uva,
				   .offset = r->offset };
}

/* What trust.c refuses is the front-end's fault, the rest the host's. */
static int memory_error(int ret)
{
	return ret == -EINVAL ? -EPROTO : ret;
}

static int set_mem_table(struct vu *vu, struct vu_msg *m, struct av_err *err)
{
	const struct vu_mem_table *t = &m->p.table;
	struct gm_region r[VU_MAX_REGIONS];
	bool held[VU_MAX_QUEUES];
	int fds[VU_MAX_REGIONS];
	uint32_t n = t->n;
	int ret = trust_mem_table(t, m->h.size, m->n_fds, err);

	if (ret < 0) {
		return ret;
	}
	for (uint32_t i = 0; i < n; i++) {
		r[i] = region_of(&t->region[i]);
		fds[i] = vu_take_fd(m, i);
	}
	vu_rings_hold(vu, held);
	ret = gm_set_table(vu->mem, r, n, fds, err);
	vu_rings_resume(vu, held);
	return memory_error(ret);
}

static int get_max_mem_slots(struct vu *vu, struct vu_msg *m,
			     struct av_err *err)
{
	(void)vu;
	(void)err;
	return reply_u64(m, GM_MAX_REGIONS);
}

static int add_mem_reg(struct vu *vu, struct vu_msg *m, struct av_err *err)
{
	struct gm_region r = region_of(&m->p.slot.region);
	static const bool none[VU_MAX_QUEUES];
	int ret = trust_one_fd(m->n_fds, err);

	if (ret < 0) {
		return ret;
	}
	ret = gm_add(vu->mem, &r, vu_take_fd(m, 0), err);
	vu_rings_resume(vu, none);
	return memory_error(ret);
}

static int rem_mem_reg(struct vu *vu, struct vu_msg *m, struct av_err *err)
{
	struct gm_region r = region_of(&m->p.slot.region);
	bool held[VU_MAX_QUEUES];
	int ret;

	vu_rings_hold(vu, held);
	ret = gm_remove(vu->mem, &r);
	vu_rings_resume(vu, held);
	if (ret < 0) {
		return av_err_set(err, ret,
				  "no memory region at 0x%llx of "
				  "%llu bytes",
				  (unsigned long long)r.gpa,
				  (unsigned long long)r.size);
	}
	return 0;
}

static int set_log_base(struct vu *vu, struct vu_msg *m, struct av_err *err)
{
	int ret = trust_log(m->h.size, m->n_fds, err);

	if (ret < 0) {
		return ret;
	}
	ret = gm_set_log(vu->mem, vu_take_fd(m, 0), m->p.log.size,
			 m->p.log.offset, err);
	/* QEMU waits for this answer, whatever it says */
	reply_u64(m, ret < 0);
	return memory_error(ret);
}

static int set_log_fd(struct vu *vu, struct vu_msg *m, struct av_err *err)
{
	int fd = vu_take_fd(m, 0);

	if (fd >= 0 && !vu_event_fd(vu, fd)) {
		close(fd);
		return av_err_set(err, -EPROTO, "the descriptor is no eventfd");
	}
	vu_set_fd(&vu->log_fd, fd);
	return 0;
}

static int set_backend_req_fd(struct vu *vu, struct vu_msg *m,
			      struct av_err *err)
{
	int fd = vu_take_fd(m, 0);

	if (fd < 0) {
		return av_err_set(err, -EPROTO, "no descriptor");
	}
	vu_set_fd(&vu->backend_fd, fd);
	return 0;
}

/* ---- the table ---- */

struct row {
	const char *name;
	struct trust_shape shape;
	uint64_t gate; /* protocol features it needs */
	enum answer answer;
	uint64_t refused; /* U64: the answer that says no */
	vu_handler *handle;
};

#define PF(bit) (1ULL << VU_PF_##bit)
#define STATE_SIZE sizeof(struct vu_state)
#define CONFIG_HEAD offsetof(struct vu_config, data)
#define CONFIG_SIZE sizeof(struct vu_config)
#define TABLE_HEAD offsetof(struct vu_mem_table, region)
#define TABLE_SIZE sizeof(struct vu_mem_table)
#define SLOT sizeof(struct vu_mem_slot)
#define INFLIGHT_SIZE sizeof(struct vu_inflight)
#define ANY VU_MAX_PAYLOAD

/* clang-format off */
static const struct row rows[VU_N_REQUESTS] = {
	[VU_GET_FEATURES] = { "GET_FEATURES", { 0, 0, 0 }, 0, U64, 0, get_features },
	[VU_SET_FEATURES] = { "SET_FEATURES", { 8, 8, 0 }, 0, ACK, 0, set_features },
	[VU_SET_OWNER] = { "SET_OWNER", { 0, 0, 0 }, 0, ACK, 0, set_owner },
	[VU_RESET_OWNER] = { "RESET_OWNER", { 0, 0, 0 }, 0, ACK, 0, vu_reset_owner },
	[VU_SET_MEM_TABLE] = { "SET_MEM_TABLE", { TABLE_HEAD, TABLE_SIZE, VU_MAX_REGIONS }, 0, ACK, 0, set_mem_table },
	[VU_SET_LOG_BASE] = { "SET_LOG_BASE", { 8, 16, 1 }, PF(LOG_SHMFD), ACK, 0, set_log_base },
	[VU_SET_LOG_FD] = { "SET_LOG_FD", { 0, 8, 1 }, 0, ACK, 0, set_log_fd },
	[VU_SET_VRING_NUM] = { "SET_VRING_NUM", { STATE_SIZE, STATE_SIZE, 0 }, 0, ACK, 0, vu_set_vring_num },
	[VU_SET_VRING_ADDR] = { "SET_VRING_ADDR", { 40, 40, 0 }, 0, ACK, 0, vu_set_vring_addr },
	[VU_SET_VRING_BASE] = { "SET_VRING_BASE", { STATE_SIZE, STATE_SIZE, 0 }, 0, ACK, 0, vu_set_vring_base },
	[VU_GET_VRING_BASE] = { "GET_VRING_BASE", { STATE_SIZE, STATE_SIZE, 0 }, 0, STATE, 0, vu_get_vring_base },
	[VU_SET_VRING_KICK] = { "SET_VRING_KICK", { 8, 8, 1 }, 0, ACK, 0, vu_set_vring_kick },
	[VU_SET_VRING_CALL] = { "SET_VRING_CALL", { 8, 8, 1 }, 0, ACK, 0, vu_set_vring_call },
	[VU_SET_VRING_ERR] = { "SET_VRING_ERR", { 8, 8, 1 }, 0, ACK, 0, vu_set_vring_err },
	[VU_GET_PROTOCOL_FEATURES] = { "GET_PROTOCOL_FEATURES", { 0, 0, 0 }, 0, U64, 0, get_protocol_features },
	[VU_SET_PROTOCOL_FEATURES] = { "SET_PROTOCOL_FEATURES", { 8, 8, 0 }, 0, ACK, 0, set_protocol_features },
	[VU_GET_QUEUE_NUM] = { "GET_QUEUE_NUM", { 0, 0, 0 }, PF(MQ), U64, 0, get_queue_num },
	[VU_SET_VRING_ENABLE] = { "SET_VRING_ENABLE", { STATE_SIZE, STATE_SIZE, 0 }, 0, ACK, 0, vu_set_vring_enable },
	[VU_SEND_RARP] = { "SEND_RARP", { 0, ANY, 0 }, 0, ACK, 0, NULL },
	[VU_NET_SET_MTU] = { "NET_SET_MTU", { 0, ANY, 0 }, 0, ACK, 0, NULL },
	[VU_SET_BACKEND_REQ_FD] = { "SET_BACKEND_REQ_FD", { 0, 8, 1 }, PF(BACKEND_REQ), ACK, 0, set_backend_req_fd },
	[VU_IOTLB_MSG] = { "IOTLB_MSG", { 0, ANY, 0 }, 0, U64, 1, NULL },
	[VU_SET_VRING_ENDIAN] = { "SET_VRING_ENDIAN", { 0, ANY, 0 }, 0, ACK, 0, NULL },
	[VU_GET_CONFIG] = { "GET_CONFIG", { CONFIG_HEAD, CONFIG_SIZE, 0 }, PF(CONFIG), CONFIG, 0, get_config },
	[VU_SET_CONFIG] = { "SET_CONFIG", { CONFIG_HEAD, CONFIG_SIZE, 0 }, PF(CONFIG), ACK, 0, set_config },
	[VU_CREATE_CRYPTO_SESSION] = { "CREATE_CRYPTO_SESSION", { 0, ANY, 0 }, 0, U64, 1, NULL },
	[VU_CLOSE_CRYPTO_SESSION] = { "CLOSE_CRYPTO_SESSION", { 0, ANY, 0 }, 0, ACK, 0, NULL },
	[VU_POSTCOPY_ADVISE] = { "POSTCOPY_ADVISE", { 0, ANY, 0 }, 0, U64, 1, NULL },
	[VU_POSTCOPY_LISTEN] = { "POSTCOPY_LISTEN", { 0, ANY, 0 }, 0, ACK, 0, NULL },
	[VU_POSTCOPY_END] = { "POSTCOPY_END", { 0, ANY, 0 }, 0, U64, 1, NULL },
	[VU_GET_INFLIGHT_FD] = { "GET_INFLIGHT_FD", { INFLIGHT_SIZE, INFLIGHT_SIZE + 4, 0 }, PF(INFLIGHT_SHMFD), INFLIGHT, 0, vu_get_inflight_fd },
	[VU_SET_INFLIGHT_FD] = { "SET_INFLIGHT_FD", { INFLIGHT_SIZE, INFLIGHT_SIZE + 4, 1 }, PF(INFLIGHT_SHMFD), ACK, 0, vu_set_inflight_fd },
	[VU_GPU_SET_SOCKET] = { "GPU_SET_SOCKET", { 0, ANY, 0 }, 0, ACK, 0, NULL },
	[VU_RESET_DEVICE] = { "RESET_DEVICE", { 0, 0, 0 }, PF(RESET_DEVICE), ACK, 0, reset_device },
	[VU_VRING_KICK] = { "VRING_KICK", { 0, ANY, 0 }, 0, ACK, 0, NULL },
	[VU_GET_MAX_MEM_SLOTS] = { "GET_MAX_MEM_SLOTS", { 0, 0, 0 }, PF(CONFIGURE_MEM_SLOTS), U64, 0, get_max_mem_slots },
	[VU_ADD_MEM_REG] = { "ADD_MEM_REG", { SLOT, SLOT, 1 }, PF(CONFIGURE_MEM_SLOTS), ACK, 0, add_mem_reg },
	[VU_REM_MEM_REG] = { "REM_MEM_REG", { SLOT, SLOT, 0 }, PF(CONFIGURE_MEM_SLOTS), ACK, 0, rem_mem_reg },
	[VU_SET_STATUS] = { "SET_STATUS", { 8, 8, 0 }, PF(STATUS), ACK, 0, set_status },
	[VU_GET_STATUS] = { "GET_STATUS", { 0, 0, 0 }, PF(STATUS), U64, 0, get_status },
	[VU_GET_SHARED_OBJECT] = { "GET_SHARED_OBJECT", { 0, ANY, 0 }, 0, U64, 1, NULL },
	[VU_SET_DEVICE_STATE_FD] = { "SET_DEVICE_STATE_FD", { 8, 8, 1 }, PF(DEVICE_STATE), U64, VU_STATE_REFUSED, vu_set_device_state_fd },
	[VU_CHECK_DEVICE_STATE] = { "CHECK_DEVICE_STATE", { 0, 0, 0 }, PF(DEVICE_STATE), U64, 1, vu_check_device_state },
	[VU_GET_SHMEM_CONFIG] = { "GET_SHMEM_CONFIG", { 0, ANY, 0 }, 0, U64, 0, NULL },
	[VU_GET_VRING_BASE_SKIP_DRAIN] = { "GET_VRING_BASE_SKIP_DRAIN", { 0, ANY, 0 }, 0, U64, 1, NULL },
};
/* clang-format on */

static const struct row *row_of(uint32_t request)
{
	return request < VU_N_REQUESTS && rows[request].name ? &rows[request]
							     : NULL;
}

const struct trust_shape *vu_msg_shape(uint32_t request)
{
	const struct row *r = row_of(request);

	return r ? &r->shape : NULL;
}

const char *vu_msg_name(uint32_t request)
{
	const struct row *r = row_of(request);

	return r ? r->name : "unknown request";
}

static int handle(struct vu *vu, const struct row *r, struct av_err *err)
{
	if (!r) {
		return av_err_set(err, -ENOSYS, "number %u", vu->m.h.request);
	}
	if (!r->handle) {
		return av_err_set(err, -ENOSYS, "not offered");
	}
	if ((vu->protocol & r->gate) != r->gate) {
		return av_err_set(err, -EPERM,
				  "its protocol feature was not negotiated");
	}
	return r->handle(vu, &vu->m, err);
}

/* The answer to a request that was refused. Return: whether there is one. */
static bool say_no(struct vu_msg *m, const struct row *r)
{
	switch (r ? r->answer : ACK) {
	case U64:
		reply_u64(m, r->refused);
		return true;
	case CONFIG:
		m->reply_size = 0;
		return true;
	case STATE:
	case INFLIGHT:
		m->reply_size = r->answer == STATE ? STATE_SIZE : INFLIGHT_SIZE;
		memset(m->p.bytes, 0, m->reply_size);
		return true;
	case ACK:
		break;
	}
	return m->reply_size > 0;
}

int vu_msg_handle(struct vu *vu, struct av_err *err)
{
	struct vu_msg *m = &vu->m;
	const struct row *r = row_of(m->h.request);
	struct av_err why = { 0 };
	bool answer;
	int ret;

	m->reply_size = 0;
	m->reply_fd = -1;
	ret = handle(vu, r, &why);
	if (ret == -EPROTO) {
		return av_err_set(err, ret, "%s: %s", vu_msg_name(m->h.request),
				  why.msg);
	}
	if (ret < 0) {
		vu_note(vu, "%s refused: %s", vu_msg_name(m->h.request),
			why.msg);
		answer = say_no(m, r);
	} else {
		answer = m->reply_size > 0;
	}
	if (!answer && m->h.flags & VU_FLAG_NEED_REPLY &&
	    vu_has(vu, VU_PF_REPLY_ACK)) {
		reply_u64(m, ret < 0);
		answer = true;
	}
	ret = answer ? vu_send(vu->fd, m->h.request, VU_FLAG_REPLY, &m->p,
			       m->reply_size, m->reply_fd)
		     : 0;
	vu_set_fd(&m->reply_fd, -1);
	if (ret < 0) {
		return av_err_set(err, ret == -EPIPE ? -ECONNRESET : -EPROTO,
				  "%s: the front-end does not take the answer: "
				  "%s",
				  vu_msg_name(m->h.request), strerror(-ret));
	}
	return 0;
}
