/* SPDX-License-Identifier: Apache-2.0 */
/* The guest of a run: its VMM's command line, and that as a child. */
#ifndef AVSIM_UI_GUEST_RUN_H
#define AVSIM_UI_GUEST_RUN_H

#include "vdevices/devices.h"
#include "vdevices/vmm.h"

/**
 * guest_run_command() - What runs @g with these devices
 * @run_dir:	where their sockets are
 * @absent_too:	to print: a crosvm that is not here will do, @version is then
 *		empty and @err says so
 * @version:	of the VMM, for people
 */
int guest_run_command(const struct guest *g, const struct device_spec *dev,
		      size_t n, const char *run_dir, bool absent_too,
		      struct vmm_command *out, char version[VMM_VERSION_MAX],
		      struct av_err *err);

struct guest_run;

/* Everything listens already. -errno with @err: nothing was started. */
int guest_run_start(uv_loop_t *loop, struct world *w, const struct guest *g,
		    const struct device_spec *dev, size_t n,
		    const char *run_dir, struct guest_run **out,
		    struct av_err *err);
/* Ends the guest while the devices still serve it: turns @loop until it is
 * gone, 5 s at most. NULL is fine. */
void guest_run_end(uv_loop_t *loop, struct guest_run *r);

#endif
