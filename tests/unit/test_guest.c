/* SPDX-License-Identifier: Apache-2.0 */
/* Guest profiles and the command lines made of them. */
#include "config.h"

#include "tests/unit/test.h"
#include "vdevices/fdt.h"
#include "vdevices/vmm.h"

#include <errno.h>
#include <string.h>

static const char head[] = "guest: g\nsummary: s\nproven: p\narch: arm64\n";

static struct guest *parse(const char *body, const struct guest_pair *set,
			   size_t n_set, struct av_diags *d)
{
	const struct guest_env env = { .set = set,
				       .n_set = n_set,
				       .kit_dir = "/kit" };
	struct guest *g;
	char text[4096];

	snprintf(text, sizeof(text), "%s%s", head, body);
	guest_parse("g.yaml", text, strlen(text), &env, &g, d);
	return g;
}

static struct guest *good(const char *body)
{
	struct av_diags d = { 0 };
	struct guest *g = parse(body, NULL, 0, &d);

	av_diags_print(&d, stderr);
	CHECK(g);
	return g;
}

/* @body is wrong in @n places; the first message holds @text. */
static void bad(const char *body, size_t n, const char *text)
{
	struct av_diags d = { 0 };

	CHECK(!parse(body, NULL, 0, &d));
	if (d.n != n || !strstr(d.v[0].msg, text)) {
		av_diags_print(&d, stderr);
		fail_msg("want %zu messages, the first with '%s'", n, text);
	}
	av_diags_finish(&d);
}

/* What stands in for types of other files. */
static const struct vdev_type type_net = { .name = "net",
					   .id = VIRTIO_ID_NET,
					   .reconnects = true,
					   .n_queues = 3,
					   .crosvm_type = "net" };
static const struct vdev_type type_blk = { .name = "blk",
					   .id = VIRTIO_ID_BLOCK,
					   .reconnects = true,
					   .n_queues = 16,
					   .qemu_device = "vhost-user-blk",
					   .crosvm_type = "block" };
static const struct vdev_type type_bt = { .name = "bt",
					  .id = VIRTIO_ID_BT,
					  .n_queues = 2,
					  .config_size = 4 };
static const struct vdev_type type_scmi = { .name = "scmi",
					    .id = VIRTIO_ID_SCMI,
					    .n_queues = 2,
					    .qemu_device = "vhost-user-scmi",
					    .crosvm_type = "scmi" };
static const struct vmm_device devices[] = {
	{ .name = "net0", .socket = "/r/net0.sock", .type = &type_net },
	{ .name = "blk0", .socket = "/r/blk0.sock", .type = &type_blk },
	{ .name = "bt0", .socket = "/r/bt0.sock", .type = &type_bt },
	{ .name = "scmi0", .socket = "/r/scmi0.sock", .type = &type_scmi },
};

static char list10[] = "\nvhost-user-blk-pci\nvhost-user-scmi-pci\n";
static char list11[] = "\nvhost-user-blk-pci\nvhost-user-scmi-pci\n"
		       "vhost-user-test-device-pci\n";
static const struct vmm_caps qemu72 = { .path = "/q", .major = 7, .minor = 2,
					.devices = list10 };
static const struct vmm_caps qemu10 = { .path = "/q", .major = 10,
					.devices = list10 };
static const struct vmm_caps qemu11 = { .path = "/q", .major = 11,
					.devices = list11 };

static struct vmm_command command(const struct guest *g,
				  const struct vmm_caps *caps, const char *dtb)
{
	struct vmm_env env = { .guest = g,
			       .caps = caps,
			       .run_dir = "/r",
			       .dev = devices,
			       .n_dev = 4,
			       .dtb = dtb };
	struct vmm_command c;
	struct av_err err;

	CHECK_EQ(vmm_command(&env, &c, &err), 0);
	return c;
}

/* True if an argument is @text. */
static bool has(const struct vmm_command *c, const char *text)
{
	for (size_t i = 0; i < c->n; i++) {
		if (!strcmp(c->argv[i], text)) {
			return true;
		}
	}
	return false;
}

static bool notes(const struct vmm_command *c, const char *text)
{
	for (size_t i = 0; i < c->n_notes; i++) {
		if (strstr(c->note[i], text)) {
			return true;
		}
	}
	return false;
}

