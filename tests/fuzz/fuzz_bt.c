/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a hostile guest sends to the simulated Bluetooth controller.
 *
 * First byte: bit 0: the rest is a raw byte stream, cut into odd pieces; else it
 * is steps of [kind, length, bytes]. bit 1: begin with a link that is up and
 * encrypted; bit 2: with the channels of SDP and RFCOMM, and a hands-free
 * connection, open too.
 */
#include "config.h"

#include "sim/bluetooth/bluetooth.h"
#include "sim/bluetooth/hci_priv.h"
#include "sim/bluetooth/phone_priv.h"
#include "sim/topics.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct fuzz {
	struct evq *q;
	struct bus *bus;
	struct bluetooth *bt;
	struct bt_controller *c;
	uint64_t taken;
	size_t room;
	uint16_t handle;
};

static bool emit(void *ctx, const uint8_t *h4, size_t len)
{
	struct fuzz *f = ctx;

	assert(len <= 1000);
	if (f->room < len) {
		return false;
	}
	f->room -= len;
	f->taken += h4[0];
	if (len > 6 && h4[0] == 4 && h4[1] == 3 && h4[3] == 0) {
		f->handle = get16(h4 + 4);
	}
	return true;
}

static void on_room(void *ctx)
{
	(void)ctx;
}

static void feed(struct fuzz *f, const uint8_t *p, size_t len)
{
	while (len > 0) {
		size_t n = bt_controller_feed(f->c, p, len);

		assert(n <= len);
		p += n;
		len -= n;
		if (len > 0) {
			f->room = 1 << 20;
			bt_controller_ready(f->c);
		}
	}
}

static void command(struct fuzz *f, uint16_t op, const uint8_t *p, size_t len)
{
	uint8_t buf[4 + 255] = { 1, (uint8_t)op, (uint8_t)(op >> 8),
				 (uint8_t)len };

	memcpy(buf + 4, p, len);
	feed(f, buf, 4 + len);
}

static void run(struct fuzz *f, vtime d)
{
	evq_run_until(f->q, evq_now(f->q) + d);
}

/* L2CAP data in one ACL packet. */
static void l2(struct fuzz *f, unsigned int cid, const uint8_t *p, size_t len)
{
	uint8_t buf[9 + 700] = { 2 };

	len = len < 700 ? len : 700;
	put16(buf + 1, f->handle | 0x2000u);
	put16(buf + 3, (unsigned int)len + 4);
	put16(buf + 5, (unsigned int)len);
	put16(buf + 7, cid);
	memcpy(buf + 9, p, len);
	feed(f, buf, 9 + len);
	run(f, 20 * VT_MS);
}

static uint8_t fcs(const uint8_t *p, size_t n)
{
	uint8_t c = 0xff;

	while (n-- > 0) {
		c ^= *p++;
		for (int i = 0; i < 8; i++) {
			c = (uint8_t)(c & 1 ? c >> 1 ^ 0xe0 : c >> 1);
		}
	}
	return (uint8_t)(0xff - c);
}

/* An RFCOMM frame whose check sum is right. */
static void rfcomm(struct fuzz *f, uint8_t addr, uint8_t control,
		   const uint8_t *p, size_t len)
{
	uint8_t buf[4 + 127];

	len = len < 127 ? len : 127;
	buf[0] = addr;
	buf[1] = control;
	buf[2] = (uint8_t)(len << 1 | 1);
	memcpy(buf + 3, p, len);
	buf[3 + len] = fcs(buf, (control & 0xef) == 0xef ? 2 : 3);
	l2(f, L2_FIRST + 1, buf, 4 + len);
}

static void at(struct fuzz *f, const uint8_t *text, size_t len)
{
	rfcomm(f, HFP_CHANNEL << 3 | 3, 0xef, text, len);
}

#define STR(s) (const uint8_t *)s, sizeof(s) - 1

static void open_channel(struct fuzz *f, uint8_t psm, uint8_t cid)
{
	const uint8_t connect[] = { 2, 1, 4, 0, psm, 0, cid, 0 };
	const uint8_t configure[] = {
		4, 2, 4, 0, (uint8_t)(L2_FIRST + (psm == 3)), 0, 0, 0
	};

	l2(f, 1, connect, sizeof(connect));
	l2(f, 1, configure, sizeof(configure));
	/* agree to its first two requests, whichever this is */
	for (uint8_t id = 1; id < 3; id++) {
		const uint8_t yes[] = {
			5, id, 6, 0, (uint8_t)(L2_FIRST + (psm == 3)), 0, 0, 0,
			0, 0
		};

		l2(f, 1, yes, sizeof(yes));
	}
}

static void link_up(struct fuzz *f, bool channels)
{
	static const uint8_t create[] = { 0x30, 0x20, 0x10, 0x5e, 0, 2, 0x18,
					  0xcc, 1,    0,    0,	  0, 1 };
	static const uint8_t pin[23] = { 0x30, 0x20, 0x10, 0x5e, 0,   2,
					 4,    '0',  '0',  '0',	 '0' };
	uint8_t h[3];

	command(f, 0x0405, create, sizeof(create));
	run(f, VT_S);
	put16(h, f->handle);
	command(f, 0x0411, h, 2);
	run(f, 20 * VT_MS);
	command(f, 0x040c, create, 6);
	run(f, 20 * VT_MS);
	command(f, 0x040d, pin, sizeof(pin));
	run(f, VT_S);
	h[2] = 1;
	command(f, 0x0413, h, 3);
	run(f, 20 * VT_MS);
	if (!channels) {
		return;
	}
	open_channel(f, 1, 0x50);
	open_channel(f, 3, 0x51);
	rfcomm(f, 3, 0x3f, STR(""));
	rfcomm(f, HFP_CHANNEL << 3 | 3, 0x3f, STR(""));
	at(f, STR("AT+BRSF=191\rAT+BAC=1\r"));
	at(f, STR("AT+CMER=3,0,0,1\rAT+CHLD=?\rAT+CLIP=1\r"));
}

