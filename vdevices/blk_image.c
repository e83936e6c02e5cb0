/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "vdevices/blk_image.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

enum { PATH_LEN = 4096, READER_BYTES = 100 };

/*
 * A lock of the open file, so it ends with it, however the process ends.
 * Writers lock the whole file: QEMU, which locks single bytes from 100 on, sees
 * that too. Readers lock what is below, so that QEMU may read along.
 */
static int lock_image(int fd, const char *path, bool write, struct av_err *err)
{
	struct flock l = { .l_type = write ? F_WRLCK : F_RDLCK,
			   .l_whence = SEEK_SET,
			   .l_len = write ? 0 : READER_BYTES };

	if (!fcntl(fd, F_OFD_SETLK, &l)) {
		return 0;
	}
	if (errno == EAGAIN || errno == EACCES) {
		return av_err_set(err, -EBUSY,
				  "%s is in use by another avsim or QEMU; end "
				  "that, or add overlay=on or readonly=on to "
				  "both",
				  path);
	}
	return 0; /* a file system without locks */
}

static int measure(struct blk_image *img, struct av_err *err)
{
	struct stat st;
	off_t end;

	if (fstat(img->fd, &st) ||
	    (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode))) {
		return av_err_set(err, -EINVAL,
				  "%s is neither a file nor a block device",
				  img->path);
	}
	end = lseek(img->fd, 0, SEEK_END);
	if (end < 0) {
		return av_err_set(err, -errno, "%s: cannot tell its size: %s",
				  img->path, strerror(errno));
	}
	if (!end || end % BLK_SECTOR) {
		return av_err_set(err, -EINVAL,
				  end ? "%s: size %lld is no multiple of 512; "
					"fill it up: truncate -s %%512 FILE"
				      : "%s is empty; give it a size: truncate "
					"-s 1G FILE",
				  img->path, (long long)end);
	}
	img->sectors = (uint64_t)end / BLK_SECTOR;
	return 0;
}

static bool in_memory(int fd)
{
	struct statfs s;

	return !fstatfs(fd, &s) &&
	       (s.f_type == TMPFS_MAGIC || s.f_type == RAMFS_MAGIC);
}

/* Unnamed: gone with us, even by kill -9. */
static int unnamed_file(const char *image)
{
	char dir[PATH_LEN];
	const char *tmp = getenv("TMPDIR");
	int fd;

	snprintf(dir, sizeof(dir), "%s", image);
	fd = open(dirname(dir), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0) {
		fd = open(tmp ? tmp : "/var/tmp",
			  O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	}
	return fd < 0 ? memfd_create("avsim-overlay", MFD_CLOEXEC) : fd;
}

int blk_overlay_make(const char *path, int fd[BLK_KEEP], struct av_err *err)
{
	fd[BLK_KEEP_DATA] = unnamed_file(path);
	fd[BLK_KEEP_BITS] = memfd_create("avsim-overlay-bits", MFD_CLOEXEC);
	for (int i = 0; i < BLK_KEEP; i++) {
		if (fd[i] < 0) {
			return av_err_set(err, -errno,
					  "%s: no room for an overlay: %s",
					  path, strerror(errno));
		}
	}
	return 0;
}

static size_t held_size(const struct blk_image *img)
{
	return sizeof(*img->held) +
	       (size_t)((img->sectors + 63) / 64 * sizeof(uint64_t));
}

/* Who was here before may have been killed between any two of these. */
static int take_overlay(struct blk_image *img, const int fd[BLK_KEEP],
			struct av_err *err)
{
	off_t size = lseek(fd[BLK_KEEP_DATA], 0, SEEK_END);
	void *map;

	if (size > 0) {
		img->sectors = (uint64_t)size / BLK_SECTOR;
	}
	/* Pages of it cost memory only once they are written. */
	if (ftruncate(fd[BLK_KEEP_DATA], (off_t)(img->sectors * BLK_SECTOR)) ||
	    ftruncate(fd[BLK_KEEP_BITS], (off_t)held_size(img))) {
		return av_err_set(err, -errno, "%s: no room for an overlay: %s",
				  img->path, strerror(errno));
	}
	map = mmap(NULL, held_size(img), PROT_READ | PROT_WRITE, MAP_SHARED,
		   fd[BLK_KEEP_BITS], 0);
	if (map == MAP_FAILED) {
		return av_err_set(err, -errno, "%s: no memory for an overlay",
				  img->path);
	}
	img->held = map;
	img->overlay_fd = fd[BLK_KEEP_DATA];
	img->overlay_in_memory = in_memory(img->overlay_fd);
	return 0;
}

int blk_image_open(struct blk_image *img, const char *path, bool read_only,
		   const int *overlay, struct av_err *err)
{
	bool write = !read_only && !overlay;
	int ret;

	*img = (struct blk_image){ .path = path,
				   .overlay_fd = -1,
				   .read_only = read_only };
	/* Not blocking on a pipe of that name. */
	img->fd = open(path, (write ? O_RDWR : O_RDONLY) | O_CLOEXEC |
				     O_NOCTTY | O_NONBLOCK);
	if (img->fd < 0) {
		ret = -errno;
		return av_err_set(err, ret, "cannot open %s: %s%s", path,
				  strerror(-ret),
				  write && (ret == -EACCES || ret == -EROFS)
					  ? "; readonly=on or overlay=on does "
					    "not write to it"
					  : "");
	}
	ret = measure(img, err);
	if (!ret) {
		ret = lock_image(img->fd, path, write, err);
	}
	if (!ret && overlay) {
		ret = take_overlay(img, overlay, err);
	}
	img->in_memory = in_memory(img->fd);
	if (ret) {
		blk_image_close(img);
	}
	return ret;
}

void blk_image_close(struct blk_image *img)
{
	if (img->held) {
		munmap(img->held, held_size(img));
	}
	if (img->fd >= 0) {
		close(img->fd);
	}
	img->held = NULL;
	img->fd = img->overlay_fd = -1;
}

bool blk_image_has(const struct blk_image *img, uint64_t sector, uint64_t n)
{
	return sector <= img->sectors && n <= img->sectors - sector;
}

static bool held(const struct blk_image *img, uint64_t sector)
{
	return img->held->sector[sector / 64] >> (sector % 64) & 1;
}

int blk_image_find(const struct blk_image *img, uint64_t off, uint64_t *len)
{
	uint64_t sector = off / BLK_SECTOR;
	uint64_t end = (off + *len + BLK_SECTOR - 1) / BLK_SECTOR;
	bool here;

	if (!img->held) {
		return img->fd;
	}
	here = held(img, sector);
	for (uint64_t i = sector + 1; i < end; i++) {
		if (held(img, i) != here) {
			*len = i * BLK_SECTOR - off;
			break;
		}
	}
	return here ? img->overlay_fd : img->fd;
}

int blk_image_write_fd(const struct blk_image *img)
{
	return img->held ? img->overlay_fd : img->fd;
}

bool blk_image_in_memory(const struct blk_image *img, int fd)
{
	return fd == img->fd ? img->in_memory : img->overlay_in_memory;
}

void blk_image_wrote(struct blk_image *img, uint64_t off, uint64_t len)
{
	uint64_t end = (off + len) / BLK_SECTOR;

	for (uint64_t i = off / BLK_SECTOR; img->held && i < end; i++) {
		img->held->sector[i / 64] |= 1ULL << (i % 64);
	}
}
