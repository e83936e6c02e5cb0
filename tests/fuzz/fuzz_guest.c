/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "vdevices/vmm.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A command comes out of whatever parses, for both VMMs. */
static void launch(struct guest *g)
{
	static char devices[] = "\nvhost-user-rng-pci\n";
	const struct vmm_device dev = { .name = "rng0",
					.socket = "/run/rng0.sock",
					.type = vdev_type_find("rng") };
	struct vmm_caps caps = { .path = "/bin/vmm",
				 .major = 10,
				 .devices = devices };
	struct vmm_env env = { .guest = g,
			       .caps = &caps,
			       .run_dir = "/run",
			       .dev = &dev,
			       .n_dev = 1 };
	struct vmm_command c;
	struct av_err err;

	for (int v = 0; v < VMM_N; v++) {
		g->vmm = v;
		if (vmm_command(&env, &c, &err) == 0) {
			assert(c.n > 3 && !c.argv[c.n]);
			vmm_command_finish(&c);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct guest_pair set[] = { { "images", "/images" },
					  { "memory", "1G" } };
	const struct guest_env env = { .set = set, .n_set = 2 };
	struct av_diags d = { 0 };
	struct vmm_caps caps = { 0 };
	struct guest *g;
	char *text = malloc(size + 1);

	if (!text) {
		return 0;
	}
	memcpy(text, data, size);
	text[size] = '\0';
	if (guest_parse("fuzz.yaml", text, size, &env, &g, &d) == 0) {
		assert(d.n == 0 && g->name && (g->kernel || g->firmware));
		assert(g->cpus > 0 && g->memory_mib >= 64 && g->cid > 2);
		launch(g);
	} else {
		assert(!g && d.n + d.dropped > 0);
	}
	guest_destroy(g);
	/* what a VMM prints is foreign as well */
	vmm_parse_version(text, &caps);
	caps.devices = vmm_parse_devices(text, size);
	assert(caps.devices && !vmm_has(&caps, "a\"quote"));
	vmm_caps_finish(&caps);
	av_diags_finish(&d);
	free(text);
	return 0;
}
