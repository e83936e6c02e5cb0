/* SPDX-License-Identifier: Apache-2.0 */
/* virtio-blk in a thread of its own, driven by the fake guest of tests/vu, and
 * its images by themselves. */
#include "config.h"

#include "tests/unit/device_rig.h"

#include "sim/services/sock.h"
#include "vdevices/blk.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

enum { IN, OUT, FLUSH = 4, GET_ID = 8, DISCARD = 11, ZEROES = 13 };
enum { OK, IOERR, UNSUPP };

#define DISK (1 << 20)
#define SECTORS (DISK / 512)

struct rig {
	char path[64];
	struct device_rig d;
};

/* An image whose sector i is full of byte i. */
static void make_image_in(const char *folder, char path[64], off_t size)
{
	uint8_t sector[512];
	int fd;

	snprintf(path, 64, "%s/test_blk.XXXXXX", folder);
	fd = mkstemp(path);
	for (off_t at = 0; at < size; at += 512) {
		memset(sector, (int)(at / 512 & 255), 512);
		CHECK_EQ(write(fd, sector, 512), 512);
	}
	CHECK_EQ(ftruncate(fd, size > 0 ? size : 0), 0);
	close(fd);
}

static void make_image(char path[64], off_t size)
{
	make_image_in("/tmp", path, size);
}

static uint8_t byte_at(const char *path, off_t at)
{
	uint8_t b = 0xee;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	CHECK_EQ(pread(fd, &b, 1, at), 1);
	close(fd);
	return b;
}

static void opt(struct rig *r, const char *key, const char *value)
{
	r->d.args.opt[r->d.args.n_opts].key = key;
	r->d.args.opt[r->d.args.n_opts++].value = value;
}

static struct rig *rig_create_as(const char *folder,
				 const struct front_opts *as, const char *key,
				 const char *value, const char *key2,
				 const char *value2)
{
	struct front_opts fo = *as;
	struct rig *r = calloc(1, sizeof(*r));
	struct av_err err = { 0 };

	fo.queue_size = fo.queue_size ? fo.queue_size : 256;
	fo.n_queues = 2;
	fo.mem = front_mem_create(2, 4 << 20);
	make_image_in(folder, r->path, DISK);
	r->d.args = (struct vdev_args){ .name = "blk0", .seed = 1 };
	opt(r, "file", r->path);
	if (key) {
		opt(r, key, value);
	}
	if (key2) {
		opt(r, key2, value2);
	}
	device_rig_open(&r->d, "blk", &fo);
	if (front_start(r->d.f, &err)) {
		fail_msg("%s", err.msg);
	}
	return r;
}

static struct rig *rig_create_in(const char *folder, const char *key,
				 const char *value, const char *key2,
				 const char *value2)
{
	const struct front_opts fo = { .queue_size = 0 };

	return rig_create_as(folder, &fo, key, value, key2, value2);
}

static struct rig *rig_create(const char *key, const char *value,
			      const char *key2, const char *value2)
{
	return rig_create_in("/tmp", key, value, key2, value2);
}

static void tell(struct rig *r, enum port_kind kind, const char *fault,
		 double a, double b, double c)
{
	struct {
		struct port_header h;
		struct port_fault f;
	} m = { .h = { .kind = (uint16_t)kind } };

	if (fault) {
		snprintf(m.f.name, sizeof(m.f.name), "%s", fault);
		m.f.v[0] = a;
		m.f.v[1] = b;
		m.f.v[2] = c;
		m.f.v[3] = (double)NAN;
	}
	CHECK(send(r->d.port, &m,
		   fault ? sizeof(m.h) + sizeof(m.f) : sizeof(m.h), 0) > 0);
}

static void device_ends(struct rig *r)
{
	tell(r, PORT_STOP, NULL, 0, 0, 0);
	vdev_thread_join(r->d.thread);
	close(r->d.port);
}

static void rig_destroy(struct rig *r)
{
	front_close(r->d.f);
	device_ends(r);
	front_mem_destroy(r->d.mem);
	unlink(r->path);
	free(r);
}

