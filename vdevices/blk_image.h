/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A raw disk image: a file or block device, locked against a second writer,
 * and where asked a throw-away overlay: a temporary sparse file that takes all
 * writes, with a bitmap of the sectors that it holds.
 */
#ifndef AVSIM_VDEVICES_BLK_IMAGE_H
#define AVSIM_VDEVICES_BLK_IMAGE_H

#include "sim/core/err.h"

#include <stdbool.h>
#include <stdint.h>

#define BLK_SECTOR 512

struct blk_image {
	const char *path; /* borrowed */
	int fd;
	int overlay_fd; /* -1: none */
	bool read_only;
	bool in_memory, overlay_in_memory; /* tmpfs and the like */
	uint64_t sectors;
	uint64_t *held; /* overlay: bit per sector */
};

/**
 * blk_image_open() - Open and lock
 *
 * Return: 0; -errno with @err: not there, not a multiple of 512 bytes, in use.
 */
int blk_image_open(struct blk_image *img, const char *path, bool read_only,
		   bool overlay, struct av_err *err);
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
