/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Inside of Dump: a growing text, and the options that have files of their own.
 */
#ifndef AVSIM_SERVICES_VHAL_DUMP_H
#define AVSIM_SERVICES_VHAL_DUMP_H

#include "sim/services/vhal_service_int.h"

struct dump {
	struct vhal_service *s;
	char *text;
	size_t len, room;
	bool failed; /* out of memory */
};

void dump_add(struct dump *d, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* --genfakedata: events by themselves (vhal_fake.c) */
void dump_genfakedata(struct dump *d, char **args, size_t n);

#endif