/* The answer's status; @data moved as @type says. */
static int request_on(struct rig *r, unsigned int q, uint32_t type,
		      uint64_t sector, void *data, uint32_t len)
{
	static uint8_t out[16 + DISK], in[DISK + 1];
	bool read = type == IN || type == GET_ID;
	int n;

	memcpy(out, &type, 4);
	memset(out + 4, 0, 4);
	memcpy(out + 8, &sector, 8);
	if (!read && len) {
		memcpy(out + 16, data, len);
	}
	memset(in, 0x99, sizeof(in));
	n = front_request(r->d.f, q, out, 16 + (read ? 0 : len), in,
			  read ? len + 1 : 1, FRONT_WAIT_MS);
	if (n < 0) {
		fail_msg("%s", front_why(r->d.f));
	}
	CHECK_EQ(n, read ? len + 1 : 1);
	if (read) {
		memcpy(data, in, len);
	}
	return in[n - 1];
}

static int request(struct rig *r, uint32_t type, uint64_t sector, void *data,
		   uint32_t len)
{
	return request_on(r, 0, type, sector, data, len);
}

/* @n sectors from @sector are all of @byte. */
static void check_sectors(struct rig *r, uint64_t sector, uint32_t n,
			  uint8_t byte)
{
	static uint8_t buf[DISK];

	CHECK_EQ(request(r, IN, sector, buf, n * 512), OK);
	for (uint32_t i = 0; i < n * 512; i++) {
		CHECK_EQ(buf[i], byte);
	}
}

/* ---- requests ---- */

static void check_image_in(const char *folder)
{
	struct rig *r = rig_create_in(folder, NULL, NULL, NULL, NULL);
	uint8_t buf[8192];

	check_sectors(r, 5, 1, 5);
	memset(buf, 0xaa, sizeof(buf));
	CHECK_EQ(request(r, OUT, 10, buf, sizeof(buf)), OK);
	check_sectors(r, 10, 16, 0xaa);
	check_sectors(r, 9, 1, 9);
	check_sectors(r, 26, 1, 26);
	CHECK_EQ(request(r, FLUSH, 0, NULL, 0), OK);
	CHECK_EQ(request(r, FLUSH, 0, NULL, 0), OK);
	CHECK_EQ(byte_at(r->path, 10 * 512), 0xaa);
	CHECK_EQ(request(r, OUT, SECTORS - 1, buf, 512), OK);
	rig_destroy(r);
}

TEST(blk_reads_and_writes_the_image)
{
	check_image_in("/tmp");
}

TEST(blk_reads_and_writes_an_image_in_memory)
{
	struct blk_image img;
	struct av_err err = { 0 };
	char path[64];

	if (access("/dev/shm", W_OK)) {
		skip();
	}
	make_image_in("/dev/shm", path, 512);
	CHECK_EQ(blk_image_open(&img, path, false, NULL, &err), 0);
	CHECK(blk_image_in_memory(&img, img.fd));
	blk_image_close(&img);
	unlink(path);
	check_image_in("/dev/shm");
}

TEST(blk_refuses_what_is_not_on_the_disk)
{
	struct rig *r = rig_create(NULL, NULL, NULL, NULL);
	uint8_t buf[1024];

	memset(buf, 0xaa, sizeof(buf));
	CHECK_EQ(request(r, IN, SECTORS - 1, buf, 1024), IOERR);
	CHECK_EQ(buf[0], 0); /* nothing stale counts as written */
	CHECK_EQ(request(r, IN, SECTORS, buf, 512), IOERR);
	CHECK_EQ(request(r, OUT, SECTORS - 1, buf, 1024), IOERR);
	CHECK_EQ(request(r, OUT, UINT64_MAX, buf, 512), IOERR);
	CHECK_EQ(request(r, OUT, UINT64_MAX / 512, buf, 1024), IOERR);
	CHECK_EQ(request(r, OUT, 0, buf, 511), IOERR);
	CHECK_EQ(request(r, 99, 0, buf, 512), UNSUPP);
	CHECK_EQ(byte_at(r->path, DISK - 1), (SECTORS - 1) & 255);
	rig_destroy(r);
}

