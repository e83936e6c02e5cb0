/* SPDX-License-Identifier: Apache-2.0 */
/* Every device that avsim has: one row each. The contract tests
 * run over all of them. */
#include "config.h"

#include "vdevices/device.h"

#include <string.h>

extern const struct vdev_type vdev_blk;
extern const struct vdev_type vdev_bt;
extern const struct vdev_type vdev_console;
extern const struct vdev_type vdev_input;
extern const struct vdev_type vdev_net;
extern const struct vdev_type vdev_rng;
extern const struct vdev_type vdev_scmi;
extern const struct vdev_type vdev_vsock;

const struct vdev_type *const vdev_types[] = {
	&vdev_blk,
	&vdev_bt,
	&vdev_console,
	&vdev_input,
	&vdev_net,
	&vdev_rng,
	&vdev_scmi,
	&vdev_vsock,
};
const size_t n_vdev_types = sizeof(vdev_types) / sizeof(vdev_types[0]);

const struct vdev_type *vdev_type_find(const char *name)
{
	for (size_t i = 0; i < n_vdev_types; i++) {
		if (!strcmp(vdev_types[i]->name, name)) {
			return vdev_types[i];
		}
	}
	return NULL;
}

const char *vdev_opt(const struct vdev_args *a, const char *key,
		     const char *otherwise)
{
	for (size_t i = 0; i < a->n_opts; i++) {
		if (!strcmp(a->opt[i].key, key)) {
			return a->opt[i].value;
		}
	}
	return otherwise;
}
