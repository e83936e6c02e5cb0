/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio-blk: a raw image as a disk. blk_request.c does the requests,
 * blk_image.c the files, blk_io.c what would sleep.
 *
 * Requests complete in any order. What was taken and not answered when the
 * process dies is in the front-end's in-flight table and comes again; a write
 * done twice before its first answer is the same write.
 *
 * An overlay outlives this process, not avsim. A guest that goes on under the
 * next avsim has in its memory what a disk said that no longer is: rather than
 * let it mix the two, we fail its requests until it begins anew.
 */
#include "config.h"

#include "vdevices/blk.h"
#include "vdevices/handle.h"
#include "vdevices/state.h"

#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	BUDGET = 64,
	EXPOSE = 4, /* a driver that looks has them while we go on */
};

/* VIRTIO 1.3, 5.2.4; the last part is secure erase and zones. */
struct blk_config {
	uint64_t capacity; /* sectors */
	uint32_t size_max, seg_max;
	uint16_t cylinders;
	uint8_t heads, sectors;
	uint32_t blk_size;
	uint8_t physical_exp, alignment;
	uint16_t min_io;
	uint32_t opt_io;
	uint8_t writeback, unused;
	uint16_t num_queues;
	uint32_t max_discard_sectors, max_discard_seg, discard_alignment;
	uint32_t max_zeroes_sectors, max_zeroes_seg;
	uint8_t zeroes_may_unmap, pad[3];
	uint8_t not_offered[32];
};
static_assert(sizeof(struct blk_config) == 96, "5.2.4");

/* ---- options ---- */

static int get_switch(const struct vdev_args *a, const char *key, bool *on,
		      struct av_err *err)
{
	const char *v = vdev_opt(a, key, "off");

	*on = !strcmp(v, "on");
	return *on || !strcmp(v, "off")
		       ? 0
		       : av_err_set(err, -EINVAL, "%s: %s is '%s', not on or "
						  "off",
				    a->name, key, v);
}

static int get_queues(struct blk *b, const struct vdev_args *a,
		      struct av_err *err)
{
	const char *v = vdev_opt(a, "queues", "16");
	char *end;
	long n = strtol(v, &end, 10);

	if (*end || end == v || n < 1 || n > BLK_QUEUES_MAX) {
		return av_err_set(err, -EINVAL,
				  "%s: queues is '%s', not 1 to %d", a->name, v,
				  BLK_QUEUES_MAX);
	}
	b->n_queues = (unsigned int)n;
	return 0;
}

static int get_engine(struct blk *b, const struct vdev_args *a,
		      struct av_err *err)
{
	static const char *const names[] = { [BLK_ANY] = "auto",
					     [BLK_URING] = "uring",
					     [BLK_THREADS] = "threads" };
	const char *v = vdev_opt(a, "io", "auto");

	for (int i = BLK_ANY; i <= BLK_THREADS; i++) {
		if (!strcmp(v, names[i])) {
			b->engine = (enum blk_engine)i;
			return 0;
		}
	}
	return av_err_set(err, -EINVAL,
			  "%s: io is '%s', not auto, uring or threads", a->name,
			  v);
}

static int open_image(struct blk *b, const struct vdev_args *a,
		      struct av_err *err)
{
	const char *file = vdev_opt(a, "file", NULL);
	const int *keep = a->keep ? a->keep : b->own;
	bool read_only, overlay;
	int ret;

	ret = get_switch(a, "readonly", &read_only, err);
	if (!ret) {
		ret = get_switch(a, "overlay", &overlay, err);
	}
	if (!ret && !file) {
		ret = av_err_set(err, -EINVAL,
				 "%s: no image; add file=FILE (new: truncate "
				 "-s 1G FILE)",
				 a->name);
	}
	if (!ret && read_only && overlay) {
		ret = av_err_set(err, -EINVAL,
				 "%s: readonly=on leaves overlay=on nothing to "
				 "do; choose one",
				 a->name);
	}
	if (!ret && overlay && !a->keep) {
		ret = blk_overlay_make(file, b->own, err);
	}
	return ret ? ret
		   : blk_image_open(&b->image, file, read_only,
				    overlay ? keep : NULL, err);
}