TEST(blk_tells_its_id)
{
	struct rig *r = rig_create("serial", "ABC-123", NULL, NULL);
	char id[20];

	CHECK_EQ(request(r, GET_ID, 0, id, 20), OK);
	CHECK_STR(id, "ABC-123");
	rig_destroy(r);
}

struct range {
	uint64_t sector;
	uint32_t count, flags;
};

TEST(blk_zeroes_and_discards)
{
	struct rig *r = rig_create(NULL, NULL, NULL, NULL);
	struct range two[2] = { { 8, 16, 0 }, { 100, 3, 1 } };
	struct range bad[2] = { { 200, 1, 0 }, { SECTORS - 1, 2, 0 } };
	struct range unmap = { 200, 1, 1 }, reserved = { 200, 1, 2 };
	struct range big = { 0, (1 << 22) + 1, 0 };

	CHECK_EQ(request(r, ZEROES, 0, two, sizeof(two)), OK);
	check_sectors(r, 8, 16, 0);
	check_sectors(r, 100, 3, 0);
	check_sectors(r, 7, 1, 7);
	check_sectors(r, 24, 1, 24);
	check_sectors(r, 103, 1, 103);
	/* none is touched where one is wrong */
	CHECK_EQ(request(r, ZEROES, 0, bad, sizeof(bad)), IOERR);
	CHECK_EQ(request(r, ZEROES, 0, &big, sizeof(big)), IOERR);
	CHECK_EQ(request(r, ZEROES, 0, two, 15), IOERR);
	CHECK_EQ(request(r, ZEROES, 0, two, 0), IOERR);
	CHECK_EQ(request(r, ZEROES, 0, &reserved, 16), UNSUPP);
	CHECK_EQ(request(r, DISCARD, 0, &unmap, 16), UNSUPP);
	check_sectors(r, 200, 1, 200);
	bad[1].count = 1;
	CHECK_EQ(request(r, DISCARD, 0, bad, sizeof(bad)), OK);
	check_sectors(r, 201, 1, 201);
	rig_destroy(r);
}

TEST(blk_read_only_never_writes)
{
	struct rig *r = rig_create("readonly", "on", NULL, NULL);
	struct range one = { 0, 1, 0 };
	uint8_t buf[512];

	memset(buf, 0xaa, sizeof(buf));
	CHECK(front_offered(r->d.f) & BLK_F_RO);
	CHECK(!(front_offered(r->d.f) & (BLK_F_DISCARD | BLK_F_WRITE_ZEROES)));
	CHECK_EQ(request(r, OUT, 3, buf, 512), IOERR);
	CHECK_EQ(request(r, ZEROES, 0, &one, sizeof(one)), IOERR);
	CHECK_EQ(request(r, FLUSH, 0, NULL, 0), OK);
	check_sectors(r, 3, 1, 3);
	rig_destroy(r);
}

static void check_overlay(const char *io)
{
	struct rig *r = rig_create("overlay", "on", "io", io);
	struct range gone = { 50, 4, 0 };
	uint8_t buf[DISK];

	memset(buf, 0xaa, sizeof(buf));
	CHECK_EQ(request(r, OUT, 3, buf, 512), OK);
	CHECK_EQ(request(r, OUT, 5, buf, 1024), OK);
	CHECK_EQ(request(r, ZEROES, 0, &gone, sizeof(gone)), OK);
	/* one read across image and overlay */
	CHECK_EQ(request(r, IN, 0, buf, 60 * 512), OK);
	for (int i = 0; i < 60; i++) {
		int want = i == 3 || i == 5 || i == 6 ? 0xaa
			   : i >= 50 && i < 54	      ? 0
						      : i;

		CHECK_EQ(buf[i * 512], want);
		CHECK_EQ(buf[i * 512 + 511], want);
	}
	CHECK_EQ(request(r, FLUSH, 0, NULL, 0), OK);
	CHECK_EQ(byte_at(r->path, 3 * 512), 3);
	CHECK_EQ(byte_at(r->path, 50 * 512), 50);
	rig_destroy(r);
}