static void step(struct fuzz *f, uint8_t kind, const uint8_t *p, size_t len)
{
	struct phone *phone = bluetooth_phone(f->bt);
	uint8_t buf[5 + 255];

	switch (kind % 12) {
	case 0: /* a known command of its own length */
		if (len > 0) {
			const struct hci_command *c =
				&hci_commands[p[0] % hci_n_commands];
			uint8_t params[255] = { 0 };
			size_t want = c->len == HCI_LEN_ANY ? len - 1 : c->len;

			memcpy(params, p + 1,
			       len - 1 < want ? len - 1 : want);
			command(f, c->op, params, want);
		}
		break;
	case 1: /* on the link, if its first byte is even */
		if (len > 0) {
			uint8_t params[255] = { 0 };
			const struct hci_command *c =
				&hci_commands[p[0] % hci_n_commands];

			memcpy(params, p + 1, len - 1);
			put16(params, f->handle);
			command(f, c->op, params,
				c->len == HCI_LEN_ANY ? 4 : c->len);
		}
		break;
	case 2:
		run(f, (vtime)(len > 0 ? p[0] : 1) * 50 * VT_MS);
		break;
	case 3: /* ACL with a right handle, any flags */
		buf[0] = 2;
		put16(buf + 1, f->handle | (len > 0 ? p[0] << 8 & 0xf000u : 0u));
		put16(buf + 3, (unsigned int)len);
		memcpy(buf + 5, p, len);
		feed(f, buf, 5 + len);
		break;
	case 4:
		l2(f, 1, p, len);
		break;
	case 5:
		l2(f, L2_FIRST, p, len);
		break;
	case 6:
		l2(f, L2_FIRST + 1, p, len);
		break;
	case 7:
		if (len >= 2) {
			rfcomm(f, p[0], p[1], p + 2, len - 2);
		}
		break;
	case 8:
		at(f, p, len);
		break;
	case 9: /* what the scenario does meanwhile */
		switch (len > 0 ? p[0] % 8 : 0) {
		case 0:
			phone_call(phone, "123", NULL);
			break;
		case 1:
			phone_hang_up(phone, NULL);
			break;
		case 2:
			phone_silence(phone, true, p[0] & 8);
			break;
		case 3:
			phone_silence(phone, false, false);
			break;
		case 4:
			phone_disappear(phone, NULL);
			break;
		case 5:
			phone_appear(phone,
				     &(struct phone_setup){ .name = "x" },
				     NULL);
			break;
		case 6:
			phone_connect(phone, NULL);
			break;
		default:
			phone_answer(phone, NULL);
			break;
		}
		break;
	case 10: /* audio */
		buf[0] = 3;
		put16(buf + 1, f->handle + 1u);
		buf[3] = (uint8_t)len;
		memcpy(buf + 4, p, len);
		feed(f, buf, 4 + len);
		break;
	default: /* the guest reads, or does not */
		f->room = len > 0 && p[0] < 16 ? 0 : 1 << 20;
		bt_controller_ready(f->c);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz f = { .room = 1 << 20 };
	struct bt_carrier carrier = { .name = "fuzz",
				      .emit = emit,
				      .on_room = on_room,
				      .ctx = &f };
	struct phone_setup setup = { .name = "Phone",
				     .address = "02:00:5E:10:20:30",
				     .pairing = PHONE_PIN };
	uint8_t flags;

	if (size < 1 || size > 4096) {
		return 0;
	}
	flags = data[0];
	setup.pairing = flags & 6 ? PHONE_PIN : PHONE_NUMBER;
	f.q = evq_create();
	f.bus = bus_create(av_topics, TOPIC_N);
	f.bt = bluetooth_create(f.q, f.bus, 1);
	assert(f.bt);
	f.c = bluetooth_controller(f.bt);
	bt_controller_attach(f.c, &carrier);
	phone_appear(bluetooth_phone(f.bt), &setup, NULL);
	if (flags & 6) {
		link_up(&f, flags & 4);
	}
	data++;
	size--;
	if (flags & 1) {
		for (size_t at = 0; at < size; at += 7) {
			feed(&f, data + at, size - at < 7 ? size - at : 7);
			run(&f, 3 * VT_MS);
		}
	}
	while (!(flags & 1) && size >= 2) {
		size_t len = data[1] < size - 2 ? data[1] : size - 2;

		step(&f, data[0], data + 2, len);
		data += 2 + len;
		size -= 2 + len;
	}
	run(&f, 30 * VT_S);
	bt_controller_detach(f.c, &f);
	bluetooth_destroy(f.bt);
	bus_destroy(f.bus);
	evq_destroy(f.q);
	return 0;
}
