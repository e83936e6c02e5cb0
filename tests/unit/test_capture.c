/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "tests/unit/test.h"

#include "recordings/capture.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define EPOCH (1700000000 * VT_S)

static char dir[] = "/tmp/avsim-capture-XXXXXX", path[64];

static struct capture *open_as(const char *name, const char *only)
{
	struct capture_opts o = { .path = path,
				  .only = only,
				  .epoch_ns = EPOCH,
				  .title = "test" };
	struct capture *c;
	struct av_err err;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	unlink(path);
	CHECK_EQ(capture_open(&o, &c, &err), 0);
	return c;
}

static uint8_t file[1 << 20];

static size_t read_file(void)
{
	FILE *f = fopen(path, "rbe");
	size_t n;

	CHECK(f);
	n = fread(file, 1, sizeof(file), f);
	fclose(f);
	return n;
}

static uint32_t le32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
	       (uint32_t)p[3] << 24;
}

/* The @n-th block of @type, or NULL; all blocks are checked for their frame. */
static const uint8_t *block(uint32_t type, int n)
{
	size_t len = read_file(), at = 0;
	const uint8_t *found = NULL;

	while (at < len) {
		uint32_t size = le32(file + at + 4);

		CHECK(size >= 12 && size % 4 == 0 && size <= len - at);
		CHECK_EQ(le32(file + at + size - 4), size);
		if (le32(file + at) == type && n-- == 0) {
			found = file + at;
		}
		at += size;
	}
	return found;
}

/* Value of option @code behind @head bytes of a block; NULL: not there. */
static const uint8_t *option_of(const uint8_t *b, size_t head, unsigned int code)
{
	const uint8_t *p = b + head, *end = b + le32(b + 4) - 4;

	while (p < end && (p[0] | p[1] << 8) != 0) {
		unsigned int len = (unsigned int)(p[2] | p[3] << 8);

		if ((unsigned int)(p[0] | p[1] << 8) == code) {
			return p + 4;
		}
		p += 4 + (len + 3) / 4 * 4;
	}
	return NULL;
}

static const uint8_t *packet_option(const uint8_t *b, unsigned int code)
{
	return option_of(b, 28 + (le32(b + 20) + 3) / 4 * 4, code);
}

static struct can_frame frame(vtime t, uint8_t len)
{
	struct can_frame f = { .t = t, .id = 0x123, .len = len };

	for (unsigned int i = 0; i < len; i++) {
		f.data[i] = (uint8_t)(i + 1);
	}
	return f;
}

static char *buses[] = { (char *)(uintptr_t) "pt", (char *)(uintptr_t) "body" };

TEST(pcap_can_lays_frames_out_as_socketcan_does)
{
	struct can_frame f = frame(0, 3);
	uint8_t b[PCAP_CAN_MAX];

	CHECK_EQ(pcap_can(&f, b), 11);
	assert_memory_equal(b, "\0\0\x01\x23\x03\0\0\0\x01\x02\x03", 11);
	f.flags = CAN_EXT;
	f.id = 0x1abcdef0;
	pcap_can(&f, b);
	assert_memory_equal(b, "\x9a\xbc\xde\xf0", 4);
	f = frame(0, 4);
	f.flags = CAN_RTR; /* a length, but no data */
	CHECK_EQ(pcap_can(&f, b), 8);
	assert_memory_equal(b, "\x40\0\x01\x23\x04", 5);
	f = frame(0, 8);
	f.flags = CAN_ERR;
	CHECK_EQ(pcap_can(&f, b), 16);
	assert_memory_equal(b, "\x20\0\x01\x23\x08\0", 6);
	f = frame(0, 64);
	f.flags = CAN_FD;
	CHECK_EQ(pcap_can(&f, b), 72);
	CHECK_EQ(b[5], 4);
	f.flags = CAN_FD | CAN_BRS | CAN_ESI;
	pcap_can(&f, b);
	CHECK_EQ(b[4], 64);
	CHECK_EQ(b[5], 7);
}

