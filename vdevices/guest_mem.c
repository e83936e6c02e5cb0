/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Regions are kept sorted by guest address and looked up by bisection; there
 * are one to three of them in practice. Descriptors are closed as soon as they
 * are mapped.
 */
#include "config.h"

#include "vdevices/guest_mem.h"

#include "vdevices/guard.h"
#include "vdevices/trust.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

enum {
	LOG_PAGE_SHIFT = 12, /* of the dirty log, whatever the host's pages */
};

/* A mapped file; @p is what was asked for, inside [@map, @map + @map_len). */
struct mapping {
	uint8_t *p, *map;
	size_t map_len;
	struct guard *guard;
};

struct guest_mem {
	size_t n;
	struct gm_region r[GM_MAX_REGIONS]; /* sorted by gpa */
	struct mapping m[GM_MAX_REGIONS];   /* of the same index */
	uint64_t generation;
	_Atomic bool broken; /* set in a signal handler */
	bool logging, log_touched;
	struct mapping log;
	uint64_t log_size;
};

/* ---- files ---- */

/*
 * glibc's fstat() is newfstatat() on some versions, which the sandbox refuses
 * because of its path.
 */
int gm_fstat(int fd, struct stat *st)
{
#if defined(SYS_fstat) && defined(__LP64__)
	return syscall(SYS_fstat, fd, st) < 0 ? -errno : 0;
#else
	return fstat(fd, st) < 0 ? -errno : 0;
#endif
}

/* Pages of hugetlbfs can only be mapped whole; it tells by the block size. */
static size_t page_of(const struct stat *st)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t block = (size_t)st->st_blksize;

	if (block > page && block <= 1u << 30 && !(block & (block - 1))) {
		return block;
	}
	return page;
}

int gm_file_size(int fd, int64_t *size)
{
	struct statfs fs;
	struct stat st;
	int ret = gm_fstat(fd, &st);

	if (!ret && fstatfs(fd, &fs) == 0 &&
	    !trust_file_system((uint64_t)fs.f_type)) {
		return -EMEDIUMTYPE;
	}
	if (!ret) {
		*size = S_ISREG(st.st_mode) ? (int64_t)st.st_size : -1;
	}
	return ret;
}

static const char *file_error(int ret)
{
	return ret == -EMEDIUMTYPE ? "it lies on a FUSE file system, whose "
				     "owner could make us wait; use a memfd"
				   : strerror(-ret);
}

static void unmap(struct mapping *m)
{
	if (m->map) {
		guard_remove(m->guard);
		munmap(m->map, m->map_len);
	}
	*m = (struct mapping){ 0 };
}

/* @size and @offset have passed trust_region() or the like. */
static int map_file(int fd, uint64_t size, uint64_t offset, _Atomic bool *hit,
		    struct mapping *out)
{
	struct stat st;
	size_t page, skip;
	void *map;
	int ret = gm_fstat(fd, &st);

	if (ret < 0) {
		return ret;
	}
	page = page_of(&st);
	skip = (size_t)(offset & (page - 1));
	*out = (struct mapping){
		.map_len = ((size_t)size + skip + page - 1) & ~(page - 1),
	};
	map = mmap(NULL, out->map_len, PROT_READ | PROT_WRITE,
		   MAP_SHARED | MAP_NORESERVE, fd, (off_t)(offset - skip));
	if (map == MAP_FAILED) {
		return -errno;
	}
	out->map = map;
	out->p = out->map + skip;
	out->guard = guard_add(map, out->map_len, page, hit);
	if (!out->guard) {
		munmap(map, out->map_len);
		*out = (struct mapping){ 0 };
		return -ENOMEM;
	}
	/* a guest's memory is no part of our core dumps */
	madvise(map, out->map_len, MADV_DONTDUMP);
	return 0;
}

struct gm_file {
	struct mapping m;
};

int gm_file_map(struct guest_mem *m, int fd, uint64_t size, uint64_t offset,
		struct gm_file **out)
{
	struct gm_file *f = calloc(1, sizeof(*f));
	int ret;

	*out = NULL;
	if (!f) {
		return -ENOMEM;
	}
	ret = map_file(fd, size, offset, &m->broken, &f->m);
	if (ret < 0) {
		free(f);
		return ret;
	}
	*out = f;
	return 0;
}