static int get_options(struct blk *b, const struct vdev_args *a,
		       struct av_err *err)
{
	const char *serial = vdev_opt(a, "serial", a->name);
	int ret;

	if (strlen(serial) > BLK_ID_LEN) {
		return av_err_set(err, -EINVAL,
				  "%s: serial '%s' has more than %d characters",
				  a->name, serial, BLK_ID_LEN);
	}
	snprintf(b->id, sizeof(b->id), "%s", serial);
	ret = get_queues(b, a, err);
	if (!ret) {
		ret = get_engine(b, a, err);
	}
	return ret ? ret : open_image(b, a, err);
}

/* ---- life ---- */

static_assert(BLK_KEEP == VDEV_KEEP, "device.h");

/* What is wrong with the options open() says. */
static int blk_keep(const struct vdev_args *a, int fd[VDEV_KEEP],
		    struct av_err *err)
{
	const char *file = vdev_opt(a, "file", NULL);

	return file && !strcmp(vdev_opt(a, "overlay", "off"), "on")
		       ? blk_overlay_make(file, fd, err)
		       : 0;
}

static void close_own(struct blk *b)
{
	for (int i = 0; i < BLK_KEEP; i++) {
		if (b->own[i] >= 0) {
			close(b->own[i]);
		}
	}
}

static int make_pool(struct blk *b)
{
	b->pool = calloc(BLK_REQUESTS, sizeof(*b->pool));
	for (int i = 0; b->pool && i < BLK_REQUESTS; i++) {
		b->pool[i].b = b;
		b->pool[i].next = b->free;
		b->free = &b->pool[i];
	}
	return b->pool ? 0 : -ENOMEM;
}

static void publish(struct blk *b)
{
	for (unsigned int q = 0; q < b->n_queues; q++) {
		if (b->pushed[q]) {
			b->pushed[q] = false;
			vdev_flush(b->d, q);
		}
	}
}

static void on_jobs_done(void *ctx)
{
	publish(ctx);
}

static int blk_open(struct vdev *d, const struct vdev_args *a,
		    struct av_err *err)
{
	struct blk *b = calloc(1, sizeof(*b));
	char stream[96];
	int ret;

	if (!b || make_pool(b)) {
		free(b);
		return av_err_set(err, -ENOMEM, "%s: out of memory", a->name);
	}
	b->d = d;
	b->image.fd = b->image.overlay_fd = -1;
	b->own[BLK_KEEP_DATA] = b->own[BLK_KEEP_BITS] = -1;
	b->writeback = true;
	b->stopping = -1;
	b->n_writes = 1; /* who was before us may have left some unflushed */
	snprintf(stream, sizeof(stream), "device/%s", a->name);
	av_rand_init(&b->rand, a->seed, stream);
	ret = get_options(b, a, err);
	if (!ret) {
		ret = blk_io_open(d->loop, b->engine, on_jobs_done, b, &b->io,
				  err);
	}
	if (ret) {
		blk_image_close(&b->image);
		close_own(b);
		free(b->pool);
		free(b);
		return ret;
	}
	d->priv = b;
	return 0;
}

static int blk_ready(struct vdev *d, struct av_err *err)
{
	struct blk *b = d->priv;

	b->timer = calloc(1, sizeof(*b->timer));
	if (!b->timer) {
		return av_err_set(err, -ENOMEM, "%s: out of memory", d->name);
	}
	uv_timer_init(d->loop, b->timer);
	b->timer->data = b;
	return blk_io_ready(b->io, err);
}

static void blk_close(struct vdev *d)
{
	struct blk *b = d->priv;

	blk_io_close(b->io);
	handle_close(b->timer);
	blk_image_close(&b->image);
	close_own(b);
	free(b->pool);
	free(b);
}

/* ---- config ---- */