TEST(guest_reads_scalars_and_lists)
{
	struct guest *g = good("kernel: ${kit}/k\ncpus: 3\nmemory: 2G\n"
			       "cid: 42\ncmdline: a cid=${cid}\n"
			       "properties: {a.b: 1}\n"
			       "devices:\n  rng0:\n"
			       "  more: {type: rng, socket: /x}\n"
			       "ports:\n  - {nr: 2, name: gnss, to: socket, "
			       "file: gnss.sock}\n"
			       "  - {name: bt-uart, is: bt}\n"
			       "qemu-args: [-device, \"x,path=${run}/y\"]\n");

	CHECK_STR(g->kernel, "/kit/k");
	CHECK_EQ(g->cpus, 3);
	CHECK_EQ(g->memory_mib, 2048);
	CHECK_STR(g->cmdline, "a cid=42");
	CHECK_EQ(g->n_devices, 2);
	CHECK_STR(g->device[0], "rng0");
	CHECK_STR(g->device[1], "more:rng,socket=/x");
	CHECK_EQ(g->n_ports, 2);
	CHECK_EQ(g->port[0].nr, 2);
	CHECK(!g->port[0].listen);
	CHECK_STR(g->port[1].listen, "bt=bt");
	CHECK_STR(g->port[1].file, "bt.port");
	CHECK_EQ(g->port[1].to, GUEST_PORT_SOCKET);
	CHECK_STR(g->arg[VMM_QEMU][1], "x,path=${run}/y");
	guest_destroy(g);
}

TEST(guest_says_all_that_is_wrong)
{
	bad("kernel: k\nkernal: x\n", 1, "did you mean 'kernel'");
	bad("cpus: 1\n", 1, "what does the guest boot");
	bad("kernel: k\ncpus: 0\nmemory: 5T\naccel: hax\n", 3, "'accel'");
	bad("kernel: ${imges}/k\nparams: {images: {help: h}}\n", 1,
	    "did you mean 'images'");
	bad("kernel: k\nparams: {kernel: {help: h}}\n", 1, "a key of profiles");
	bad("kernel: k\nproperties: {a: \"x y\"}\n", 1, "no spaces");
	bad("kernel: k\ndevices: {rng0: {socket: \"a,b\"}}\n", 1, "comma");
	bad("kernel: k\ndevices: {rgn0: }\n", 1, "did you mean 'rng'");
	bad("kernel: k\nports: [{to: log, file: ../x}]\n", 1, "in the run dir");
	bad("kernel: k\nports: [{to: socket}]\n", 1, "'file' is missing");
	bad("kernel: k\nports: [{nr: 1}]\n", 1, "missing 'is' or 'to'");
	bad("kernel: k\nports: [{is: gnsss}]\n", 1, "did you mean 'gnss'");
	bad("kernel: k\nports: [{is: bt, to: none}]\n", 1, "neither 'to' nor");
	bad("kernel: k\nports: [{is: bt}, {is: bt}]\n", 1,
	    "another port is 'bt' already");
}

TEST(guest_parameters_come_from_set_or_default)
{
	const char body[] = "kernel: ${images}/${name}\nparams:\n"
			    "  images: {help: where they are}\n"
			    "  name: {help: h, default: Image}\n";
	const struct guest_pair set[] = { { "images", "/i" },
					  { "memory", "256M" } };
	const struct guest_pair wrong[] = { { "image", "/i" } };
	struct av_diags d = { 0 };
	struct guest *g = good(body);

	CHECK_STR(g->missing, "images");
	CHECK_STR(g->missing_help, "where they are");
	guest_destroy(g);
	g = parse(body, set, 2, &d);
	CHECK(!g->missing);
	CHECK_STR(g->kernel, "/i/Image");
	CHECK_EQ(g->memory_mib, 256);
	guest_destroy(g);
	CHECK(!parse(body, wrong, 1, &d));
	CHECK(strstr(d.v[0].msg, "did you mean 'images'"));
	av_diags_finish(&d);
}

