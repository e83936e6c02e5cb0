/* SPDX-License-Identifier: Apache-2.0 */
/*
 * capture_feed FILE: packets of devices on standard input, as their message ports
 * bring them, into a capture. A packet: int64 t, u8 link, u8 to_guest, u16 0,
 * u32 full length, u32 length, its bytes.
 */
#include "config.h"

#include "recordings/capture.h"

#include <stdio.h>
#include <stdlib.h>

struct head {
	int64_t t;
	uint8_t link, to_guest;
	uint16_t pad;
	uint32_t full_len, len;
	uint32_t end;
};
#define HEAD_SIZE 20

int main(int argc, char **argv)
{
	struct capture_opts o = { .path = argc > 1 ? argv[1] : "",
				  .epoch_ns = 1700000000 * VT_S,
				  .title = "fed" };
	struct capture *c;
	struct av_err err = { 0 };
	struct head h;
	int refused = 0;

	if (capture_open(&o, &c, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		return 2;
	}
	while (fread(&h, HEAD_SIZE, 1, stdin) == 1) {
		char name[16], *data = malloc(h.len + 1);

		if (!data || fread(data, 1, h.len, stdin) != h.len) {
			return 2;
		}
		snprintf(name, sizeof(name), "%s0",
			 h.link < PCAP_N_LINKS ? pcap_link_names[h.link] : "?");
		refused += capture_device(c, name, h.link, h.t, h.to_guest,
					  h.full_len, data, h.len) < 0;
		free(data);
	}
	if (capture_close(c, &err) < 0) {
		fprintf(stderr, "%s\n", err.msg);
		return 2;
	}
	printf("%d refused\n", refused);
	return 0;
}
