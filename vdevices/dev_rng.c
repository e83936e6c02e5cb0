/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio-rng: bytes from the run's seed, so that a guest's boot is as
 * reproducible as it can be, or from the host (option source=host).
 */
#include "config.h"

#include "sim/core/rand.h"
#include "vdevices/device.h"
#include "vdevices/state.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

enum {
	BUDGET = 64,         /* chains a kick */
	BYTES_MAX = 1 << 16, /* of one chain: drivers ask for some dozens */
	STREAM_MAX = 96,
};

struct rng {
	struct av_rand r;
	bool host;
	struct iovec iov[VIRTQ_IOV_MAX];
};

static int rng_open(struct vdev *d, const struct vdev_args *a,
		    struct av_err *err)
{
	const char *source = vdev_opt(a, "source", "seed");
	char stream[STREAM_MAX];
	struct rng *r;

	if (strcmp(source, "seed") && strcmp(source, "host")) {
		return av_err_set(err, -EINVAL,
				  "%s: source is '%s', not seed or host",
				  a->name, source);
	}
	r = calloc(1, sizeof(*r));
	if (!r) {
		return av_err_set(err, -ENOMEM, "%s: out of memory", a->name);
	}
	r->host = !strcmp(source, "host");
	/* A child that takes the place of a dead one gives no byte twice. */
	snprintf(stream, sizeof(stream), "device/%s/%" PRIu64, a->name,
		 atomic_load(&d->health->requests));
	av_rand_init(&r->r, a->seed, stream);
	d->priv = r;
	return 0;
}

/* Whoever replays or compares the recording has to know. */
static int rng_ready(struct vdev *d, struct av_err *err)
{
	const struct rng *r = d->priv;

	(void)err;
	if (r->host) {
		vdev_event(d, "not reproducible: entropy of the host");
	}
	return 0;
}

static void rng_close(struct vdev *d)
{
	free(d->priv);
}

/* Return: bytes written to @c, at least one of any buffer that can take one. */
static uint32_t serve(struct vdev *d, struct rng *r, const struct vq_chain *c)
{
	uint32_t left = c->in_len < BYTES_MAX ? c->in_len : BYTES_MAX;
	uint32_t done = 0;

	for (unsigned int i = 0; i < c->n_in && left; i++) {
		const struct iovec *v = &r->iov[c->n_out + i];
		size_t n = v->iov_len < left ? v->iov_len : left;

		if (!r->host) {
			av_rand_bytes(&r->r, v->iov_base, n);
		} else if (getrandom(v->iov_base, n, 0) != (ssize_t)n) {
			vdev_error(d);
			break;
		}
		done += (uint32_t)n;
		left -= (uint32_t)n;
	}
	return done;
}

static bool rng_kick(struct vdev *d, unsigned int q)
{
	struct virtq *vq = vdev_queue(d, q);
	struct rng *r = d->priv;
	struct vq_chain c = { .iov = r->iov, .max_iov = VIRTQ_IOV_MAX };

	for (int i = 0; i < BUDGET; i++) {
		if (!virtq_pop(vq, &c)) {
			return false;
		}
		virtq_push(vq, &c, serve(d, r, &c));
	}
	return true;
}

/* Where the stream is. The host's bytes have none: who goes on with them, or
 * comes from them, has the stream of its own. */
static int rng_save(struct vdev *d, struct state_out *o, struct av_err *err)
{
	const struct rng *r = d->priv;

	(void)err;
	state_put8(o, r->host);
	for (int i = 0; i < 4 && !r->host; i++) {
		state_put64(o, r->r.s[i]);
	}
	return 0;
}

static int rng_load(struct vdev *d, struct state_in *in, struct av_err *err)
{
	struct av_rand at = { .s = { 0 } };
	struct rng *r = d->priv;
	bool host = state_get_flag(in);
	int ret;

	for (int i = 0; i < 4 && !host; i++) {
		at.s[i] = state_get64(in);
	}
	/* all zeroes would give zeroes for ever */
	in->bad |= !host && !(at.s[0] | at.s[1] | at.s[2] | at.s[3]);
	ret = state_end(in, err);
	if (!ret && !host) {
		r->r = at;
	}
	return ret;
}

static const struct vdev_opt rng_opts[] = {
	{ .name = "source",
	  .value = "seed|host",
	  .help = "host: real entropy; the run is then not reproducible" },
	{ .name = NULL },
};

const struct vdev_type vdev_rng = {
	.name = "rng",
	.help = "entropy, from the run's seed",
	.id = VIRTIO_ID_RNG,
	.n_queues = 1,
	.in_order = true,
	.home = VDEV_LOOP,
	.opts = rng_opts,
	.qemu_device = "vhost-user-rng",
	.crosvm_type = "rng",
	.open = rng_open,
	.ready = rng_ready,
	.close = rng_close,
	.kick = rng_kick,
	.state_version = 1,
	.save = rng_save,
	.load = rng_load,
};
