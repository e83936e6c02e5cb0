/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All devices of one run, from the world's side: starts their hosts, listens at
 * <run dir>/<device>.sock, restarts children that die, carries messages between
 * the world and each device's port, publishes TOPIC_DEVICE.
 */
#ifndef AVSIM_VDEVICES_DEVICES_H
#define AVSIM_VDEVICES_DEVICES_H

#include "sim/core/pace.h"
#include "vdevices/device.h"

struct world;
struct devices;
struct device;

/* One device as a profile or --device NAME[:TYPE][,KEY=VALUE...] asks for. */
struct device_spec {
	const char *name; /* "blk0" */
	const struct vdev_type *type;
	struct {
		const char *key, *value;
	} opt[VDEV_OPTS_MAX];
	size_t n_opts;
	bool home_given;
	enum vdev_home home; /* instead of the type's */
	int fd; /* passed: a listening socket or a connected front-end; -1 */
	const char *socket; /* path instead of <run dir>/<name>.sock; NULL */
};

struct devices_env {
	uv_loop_t *loop;
	struct world *w;
	struct pace *pace;
	const char *run_dir;
	bool sandbox;
	/* Where a guest's streams go, by name; NULL: nowhere. */
	struct av_acceptor *(*acceptor)(void *ctx, const char *name);
	/* A packet that a device saw (PORT_PACKET), for a capture; or NULL. */
	void (*packet)(void *ctx, struct device *dev, const struct port_msg *m);
	void *ctx;
};

/*
 * The world's side of a device type: taps on topics in, commands out. All on
 * the main loop. Events and health are handled for it.
 */
struct vdev_glue {
	size_t size; /* of its private part, zeroed */
	int (*open)(struct device *dev, struct world *w, void *priv,
		    struct av_err *err);
	void (*close)(struct device *dev, void *priv);
	/* Messages other than PORT_EVENT, PORT_READY and PORT_COMMAND. */
	void (*message)(struct device *dev, void *priv,
			const struct port_msg *m);
	void (*writable)(struct device *dev, void *priv);
	/* A new child took over and knows nothing yet: tell it again. */
	void (*restarted)(struct device *dev, void *priv);
};

/**
 * device_spec_parse() - "NAME[:TYPE][,KEY=VALUE...]" into @out
 * @arena:	gets the strings; the caller frees it, also on failure
 *
 * TYPE defaults to NAME without trailing digits. Keys for every device: socket,
 * fd, home. Return: 0 or -EINVAL with @err.
 */
int device_spec_parse(const char *text, struct device_spec *out, void **arena,
		      struct av_err *err);
/* For --help and `avsim list devices`: the keys that every device has. */
extern const struct vdev_opt device_common_opts[];
extern const char *const vdev_home_names[];

/* After services_create(). -errno with @err: nothing runs. */
int devices_create(const struct devices_env *env, const struct device_spec *s,
		   size_t n, struct devices **out, struct av_err *err);
void devices_destroy(struct devices *ds);

size_t devices_count(const struct devices *ds);
struct device *devices_at(struct devices *ds, size_t i);
/* NULL where the run has no vsock device. */
struct vsock_switch *devices_vsock(struct devices *ds);
struct device *devices_find(struct devices *ds, const char *name);

const char *device_name(const struct device *dev);
const char *device_socket(const struct device *dev);
const struct vdev_type *device_type(const struct device *dev);
const struct health *device_health(const struct device *dev);
enum vdev_home device_home(const struct device *dev);
const char *device_opt(const struct device *dev, const char *key,
		       const char *otherwise);
/* To the device, stamped with the virtual time. See port_send(). */
int device_send(struct device *dev, enum port_kind kind, uint32_t id,
		const void *data, size_t len);

#endif