TEST(capture_holds_buses_and_devices_on_one_timeline)
{
	static const uint8_t hci[] = { 1, 3, 12, 0 };
	uint8_t net[60] = { 0 }, vsock[50] = { 3, [8] = 2, [24] = 6, [30] = 5 };
	struct capture *c = open_as("a.pcapng", NULL);
	struct capture_counts n;
	struct can_frame f = frame(1500 * VT_MS, 8);
	struct av_err err;
	const uint8_t *b;

	CHECK_EQ(capture_buses(c, buses, 2, &err), 0);
	f.bus = 1;
	capture_can(c, &f);
	f.tx = true;
	capture_can(c, &f);
	CHECK_EQ(capture_device(c, "net0", PCAP_NET, 2 * VT_S, true, 70000, net,
				sizeof(net)), 0);
	CHECK_EQ(capture_device(c, "bt0", PCAP_BT, 3 * VT_S, false, 0, hci,
				sizeof(hci)), 0);
	CHECK_EQ(capture_device(c, "bt0", PCAP_BT, 3 * VT_S, true, 0, hci,
				sizeof(hci)), 0);
	CHECK_EQ(capture_device(c, "vsock0", PCAP_VSOCK, 4 * VT_S, false, 0,
				vsock, sizeof(vsock)), 0);
	capture_counts(c, &n);
	CHECK_EQ(n.packets[PCAP_CAN], 2);
	CHECK_EQ(n.packets[PCAP_BT], 2);
	CHECK_EQ(capture_close(c, &err), 0);

	/* link types and names in order of appearance */
	static const struct {
		uint8_t type[2];
		const char *name;
	} want[] = { { { 227, 0 }, "pt" },
		     { { 227, 0 }, "body" },
		     { { 1, 0 }, "net0" },
		     { { 201, 0 }, "bt0" },
		     { { 15, 1 }, "vsock0" } };

	for (int i = 0; i < 5; i++) {
		b = block(1, i);
		CHECK(b);
		assert_memory_equal(b + 8, want[i].type, 2);
		CHECK(le32(b + 12) >= 65549);
		assert_memory_equal(option_of(b, 16, 2), want[i].name,
				    strlen(want[i].name));
		CHECK_EQ(*option_of(b, 16, 9), 9);
	}
	CHECK(!block(1, 5));
	b = block(6, 0);
	CHECK_EQ(le32(b + 8), 1);
	CHECK_EQ((uint64_t)le32(b + 12) << 32 | le32(b + 16),
		 EPOCH + 1500 * VT_MS);
	CHECK_EQ(le32(packet_option(b, 2)), 1); /* in */
	b = block(6, 1);
	CHECK_EQ(le32(packet_option(b, 2)), 2); /* out */
	b = block(6, 2);
	CHECK_EQ(le32(b + 20), 60);
	CHECK_EQ(le32(b + 24), 70000);
	assert_memory_equal(block(6, 3) + 28, "\0\0\0\0\x01\x03", 6);
	assert_memory_equal(block(6, 4) + 28, "\0\0\0\x01\x01\x03", 6);
	b = block(6, 5);
	CHECK_EQ(le32(b + 20), 32 + 50);
	assert_memory_equal(b + 28, vsock, 24);
	assert_memory_equal(b + 28 + 24, "\x04\0\x02\0\x2c\0\0\0", 8);
	assert_memory_equal(b + 28 + 32, vsock, 50);
	CHECK_EQ(le32(option_of(block(5, 3), 20, 4)), 2); /* statistics of bt0 */
}

TEST(capture_names_the_vsock_operation)
{
	/* INVALID REQUEST RESPONSE RST SHUTDOWN RW UPDATE REQUEST, unknown */
	static const uint8_t want[] = { 0, 1, 1, 2, 2, 4, 3, 3, 0 };
	uint8_t h[44] = { 0 };
	struct capture *c = open_as("a.pcapng", NULL);
	struct av_err err;

	for (unsigned int i = 0; i < sizeof(want); i++) {
		h[30] = (uint8_t)i;
		CHECK_EQ(capture_device(c, "v", PCAP_VSOCK, 0, true, 0, h, 44),
			 0);
	}
	CHECK_EQ(capture_close(c, &err), 0);
	for (unsigned int i = 0; i < sizeof(want); i++) {
		CHECK_EQ(block(6, (int)i)[28 + 24], want[i]);
	}
}

TEST(capture_refuses_what_no_device_can_send)
{
	static uint8_t data[PCAP_SNAPLEN + 100];
	struct capture *c = open_as("a.pcapng", NULL);
	struct av_err err;

	CHECK_EQ(capture_device(c, "x", PCAP_N_LINKS, 0, true, 0, data, 100),
		 -EBADMSG);
	CHECK_EQ(capture_device(c, "x", 255, 0, true, 0, data, 100), -EBADMSG);
	CHECK_EQ(capture_device(c, "x", PCAP_CAN, 0, true, 0, data, 100),
		 -EBADMSG);
	CHECK_EQ(capture_device(c, "x", PCAP_VSOCK, 0, true, 0, data, 43),
		 -EBADMSG);
	CHECK_EQ(capture_device(c, "x", PCAP_BT, 0, true, 0, data, 0),
		 -EBADMSG);
	CHECK_EQ(capture_device(c, "x", PCAP_NET, 0, true, 0, data, 13),
		 -EBADMSG);
	/* a length beyond reason, a packet beyond the limit, time before all */
	CHECK_EQ(capture_device(c, "x", PCAP_VSOCK, INT64_MIN / 2, true,
				SIZE_MAX, data, sizeof(data)), 0);
	CHECK_EQ(capture_close(c, &err), 0);
	CHECK_EQ(le32(block(6, 0) + 20), PCAP_SNAPLEN);
	CHECK(le32(block(6, 0) + 24) >= PCAP_SNAPLEN);
	CHECK_EQ(le32(block(6, 0) + 12) + le32(block(6, 0) + 16), 0);
	CHECK(!block(6, 1));
}

