/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Asking a VMM what it is and has. QEMU lists its devices in half a second to
 * two; the answer is kept in a file named by the program's path, size and time,
 * so that another program or an update of it is asked again.
 */
#include "config.h"

#include "vdevices/vmm_int.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/kvm.h>
#include <spawn.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#define OUTPUT_MAX (1u << 20)

extern char **environ;

static const char *const qemu_names[GUEST_N_ARCHES] = {
	[GUEST_ARM64] = "qemu-system-aarch64",
	[GUEST_X86_64] = "qemu-system-x86_64",
};

int vmm_parse_version(const char *text, struct vmm_caps *out)
{
	const char *s = text + strcspn(text, "0123456789\n");
	size_t len = strcspn(text, "\r\n");
	char *end;
	long major, minor = 0;

	if (!isdigit((unsigned char)*s)) {
		return -EINVAL;
	}
	major = strtol(s, &end, 10);
	if (*end == '.' && isdigit((unsigned char)end[1])) {
		minor = strtol(end + 1, NULL, 10);
	}
	if (major > 10000 || minor > 10000) {
		return -EINVAL;
	}
	out->major = (int)major;
	out->minor = (int)minor;
	snprintf(out->version, sizeof(out->version), "%.*s",
		 (int)(len < VMM_VERSION_MAX ? len : VMM_VERSION_MAX - 1),
		 text);
	return 0;
}

char *vmm_parse_devices(const char *text, size_t len)
{
	static const char mark[] = "name \"";
	const char *end = text + len;
	char *out = malloc(len + 2);
	size_t n = 0;

	if (!out) {
		return NULL;
	}
	out[n++] = '\n';
	while (text < end) {
		const char *eol = memchr(text, '\n', (size_t)(end - text));
		size_t line = (size_t)((eol ? eol : end) - text);

		if (line > sizeof(mark) && !memcmp(text, mark, 6)) {
			const char *name = text + 6;
			const char *q = memchr(name, '"', line - 6);

			if (q) {
				memcpy(out + n, name, (size_t)(q - name));
				n += (size_t)(q - name);
				out[n++] = '\n';
			}
		}
		text += line + 1;
	}
	out[n] = '\0';
	return out;
}

bool vmm_has(const struct vmm_caps *c, const char *device)
{
	const char *s = c->devices;
	size_t len = strlen(device);

	while (s && (s = strstr(s, device))) {
		if (s[-1] == '\n' && s[len] == '\n') {
			return true;
		}
		s += len;
	}
	return false;
}

void vmm_caps_finish(struct vmm_caps *c)
{
	free(c->devices);
	c->devices = NULL;
}

/* ---- finding ---- */

static bool is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) &&
	       access(path, X_OK) == 0;
}

static int on_path(const char *name, char out[PATH_MAX])
{
	const char *p = getenv("PATH");

	if (strchr(name, '/')) {
		snprintf(out, PATH_MAX, "%s", name);
		return is_program(out) ? 0 : -ENOENT;
	}
	for (; p && *p; p += strcspn(p, ":"), p += *p == ':') {
		snprintf(out, PATH_MAX, "%.*s/%s", (int)strcspn(p, ":"), p,
			 name);
		if (is_program(out)) {
			return 0;
		}
	}
	return -ENOENT;
}

/* The QEMU that make guest-kit unpacked. */
static int in_kit(const char *name, char out[PATH_MAX])
{
	const char *own = getenv("AVSIM_GUEST_CACHE");
	char path[PATH_MAX];

	if (own && *own) {
		snprintf(path, sizeof(path), "%s/current", own);
	} else if (vmm_cache_path("guest-kit/current", path, NULL) < 0) {
		return -ENOENT;
	}
	if (snprintf(out, PATH_MAX, "%s/%s", path, name) >= PATH_MAX) {
		return -ENOENT;
	}
	return is_program(out) ? 0 : -ENOENT;
}

/* @program: a program, or the folder that has it. */
static int find_given(const char *program, const char *name,
		      char out[PATH_MAX])
{
	struct stat st;

	if (stat(program, &st) == 0 && S_ISDIR(st.st_mode)) {
		snprintf(out, PATH_MAX, "%s/%s", program, name);
		return is_program(out) ? 0 : -ENOENT;
	}
	return on_path(program, out);
}