TEST(blk_overlay_leaves_the_image_alone)
{
	check_overlay("auto");
	check_overlay("threads");
}

/* ---- overlays and who comes next ---- */

/* The device ends; another takes its place, with @keep, and the same guest goes
 * on with it. */
static void device_again(struct rig *r, const int *keep)
{
	struct vdev_host_opts o = { .type = vdev_type_find("blk"),
				    .args = &r->d.args,
				    .conn_fd = -1,
				    .health = &r->d.health };
	struct av_err err = { 0 };
	char path[80];
	int port[2];

	device_ends(r);
	snprintf(path, sizeof(path), "%s.sock", r->path);
	CHECK_EQ(sock_bind_unix(path, 1, &o.listen_fd, &err), 0);
	CHECK_EQ(port_pair(port), 0);
	r->d.port = port[0];
	o.port_fd = port[1];
	r->d.args.keep = keep;
	if (vdev_thread_start(&o, &r->d.thread, &err) ||
	    front_reconnect(r->d.f, path, &err)) {
		fail_msg("%s", err.msg);
	}
	unlink(path);
}

/* How often the device has said @text to the world, by now. */
static int said(struct rig *r, const char *text)
{
	struct {
		struct port_header h;
		char text[1024];
	} m;
	ssize_t n;
	int found = 0;

	while ((n = recv(r->d.port, &m, sizeof(m) - 1, MSG_DONTWAIT)) > 0) {
		((char *)&m)[n] = '\0';
		found += m.h.kind == PORT_EVENT && m.h.id == PORT_WARN &&
			 strstr(m.text, text);
	}
	return found;
}

static void keep_close(const int keep[BLK_KEEP])
{
	close(keep[BLK_KEEP_DATA]);
	close(keep[BLK_KEEP_BITS]);
}

/* Split and packed, with an in-flight table and without. */
static const struct front_opts guests[] = {
	{ .queue_size = 256 },
	{ .inflight = true },
	{ .also = VIRTIO_F_RING_PACKED },
	{ .also = VIRTIO_F_RING_PACKED, .inflight = true },
};

enum { N_GUESTS = sizeof(guests) / sizeof(guests[0]) };

static void check_taken_over(const struct front_opts *fo)
{
	struct rig *r = rig_create_as("/tmp", fo, "overlay", "on", NULL, NULL);
	struct av_err err = { 0 };
	uint8_t buf[4 * 512];
	int keep[BLK_KEEP];

	/* the rig's first one made its own; the guest goes on with ours only
	 * after it has begun anew */
	CHECK_EQ(blk_overlay_make(r->path, keep, &err), 0);
	CHECK_EQ(front_reset(r->d.f, &err), 0);
	device_again(r, keep);
	memset(buf, 0x5a, sizeof(buf));
	CHECK_EQ(request(r, OUT, 7, buf, sizeof(buf)), OK);
	CHECK_EQ(request(r, FLUSH, 0, NULL, 0), OK);
	for (int i = 0; i < 2; i++) {
		device_again(r, keep);
		check_sectors(r, 6, 1, 6);
		check_sectors(r, 7, 4, 0x5a);
		check_sectors(r, 11, 1, 11);
		CHECK_EQ(said(r, "lost"), 0);
	}
	/* nothing of it is in the image, whatever happens to that */
	CHECK_EQ(byte_at(r->path, 7 * 512), 7);
	CHECK_EQ(truncate(r->path, 4096), 0);
	device_again(r, keep);
	check_sectors(r, 8, 3, 0x5a);
	CHECK_EQ(request(r, IN, 100, buf, 512), IOERR);
	rig_destroy(r);
	keep_close(keep);
}

TEST(blk_overlay_is_as_the_device_before_left_it)
{
	for (int i = 0; i < N_GUESTS; i++) {
		check_taken_over(&guests[i]);
	}
}

