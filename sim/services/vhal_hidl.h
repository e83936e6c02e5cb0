/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values and configurations as messages of the HIDL generation, which its
 * service and the emulator port share.
 */
#ifndef AVSIM_SERVICES_VHAL_HIDL_H
#define AVSIM_SERVICES_VHAL_HIDL_H

#include "sim/vhal/vhal.h"

#include "vhal_hidl_types.pb-c.h"

/* @out borrows the arrays of @val. @stamp: ns */
void vhal_hidl_value(const struct vhal_value *val, int64_t stamp,
		     VhalProto__VehiclePropValue *out);

/* One block, caller frees; borrows from @p. NULL = out of memory. */
VhalProto__VehiclePropConfig *vhal_hidl_config(const struct vhal_prop_config *p);

#endif