TEST(capture_only_takes_what_is_selected)
{
	struct capture *c = open_as("a.pcapng", "can:body,net");
	struct can_frame f = frame(0, 8);
	uint8_t data[60] = { 0 };
	struct av_err err;

	CHECK_EQ(capture_buses(c, buses, 2, &err), 0);
	capture_can(c, &f);
	f.bus = 1;
	capture_can(c, &f);
	f.bus = 7; /* there is no such bus */
	capture_can(c, &f);
	CHECK_EQ(capture_device(c, "bt0", PCAP_BT, 0, true, 0, data, 9), 0);
	CHECK_EQ(capture_device(c, "net0", PCAP_NET, 0, true, 0, data, 60), 0);
	CHECK_EQ(capture_close(c, &err), 0);
	CHECK(block(1, 1) && !block(1, 2));
	CHECK_EQ(le32(block(6, 0) + 8), 0); /* body is number 0 of this file */
	CHECK_EQ(le32(block(6, 1) + 8), 1);
	CHECK(!block(6, 2));
}

TEST(capture_says_how_many_packets_are_missing)
{
	struct capture *c = open_as("a.pcapng", NULL);
	struct capture_counts n;
	uint8_t data[60] = { 0 };
	struct av_err err;

	capture_device(c, "net0", PCAP_NET, 0, true, 0, data, 60);
	capture_device_lost(c, "net0", PCAP_NET, 4);
	capture_device_lost(c, "net0", PCAP_NET, 3);
	capture_device_lost(c, "net0", 99, 3);
	capture_device(c, "net0", PCAP_NET, 0, true, 0, data, 60);
	capture_device(c, "net0", PCAP_NET, 0, true, 0, data, 60);
	capture_counts(c, &n);
	CHECK_EQ(n.lost, 7);
	CHECK_EQ(capture_close(c, &err), 0);
	CHECK(!packet_option(block(6, 0), 4));
	CHECK_EQ(le32(packet_option(block(6, 1), 4)), 7);
	CHECK(!packet_option(block(6, 2), 4));
	CHECK_EQ(le32(option_of(block(5, 0), 20, 4)), 10); /* received */
	CHECK_EQ(le32(option_of(block(5, 0), 20, 5)), 7);  /* of these dropped */
}

/* More than all buffers, faster than any disk: CAN is all there, and what of a
 * device is missing is counted. */
TEST(capture_keeps_all_frames_and_counts_lost_packets)
{
	static uint8_t data[60000];
	struct capture *c = open_as("a.pcapng", NULL);
	struct can_frame f = frame(0, 8);
	struct capture_counts n;
	struct av_err err;
	struct stat st;

	CHECK_EQ(capture_buses(c, buses, 1, &err), 0);
	for (int i = 0; i < 1500; i++) {
		capture_device(c, "net0", PCAP_NET, 0, true, 0, data,
			       sizeof(data));
		capture_can(c, &f);
	}
	capture_counts(c, &n);
	CHECK_EQ(n.packets[PCAP_CAN], 1500);
	CHECK_EQ(n.packets[PCAP_NET] + n.lost, 1500);
	CHECK_EQ(capture_close(c, &err), 0);
	CHECK_EQ(stat(path, &st), 0);
	CHECK(st.st_size > (off_t)n.packets[PCAP_NET] * 60000 + 1500 * 40);
	unlink(path);
}

TEST(capture_classic_pcap_holds_one_interface)
{
	struct capture *c = open_as("a.pcap", NULL);
	struct can_frame f = frame(1500 * VT_MS, 8);
	struct av_err err = { 0 };
	uint8_t data[60] = { 0 };

	CHECK_EQ(capture_buses(c, buses, 2, &err), -EINVAL);
	CHECK(strstr(err.msg, "can:body"));
	CHECK_EQ(capture_close(c, &err), 0);
	c = open_as("a.pcap", "can:body,net");
	CHECK_EQ(capture_buses(c, buses, 2, &err), 0);
	f.bus = 1;
	capture_can(c, &f);
	/* a second one at run time: told, not taken */
	CHECK_EQ(capture_device(c, "net0", PCAP_NET, 0, true, 0, data, 60), 0);
	CHECK_EQ(capture_close(c, &err), 0);
	CHECK_EQ(read_file(), 24 + 16 + 16);
	CHECK_EQ(le32(file), 0xa1b23c4d);
	CHECK_EQ(le32(file + 20), 227);
	CHECK_EQ(le32(file + 24), 1700000001);
	CHECK_EQ(le32(file + 28), 500000000);
	CHECK_EQ(le32(file + 32), 16);
	CHECK_EQ(le32(file + 36), 16);
}