/* @q: the only queue that the guest uses. */
static void check_lost(const struct front_opts *fo, unsigned int q)
{
	struct rig *r = rig_create_as("/tmp", fo, "overlay", "on", NULL, NULL);
	struct av_err err = { 0 };
	uint8_t buf[512] = { 0x5a };

	CHECK_EQ(request_on(r, q, OUT, 7, buf, 512), OK);
	device_again(r, NULL);
	CHECK_EQ(request_on(r, q, IN, 7, buf, 512), IOERR);
	CHECK_EQ(buf[0], 0);
	CHECK_EQ(request_on(r, q, IN, 3, buf, 512), IOERR);
	CHECK_EQ(request_on(r, !q, IN, 3, buf, 512), IOERR);
	CHECK_EQ(request_on(r, q, OUT, 3, buf, 512), IOERR);
	CHECK_EQ(request_on(r, q, FLUSH, 0, NULL, 0), IOERR);
	CHECK_EQ(request_on(r, q, ZEROES, 0, NULL, 0), IOERR);
	CHECK_EQ(atomic_load(&r->d.health.errors), 6);
	/* the guest pauses: no news */
	CHECK_EQ(front_stop(r->d.f, &err), 0);
	CHECK_EQ(front_start(r->d.f, &err), 0);
	CHECK_EQ(request_on(r, q, IN, 3, buf, 512), IOERR);
	CHECK_EQ(said(r, "Reboot the guest"), 1);
	/* and now it begins anew */
	CHECK_EQ(front_reset(r->d.f, &err), 0);
	CHECK_EQ(front_start(r->d.f, &err), 0);
	check_sectors(r, 7, 1, 7);
	CHECK_EQ(request_on(r, q, OUT, 7, buf, 512), OK);
	CHECK_EQ(front_stop(r->d.f, &err), 0);
	CHECK_EQ(front_start(r->d.f, &err), 0);
	check_sectors(r, 7, 1, buf[0]);
	CHECK_EQ(said(r, "Reboot the guest"), 0);
	rig_destroy(r);
}

TEST(blk_overlay_that_is_new_serves_no_guest_that_goes_on)
{
	for (int i = 0; i < N_GUESTS; i++) {
		check_lost(&guests[i], 0);
		check_lost(&guests[i], 1);
	}
}

/* Where a ring's place says nothing: after a whole number of laps. */
static void check_laps(uint64_t also, unsigned int requests)
{
	const struct front_opts fo = { .also = also, .queue_size = 8 };
	struct rig *r = rig_create_as("/tmp", &fo, "overlay", "on", NULL, NULL);
	uint8_t buf[512] = { 0x5a };

	for (unsigned int i = 0; i < requests; i++) {
		CHECK_EQ(request(r, OUT, 7, buf, 512), OK);
	}
	device_again(r, NULL);
	CHECK_EQ(request(r, IN, 7, buf, 512), IOERR);
	rig_destroy(r);
}

TEST(blk_overlay_that_is_new_knows_a_ring_that_went_round)
{
	check_laps(0, 1 << 16);
	check_laps(VIRTIO_F_RING_PACKED, 8);
}

/* ---- many at once ---- */

/* @depth reads of two sectors at once on each of two queues, from the disk. */
static void check_cold_reads(const char *io, int depth)
{
	struct rig *r = rig_create("io", io, NULL, NULL);
	uint64_t header = front_alloc(r->d.mem, 16u * 256, 64);
	uint64_t data = front_alloc(r->d.mem, 1024u * 256, 64);
	uint64_t status = front_alloc(r->d.mem, 256, 64);
	struct front_used u;
	int fd = open(r->path, O_RDONLY | O_CLOEXEC);

	fsync(fd);
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	close(fd);
	for (int i = 0; i < 2 * depth; i++) {
		struct front_buf b[3] = {
			{ header + 16u * (unsigned int)i, 16, false },
			{ data + 1024u * (unsigned int)i, 1024, true },
			{ status + (unsigned int)i, 1, true },
		};
		uint64_t sector = (uint64_t)i * 7;

		memcpy((uint8_t *)front_mem_at(r->d.mem, b[0].gpa) + 8, &sector,
		       8);
		CHECK_EQ(front_add(r->d.f, (unsigned int)i % 2, b, 3,
				   (uint64_t)i),
			 0);
	}
	front_kick(r->d.f, 0);
	front_kick(r->d.f, 1);
	for (int i = 0; i < 2 * depth; i++) {
		const uint8_t *p;

		CHECK_EQ(front_wait(r->d.f, (unsigned int)i % 2, &u,
				    FRONT_WAIT_MS),
			 0);
		CHECK_EQ(u.len, 1025);
		p = front_mem_at(r->d.mem, data + 1024 * u.cookie);
		CHECK_EQ(p[0], u.cookie * 7 & 255);
		CHECK_EQ(p[512], (u.cookie * 7 + 1) & 255);
		p = front_mem_at(r->d.mem, status + u.cookie);
		CHECK_EQ(*p, OK);
	}
	CHECK_EQ(atomic_load(&r->d.health.requests), 2 * depth);
	rig_destroy(r);
}

