/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A guest's vsock packets, with services that write, hold, end and close at any
 * moment and buffers that come and go. Structure-aware: a byte picks what
 * happens, those after it the details.
 */
#include "config.h"

#include "vdevices/vsock.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { STREAMS = 16, CID = 3 };

struct world {
	const uint8_t *p;
	size_t left;
	struct av_stream *s[STREAMS];
	unsigned int n;
	ssize_t room;
	unsigned int buffers;
};

static uint8_t byte(struct world *w)
{
	if (!w->left) {
		return 0;
	}
	w->left--;
	return *w->p++;
}

static uint32_t word(struct world *w)
{
	uint32_t v = 0;

	for (int i = 0; i < 4; i++) {
		v = v << 8 | byte(w);
	}
	return v;
}

/* ---- services ---- */

static void forget(struct world *w, struct av_stream *s)
{
	for (unsigned int i = 0; i < STREAMS; i++) {
		if (w->s[i] == s) {
			w->s[i] = NULL;
		}
	}
}

static void act(struct world *w, struct av_stream *s, uint8_t what)
{
	static const uint8_t zeros[70000];

	switch (what % 8) {
	case 0:
		av_stream_write(s, zeros, what);
		break;
	case 1:
		av_stream_write(s, zeros, sizeof(zeros));
		break;
	case 2:
		av_stream_hold(s, true);
		break;
	case 3:
		av_stream_hold(s, false);
		break;
	case 4:
		av_stream_end(s);
		break;
	case 5:
		forget(w, s);
		s->user = NULL; /* no call may come any more */
		av_stream_close(s);
		break;
	default:
		break;
	}
}

static void on_data(struct av_stream *s, const void *buf, size_t len)
{
	struct world *w = s->user;

	if (len && ((const uint8_t *)buf)[0] == 1) {
		av_stream_write(s, buf, len); /* an echo */
	}
	act(w, s, byte(w));
}

static void on_event(struct av_stream *s)
{
	struct world *w = s->user;

	act(w, s, byte(w));
}

static void on_closed(struct av_stream *s)
{
	forget(s->user, s);
}

static void adopt(struct world *w, struct av_stream *s)
{
	s->user = w;
	s->on_data = on_data;
	s->on_writable = on_event;
	s->on_eof = w->n % 2 ? on_event : NULL;
	s->on_closed = on_closed;
	if (!w->s[w->n % STREAMS]) {
		w->s[w->n % STREAMS] = s;
	}
	w->n++;
}

static int open_port(void *ctx, struct vsock_guest *g, uint32_t port,
		     enum vsock_type type, struct av_stream *s)
{
	(void)g;
	(void)type;
	if (port % 8 == 7) {
		return -ECONNREFUSED;
	}
	adopt(ctx, s);
	return 0;
}

/* ---- the guest ---- */

static ssize_t room(void *ctx)
{
	struct world *w = ctx;

	return w->buffers ? w->room : -1;
}

static void send_(void *ctx, const struct vsock_hdr *h, const void *data)
{
	struct world *w = ctx;
	static uint8_t copy[VSOCK_PAYLOAD_MAX];
	uint32_t len = le32toh(h->len);

	if (!w->buffers || (ssize_t)len > w->room) {
		abort();
	}
	w->buffers--;
	if (len) {
		memcpy(copy, data, len);
	}
}

static void wake(void *ctx)
{
	(void)ctx;
}

static void packet(struct world *w, struct vsock_guest *g)
{
	static uint8_t payload[VSOCK_PAYLOAD_MAX];
	uint8_t op = byte(w), odd = byte(w), ports = byte(w);
	struct vsock_hdr h = {
		.src_cid = htole64(odd & 1 ? word(w) : CID),
		.dst_cid = htole64(odd & 2 ? word(w) : VSOCK_CID_HOST),
		.src_port = htole32(ports >> 4),
		.dst_port = htole32(odd & 4 ? word(w) : ports & 15),
		.type = htole16(odd & 8 ? byte(w) : 1 + (ports & 1)),
		.op = htole16(op & 15),
		.flags = htole32(op >> 4),
		.buf_alloc = htole32(odd & 16 ? word(w) : 65536),
		.fwd_cnt = htole32(odd & 32 ? word(w) : 0),
	};

	if ((op & 15) == VSOCK_OP_RW) {
		h.len = htole32(odd & 64 ? VSOCK_PAYLOAD_MAX : byte(w));
		payload[0] = odd & 1;
	}
	vsock_input(g, &h, payload);
}

static void step(struct world *w, struct vsock_guest *g)
{
	struct av_stream *s;

	switch (byte(w) % 8) {
	case 0:
	case 1:
	case 2:
		packet(w, g);
		break;
	case 3:
		w->buffers += byte(w);
		w->room = (ssize_t)word(w) % VSOCK_PAYLOAD_MAX;
		break;
	case 4:
		for (int i = 0; i < 100 && vsock_pump(g); i++) {
		}
		break;
	case 5:
		s = w->s[byte(w) % STREAMS];
		if (s) {
			act(w, s, byte(w));
		}
		break;
	case 6:
		if (!vsock_connect(g, byte(w) % 16 + 1,
				   byte(w) % 2 ? VSOCK_STREAM : VSOCK_SEQPACKET,
				   &s)) {
			adopt(w, s);
		}
		break;
	default:
		switch (byte(w) % 4) {
		case 0:
			vsock_tick(g);
			break;
		case 1:
			vsock_reset_port(g, byte(w) % 4);
			break;
		case 2:
			vsock_guest_up(g, false);
			vsock_guest_up(g, true);
			break;
		default:
			vsock_resume(g, 0);
			break;
		}
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct world w = { .p = data, .left = size, .room = 4096 };
	const struct vsock_out out = {
		.room = room, .send = send_, .wake = wake, .ctx = &w
	};
	const struct vsock_ports ports = { .open = open_port, .ctx = &w };
	struct vsock_counts n;
	struct vsock_guest *g;

	if (vsock_guest_create(CID, &out, &ports, &g)) {
		return 0;
	}
	vsock_guest_up(g, true);
	while (w.left) {
		step(&w, g);
	}
	vsock_guest_up(g, false);
	vsock_guest_counts(g, &n);
	if (n.open || n.held) {
		abort();
	}
	vsock_guest_destroy(g);
	return 0;
}