static int find(enum vmm_kind kind, enum guest_arch arch, const char *program,
		char out[PATH_MAX], struct av_err *err)
{
	const char *env = kind == VMM_QEMU ? "AVSIM_QEMU" : "AVSIM_CROSVM";
	const char *name = kind == VMM_QEMU ? qemu_names[arch] : "crosvm";

	if (!program) {
		program = getenv(env);
	}
	if (program && *program) {
		if (find_given(program, name, out) == 0) {
			return 0;
		}
		return av_err_set(err, -ENOENT,
				  "%s (%s) is neither a program nor a folder "
				  "with %s",
				  program, env, name);
	}
	if (on_path(name, out) == 0 || in_kit(name, out) == 0) {
		return 0;
	}
	if (kind == VMM_CROSVM) {
		return av_err_set(err, -ENOENT,
				  "no crosvm here: Debian has none, build it "
				  "from its source and name it in %s",
				  env);
	}
	return av_err_set(err, -ENOENT,
			  "no %s here: apt-get install qemu-system-%s, make "
			  "guest-kit, or name one in %s",
			  name, arch == GUEST_X86_64 ? "x86" : "arm", env);
}

/* ---- asking ---- */

static char *read_all(int fd, size_t *len)
{
	char *buf = malloc(OUTPUT_MAX + 1);
	size_t n = 0;
	ssize_t got;

	while (buf && n < OUTPUT_MAX &&
	       ((got = read(fd, buf + n, OUTPUT_MAX - n)) > 0 ||
		(got < 0 && errno == EINTR))) {
		n += got > 0 ? (size_t)got : 0;
	}
	if (buf) {
		buf[n] = '\0';
		*len = n;
	}
	return buf;
}

/* The last line that the program complained with. */
static const char *last_line(int fd, char buf[512])
{
	off_t end = lseek(fd, 0, SEEK_END);
	ssize_t n = end < 0 ? -1
			    : pread(fd, buf, 511, end > 511 ? end - 511 : 0);
	char *nl;

	while (n > 0 && isspace((unsigned char)buf[n - 1])) {
		n--;
	}
	buf[n > 0 ? n : 0] = '\0';
	nl = strrchr(buf, '\n');
	return nl ? nl + 1 : buf;
}

char *vmm_output_of(char *const argv[], size_t *len, struct av_err *err)
{
	posix_spawn_file_actions_t fa;
	int p[2], ret, status = -1, complaints;
	char *text = NULL, why[512];
	pid_t pid;

	if (pipe2(p, O_CLOEXEC) < 0) {
		av_err_set(err, -errno, "no pipe: %s", strerror(errno));
		return NULL;
	}
	complaints = memfd_create("stderr", MFD_CLOEXEC);
	if (complaints < 0) {
		av_err_set(err, -errno, "no memory file: %s", strerror(errno));
		close(p[0]);
		close(p[1]);
		return NULL;
	}
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&fa, p[1], 1);
	posix_spawn_file_actions_adddup2(&fa, complaints, 2);
	ret = posix_spawn(&pid, argv[0], &fa, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&fa);
	close(p[1]);
	if (ret == 0) {
		text = read_all(p[0], len);
	}
	close(p[0]);
	while (ret == 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR) {
	}
	if (ret || !text || !WIFEXITED(status) || WEXITSTATUS(status)) {
		const char *s = ret ? strerror(ret)
				    : last_line(complaints, why);

		av_err_set(err, -EIO, "%s %s failed%s%s", argv[0], argv[1],
			   *s ? ": " : "", s);
		free(text);
		text = NULL;
	}
	close(complaints);
	return text;
}

int vmm_cache_path(const char *name, char out[PATH_MAX], struct av_err *err)
{
	const char *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	bool has = xdg && xdg[0] == '/';
	int n;

	if (!has && !(home && home[0] == '/')) {
		return av_err_set(err, -ENOENT,
				  "no cache folder: HOME is not set");
	}
	n = snprintf(out, PATH_MAX, "%s%s", has ? xdg : home,
		     has ? "" : "/.cache");
	if (n < PATH_MAX - 64) {
		mkdir(out, 0700);
		n += snprintf(out + n, PATH_MAX - (size_t)n, "/avsim");
		mkdir(out, 0700);
		n += snprintf(out + n, PATH_MAX - (size_t)n, "/%s", name);
	}
	return n < PATH_MAX ? 0
			    : av_err_set(err, -ENAMETOOLONG,
					 "the cache folder's path is too long");
}

uint64_t vmm_hash(uint64_t h, const void *p, size_t len)
{
	const uint8_t *b = p;

	while (len--) {
		h = (h ^ *b++) * 0x100000001b3u;
	}
	return h;
}

int vmm_hash_file(uint64_t *h, const char *path, struct av_err *err)
{
	struct stat st;

	if (stat(path, &st) < 0) {
		return av_err_set(err, -errno, "cannot read %s: %s", path,
				  strerror(errno));
	}
	*h = vmm_hash(*h, path, strlen(path));
	*h = vmm_hash(*h, &st.st_size, sizeof(st.st_size));
	*h = vmm_hash(*h, &st.st_mtim, sizeof(st.st_mtim));
	return 0;
}