void *gm_file_data(const struct gm_file *f)
{
	return f->m.p;
}

void gm_file_unmap(struct gm_file *f)
{
	if (f) {
		unmap(&f->m);
		free(f);
	}
}

/* ---- the table ---- */

struct guest_mem *gm_create(void)
{
	return calloc(1, sizeof(struct guest_mem));
}

void gm_destroy(struct guest_mem *m)
{
	if (m) {
		gm_clear(m);
		unmap(&m->log);
		free(m);
	}
}

void gm_clear(struct guest_mem *m)
{
	for (size_t i = 0; i < m->n; i++) {
		unmap(&m->m[i]);
	}
	m->n = 0;
	m->generation++;
	m->broken = false;
}

size_t gm_count(const struct guest_mem *m)
{
	return m->n;
}

uint64_t gm_generation(const struct guest_mem *m)
{
	return m->generation;
}

static int add(struct guest_mem *m, const struct gm_region *r, int fd,
	       struct av_err *err)
{
	struct mapping map;
	int64_t file_size;
	size_t at = 0;
	int ret;

	if (m->n == GM_MAX_REGIONS) {
		return av_err_set(err, -ENOSPC, "more than %d memory regions",
				  GM_MAX_REGIONS);
	}
	ret = gm_file_size(fd, &file_size);
	if (ret < 0) {
		return av_err_set(err, ret, "memory file unusable: %s",
				  file_error(ret));
	}
	ret = trust_region(r, file_size, err);
	ret = ret ? ret : trust_region_new(r, m->r, m->n, err);
	if (ret < 0) {
		return ret;
	}
	ret = map_file(fd, r->size, r->offset, &m->broken, &map);
	if (ret < 0) {
		return av_err_set(err, ret,
				  "cannot map %llu bytes of guest memory: %s",
				  (unsigned long long)r->size, strerror(-ret));
	}
	while (at < m->n && m->r[at].gpa < r->gpa) {
		at++;
	}
	memmove(&m->r[at + 1], &m->r[at], (m->n - at) * sizeof(m->r[0]));
	memmove(&m->m[at + 1], &m->m[at], (m->n - at) * sizeof(m->m[0]));
	m->r[at] = *r;
	m->m[at] = map;
	m->n++;
	return 0;
}

int gm_add(struct guest_mem *m, const struct gm_region *r, int fd,
	   struct av_err *err)
{
	int ret = add(m, r, fd, err);

	close(fd);
	m->generation++;
	return ret;
}

int gm_set_table(struct guest_mem *m, const struct gm_region *r, size_t n,
		 const int *fds, struct av_err *err)
{
	int ret = 0;

	gm_clear(m);
	for (size_t i = 0; i < n; i++) {
		ret = ret ? ret : add(m, &r[i], fds[i], err);
		close(fds[i]);
	}
	if (ret < 0) {
		gm_clear(m);
	}
	return ret;
}

int gm_remove(struct guest_mem *m, const struct gm_region *r)
{
	for (size_t i = 0; i < m->n; i++) {
		if (m->r[i].gpa != r->gpa || m->r[i].uva != r->uva ||
		    m->r[i].size != r->size) {
			continue;
		}
		unmap(&m->m[i]);
		m->n--;
		memmove(&m->r[i], &m->r[i + 1], (m->n - i) * sizeof(m->r[0]));
		memmove(&m->m[i], &m->m[i + 1], (m->n - i) * sizeof(m->m[0]));
		m->generation++;
		return 0;
	}
	return -ENOENT;
}

bool gm_broken(const struct guest_mem *m)
{
	return m->broken;
}

/* ---- translation ---- */

void *gm_at(const struct guest_mem *m, uint64_t gpa, size_t *len)
{
	size_t low = 0, high = m->n;
	uint64_t off;

	/* the last region that begins at or before gpa */
	while (high - low > 1) {
		size_t mid = low + (high - low) / 2;

		if (m->r[mid].gpa <= gpa) {
			low = mid;
		} else {
			high = mid;
		}
	}
	if (!m->n || gpa < m->r[low].gpa) {
		return NULL;
	}
	off = gpa - m->r[low].gpa;
	if (off >= m->r[low].size) {
		return NULL;
	}
	if (*len > m->r[low].size - off) {
		*len = (size_t)(m->r[low].size - off);
	}
	return m->m[low].p + off;
}

