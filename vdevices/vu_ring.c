/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Life of the rings. A ring is started by its kick descriptor and enabled by
 * SET_VRING_ENABLE (or by SET_FEATURES without bit 30); with both it runs: the
 * virtqueue is bound to guest memory and the device is told. A kick that comes
 * earlier waits in its eventfd.
 *
 * Which size and addresses a ring has is the guest's word, passed on by the
 * front-end: what cannot be used is refused and that ring stays down. An index
 * or a descriptor out of place is the front-end's own doing and ends the
 * connection. We do not poll: a ring without kick descriptor is refused.
 *
 * When the device is reset. At once by RESET_DEVICE, at the end of a
 * connection, and by status 0 while rings run. But QEMU says the same when it
 * only pauses ("stop", a debugger's break, savevm, a migration) and when a guest
 * resets a device or reboots: GET_VRING_BASE of all rings, and then status 0 for
 * a network. RESET_DEVICE comes for few types. Which of them it was shows when
 * rings start again. After a pause they go on where they were. A driver that
 * begins anew has its rings begin anew too: then the device is reset, before it
 * is told of the ring. A ring that was stopped before anything was done on it
 * goes on either way and says nothing; those beside it do. Where rings stood is
 * part of a device's state, so that it is as well known where that is loaded.
 */
#include "config.h"

#include "vdevices/vu_impl.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

/* ---- start and stop ---- */

static void signal_err(const struct vu *vu, const struct vu_ring *r)
{
	if (r->err_fd >= 0) {
		vu_signal(vu, r->err_fd);
	}
}

static void tell_start(struct vu *vu, struct vu_ring *r)
{
	unsigned int q = (unsigned int)(r - vu->ring);

	r->discarding = !r->enabled;
	if (r->discarding) {
		vu->ops->queue_discard(vu->ctx, q);
	} else {
		vu->ops->queue_start(vu->ctx, q);
	}
}

/* All chains of a ring that stops are done, so that in both formats the lower
 * half has its place; DPDK sends no more of it. */
static bool goes_on(const struct vu_ring *r)
{
	return (uint16_t)r->base == (uint16_t)r->last_base &&
	       r->num == r->last_num &&
	       (r->moved || (r->addr.desc == r->last_addr.desc &&
			     r->addr.avail == r->last_addr.avail &&
			     r->addr.used == r->last_addr.used));
}

/* A driver that begins anew: see the top. Rings that said nothing may run. */
static void begin_anew(struct vu *vu)
{
	for (unsigned int i = 0; i < vu->n_rings; i++) {
		if (vu->ring[i].running) {
			vu->ops->queue_stop(vu->ctx, i);
		}
	}
	vu_rings_forget(vu);
	vu->ops->reset(vu->ctx);
	for (unsigned int i = 0; i < vu->n_rings; i++) {
		if (vu->ring[i].running) {
			tell_start(vu, &vu->ring[i]);
		}
	}
}

static void ring_start(struct vu *vu, struct vu_ring *r)
{
	unsigned int q = (unsigned int)(r - vu->ring);
	struct virtq_setup s = {
		.mem = vu->mem,
		.features = vu_features(vu),
		.num = (uint16_t)r->num,
		.desc = r->addr.desc,
		.used = r->addr.used,
		.avail = r->addr.avail,
		.log_used = r->addr.flags & 1,
		.log_used_addr = r->addr.log,
		.base = r->base,
		.inflight = vu_inflight_of(vu, q),
		.inflight_num = vu->inflight.queue_size,
		.call_fd = r->call_fd,
		.err_fd = r->err_fd,
	};
	struct av_err err = { 0 };

	if (!(vu->features & VIRTIO_F_VERSION_1)) {
		vu_note(vu,
			"queue %u refused: the driver is of before VIRTIO 1 "
			"(QEMU: disable-legacy=on, or -global "
			"virtio-mmio.force-legacy=false)",
			q);
		return;
	}
	if (r->ran && !goes_on(r)) {
		begin_anew(vu);
	}
	if (virtq_start(r->q, &s, &err)) {
		vu_note(vu, "%s", err.msg);
		signal_err(vu, r);
		return;
	}
	r->running = true;
	vu->ops->watch_kick(vu->ctx, q, r->kick_fd);
	tell_start(vu, r);
}

static void unbind(struct vu *vu, struct vu_ring *r)
{
	vu->ops->watch_kick(vu->ctx, (unsigned int)(r - vu->ring), -1);
	r->base = virtq_stop(r->q);
	r->running = false;
	r->ran = true;
	r->moved = false;
	r->last_num = r->num;
	r->last_base = r->base;
	r->last_addr = r->addr;
}

void vu_ring_stop(struct vu *vu, struct vu_ring *r)
{
	if (r->running) {
		vu->ops->queue_stop(vu->ctx, (unsigned int)(r - vu->ring));
		unbind(vu, r);
	}
}

void vu_ring_update(struct vu *vu, struct vu_ring *r)
{
	size_t q = (size_t)(r - vu->ring);
	bool discards = q < 64 && (vu->ops->discards >> q & 1);
	bool run = r->started && r->num && r->have_addr &&
		   (r->enabled || discards);

	if (r->running && (!run || r->discarding == r->enabled)) {
		vu_ring_stop(vu, r);
	}
	if (run && !r->running) {
		ring_start(vu, r);
	}
}

void vu_rings_stop(struct vu *vu)
{
	for (unsigned int i = 0; i < vu->n_rings; i++) {
		vu->ring[i].enabled = false;
		vu_ring_stop(vu, &vu->ring[i]);
	}
}

void vu_rings_down(struct vu *vu)
{
	vu_rings_stop(vu);
	for (unsigned int i = 0; i < vu->n_rings; i++) {
		vu->ring[i].started = false;
		vu_set_fd(&vu->ring[i].kick_fd, -1);
	}
}

void vu_rings_forget(struct vu *vu)
{
	for (unsigned int i = 0; i < vu->n_rings; i++) {
		vu->ring[i].ran = false;
	}
}

bool vu_queue_stood(const struct vu *vu, unsigned int q, uint32_t *num,
		    uint32_t *base)
{
	const struct vu_ring *r = &vu->ring[q];

	*num = r->last_num;
	*base = r->last_base;
	return r->ran;
}

void vu_queue_moved(struct vu *vu, unsigned int q, uint32_t num, uint32_t base)
{
	struct vu_ring *r = &vu->ring[q];

	r->ran = r->moved = true;
	r->last_num = num;
	r->last_base = base;
}

void vu_rings_enable(struct vu *vu)
{
	for (unsigned int i = 0; i < vu->n_rings; i++) {
		vu->ring[i].enabled = true;
		vu_ring_update(vu, &vu->ring[i]);
	}
}

bool vu_any_running(const struct vu *vu)
{
	for (unsigned int i = 0; i < vu->n_rings; i++) {
		if (vu->ring[i].running) {
			return true;
		}
	}
	return false;
}

/* A pop without a push holds pointers into memory that is about to go. */
void vu_rings_hold(struct vu *vu, bool held[VU_MAX_QUEUES])
{
	for (unsigned int i = 0; i < vu->n_rings; i++) {
		struct vu_ring *r = &vu->ring[i];

		held[i] = r->running && virtq_in_flight(r->q) > 0;
		if (held[i]) {
			vu->ops->queue_stop(vu->ctx, i);
			assert(virtq_in_flight(r->q) == 0);
		}
	}
}

void vu_rings_resume(struct vu *vu, const bool held[VU_MAX_QUEUES])
{
	for (unsigned int i = 0; i < vu->n_rings; i++) {
		struct vu_ring *r = &vu->ring[i];

		if (!r->running) {
			continue;
		}
		if (virtq_remap(r->q) == 0) {
			if (held[i]) {
				tell_start(vu, r);
			}
			continue;
		}
		vu_note(vu, "queue %u stopped: its memory was taken away", i);
		if (!held[i]) {
			vu->ops->queue_stop(vu->ctx, i);
		}
		unbind(vu, r);
		r->started = false;
		signal_err(vu, r);
	}
}

/* ---- messages ---- */

/* NULL with @err: there is no such ring. */
static struct vu_ring *ring_at(struct vu *vu, uint64_t index,
			       struct av_err *err)
{
	return trust_queue(index, vu->n_rings, err) ? NULL : &vu->ring[index];
}

static int runs(const struct vu_ring *r, struct av_err *err)
{
	return r->running ? av_err_set(err, -EBUSY, "the queue runs") : 0;
}

int vu_set_vring_num(struct vu *vu, struct vu_msg *m, struct av_err *err)
{
	struct vu_ring *r = ring_at(vu, m->p.state.index, err);
	uint32_t num = m->p.state.num;

	if (!r) {
		return -EPROTO;
	}
	if (!trust_ring_num(num, true)) {
		return av_err_set(err, -EPROTO,
				  "queue of %u entries, at most "
				  "%d are allowed",
				  num, VIRTQ_SIZE_MAX);
	}
	if (runs(r, err)) {
		return -EBUSY;
	}
	r->num = 0;
	if (!trust_ring_num(num, vu->features & VIRTIO_F_RING_PACKED)) {
		return av_err_set(err, -EINVAL,
				  "queue of %u entries, not a power of two",
				  num);
	}
	r->num = num;
	return 0;
}

int vu_set_vring_addr(struct vu *vu, struct vu_msg *m, struct av_err *err)
{
	const struct vu_addr *a = &m->p.addr;
	struct vu_ring *r = ring_at(vu, a->index, err);

	if (!r) {
		return -EPROTO;
	}
	if (r->running) {
		if (a->desc != r->addr.desc || a->used != r->addr.used ||
		    a->avail != r->addr.avail) {
			return runs(r, err);
		}
		r->addr = *a;
		virtq_set_log(r->q, a->flags & 1, a->log);
		return 0;
	}
	r->have_addr = false;
	if (!trust_ring_align(a->desc, a->avail, a->used)) {
		return av_err_set(err, -EINVAL,
				  "ring at unaligned addresses 0x%llx 0x%llx "
				  "0x%llx",
				  (unsigned long long)a->desc,
				  (unsigned long long)a->avail,
				  (unsigned long long)a->used);
	}
	r->addr = *a;
	r->have_addr = true;
	return 0;
}

int vu_set_vring_base(struct vu *vu, struct vu_msg *m, struct av_err *err)
{
	struct vu_ring *r = ring_at(vu, m->p.state.index, err);

	if (!r) {
		return -EPROTO;
	}
	if (runs(r, err)) {
		return -EBUSY;
	}
	r->base = m->p.state.num;
	return 0;
}

int vu_get_vring_base(struct vu *vu, struct vu_msg *m, struct av_err *err)
{
	struct vu_ring *r = ring_at(vu, m->p.state.index, err);

	if (!r) {
		return -EPROTO;
	}
	r->started = false;
	vu_ring_stop(vu, r);
	vu_set_fd(&r->kick_fd, -1);
	m->p.state.num = r->base;
	m->reply_size = sizeof(m->p.state);
	return 0;
}

int vu_reset_owner(struct vu *vu, struct vu_msg *m, struct av_err *err)
{
	(void)m;
	(void)err;
	vu_rings_stop(vu);
	return 0;
}

int vu_set_vring_enable(struct vu *vu, struct vu_msg *m, struct av_err *err)
{
	struct vu_ring *r = ring_at(vu, m->p.state.index, err);

	if (!r) {
		return -EPROTO;
	}
	r->enabled = m->p.state.num != 0;
	vu_ring_update(vu, r);
	return 0;
}

/* Ring and descriptor of a kick, call or error message; -1 = none. */
static int event_fd(struct vu *vu, struct vu_msg *m, struct vu_ring **r,
		    int *fd, struct av_err *err)
{
	int ret;

	*fd = -1;
	*r = ring_at(vu, m->p.u64 & TRUST_FD_INDEX, err);
	if (!*r) {
		return -EPROTO;
	}
	ret = trust_event(m->p.u64, m->n_fds, err);
	if (ret < 0 || m->p.u64 & TRUST_FD_NONE) {
		return ret;
	}
	if (!vu_event_fd(vu, m->fd[0])) {
		return av_err_set(err, -EPROTO, "the descriptor is no eventfd");
	}
	*fd = vu_take_fd(m, 0);
	return 0;
}

int vu_set_vring_kick(struct vu *vu, struct vu_msg *m, struct av_err *err)
{
	uint64_t count;
	struct iovec iov = { .iov_base = &count, .iov_len = sizeof(count) };
	struct vu_ring *r;
	int fd, ret;

	ret = event_fd(vu, m, &r, &fd, err);
	if (ret < 0) {
		return ret;
	}
	/* Old kicks go: the queue is looked at when it starts. */
	if (fd >= 0 && preadv2(fd, &iov, 1, -1, RWF_NOWAIT) < 0 &&
	    errno != EAGAIN) {
		close(fd);
		return av_err_set(err, -EPROTO, "the descriptor is no eventfd");
	}
	vu_ring_stop(vu, r);
	vu_set_fd(&r->kick_fd, fd);
	r->started = fd >= 0;
	if (fd < 0) {
		return av_err_set(err, -ENOTSUP,
				  "a queue without kick descriptor would have "
				  "to be polled");
	}
	vu_ring_update(vu, r);
	return 0;
}

int vu_set_vring_call(struct vu *vu, struct vu_msg *m, struct av_err *err)
{
	struct vu_ring *r;
	int fd;
	int ret = event_fd(vu, m, &r, &fd, err);

	if (ret < 0) {
		return ret;
	}
	if (r->running) {
		virtq_set_call(r->q, fd);
	}
	vu_set_fd(&r->call_fd, fd);
	return 0;
}

int vu_set_vring_err(struct vu *vu, struct vu_msg *m, struct av_err *err)
{
	struct vu_ring *r;
	int fd;
	int ret = event_fd(vu, m, &r, &fd, err);

	if (ret < 0) {
		return ret;
	}
	if (r->running) {
		virtq_set_err(r->q, fd);
	}
	vu_set_fd(&r->err_fd, fd);
	return 0;
}