/* One file per program and its state. */
static int kept_path(const struct vmm_caps *c, char out[PATH_MAX])
{
	uint64_t h = VMM_HASH;
	char name[64];
	int ret = vmm_hash_file(&h, c->path, NULL);

	if (ret < 0) {
		return ret;
	}
	snprintf(name, sizeof(name), "qemu-%016" PRIx64, h);
	return vmm_cache_path(name, out, NULL);
}

/* Version, then the device names, a line each. 0, or it is not there. */
static int load_kept(struct vmm_caps *c)
{
	char path[PATH_MAX], *text, *nl;
	size_t len = 0;
	int fd, ret = -EINVAL;

	if (kept_path(c, path) < 0) {
		return -ENOENT;
	}
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		return -errno;
	}
	text = read_all(fd, &len);
	close(fd);
	nl = text ? strchr(text, '\n') : NULL;
	/* a write that was cut short lacks the end mark */
	if (nl && len > 5 && !strcmp(text + len - 5, "\nend\n") &&
	    vmm_parse_version(text, c) == 0) {
		c->devices = strdup(nl);
		ret = c->devices ? 0 : -ENOMEM;
	}
	free(text);
	return ret;
}

static void keep_caps(const struct vmm_caps *c)
{
	char path[PATH_MAX], tmp[PATH_MAX + 16];
	FILE *f;

	if (kept_path(c, path) < 0) {
		return;
	}
	snprintf(tmp, sizeof(tmp), "%s.%ld", path, (long)getpid());
	f = fopen(tmp, "we");
	if (!f) {
		return; /* asked again next time, that is all */
	}
	fprintf(f, "%s%send\n", c->version, c->devices);
	if (fclose(f) == 0) {
		rename(tmp, path);
	} else {
		unlink(tmp);
	}
}

static int ask_devices(struct vmm_caps *out, struct av_err *err)
{
	char *const help[] = { out->path, "-device", "help", NULL };
	size_t len = 0;
	char *text = vmm_output_of(help, &len, err);

	if (!text) {
		return -EIO;
	}
	out->devices = vmm_parse_devices(text, len);
	free(text);
	if (!out->devices) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	keep_caps(out);
	return 0;
}

int vmm_probe(enum vmm_kind kind, enum guest_arch arch, const char *program,
	      struct vmm_caps *out, struct av_err *err)
{
	char *version[] = { out->path, "--version", NULL };
	size_t len = 0;
	char *text;
	int ret;

	memset(out, 0, sizeof(*out));
	out->kind = kind;
	ret = find(kind, arch, program, out->path, err);
	if (ret < 0) {
		return ret;
	}
	if (kind == VMM_QEMU && load_kept(out) == 0) {
		return 0;
	}
	if (kind == VMM_CROSVM) {
		version[1] = "version";
	}
	text = vmm_output_of(version, &len, err);
	if (!text) {
		return -EIO;
	}
	ret = vmm_parse_version(text, out);
	free(text);
	if (ret < 0) {
		return av_err_set(err, ret, "%s does not tell its version",
				  out->path);
	}
	return kind == VMM_QEMU ? ask_devices(out, err) : 0;
}

/* ---- KVM ---- */

/* On x86 a /dev/kvm without VMX or SVM is a paravirtual one, which cannot run
 * unmodified kernels. */
static bool has_virtualization(void)
{
	FILE *f = fopen("/proc/cpuinfo", "re");
	char line[4096];
	bool yes = false;

	while (f && !yes && fgets(line, sizeof(line), f)) {
		yes = !strncmp(line, "flags", 5) &&
		      (strstr(line, " vmx") || strstr(line, " svm"));
	}
	if (f) {
		fclose(f);
	}
	return yes;
}

bool vmm_kvm(enum guest_arch arch, char why[160])
{
	struct utsname u;
	bool x86, usable;
	int fd;

	if (uname(&u) < 0) {
		return false;
	}
	x86 = !strcmp(u.machine, "x86_64");
	if (x86 != (arch == GUEST_X86_64) ||
	    (!x86 && strcmp(u.machine, "aarch64") != 0)) {
		snprintf(why, 160, "this host is %s", u.machine);
		return false;
	}
	fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (fd < 0) {
		snprintf(why, 160, "/dev/kvm: %s%s", strerror(errno),
			 errno == EACCES ? " (join the group kvm)" : "");
		return false;
	}
	usable = ioctl(fd, KVM_GET_API_VERSION, 0) == 12;
	close(fd);
	if (usable && x86 && !has_virtualization()) {
		snprintf(why, 160, "/dev/kvm is there, but the processor has "
				   "neither VMX nor SVM");
		return false;
	}
	if (!usable) {
		snprintf(why, 160, "/dev/kvm speaks another version");
	}
	return usable;
}
