/* SPDX-License-Identifier: Apache-2.0 */
/* Shared by vmm_probe.c and vmm_prepare.c. */
#ifndef AVSIM_VDEVICES_VMM_INT_H
#define AVSIM_VDEVICES_VMM_INT_H

#include "vdevices/vmm.h"

#include <stdint.h>

/* What the program prints, NULL with @err. Caller frees. */
char *vmm_output_of(char *const argv[], size_t *len, struct av_err *err);

/* FNV-1a, to name files by what they were made of; start with VMM_HASH. */
#define VMM_HASH 0xcbf29ce484222325u
uint64_t vmm_hash(uint64_t h, const void *p, size_t len);
/* Path, size and time of a file. 0 or -errno with @err. */
int vmm_hash_file(uint64_t *h, const char *path, struct av_err *err);

#endif