TEST(vmm_refuses_a_profile_without_its_parameter)
{
	struct guest *g = good("kernel: ${x}\nparams: {x: {help: an image}}\n");
	struct vmm_env env = { .guest = g, .caps = &qemu11, .run_dir = "/r" };
	struct vmm_command c;
	struct av_err err;

	CHECK_EQ(vmm_command(&env, &c, &err), -EINVAL);
	CHECK(strstr(err.msg, "--guest-set x=VALUE: an image"));
	guest_destroy(g);
}

TEST(vmm_qemu_attaches_what_this_version_has)
{
	struct guest *g = good("kernel: k\n");
	struct vmm_command c = command(g, &qemu11, "/d.dtb");

	CHECK(has(&c, "socket,id=net0,path=/r/net0.sock,reconnect-ms=200"));
	CHECK(has(&c, "vhost-user,id=net-net0,chardev=net0"));
	CHECK(has(&c, "vhost-user-blk-pci,chardev=blk0,num-queues=2"));
	CHECK(has(&c, "vhost-user-test-device-pci,chardev=bt0,virtio-id=40,"
		      "num_vqs=2,config_size=4"));
	CHECK(has(&c, "vhost-user-scmi-pci,chardev=scmi0"));
	CHECK(has(&c, "virt,memory-backend=mem"));
	CHECK(has(&c, "memory-backend-memfd,id=mem,size=1024M,share=on"));
	CHECK_EQ(c.n_notes, 0);
	vmm_command_finish(&c);

	c = command(g, &qemu10, NULL);
	CHECK(notes(&c, "bt0 is left out: QEMU 10.2"));
	CHECK(notes(&c, "scmi0 is left out: SCMI needs a device tree"));
	CHECK(!has(&c, "vhost-user-scmi-pci,chardev=scmi0"));
	vmm_command_finish(&c);

	c = command(g, &qemu72, NULL);
	CHECK(has(&c, "socket,id=net0,path=/r/net0.sock,reconnect=1"));
	vmm_command_finish(&c);
	guest_destroy(g);
}

TEST(vmm_properties_go_where_the_profile_says)
{
	struct guest *g = good("kernel: k\ncmdline: quiet\n"
			       "properties: {a: 1, b: x}\n");
	struct vmm_command c = command(g, &qemu11, NULL);

	CHECK(has(&c, "quiet a=1 b=x"));
	vmm_command_finish(&c);
	g->props = PROPS_BOOTCONFIG;
	c = command(g, &qemu11, NULL);
	CHECK(has(&c, "quiet bootconfig"));
	vmm_command_finish(&c);
	guest_destroy(g);
}

TEST(vmm_crosvm_takes_its_types_and_consoles)
{
	struct guest *g = good("vmm: crosvm\nkernel: k\ninitrd: i\n"
			       "cmdline: quiet\nports:\n"
			       "  - {name: q, is: gnss}\n"
			       "  - {kind: console, to: none}\n"
			       "  - {kind: console, is: bt}\n"
			       "  - {to: none, name: p}\n"
			       "crosvm-args: [\"--x=${run}/y\"]\n");
	struct vmm_command c = command(g, &qemu11, NULL);

	CHECK(has(&c, "block,socket=/r/blk0.sock"));
	CHECK(has(&c, "hardware=virtio-console,num=2,type=unix-stream,"
		      "input-unix-stream=true,path=/r/bt.port"));
	CHECK(has(&c, "--x=/r/y"));
	CHECK(notes(&c, "bt0 is left out: crosvm"));
	CHECK(notes(&c, "port p is left out"));
	CHECK_STR(c.argv[c.n - 1], "k");
	vmm_command_finish(&c);
	guest_destroy(g);
}

TEST(vmm_command_is_quoted_for_a_shell)
{
	struct vmm_command c = { 0 };
	char text[256] = "";
	FILE *f = fmemopen(text, sizeof(text), "w");

	vmm_arg(&c, "%s", "/bin/q");
	vmm_arg(&c, "%s", "-append");
	vmm_arg(&c, "%s", "it's quiet");
	vmm_command_print(&c, f);
	fclose(f);
	CHECK_STR(text, "/bin/q \\\n\t-append 'it'\\''s quiet'\n");
	vmm_command_finish(&c);
}