int gm_iov(const struct guest_mem *m, uint64_t gpa, size_t len,
	   struct iovec *iov, size_t max)
{
	size_t n = 0;

	if (!trust_range(gpa, len)) {
		return -EFAULT;
	}
	while (len) {
		size_t part = len;
		void *p = gm_at(m, gpa, &part);

		if (!p) {
			return -EFAULT;
		}
		if (n == max) {
			return -E2BIG;
		}
		iov[n++] = (struct iovec){ .iov_base = p, .iov_len = part };
		gpa += part;
		len -= part;
	}
	return (int)n;
}

int gm_read(const struct guest_mem *m, uint64_t gpa, void *buf, size_t len)
{
	uint8_t *to = buf;

	if (!trust_range(gpa, len)) {
		return -EFAULT;
	}
	while (len) {
		size_t part = len;
		const void *p = gm_at(m, gpa, &part);

		if (!p) {
			return -EFAULT;
		}
		memcpy(to, p, part);
		to += part;
		gpa += part;
		len -= part;
	}
	return 0;
}

void *gm_ring(const struct guest_mem *m, uint64_t uva, size_t len)
{
	for (size_t i = 0; i < m->n; i++) {
		uint64_t off = uva - m->r[i].uva;

		if (uva >= m->r[i].uva && off < m->r[i].size &&
		    len <= m->r[i].size - off) {
			uint8_t *p = m->m[i].p + off;

			/* aligned as it claims, whatever the file offset */
			return (uintptr_t)p % 16 == uva % 16 ? p : NULL;
		}
	}
	return NULL;
}

/* ---- dirty log ---- */

int gm_set_log(struct guest_mem *m, int fd, uint64_t size, uint64_t offset,
	       struct av_err *err)
{
	int64_t file_size;
	int ret;

	unmap(&m->log);
	m->log_size = 0;
	if (fd < 0) {
		return 0;
	}
	ret = gm_file_size(fd, &file_size);
	if (ret < 0) {
		av_err_set(err, ret, "dirty log unusable: %s",
			   file_error(ret));
	} else {
		ret = trust_file(size, offset, file_size, "dirty log", err);
	}
	if (!ret) {
		ret = map_file(fd, size, offset, &m->broken, &m->log);
		if (ret < 0) {
			av_err_set(err, ret, "cannot map the dirty log: %s",
				   strerror(-ret));
		} else {
			m->log_size = size;
		}
	}
	close(fd);
	return ret;
}

void gm_log_enable(struct guest_mem *m, bool on)
{
	m->logging = on;
}

bool gm_logging(const struct guest_mem *m)
{
	return m->logging && m->log.p;
}

bool gm_log_take(struct guest_mem *m)
{
	bool was = m->log_touched;

	m->log_touched = false;
	return was;
}

void gm_dirty(struct guest_mem *m, uint64_t gpa, uint64_t len)
{
	uint64_t page = gpa >> LOG_PAGE_SHIFT;
	uint64_t last;

	if (!gm_logging(m) || !len || !trust_range(gpa, len - 1)) {
		return;
	}
	last = (gpa + len - 1) >> LOG_PAGE_SHIFT;
	/* pages that the bitmap has no room for cannot be told */
	for (; page <= last && page / 8 < m->log_size; page++) {
		/* after the data, and also where it is set already: who clears
		 * it copies the page next */
		__atomic_fetch_or(&m->log.p[page / 8],
				  (uint8_t)(1u << (page % 8)),
				  __ATOMIC_RELEASE);
		m->log_touched = true;
	}
}

void gm_dirty_host(struct guest_mem *m, const void *host, size_t len)
{
	const uint8_t *p = host;

	if (!gm_logging(m)) {
		return;
	}
	for (size_t i = 0; i < m->n; i++) {
		if (p >= m->m[i].p && p < m->m[i].p + m->r[i].size) {
			gm_dirty(m, m->r[i].gpa + (uint64_t)(p - m->m[i].p),
				 len);
			return;
		}
	}
}