TEST(blk_reads_from_the_disk_by_either_engine)
{
	check_cold_reads("auto", 64);
	check_cold_reads("threads", 64);
}

TEST(blk_with_more_requests_than_it_has_room_for_takes_them_later)
{
	struct rig *r = rig_create(NULL, NULL, NULL, NULL);
	uint64_t at = front_alloc(r->d.mem, 64, 64);
	struct front_buf b[2] = { { at, 16, false }, { at + 32, 1, true } };
	struct front_used u;
	uint32_t flush = FLUSH;
	int n = 0;

	memcpy(front_mem_at(r->d.mem, at), &flush, 4);
	tell(r, PORT_FAULT, "blk-slow", 0.05, NAN, NAN);
	usleep(10000);
	for (unsigned int q = 0; q < 2; q++) {
		while (!front_add_indirect(r->d.f, q, b, 2, 0)) {
			n++;
		}
		front_kick(r->d.f, q);
	}
	CHECK(n > BLK_REQUESTS);
	for (unsigned int q = 0; q < 2; q++) {
		while (front_in_flight(r->d.f, q)) {
			CHECK_EQ(front_wait(r->d.f, q, &u, FRONT_WAIT_MS), 0);
		}
	}
	rig_destroy(r);
}

/* ---- faults ---- */

TEST(blk_fails_where_the_fault_says)
{
	struct rig *r = rig_create(NULL, NULL, NULL, NULL);
	uint8_t buf[1024];
	int failed = 0;

	memset(buf, 1, sizeof(buf));
	tell(r, PORT_FAULT, "blk-error", NAN, 10, 2);
	/* The port and the kick are two ways: wait until it is there. */
	while (request(r, IN, 10, buf, 512) == OK) {
	}
	CHECK_EQ(request(r, IN, 11, buf, 512), IOERR);
	CHECK_EQ(request(r, IN, 9, buf, 1024), IOERR);
	CHECK_EQ(request(r, IN, 9, buf, 512), OK);
	CHECK_EQ(request(r, IN, 12, buf, 512), OK);
	CHECK(atomic_load(&r->d.health.errors) >= 3);
	tell(r, PORT_FAULT, "blk-error", 0.5, NAN, NAN);
	while (request(r, IN, 12, buf, 512) == OK) {
	}
	for (int i = 0; i < 200; i++) {
		failed += request(r, IN, 0, buf, 512) == IOERR;
	}
	CHECK(failed > 50 && failed < 150);
	tell(r, PORT_CLEAR, "blk-error", NAN, NAN, NAN);
	/* gone when so many in a row are right; else the next wait would take
	 * one of its errors for its own */
	for (int right = 0; right < 64;) {
		right = request(r, IN, 10, buf, 512) == OK ? right + 1 : 0;
	}
	tell(r, PORT_FAULT, "blk-full", NAN, NAN, NAN);
	while (request(r, OUT, 20, buf, 512) == OK) {
	}
	CHECK_EQ(request(r, IN, 10, buf, 512), OK);
	rig_destroy(r);
}

