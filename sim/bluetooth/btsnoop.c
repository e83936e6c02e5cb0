/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "sim/bluetooth/btsnoop.h"

#include "sim/core/be.h"
#include "sim/core/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* of 1970 on the clock of these files, which starts in year 0; us */
#define EPOCH INT64_C(0x00dcddb30f2f8000)

enum { RECEIVED = 1, COMMAND_OR_EVENT = 2 };

struct btsnoop {
	FILE *out;
	char *path;
	struct bluetooth *of;
	int64_t epoch_ns;
	bool failed;
};

static void put(struct btsnoop *b, const void *buf, size_t len)
{
	if (!b->failed && fwrite(buf, 1, len, b->out) != len) {
		b->failed = true;
		av_log(AV_LOG_ERR, "bluetooth",
		       "capture %s stopped: %s; the run goes on without",
		       b->path, strerror(errno));
	}
}

static void on_packet(void *ctx, vtime now, enum bt_dir dir, const uint8_t *h4,
		      size_t len)
{
	struct btsnoop *b = ctx;
	uint8_t head[24];
	uint64_t us = (uint64_t)(EPOCH + (b->epoch_ns + now) / VT_US);

	av_put_be32(head, (uint32_t)len);
	av_put_be32(head + 4, (uint32_t)len);
	av_put_be32(head + 8,
		    (dir == BT_TO_HOST ? RECEIVED : 0u) |
			    (h4[0] == H4_COMMAND || h4[0] == H4_EVENT ?
				     COMMAND_OR_EVENT :
				     0u));
	av_put_be32(head + 12, 0); /* none dropped */
	av_put_be32(head + 16, (uint32_t)(us >> 32));
	av_put_be32(head + 20, (uint32_t)us);
	put(b, head, sizeof(head));
	put(b, h4, len);
}

int btsnoop_open(const char *path, struct bluetooth *of, int64_t epoch_ns,
		 struct btsnoop **out, struct av_err *err)
{
	static const char head[16] = "btsnoop\0\0\0\0\1\0\0\3\xea";
	struct btsnoop *b = calloc(1, sizeof(*b));
	int ret;

	if (!b) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	b->of = of;
	b->epoch_ns = epoch_ns;
	b->path = strdup(path);
	b->out = fopen(path, "wbe");
	if (!b->path || !b->out) {
		ret = av_err_set(err, b->path ? -errno : -ENOMEM,
				 "cannot write %s: %s", path, strerror(errno));
		goto fail;
	}
	ret = bluetooth_tap(of, on_packet, b);
	if (ret < 0) {
		av_err_set(err, ret, "too many captures of Bluetooth at once");
		goto fail;
	}
	put(b, head, sizeof(head));
	*out = b;
	return 0;

fail:
	if (b->out) {
		fclose(b->out);
	}
	free(b->path);
	free(b);
	return ret;
}

void btsnoop_close(struct btsnoop *b)
{
	if (!b) {
		return;
	}
	bluetooth_untap(b->of, on_packet, b);
	if (fclose(b->out) != 0 && !b->failed) {
		av_log(AV_LOG_ERR, "bluetooth", "capture %s is not complete: %s",
		       b->path, strerror(errno));
	}
	free(b->path);
	free(b);
}
