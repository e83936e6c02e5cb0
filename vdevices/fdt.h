/* SPDX-License-Identifier: Apache-2.0 */
/* Flattened device trees (version 17): the one edit that a guest needs. */
#ifndef AVSIM_VDEVICES_FDT_H
#define AVSIM_VDEVICES_FDT_H

#include "sim/core/err.h"

#include <stddef.h>
#include <stdint.h>

#define FDT_MAX (1u << 20)

/**
 * fdt_add_scmi() - @in with a node /firmware/scmi for the virtio transport
 *
 *	firmware { scmi { compatible = "arm,scmi-virtio"; #address-cells = <1>;
 *		#size-cells = <0>; protocol@15 { reg = <0x15>; }; }; };
 *
 * Linux asks for the sensor protocol (0x15) only where it has a node.
 *
 * @in is not trusted. Return: 0, *@out malloc'ed; -EINVAL with @err: @in is no
 * device tree; -EEXIST: there is a /firmware already; -ENOMEM.
 */
int fdt_add_scmi(const uint8_t *in, size_t len, uint8_t **out, size_t *out_len,
		 struct av_err *err);

#endif