static uint64_t blk_features(struct vdev *d)
{
	const struct blk *b = d->priv;
	uint64_t f = BLK_F_SEG_MAX | BLK_F_BLK_SIZE | BLK_F_FLUSH |
		     BLK_F_TOPOLOGY | BLK_F_CONFIG_WCE;

	f |= b->n_queues > 1 ? BLK_F_MQ : 0;
	return f | (b->image.read_only ? BLK_F_RO
				       : BLK_F_DISCARD | BLK_F_WRITE_ZEROES);
}

static uint16_t blk_n_queues(struct vdev *d)
{
	return (uint16_t)((struct blk *)d->priv)->n_queues;
}

static void blk_get_config(struct vdev *d, uint8_t *buf)
{
	const struct blk *b = d->priv;
	struct blk_config c = {
		.capacity = htole64(b->image.sectors),
		.seg_max = htole32(BLK_SEG_MAX),
		.blk_size = htole32(BLK_SECTOR),
		.physical_exp = 3, /* 4 KiB: pages of the host's cache */
		.min_io = htole16(8),
		.opt_io = htole32(0),
		.writeback = b->writeback,
		.num_queues = htole16((uint16_t)b->n_queues),
	};

	if (!b->image.read_only) {
		c.max_discard_sectors = htole32(BLK_RANGE_SECTORS);
		c.max_discard_seg = htole32(BLK_RANGES);
		c.discard_alignment = htole32(8);
		c.max_zeroes_sectors = htole32(BLK_RANGE_SECTORS);
		c.max_zeroes_seg = htole32(BLK_RANGES);
		c.zeroes_may_unmap = 1;
	}
	memcpy(buf, &c, sizeof(c));
}

/* Only the cache mode is the driver's to choose; front-ends that send more send
 * the rest as it is. */
static int blk_set_config(struct vdev *d, uint32_t off, const uint8_t *buf,
			  uint32_t len)
{
	uint32_t wce = offsetof(struct blk_config, writeback);
	struct blk *b = d->priv;
	uint8_t now[sizeof(struct blk_config)];

	blk_get_config(d, now);
	for (uint32_t i = 0; i < len; i++) {
		if (off + i != wce && buf[i] != now[off + i]) {
			return -EPERM;
		}
	}
	if (off <= wce && wce - off < len) {
		if (buf[wce - off] > 1) {
			return -EPERM;
		}
		b->writeback = buf[wce - off];
	}
	return 0;
}

/* 5.2.6.2: without FLUSH and CONFIG_WCE the driver expects that writes last. */
bool blk_writethrough(const struct blk *b)
{
	return !b->writeback ||
	       !(b->d->features & (BLK_F_FLUSH | BLK_F_CONFIG_WCE));
}

/* ---- requests ---- */

/* Back into the ring; flushed later, with others. */
static void give_back(struct blk_request *r)
{
	struct blk *b = r->b;

	virtq_push(vdev_queue(b->d, r->q), &r->c, r->written);
	health_served(b->d->health, health_clock_ns() - r->began);
	b->pushed[r->q] = true;
	b->busy[r->q]--;
	r->next = b->free;
	b->free = r;
	for (unsigned int q = 0; q < b->n_queues; q++) {
		if (b->starved[q]) {
			b->starved[q] = false;
			vdev_wake(b->d, q);
		}
	}
}

static void on_timer(uv_timer_t *t);

static void arm_timer(struct blk *b)
{
	if (b->delayed) {
		int64_t left = b->delayed->due - health_clock_ns();

		uv_timer_start(b->timer, on_timer,
			       left > 0 ? (uint64_t)(left + 999999) / 1000000
					: 0,
			       0);
	}
}

static struct blk_request *take_delayed(struct blk_request **at)
{
	struct blk_request *r = *at;

	*at = r->next;
	return r;
}

static void on_timer(uv_timer_t *t)
{
	struct blk *b = t->data;

	while (b->delayed && b->delayed->due <= health_clock_ns()) {
		give_back(take_delayed(&b->delayed));
	}
	publish(b);
	arm_timer(b);
}

