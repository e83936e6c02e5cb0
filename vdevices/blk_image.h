/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A raw disk image: a file or block device, locked against a second writer,
 * and where asked a throw-away overlay: a temporary sparse file that takes all
 * writes, with a bitmap of the sectors that it holds.
 *
 * An overlay outlives the process that writes to it: a sector's bit is set once
 * its bytes are in the file, both lie in the kernel's memory, and whoever comes
 * next finds there all that was answered for.
 */
#ifndef AVSIM_VDEVICES_BLK_IMAGE_H
#define AVSIM_VDEVICES_BLK_IMAGE_H

#include "sim/core/err.h"

#include <stdbool.h>
#include <stdint.h>

#define BLK_SECTOR 512

/* An overlay's descriptors. */
enum { BLK_KEEP_DATA, BLK_KEEP_BITS, BLK_KEEP };

/* What lies in the second. */
struct blk_held {
	uint64_t begun; /* a guest began on it; the device's, see dev_blk.c */
	uint64_t sector[]; /* bit per sector */
};

struct blk_image {
	const char *path; /* borrowed */
	int fd;
	int overlay_fd; /* borrowed; -1: none */
	bool read_only;
	bool in_memory, overlay_in_memory; /* tmpfs and the like */
	uint64_t sectors;
	struct blk_held *held; /* overlay: NULL none */
};

/* An empty overlay for the image at @path, beside it where that is possible. */
int blk_overlay_make(const char *path, int fd[BLK_KEEP], struct av_err *err);

/**
 * blk_image_open() - Open and lock
 * @overlay:	of blk_overlay_make(), borrowed, or NULL; an image that has
 *		grown or shrunk under one is as large as it was at first
 *
 * Return: 0; -errno with @err: not there, not a multiple of 512 bytes, in use.
 */
int blk_image_open(struct blk_image *img, const char *path, bool read_only,
		   const int *overlay, struct av_err *err);
void blk_image_close(struct blk_image *img);

/* [@sector, @sector + @n) lies inside. */
bool blk_image_has(const struct blk_image *img, uint64_t sector, uint64_t n);

/**
 * blk_image_find() - Which file has the bytes at @off
 * @len:	in: bytes wanted; out: bytes that this file has in a row
 *
 * For reading; writes all go to blk_image_write_fd(). Return: descriptor.
 */
int blk_image_find(const struct blk_image *img, uint64_t off, uint64_t *len);
int blk_image_write_fd(const struct blk_image *img);
/* Its bytes lie in memory, always. */
bool blk_image_in_memory(const struct blk_image *img, int fd);
/* These bytes (whole sectors) are in the overlay now. */
void blk_image_wrote(struct blk_image *img, uint64_t off, uint64_t len);

#endif