TEST(blk_that_is_slow_stops_at_once)
{
	struct rig *r = rig_create(NULL, NULL, NULL, NULL);
	uint64_t at = front_alloc(r->d.mem, 64, 64);
	struct front_buf b[2] = { { at, 16, false }, { at + 32, 1, true } };
	struct front_used u;
	struct av_err err;
	uint32_t flush = FLUSH;

	memcpy(front_mem_at(r->d.mem, at), &flush, 4);
	tell(r, PORT_FAULT, "blk-slow", 3600, NAN, NAN);
	usleep(10000);
	CHECK_EQ(front_add(r->d.f, 0, b, 2, 1), 0);
	front_kick(r->d.f, 0);
	CHECK_EQ(front_stop(r->d.f, &err), 0);
	CHECK_EQ(front_get(r->d.f, 0, &u), 1);
	CHECK_EQ(u.cookie, 1);
	rig_destroy(r);
}

static void wait_for_depth(struct rig *r, uint32_t depth)
{
	for (int ms = 0; atomic_load(&r->d.health.queue_depth) != depth; ms++) {
		CHECK(ms < FRONT_WAIT_MS);
		usleep(1000);
	}
}

TEST(blk_depth_is_that_of_all_queues)
{
	struct rig *r = rig_create(NULL, NULL, NULL, NULL);
	uint64_t at = front_alloc(r->d.mem, 64, 64);
	struct front_buf b[2] = { { at, 16, false }, { at + 32, 1, true } };
	struct av_err err;
	uint32_t flush = FLUSH;

	memcpy(front_mem_at(r->d.mem, at), &flush, 4);
	tell(r, PORT_FAULT, "blk-slow", 3600, NAN, NAN);
	usleep(10000);
	for (int i = 0; i < 2; i++) {
		CHECK_EQ(front_add(r->d.f, 0, b, 2, i), 0);
	}
	front_kick(r->d.f, 0);
	wait_for_depth(r, 2);
	CHECK_EQ(front_add(r->d.f, 1, b, 2, 2), 0);
	front_kick(r->d.f, 1);
	wait_for_depth(r, 3);
	CHECK_EQ(front_stop(r->d.f, &err), 0);
	wait_for_depth(r, 0);
	rig_destroy(r);
}

/* ---- config ---- */

TEST(blk_config_says_what_it_can)
{
	struct rig *r = rig_create("queues", "3", NULL, NULL);
	uint8_t c[60];
	uint64_t capacity;

	CHECK_EQ(front_get_config(r->d.f, 0, c, sizeof(c)), 0);
	memcpy(&capacity, c, 8);
	CHECK_EQ(capacity, SECTORS);
	CHECK_EQ(c[12], BLK_SEG_MAX);
	CHECK_EQ(c[21], 2); /* 512 */
	CHECK_EQ(c[32], 1); /* write back */
	CHECK_EQ(c[34], 3);
	CHECK_EQ(c[56], 1); /* zeroes may unmap */
	rig_destroy(r);
}

TEST(blk_cache_mode_is_all_that_a_driver_sets)
{
	struct rig *r = rig_create(NULL, NULL, NULL, NULL);
	uint8_t c[60], zero = 0, two = 2, buf[512] = { 1 };

	CHECK_EQ(front_set_config(r->d.f, 32, &zero, 1, 0), 0);
	CHECK_EQ(front_get_config(r->d.f, 0, c, sizeof(c)), 0);
	CHECK_EQ(c[32], 0);
	CHECK_EQ(request(r, OUT, 4, buf, 512), OK); /* written through */
	c[32] = 1;
	CHECK_EQ(front_set_config(r->d.f, 0, c, sizeof(c), 0), 0);
	CHECK_EQ(front_set_config(r->d.f, 32, &two, 1, 0), -EREMOTEIO);
	CHECK_EQ(front_set_config(r->d.f, 0, &two, 1, 0), -EREMOTEIO);
	CHECK_EQ(front_get_config(r->d.f, 0, c, sizeof(c)), 0);
	CHECK_EQ(c[32], 1);
	rig_destroy(r);
}

/* ---- options and images ---- */

