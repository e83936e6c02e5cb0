/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "front.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Front-end addresses: last region first, with holes; no address that the
 * kernel would give out. */
#define UVA_BASE 0x100000000000ull

struct front_mem {
	unsigned int n;
	size_t region_size;
	uint8_t *map; /* all regions, adjacent */
	int *fd;
	size_t used; /* bytes of it given out */
};

struct front_mem *front_mem_create(unsigned int n, size_t region_size)
{
	struct front_mem *m = calloc(1, sizeof(*m));

	if (!m || n == 0 || n > FRONT_REGIONS_MAX || region_size % 4096) {
		free(m);
		return NULL;
	}
	m->fd = calloc(n, sizeof(*m->fd));
	m->region_size = region_size;
	m->map = mmap(NULL, n * region_size, PROT_NONE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (!m->fd || m->map == MAP_FAILED) {
		abort(); /* a test without memory has nothing to tell */
	}
	for (; m->n < n; m->n++) {
		int fd = memfd_create("front", MFD_CLOEXEC);

		if (fd < 0 || ftruncate(fd, (off_t)region_size) < 0 ||
		    mmap(m->map + m->n * region_size, region_size,
			 PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd,
			 0) == MAP_FAILED) {
			abort();
		}
		m->fd[m->n] = fd;
	}
	return m;
}

void front_mem_destroy(struct front_mem *m)
{
	if (!m) {
		return;
	}
	for (unsigned int i = 0; i < m->n; i++) {
		close(m->fd[i]);
	}
	munmap(m->map, m->n * m->region_size);
	free(m->fd);
	free(m);
}

unsigned int front_mem_count(const struct front_mem *m)
{
	return m->n;
}

size_t front_mem_region_size(const struct front_mem *m)
{
	return m->region_size;
}

int front_mem_fd(const struct front_mem *m, unsigned int i)
{
	return m->fd[i];
}

struct vu_region front_mem_region(const struct front_mem *m, unsigned int i)
{
	return (struct vu_region){
		.gpa = FRONT_GPA_BASE + i * m->region_size,
		.size = m->region_size,
		.uva = UVA_BASE + (m->n - 1 - i) * 2 * m->region_size,
		.offset = 0,
	};
}

void *front_mem_at(const struct front_mem *m, uint64_t gpa)
{
	return m->map + (gpa - FRONT_GPA_BASE);
}

uint64_t front_mem_uva(const struct front_mem *m, uint64_t gpa)
{
	uint64_t off = gpa - FRONT_GPA_BASE;
	uint64_t i = off / m->region_size;

	return UVA_BASE + (m->n - 1 - i) * 2 * m->region_size +
	       off % m->region_size;
}

uint64_t front_alloc(struct front_mem *m, size_t size, size_t align)
{
	size_t at = (m->used + align - 1) / align * align;

	if (size == 0 || size > m->region_size) {
		return 0;
	}
	if (at / m->region_size != (at + size - 1) / m->region_size) {
		at = (at / m->region_size + 1) * m->region_size;
	}
	if (at + size > m->n * m->region_size) {
		return 0;
	}
	m->used = at + size;
	memset(m->map + at, 0, size);
	return FRONT_GPA_BASE + at;
}

uint64_t front_alloc_span(struct front_mem *m, size_t size)
{
	size_t at = (m->used / m->region_size + 1) * m->region_size - size / 2;

	if (at < m->used) {
		at += m->region_size;
	}
	if (size < 2 || size > m->region_size ||
	    at + size > m->n * m->region_size) {
		return 0;
	}
	m->used = at + size;
	memset(m->map + at, 0, size);
	return FRONT_GPA_BASE + at;
}

size_t front_mark(const struct front_mem *m)
{
	return m->used;
}

void front_release(struct front_mem *m, size_t mark)
{
	m->used = mark;
}
