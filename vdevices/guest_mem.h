/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The guest's memory as one front-end connection shows it: up to GM_MAX_REGIONS
 * mapped files. Addresses are never trusted: every access starts with a
 * translation here, and a file that shrinks under the mapping (SIGBUS) gives
 * zeroes and marks the memory broken instead of ending the process.
 *
 * One connection, one struct guest_mem, one thread.
 */
#ifndef AVSIM_VDEVICES_GUEST_MEM_H
#define AVSIM_VDEVICES_GUEST_MEM_H

#include "sim/core/err.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#define GM_MAX_REGIONS 512 /* as QEMU 10 caps them */

/* vhost-user "memory region" without the optional Xen fields. */
struct gm_region {
	uint64_t gpa;    /* guest-physical address of the first byte */
	uint64_t size;   /* bytes */
	uint64_t uva;    /* the front-end's own address of it; ring addresses */
	uint64_t offset; /* where it begins in the file */
};

struct guest_mem;

struct guest_mem *gm_create(void); /* NULL: no memory */
void gm_destroy(struct guest_mem *m);

/**
 * gm_set_table() - Replace all regions (SET_MEM_TABLE)
 * @fds:	@n of them; taken over in every case
 *
 * On failure no region is left. Return: 0; -EINVAL refused by trust.c, @err
 * says why; -errno of mmap.
 */
int gm_set_table(struct guest_mem *m, const struct gm_region *r, size_t n,
		 const int *fds, struct av_err *err);
/* One more (ADD_MEM_REG); @fd is taken over. -ENOSPC at GM_MAX_REGIONS. */
int gm_add(struct guest_mem *m, const struct gm_region *r, int fd,
	   struct av_err *err);
/* REM_MEM_REG: matches gpa, uva and size. -ENOENT. */
int gm_remove(struct guest_mem *m, const struct gm_region *r);
void gm_clear(struct guest_mem *m);
size_t gm_count(const struct guest_mem *m);

/* Grows by one with every change of the table: cached pointers are stale. */
uint64_t gm_generation(const struct guest_mem *m);

/**
 * gm_at() - Host address of guest-physical @gpa
 * @len:	in: bytes wanted, > 0; out: bytes contiguous from there, <= in
 *
 * Return: NULL if @gpa is in no region.
 */
void *gm_at(const struct guest_mem *m, uint64_t gpa, size_t *len);

/**
 * gm_iov() - [@gpa, @gpa + @len) as pieces of host memory
 *
 * Return: how many pieces (a range may span regions), 0 for @len 0;
 * -EFAULT outside any region or wrapping, -E2BIG more than @max pieces.
 */
int gm_iov(const struct guest_mem *m, uint64_t gpa, size_t len,
	   struct iovec *iov, size_t max);

/* Copy with translation. 0 or -EFAULT (nothing or a part was copied). */
int gm_read(const struct guest_mem *m, uint64_t gpa, void *buf, size_t len);

/* A ring: front-end address, contiguous in one region. NULL: it is not. */
void *gm_ring(const struct guest_mem *m, uint64_t uva, size_t len);

/* True once an access met the end of a truncated file. Until gm_clear(). */
bool gm_broken(const struct guest_mem *m);

/* ---- dirty log (VHOST_F_LOG_ALL) ---- */

/**
 * gm_set_log() - Pages written from now on are marked in @fd's bitmap
 * @fd:		taken over; -1 = no log
 */
int gm_set_log(struct guest_mem *m, int fd, uint64_t size, uint64_t offset,
	       struct av_err *err);
void gm_log_enable(struct guest_mem *m, bool on);
bool gm_logging(const struct guest_mem *m);
/* Guest-physical range was written by us. Cheap when not logging. */
void gm_dirty(struct guest_mem *m, uint64_t gpa, uint64_t len);
/* The same for host memory inside a region. */
void gm_dirty_host(struct guest_mem *m, const void *host, size_t len);
/* Whether pages were marked since the last call. */
bool gm_log_take(struct guest_mem *m);

/* ---- other files of the front-end, under the same guard ---- */

struct gm_file;
struct stat;

/* fstat() without a path behind it: the sandbox allows it. */
int gm_fstat(int fd, struct stat *st);
/* Bytes of a regular file; -1: not one, size unknown. -errno; -EMEDIUMTYPE: on
 * a file system that is not to be trusted. */
int gm_file_size(int fd, int64_t *size);
/* Map a part that trust_file() has passed; @fd stays the caller's. A truncated
 * one makes @m broken. */
int gm_file_map(struct guest_mem *m, int fd, uint64_t size, uint64_t offset,
		struct gm_file **out);
void *gm_file_data(const struct gm_file *f);
void gm_file_unmap(struct gm_file *f); /* before gm_destroy(); NULL is fine */

#endif