/* All of @q, at once: the queue stops. */
static void end_delays(struct blk *b, unsigned int q)
{
	struct blk_request **at = &b->delayed;

	while (*at) {
		if ((*at)->q == q) {
			give_back(take_delayed(at));
		} else {
			at = &(*at)->next;
		}
	}
}

static void delay(struct blk_request *r)
{
	struct blk *b = r->b;
	struct blk_request **at = &b->delayed;

	r->due = r->began + b->fault.slow_ns;
	while (*at && (*at)->due <= r->due) {
		at = &(*at)->next;
	}
	r->next = *at;
	*at = r;
	if (b->delayed == r) {
		arm_timer(b);
	}
}

void blk_ended(struct blk_request *r)
{
	struct blk *b = r->b;

	if (b->fault.slow_ns && b->stopping != (int)r->q) {
		delay(r);
	} else {
		give_back(r);
	}
}

/* Return: chains taken; fewer than BUDGET: there are no more for now. */
static int take_some(struct blk *b, unsigned int q)
{
	struct virtq *vq = vdev_queue(b->d, q);
	int n = 0;

	for (; n < BUDGET; n++) {
		struct blk_request *r = b->free;

		if (!r) {
			b->starved[q] = true;
			break;
		}
		r->c = (struct vq_chain){ .iov = r->iov,
					  .max_iov = BLK_PIECES };
		if (!virtq_pop(vq, &r->c)) {
			break;
		}
		b->free = r->next;
		b->busy[q]++;
		r->q = q;
		r->began = b->d->kicked_at;
		blk_begin(r);
		if (n % EXPOSE == EXPOSE - 1 && b->pushed[q]) {
			vdev_expose(b->d, q);
		}
	}
	blk_io_start(b->io);
	publish(b);
	return n;
}

static bool blk_kick(struct vdev *d, unsigned int q)
{
	return take_some(d->priv, q) == BUDGET;
}

static bool only_queue(struct vdev *d, unsigned int q)
{
	for (unsigned int i = 0; i < blk_n_queues(d); i++) {
		if (i != q && vdev_queue_enabled(d, i)) {
			return false;
		}
	}
	return true;
}

static void say_stale(struct blk *b)
{
	if (!b->told_stale) {
		b->told_stale = true;
		vdev_warn(b->d,
			  "what the guest wrote is lost: its overlay ended with "
			  "the avsim that made it; requests fail until the "
			  "guest resets. Reboot the guest; where it shall "
			  "outlive avsim, give it a copy of %s without "
			  "overlay=on",
			  b->image.path);
	}
}

/*
 * Is the overlay the one that the guest began on? Its queues start one by one,
 * and those that it has never used look like those of a guest that begins; so
 * what one of them shows holds for all, and only once they have all stopped the
 * question is asked anew.
 */
static void blk_start(struct vdev *d, unsigned int q)
{
	struct blk *b = d->priv;
	struct blk_held *held = b->image.held;

	if (!held) {
		return;
	}
	if (only_queue(d, q)) {
		b->begun = held->begun;
		b->ran = 0;
		b->stale = false;
	}
	if (!b->begun && !(b->ran & 1u << q) &&
	    !virtq_fresh(vdev_queue(d, q))) {
		b->stale = true;
		held->begun = false;
		say_stale(b);
	}
	if (!b->stale) {
		held->begun = true;
		b->told_stale = false;
	}
	b->ran |= 1u << q;
}

static void blk_stop(struct vdev *d, unsigned int q)
{
	struct blk *b = d->priv;

	b->starved[q] = false;
	b->stopping = (int)q;
	end_delays(b, q);
	while (b->busy[q]) {
		blk_io_wait(b->io);
	}
	b->stopping = -1;
	publish(b);
}

static void blk_reset(struct vdev *d)
{
	((struct blk *)d->priv)->writeback = true;
}

/* ---- state ---- */

/* Contents are in the image, which comes along by itself; a new instance has
 * nothing flushed, see blk_open(). */
