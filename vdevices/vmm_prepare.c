/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files that a command line needs and a profile does not have: QEMU's own
 * device tree with the SCMI node in it, and a ramdisk with the boot
 * configuration behind it. They are kept in the cache under a name made of all
 * that went into them, so that a printed command works without a run.
 */
#include "config.h"

#include "vdevices/fdt.h"
#include "vdevices/vmm_int.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- device tree ---- */

static bool wants_scmi(const struct vmm_env *env)
{
	const struct guest *g = env->guest;
	const char *why;

	if (g->vmm != VMM_QEMU || g->arch != GUEST_ARM64 ||
	    (g->machine && strncmp(g->machine, "virt", 4) != 0)) {
		return false;
	}
	for (size_t i = 0; i < env->n_dev; i++) {
		if (env->dev[i].type->id == VIRTIO_ID_SCMI &&
		    vmm_qemu_device(env->caps, env->dev[i].type, &why)) {
			return true;
		}
	}
	return false;
}

static int read_whole(const char *path, uint8_t **out, size_t *len,
		      struct av_err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC), ret = 0;
	uint8_t *buf = malloc(FDT_MAX + 1);
	ssize_t n = fd < 0 || !buf ? -1 : read(fd, buf, FDT_MAX + 1);

	if (n < 0) {
		ret = av_err_set(err, errno ? -errno : -ENOMEM,
				 "cannot read %s: %s", path, strerror(errno));
		free(buf);
		buf = NULL;
	}
	if (fd >= 0) {
		close(fd);
	}
	*out = buf;
	*len = n < 0 ? 0 : (size_t)n;
	return ret;
}

static int write_whole(const char *path, const uint8_t *p, size_t len,
		       struct av_err *err)
{
	FILE *f = fopen(path, "we");
	bool bad = !f || fwrite(p, 1, len, f) != len;

	if (f && fclose(f) != 0) {
		bad = true;
	}
	return bad ? av_err_set(err, -EIO, "cannot write %s: %s", path,
				strerror(errno))
		   : 0;
}

/* Have QEMU write its tree into @tmp, then the tree with SCMI to @path. */
static int make_dtb(char *const argv[],
		    const char *tmp, const char *path, struct av_err *err)
{
	uint8_t *in = NULL, *out = NULL;
	size_t in_len, out_len, len;
	char *text = vmm_output_of(argv, &len, err);
	int ret;

	if (!text) {
		return -EIO;
	}
	free(text);
	ret = read_whole(tmp, &in, &in_len, err);
	if (ret == 0) {
		ret = fdt_add_scmi(in, in_len, &out, &out_len, err);
	}
	if (ret == 0) {
		ret = write_whole(tmp, out, out_len, err);
	}
	if (ret == 0 && rename(tmp, path) < 0) {
		ret = av_err_set(err, -errno, "cannot write %s: %s", path,
				 strerror(errno));
	}
	free(in);
	free(out);
	return ret;
}

static int prepare_dtb(const struct vmm_env *env, char path[PATH_MAX],
		       struct av_err *err)
{
	const struct guest *g = env->guest;
	const char *machine = g->machine ? g->machine : "virt";
	const char *cpu = g->cpu ? g->cpu : env->kvm ? "host" : "max";
	char name[64], tmp[PATH_MAX + 16], m[PATH_MAX + 256], smp[24], mem[24];
	char *argv[] = { (char *)(uintptr_t)env->caps->path,
			 "-machine",
			 m,
			 "-cpu",
			 (char *)(uintptr_t)cpu,
			 "-smp",
			 smp,
			 "-m",
			 mem,
			 "-display",
			 "none",
			 "-nodefaults",
			 "-accel",
			 env->kvm ? "kvm" : "tcg",
			 NULL };
	uint64_t h = VMM_HASH;
	int ret = vmm_hash_file(&h, env->caps->path, err);

	if (ret < 0) {
		return ret;
	}
	snprintf(smp, sizeof(smp), "%lld", g->cpus);
	snprintf(mem, sizeof(mem), "%lldM", g->memory_mib);
	/* names and sizes, each with its NUL, as they are used below */
	h = vmm_hash(h, machine, strlen(machine) + 1);
	h = vmm_hash(h, cpu, strlen(cpu) + 1);
	h = vmm_hash(h, smp, strlen(smp) + 1);
	h = vmm_hash(h, mem, strlen(mem) + 1);
	snprintf(name, sizeof(name), "scmi-%016" PRIx64 ".dtb", h);
	ret = vmm_cache_path(name, path, err);
	if (ret < 0 || access(path, R_OK) == 0) {
		return ret;
	}
	snprintf(tmp, sizeof(tmp), "%s.%ld", path, (long)getpid());
	snprintf(m, sizeof(m), "%s,dumpdtb=%s", machine, tmp);
	ret = make_dtb(argv, tmp, path, err);
	if (ret < 0) {
		unlink(tmp);
	}
	return ret;
}

