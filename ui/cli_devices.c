/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "ui/cli_devices.h"

#include "vdevices/ports.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int add_entropy(struct cli_devices *d)
{
	bool any = false;

	for (size_t i = 0; i < d->n; i++) {
		struct device_spec *s = &d->spec[i];

		if (s->type->id != VIRTIO_ID_RNG || s->n_opts) {
			continue;
		}
		s->opt[0].key = "source";
		s->opt[0].value = "host";
		s->n_opts = 1;
		any = true;
	}
	return any ? 0
		   : cli_trouble("--host-entropy wants a device of type rng: "
				 "add --device rng");
}

static int check_twice(const struct cli_devices *d)
{
	for (size_t i = 0; i < d->n; i++) {
		for (size_t k = 0; k < i; k++) {
			if (!strcmp(d->spec[i].name, d->spec[k].name)) {
				return cli_trouble("--device %s is given "
						   "twice; name them apart, "
						   "like rng0 and rng1",
						   d->spec[i].name);
			}
		}
	}
	return 0;
}

/* Sockets that each run has in the same folder. */
static int check_taken(const struct device_spec *s)
{
	static const char *const own[] = { "bt", "ctl", "dumpstate", "tracing",
					   "vhal" };

	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]); i++) {
		if (!s->socket && s->fd < 0 && !strcmp(s->name, own[i])) {
			return cli_trouble("--device %s: %s.sock is the run's "
					   "own; give the device another name, "
					   "like %s0",
					   s->name, s->name, s->name);
		}
	}
	return 0;
}

int cli_devices_load(struct cli_devices *d)
{
	struct av_err err = { 0 };
	int ret = 0;

	d->spec = calloc(d->device.n + 1, sizeof(*d->spec));
	d->arena = calloc(d->device.n + 1, sizeof(*d->arena));
	if (!d->spec || !d->arena) {
		return cli_trouble("out of memory");
	}
	for (size_t i = 0; i < d->device.n; i++) {
		d->n = i + 1;
		if (device_spec_parse(d->device.v[i], &d->spec[i], &d->arena[i],
				      &err)) {
			return cli_trouble("--device: %s", err.msg);
		}
		ret = check_taken(&d->spec[i]);
		if (ret) {
			return ret;
		}
	}
	for (size_t i = 0; i < d->port.n; i++) {
		if (ports_check(d->port.v[i], &err)) {
			return cli_trouble("--port: %s", err.msg);
		}
	}
	ret = check_twice(d);
	if (!ret && d->host_entropy) {
		ret = add_entropy(d);
	}
	if (!ret && d->no_sandbox) {
		fputs("avsim: warning: devices run without a sandbox: a guest "
		      "that breaks one has your account\n",
		      stderr);
	}
	return ret;
}

void cli_devices_finish(struct cli_devices *d)
{
	for (size_t i = 0; i < d->n; i++) {
		free(d->arena[i]);
	}
	free(d->arena);
	free(d->spec);
	cli_list_finish(&d->device);
	cli_list_finish(&d->port);
}