static int blk_save(struct vdev *d, struct state_out *o, struct av_err *err)
{
	const struct blk *b = d->priv;

	if (b->image.held) {
		return av_err_set(err, -EOPNOTSUPP,
				  "what overlay=on has taken ends with this "
				  "run; leave it out");
	}
	state_put64(o, b->image.sectors);
	state_put8(o, b->image.read_only);
	state_put8(o, b->writeback);
	return 0;
}

static int blk_load(struct vdev *d, struct state_in *in, struct av_err *err)
{
	struct blk *b = d->priv;
	uint64_t sectors = state_get64(in);
	bool read_only = state_get_flag(in), writeback = state_get_flag(in);
	int ret = state_end(in, err);

	if (!ret && (sectors != b->image.sectors ||
		     read_only != b->image.read_only)) {
		ret = av_err_set(err, -EINVAL,
				 "of a disk of %" PRIu64 " sectors%s, this one "
				 "has %" PRIu64 "%s",
				 sectors, read_only ? ", read only" : "",
				 b->image.sectors,
				 b->image.read_only ? ", read only" : "");
	}
	if (!ret) {
		b->writeback = writeback;
	}
	return ret;
}

/* ---- faults ---- */

static double arg(const struct port_fault *f, int i, double otherwise)
{
	return isnan(f->v[i]) ? otherwise : f->v[i];
}

static void blk_message(struct vdev *d, const struct port_msg *m)
{
	struct blk *b = d->priv;
	const struct port_fault *f = m->data;
	bool on = m->h.kind == PORT_FAULT;

	if (!on && m->h.kind != PORT_CLEAR) {
		return;
	}
	if (!strncmp(f->name, "blk-error", sizeof(f->name))) {
		b->fault.error = on;
		b->fault.chance = arg(f, 0, 1);
		b->fault.from = (uint64_t)arg(f, 1, 0);
		b->fault.to = isnan(f->v[2])
				      ? UINT64_MAX
				      : b->fault.from + (uint64_t)f->v[2];
	} else if (!strncmp(f->name, "blk-slow", sizeof(f->name))) {
		b->fault.slow_ns = on ? (int64_t)(arg(f, 0, 0) * 1e9) : 0;
	} else if (!strncmp(f->name, "blk-full", sizeof(f->name))) {
		b->fault.full = on;
	}
}

static const struct vdev_opt blk_opts[] = {
	{ .name = "file",
	  .value = "FILE",
	  .help = "raw image; its size is the disk's",
	  .path = true },
	{ .name = "readonly", .value = "on|off", .help = "refuse writes" },
	{ .name = "overlay",
	  .value = "on|off",
	  .help = "writes go to a temporary file and are thrown away" },
	{ .name = "serial",
	  .value = "TEXT",
	  .help = "up to 20 characters; default: the device's name" },
	{ .name = "queues", .value = "N", .help = "at most, default 16" },
	{ .name = "io",
	  .value = "auto|uring|threads",
	  .help = "for what would sleep; default io_uring where permitted" },
	{ .name = NULL },
};

const struct vdev_type vdev_blk = {
	.name = "blk",
	.help = "disk, from a raw image",
	.id = VIRTIO_ID_BLOCK,
	.n_queues = BLK_QUEUES_MAX,
	.config_size = sizeof(struct blk_config),
	.async = true,
	.home = VDEV_THREAD,
	.may = VDEV_MAY_IO_URING | VDEV_MAY_THREADS,
	.opts = blk_opts,
	.qemu_device = "vhost-user-blk",
	.reconnects = true,
	.crosvm_type = "block",
	.keep = blk_keep,
	.open = blk_open,
	.ready = blk_ready,
	.close = blk_close,
	.get_features = blk_features,
	.get_n_queues = blk_n_queues,
	.get_config = blk_get_config,
	.set_config = blk_set_config,
	.start = blk_start,
	.kick = blk_kick,
	.stop = blk_stop,
	.reset = blk_reset,
	.state_version = 1,
	.save = blk_save,
	.load = blk_load,
	.message = blk_message,
};