/* ---- boot configuration ---- */

/* Text in the kernel's bootconfig format, zero-padded to a multiple of four. */
static char *bootconfig_text(const struct guest *g, size_t *len)
{
	char *text = NULL;
	FILE *f = open_memstream(&text, len);

	if (!f) {
		return NULL;
	}
	for (size_t i = 0; i < g->n_properties; i++) {
		fprintf(f, "%s = \"%s\"\n", g->property[i].key,
			g->property[i].value);
	}
	for (long n = ftell(f); n % 4; n++) {
		fputc('\0', f);
	}
	fclose(f);
	return text;
}

static void put_le32(FILE *f, uint32_t v)
{
	for (int i = 0; i < 4; i++) {
		fputc((int)(v >> (8 * i) & 0xff), f);
	}
}

/* Ramdisk, text, its length, its sum, mark (Linux, admin-guide/bootconfig);
 * the ramdisk is padded so that the text lies at a multiple of four. */
static int write_bootconfig(const char *initrd, const char *tmp,
			    const char *text, size_t len, struct av_err *err)
{
	int in = open(initrd, O_RDONLY | O_CLOEXEC);
	FILE *f = fopen(tmp, "we");
	uint32_t sum = 0;
	ssize_t n = -1;
	bool bad;

	while (in >= 0 && f && (n = sendfile(fileno(f), in, NULL, 1 << 24)) > 0) {
	}
	bad = n != 0;
	if (!bad) {
		bad = fseek(f, 0, SEEK_END) != 0;
		for (long at = ftell(f); !bad && at % 4; at++) {
			fputc('\0', f);
		}
		for (size_t i = 0; i < len; i++) {
			sum += (uint8_t)text[i];
		}
		fwrite(text, 1, len, f);
		put_le32(f, (uint32_t)len);
		put_le32(f, sum);
		fputs("#BOOTCONFIG\n", f);
		bad |= ferror(f) != 0;
	}
	if (in >= 0) {
		close(in);
	}
	if (f && fclose(f) != 0) {
		bad = true;
	}
	return bad ? av_err_set(err, -EIO,
				"cannot put the boot configuration behind %s: "
				"%s",
				initrd, strerror(errno))
		   : 0;
}

static int prepare_initrd(const struct vmm_env *env, char path[PATH_MAX],
			  struct av_err *err)
{
	const struct guest *g = env->guest;
	char name[64], tmp[PATH_MAX + 16];
	uint64_t h = VMM_HASH;
	size_t len = 0;
	char *text;
	int ret;

	if (!g->initrd) {
		return av_err_set(err, -EINVAL,
				  "guest profile '%s': properties by bootconfig "
				  "want an initrd",
				  g->name);
	}
	ret = vmm_hash_file(&h, g->initrd, err);
	if (ret < 0) {
		return ret;
	}
	text = bootconfig_text(g, &len);
	if (!text) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	h = vmm_hash(h, text, len);
	snprintf(name, sizeof(name), "initrd-%016" PRIx64, h);
	ret = vmm_cache_path(name, path, err);
	if (ret == 0 && access(path, R_OK) < 0) {
		snprintf(tmp, sizeof(tmp), "%s.%ld", path, (long)getpid());
		ret = write_bootconfig(g->initrd, tmp, text, len, err);
		if (ret == 0 && rename(tmp, path) < 0) {
			ret = av_err_set(err, -errno, "cannot write %s: %s",
					 path, strerror(errno));
		}
		if (ret < 0) {
			unlink(tmp);
		}
	}
	free(text);
	return ret;
}

int vmm_prepare(const struct vmm_env *env, char dtb[PATH_MAX],
		char initrd[PATH_MAX], struct av_err *err)
{
	const struct guest *g = env->guest;
	int ret = 0;

	dtb[0] = initrd[0] = '\0';
	if (g->missing) {
		return 0; /* vmm_command() says so */
	}
	if (wants_scmi(env)) {
		ret = prepare_dtb(env, dtb, err);
	}
	if (ret == 0 && g->props == PROPS_BOOTCONFIG && g->n_properties) {
		ret = prepare_initrd(env, initrd, err);
	}
	return ret;
}
