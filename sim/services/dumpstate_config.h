/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which commands make up a host's part of a bug report: the XML configuration
 * of the trout reference dumpstate server, unmodified:
 *
 *	<dumpstateHalConfiguration version="1.0">
 *	    <services>
 *	        <service name="systemctl" command="/bin/systemctl status"/>
 *	    </services>
 *	    <systemLogs>
 *	        <service name="dmesg" command="/bin/dmesg -kuPT"/>
 *	    </systemLogs>
 *	</dumpstateHalConfiguration>
 *
 * There it goes through a shell; here it does not: quotes and backslashes split
 * words as in a shell, and what only a shell can do is an error.
 */
#ifndef AVSIM_SERVICES_DUMPSTATE_CONFIG_H
#define AVSIM_SERVICES_DUMPSTATE_CONFIG_H

#include "sim/core/err.h"

#include <stdbool.h>
#include <stddef.h>

#define DUMPSTATE_CONFIG_MAX (1u << 20) /* bytes of the file */
#define DUMPSTATE_SERVICES_MAX 1000
#define DUMPSTATE_ARGS_MAX 100 /* words of one command */

struct dumpstate_command {
	char *name;
	char *command; /* as written, for messages */
	char **argv;   /* NULL-ended */
};

struct dumpstate_config {
	struct dumpstate_command *service; /* in order of the file */
	size_t n_services;
	struct dumpstate_command system_log;
};

/**
 * dumpstate_config_parse() - Read the XML in @buf
 *
 * Return: 0; -EINVAL with file:line:column messages in @d; -ENOMEM likewise.
 */
int dumpstate_config_parse(const char *name, const char *buf, size_t len,
			   struct dumpstate_config **out, struct av_diags *d);
void dumpstate_config_destroy(struct dumpstate_config *c);

/* May the guest make a file of this name? @why: what is wrong, else. */
bool dumpstate_name_ok(const char *name, const char **why);

#endif