TEST(vmm_reads_versions_and_device_lists)
{
	static const char help[] = "Storage devices:\n"
				   "name \"a-pci\", bus PCI, alias \"a\"\n"
				   "name \"b\", bus x\nname \"broken\n";
	struct vmm_caps c = { 0 };

	CHECK_EQ(vmm_parse_version("QEMU emulator version 10.2.1 (Debian "
				   "1:10)\nCopyright\n",
				   &c),
		 0);
	CHECK_EQ(c.major, 10);
	CHECK_EQ(c.minor, 2);
	CHECK_EQ(vmm_parse_version("no digits\n1", &c), -EINVAL);
	c.devices = vmm_parse_devices(help, sizeof(help) - 1);
	CHECK(vmm_has(&c, "a-pci") && vmm_has(&c, "b"));
	CHECK(!vmm_has(&c, "a") && !vmm_has(&c, "pci"));
	vmm_caps_finish(&c);
}

/* A machine of one node: / { a = <1>; b { }; }; */
static const uint8_t tree[] = {
	0xd0, 0x0d, 0xfe, 0xed, 0, 0, 0, 110, 0, 0, 0, 56, 0, 0, 0, 108,
	0, 0, 0, 40, 0, 0, 0, 17, 0, 0, 0, 16, 0, 0, 0, 0,
	0, 0, 0, 2, 0, 0, 0, 52, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 1, 0, 0, 0, 0,                     /* / */
	0, 0, 0, 3, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 1, /* a */
	0, 0, 0, 4,
	0, 0, 0, 1, 'b', 0, 0, 0, 0, 0, 0, 2,         /* b */
	0, 0, 0, 2, 0, 0, 0, 9, 0, 0, 0, 9, 'a', 0,
};

TEST(fdt_gets_the_scmi_node_once)
{
	struct av_err err;
	uint8_t *out, *again;
	size_t len, n;

	CHECK_EQ(fdt_add_scmi(tree, sizeof(tree), &out, &len, &err), 0);
	CHECK(memmem(out, len, "arm,scmi-virtio", 16));
	CHECK(memmem(out, len, "protocol@15", 12));
	CHECK_EQ(out[7] | out[6] << 8, len);
	CHECK_EQ(fdt_add_scmi(out, len, &again, &n, &err), -EEXIST);
	free(out);
}

TEST(fdt_refuses_what_is_no_tree)
{
	struct av_err err;
	uint8_t *out;
	size_t len;

	for (size_t n = 0; n < sizeof(tree); n++) {
		CHECK_EQ(fdt_add_scmi(tree, n, &out, &len, &err), -EINVAL);
	}
}

/* Every profile that is shipped parses. */
TEST(guest_bundled_profiles_are_right)
{
	static const char *const names[] = { "kit", "kit-x86_64", "trout-arm64",
					     "cuttlefish-auto" };
	const struct guest_env env = { 0 };
	char rel[64], path[4096], buf[16384];

	for (size_t i = 0; i < 4; i++) {
		struct av_diags d = { 0 };
		struct guest *g;
		size_t len;
		FILE *f;

		snprintf(rel, sizeof(rel), "vdevices/guests/%s.yaml", names[i]);
		f = fopen(src_path(rel, path), "r");
		CHECK(f);
		len = fread(buf, 1, sizeof(buf), f);
		fclose(f);
		guest_parse(rel, buf, len, &env, &g, &d);
		av_diags_print(&d, stderr);
		CHECK(g);
		CHECK_STR(g->name, names[i]);
		guest_destroy(g);
	}
}

int main(void)
{
	return RUN_TESTS(T(guest_reads_scalars_and_lists),
			 T(guest_says_all_that_is_wrong),
			 T(guest_parameters_come_from_set_or_default),
			 T(vmm_refuses_a_profile_without_its_parameter),
			 T(vmm_qemu_attaches_what_this_version_has),
			 T(vmm_properties_go_where_the_profile_says),
			 T(vmm_crosvm_takes_its_types_and_consoles),
			 T(vmm_command_is_quoted_for_a_shell),
			 T(vmm_reads_versions_and_device_lists),
			 T(fdt_gets_the_scmi_node_once),
			 T(fdt_refuses_what_is_no_tree),
			 T(guest_bundled_profiles_are_right));
}