TEST(capture_does_not_replace_a_file)
{
	struct capture *c = open_as("a.pcapng", NULL);
	struct capture_opts o = { .path = path, .title = "second" };
	struct av_err err;

	CHECK_EQ(capture_close(c, &err), 0);
	CHECK_EQ(capture_open(&o, &c, &err), -EEXIST);
	CHECK(strstr(err.msg, "remove it"));
}

TEST(capture_waits_until_all_is_written)
{
	struct capture *c = open_as("a.pcapng", NULL);
	struct can_frame f = { .len = 1 };
	char *name[] = { "a" };
	struct av_err err;

	CHECK_EQ(capture_buses(c, name, 1, &err), 0);
	CHECK(capture_waits(c));
	for (int i = 0; i < 2; i++) {
		while (capture_waits(c)) {
			capture_tick(c);
			usleep(100);
		}
		CHECK_EQ(block(6, i - 1) != NULL, i > 0);
		capture_can(c, &f);
		CHECK(capture_waits(c));
	}
	CHECK_EQ(capture_close(c, &err), 0);
}

TEST(capture_on_a_full_disk_stops_at_a_whole_packet)
{
	struct rlimit old, limit;
	struct capture *c = open_as("a.pcapng", NULL);
	struct can_frame f = frame(0, 8);
	struct av_err err = { 0 };
	int n = 0;

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &old);
	limit = old;
	limit.rlim_cur = 100001;
	setrlimit(RLIMIT_FSIZE, &limit);
	CHECK_EQ(capture_buses(c, buses, 1, &err), 0);
	while (capture_status(c, &err) == 0) {
		f.t += VT_MS;
		capture_can(c, &f);
		if (++n % 100 == 0) {
			capture_tick(c);
			usleep(100);
		}
	}
	capture_can(c, &f); /* goes nowhere, quietly */
	CHECK_EQ(capture_status(c, &err), -EFBIG);
	CHECK(strstr(err.msg, path));
	CHECK_EQ(capture_close(c, &err), -EFBIG);
	setrlimit(RLIMIT_FSIZE, &old);
	CHECK(read_file() > 100001 - 64 && read_file() <= 100001);
	CHECK(block(6, 0));
}

TEST(pcap_whole_is_what_can_be_read)
{
	static const struct can_frame f = { .len = 8 };
	uint8_t data[PCAP_CAN_MAX], buf[1000];
	struct pcap_packet k = { .data = data, .len = pcap_can(&f, data) };

	for (int v = PCAP_NG; v <= PCAP_CLASSIC; v++) {
		size_t end[4];

		end[0] = pcap_section(v, buf, "app", "note");
		end[1] = end[0] + pcap_interface(v, buf + end[0], PCAP_CAN, "x");
		end[2] = end[1] + pcap_packet(v, buf + end[1], &k);
		end[3] = end[2] + pcap_packet(v, buf + end[2], &k);
		for (size_t len = 0; len <= end[3]; len++) {
			size_t want = 0;

			for (int i = 0; i < 4; i++) {
				want = end[i] <= len ? end[i] : want;
			}
			CHECK_EQ(pcap_whole(v, buf, len, true), want);
		}
		CHECK_EQ(pcap_whole(v, buf + end[1], end[3] - end[1] - 1,
				    false),
			 end[2] - end[1]);
	}
}

static int set_up(void **state)
{
	(void)state;
	return mkdtemp(dir) ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	unlink(path);
	snprintf(path, sizeof(path), "%s/a.pcapng", dir);
	unlink(path);
	snprintf(path, sizeof(path), "%s/a.pcap", dir);
	unlink(path);
	return rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(pcap_can_lays_frames_out_as_socketcan_does),
		T(capture_holds_buses_and_devices_on_one_timeline),
		T(capture_names_the_vsock_operation),
		T(capture_refuses_what_no_device_can_send),
		T(capture_only_takes_what_is_selected),
		T(capture_says_how_many_packets_are_missing),
		T(capture_keeps_all_frames_and_counts_lost_packets),
		T(capture_classic_pcap_holds_one_interface),
		T(capture_does_not_replace_a_file),
		T(pcap_whole_is_what_can_be_read),
		T(capture_waits_until_all_is_written),
		T(capture_on_a_full_disk_stops_at_a_whole_packet),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