static void check_refused(const char *key, const char *value, off_t size,
			  const char *why)
{
	struct rig r = { .d = { .args = { .name = "blk0" } } };
	struct av_err err = { 0 };

	make_image(r.path, size);
	if (size >= 0) {
		opt(&r, "file", r.path);
	}
	if (key) {
		opt(&r, key, value);
	}
	if (!strcmp(why, "readonly=on leaves")) {
		opt(&r, "readonly", "on");
	}
	CHECK(device_rig_start(&r.d, "blk", -1, &err) < 0);
	if (!strstr(err.msg, why)) {
		fail_msg("'%s' does not say '%s'", err.msg, why);
	}
	close(r.d.port);
	unlink(r.path);
}

TEST(blk_says_what_is_wrong_with_its_options)
{
	check_refused(NULL, NULL, 1000, "size 1000 is no multiple of 512");
	check_refused(NULL, NULL, 1000, "truncate -s %512");
	check_refused(NULL, NULL, 0, "is empty");
	check_refused("file", "/nonexistent/x.raw", -1,
		      "cannot open /nonexistent/x.raw: No such file");
	check_refused("file", "/dev/null", -1, "neither a file nor");
	check_refused(NULL, NULL, -1, "no image; add file=FILE");
	check_refused("queues", "17", 512, "queues is '17', not 1 to 16");
	check_refused("queues", "x", 512, "queues is 'x'");
	check_refused("io", "fast", 512, "io is 'fast'");
	check_refused("overlay", "yes", 512, "overlay is 'yes', not on or off");
	check_refused("serial", "123456789012345678901", 512, "more than 20");
	check_refused("overlay", "on", 512, "readonly=on leaves");
}

TEST(blk_image_has_one_writer)
{
	struct blk_image a, b;
	struct av_err err = { 0 };
	int keep[BLK_KEEP];
	char path[64];

	make_image(path, 512);
	CHECK_EQ(blk_image_open(&a, path, false, NULL, &err), 0);
	CHECK_EQ(blk_image_open(&b, path, false, NULL, &err), -EBUSY);
	CHECK(strstr(err.msg, path) && strstr(err.msg, "in use"));
	CHECK_EQ(blk_image_open(&b, path, true, NULL, &err), -EBUSY);
	blk_image_close(&a);
	CHECK_EQ(blk_image_open(&a, path, true, NULL, &err), 0);
	CHECK_EQ(blk_overlay_make(path, keep, &err), 0);
	CHECK_EQ(blk_image_open(&b, path, false, keep, &err), 0);
	blk_image_close(&b);
	CHECK_EQ(blk_image_open(&b, path, false, NULL, &err), -EBUSY);
	blk_image_close(&a);
	keep_close(keep);
	unlink(path);
}

TEST(blk_image_shrunk_underneath_is_an_error_of_requests)
{
	struct rig *r = rig_create(NULL, NULL, NULL, NULL);
	uint8_t buf[512];

	CHECK_EQ(truncate(r->path, 4096), 0);
	CHECK_EQ(request(r, IN, 100, buf, 512), IOERR);
	check_sectors(r, 1, 1, 1);
	rig_destroy(r);
}

int main(void)
{
	return RUN_TESTS(
		T(blk_reads_and_writes_the_image),
		T(blk_reads_and_writes_an_image_in_memory),
		T(blk_refuses_what_is_not_on_the_disk), T(blk_tells_its_id),
		T(blk_zeroes_and_discards), T(blk_read_only_never_writes),
		T(blk_overlay_leaves_the_image_alone),
		T(blk_overlay_is_as_the_device_before_left_it),
		T(blk_overlay_that_is_new_serves_no_guest_that_goes_on),
		T(blk_overlay_that_is_new_knows_a_ring_that_went_round),
		T(blk_reads_from_the_disk_by_either_engine),
		T(blk_with_more_requests_than_it_has_room_for_takes_them_later),
		T(blk_fails_where_the_fault_says),
		T(blk_that_is_slow_stops_at_once),
		T(blk_depth_is_that_of_all_queues),
		T(blk_config_says_what_it_can),
		T(blk_cache_mode_is_all_that_a_driver_sets),
		T(blk_says_what_is_wrong_with_its_options),
		T(blk_image_has_one_writer),
		T(blk_image_shrunk_underneath_is_an_error_of_requests));
}
