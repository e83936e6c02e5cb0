/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "sim/bluetooth/hci_priv.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ADDR_STREAM "bluetooth"

/* ---- to the host ---- */

/* Bit n of the mask is event n + 1; Command Complete, Status and Number Of
 * Completed Packets have no bit. */
static bool masked(const struct hci *h, uint8_t code)
{
	unsigned int bit = code - 1u;

	if (code == EV_COMMAND_COMPLETE || code == EV_COMMAND_STATUS ||
	    code == EV_COMPLETED_PACKETS || bit >= 64) {
		return false;
	}
	return !(h->reg.event_mask[bit / 8] >> bit % 8 & 1);
}

void hci_event(struct hci *h, uint8_t code, const uint8_t *p, size_t len)
{
	uint8_t pkt[3 + 255];

	if (masked(h, code) || len > 255) {
		return;
	}
	pkt[0] = H4_EVENT;
	pkt[1] = code;
	pkt[2] = (uint8_t)len;
	memcpy(pkt + 3, p, len);
	h->events++;
	bt_controller_emit(&h->c, pkt, 3 + len);
}

void hci_le_event(struct hci *h, uint8_t sub, const uint8_t *p, size_t len)
{
	uint8_t buf[255];

	if (!(h->reg.le_event_mask[(sub - 1) / 8] >> (sub - 1) % 8 & 1) ||
	    len > sizeof(buf) - 1) {
		return;
	}
	buf[0] = sub;
	memcpy(buf + 1, p, len);
	hci_event(h, EV_LE_META, buf, len + 1);
}

void hci_note(struct hci *h, const char *key, const char *fmt, ...)
{
	char text[400];
	va_list ap;

	if (h->env.event) {
		va_start(ap, fmt);
		vsnprintf(text, sizeof(text), fmt, ap);
		va_end(ap);
		h->env.event(h->env.ctx, key, text);
	}
}

void ret_put(struct hci_ret *r, const void *p, size_t len)
{
	if (len <= sizeof(r->buf) - r->len) {
		memcpy(r->buf + r->len, p, len);
		r->len += len;
	}
}

void ret_u8(struct hci_ret *r, unsigned int v)
{
	uint8_t b = (uint8_t)v;

	ret_put(r, &b, 1);
}

void ret_u16(struct hci_ret *r, unsigned int v)
{
	uint8_t b[2];

	put16(b, v);
	ret_put(r, b, 2);
}

/* ---- later ---- */

void hci_arm(struct hci *h, struct vtimer *t, vtime delay)
{
	/* out of memory: it never happens, the host's own timeouts see it */
	(void)evq_arm(h->env.q, t, evq_now(h->env.q) + delay);
}

static void op_due(struct vtimer *t, vtime now)
{
	struct hci_op *op = t->ctx, copy = *op;

	(void)now;
	op->fn = NULL;
	copy.fn(copy.h, &copy);
}

bool hci_later(struct hci *h, vtime delay, uint16_t handle,
	       void (*fn)(struct hci *, const struct hci_op *),
	       const void *arg, size_t len)
{
	for (size_t i = 0; i < HCI_OPS_MAX; i++) {
		struct hci_op *op = &h->op[i];

		if (!op->fn) {
			op->fn = fn;
			op->h = h;
			op->handle = handle;
			memset(op->arg, 0, sizeof(op->arg));
			if (len > 0) {
				memcpy(op->arg, arg, len);
			}
			hci_arm(h, &op->timer, delay);
			return true;
		}
	}
	return false;
}

/* ---- commands ---- */

static void answer(struct hci *h, const struct hci_command *row, uint16_t op,
		   uint8_t status, const struct hci_ret *r)
{
	uint8_t p[4 + sizeof(r->buf)];

	if (row && row->answer == ANSWER_NONE) {
		return;
	}
	if (!row || row->answer == ANSWER_STATUS) {
		p[0] = status;
		p[1] = 1; /* it may send one more */
		put16(p + 2, op);
		hci_event(h, EV_COMMAND_STATUS, p, 4);
		return;
	}
	p[0] = 1;
	put16(p + 1, op);
	p[3] = status;
	memcpy(p + 4, r->buf, r->len);
	hci_event(h, EV_COMMAND_COMPLETE, p, 4 + r->len);
}

static uint8_t run(struct hci *h, const struct hci_command *row,
		   const uint8_t *p, size_t len, struct hci_ret *r)
{
	uint8_t *reg = (uint8_t *)&h->reg + row->reg;

	if (row->len == HCI_LEN_ANY ? len == 0 : len != row->len) {
		return HCI_INVALID;
	}
	if (row->reads) {
		ret_put(r, reg, row->reg_len);
	}
	if (row->fn) {
		uint8_t status = row->fn(h, p, len, r);

		if (status != HCI_OK) {
			return status;
		}
	}
	if (row->reg_len > 0 && !row->reads) {
		memcpy(reg, p, row->reg_len);
	}
	return HCI_OK;
}

static void on_command(struct hci *h, const uint8_t *p, size_t len)
{
	uint16_t op = get16(p);
	const struct hci_command *row = hci_command_find(op);
	struct hci_ret r = { .len = 0 };
	uint8_t status = HCI_UNKNOWN_COMMAND;

	h->commands++;
	if (row) {
		status = run(h, row, p + 3, len - 3, &r);
		h->refused += status != HCI_OK;
	} else {
		h->unknown++;
		h->last_unknown = op;
	}
	answer(h, row, op, status, &r);
}

static bool on_packet(struct bt_controller *c, const uint8_t *h4, size_t len)
{
	struct hci *h = (struct hci *)c;

	switch (h4[0]) {
	case H4_COMMAND:
		on_command(h, h4 + 1, len - 1);
		break;
	case H4_ACL:
		hci_acl_from_host(h, h4 + 1, len - 1);
		break;
	case H4_SCO:
		hci_sco_from_host(h, h4 + 1, len - 1);
		break;
	default: /* isochronous data, which nobody offered */
		break;
	}
	return true;
}

static void on_lost(struct bt_controller *c)
{
	struct hci *h = (struct hci *)c;
	uint8_t code = 1; /* ours to choose: lost synchronisation */

	hci_note(h, "controller", "lost synchronisation with the host");
	hci_event(h, EV_HARDWARE_ERROR, &code, 1);
}

static void on_restarted(struct bt_controller *c)
{
	struct hci *h = (struct hci *)c;

	hci_reset(h);
	h->was_reset = false;
}

static const struct bt_controller_ops controller_ops = {
	.packet = on_packet,
	.lost = on_lost,
	.restarted = on_restarted,
};

/* ---- life ---- */

void hci_reset(struct hci *h)
{
	static const struct hci_regs defaults = {
		.event_mask = { 0xff, 0xff, 0xff, 0xff, 0xff, 0x1f, 0, 0 },
		.le_event_mask = { 0x1f, 0, 0, 0, 0, 0, 0, 0 },
		.name = "avsim",
		.accept_timeout = { 0xa0, 0x1f }, /* 5.06 s */
		.page_timeout = { 0x00, 0x20 },	  /* 5.12 s */
		.page_scan = { 0x00, 0x08, 0x12, 0x00 },
		.inquiry_scan = { 0x00, 0x10, 0x12, 0x00 },
		.voice = { 0x60, 0x00 }, /* linear, 16 bit, CVSD on the air */
		.iac = { 1, 0x33, 0x8b, 0x9e },
		.le_adv_params = { 0x00, 0x08, 0x00, 0x08 },
	};

	hci_link_reset(h, HCI_REMOTE_POWER_OFF);
	hci_scan_reset(h);
	for (size_t i = 0; i < HCI_OPS_MAX; i++) {
		evq_disarm(h->env.q, &h->op[i].timer);
		h->op[i].fn = NULL;
	}
	h->reg = defaults;
	h->event_filter_all = false;
	h->host_credits = 0;
	memset(h->accept, 0, sizeof(h->accept));
	h->was_reset = true;
}

static int air_init(struct air *a, unsigned int room)
{
	a->data = calloc(room, sizeof(*a->data));
	a->len = calloc(room, sizeof(*a->len));
	a->start = calloc(room, sizeof(*a->start));
	a->room = room;
	return a->data && a->len && a->start ? 0 : -ENOMEM;
}

static void air_finish(struct air *a)
{
	free(a->data);
	free(a->len);
	free(a->start);
}

struct hci *hci_create(const struct hci_env *env)
{
	struct hci *h = calloc(1, sizeof(*h));

	if (!h) {
		return NULL;
	}
	h->env = *env;
	if (bt_controller_init(&h->c, &controller_ops, evq_clock(env->q)) < 0 ||
	    air_init(&h->out, HCI_ACL_BUFFERS) < 0 ||
	    air_init(&h->in, HCI_TO_HOST_BUFFERS) < 0) {
		hci_destroy(h);
		return NULL;
	}
	av_rand_init(&h->rand, env->seed, ADDR_STREAM);
	av_rand_bytes(&h->rand, h->addr, 3);
	h->addr[5] = 0x02; /* locally administered */
	h->next_handle = 1;
	for (size_t i = 0; i < HCI_OPS_MAX; i++) {
		h->op[i].timer =
			(struct vtimer){ .fn = op_due, .ctx = &h->op[i] };
	}
	hci_link_init(h);
	hci_sync_init(h);
	hci_scan_init(h);
	hci_reset(h);
	h->was_reset = false;
	return h;
}

void hci_destroy(struct hci *h)
{
	if (!h) {
		return;
	}
	h->env.event = NULL; /* what ends with us is no news */
	h->peer = NULL;
	if (h->link[0].h) {
		hci_reset(h);
	}
	bt_controller_finish(&h->c);
	air_finish(&h->out);
	air_finish(&h->in);
	free(h);
}

struct bt_controller *hci_controller(struct hci *h)
{
	return &h->c;
}

void hci_set_peer(struct hci *h, struct bt_peer *p)
{
	h->peer = p;
}

/* ---- for people ---- */

void hci_status(const struct hci *h, struct hci_status *s)
{
	const struct link *l = h->acl;

	memset(s, 0, sizeof(*s));
	memcpy(s->addr, h->addr, sizeof(s->addr));
	memcpy(s->name, h->reg.name, sizeof(h->reg.name));
	s->class_of_device = (uint32_t)(h->reg.class_of_device[0] |
					h->reg.class_of_device[1] << 8 |
					h->reg.class_of_device[2] << 16);
	s->reset = h->was_reset;
	s->inquiring = h->inquiry.on;
	s->le_scanning = h->reg.le_scan_enable[0];
	s->le_advertising = h->reg.le_adv_enable[0];
	s->discoverable = h->reg.scan_enable[0] & SCAN_INQUIRY;
	s->connectable = h->reg.scan_enable[0] & SCAN_PAGE;
	for (size_t i = 0; i < HCI_LINKS_MAX; i++) {
		if (h->link[i].state != LINK_FREE) {
			s->link = HCI_LINK_PAGING;
		}
	}
	if (l) {
		s->link = HCI_LINK_UP;
		s->handle = l->handle;
		s->by_host = l->by_host;
		s->central = l->role == ROLE_CENTRAL;
		s->encrypted = l->encrypted;
		s->authenticated = l->authenticated;
		s->sniff = l->mode == 2;
		s->pairing = hci_auth_step(l);
	}
	s->sync = h->sync.state == SYNC_UP;
	s->sync_handle = h->sync.handle;
	s->commands = h->commands;
	s->unknown = h->unknown;
	s->refused = h->refused;
	s->last_unknown = h->last_unknown;
	memcpy(s->acl, h->acl_n, sizeof(s->acl));
	memcpy(s->sco, h->sco_n, sizeof(s->sco));
	s->events = h->events;
	s->overflows = h->overflows;
}

const char *bt_addr_text(const uint8_t addr[6], char buf[BT_ADDR_TEXT])
{
	snprintf(buf, BT_ADDR_TEXT, "%02X:%02X:%02X:%02X:%02X:%02X", addr[5],
		 addr[4], addr[3], addr[2], addr[1], addr[0]);
	return buf;
}

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' :
	       c >= 'a' && c <= 'f' ? c - 'a' + 10 :
	       c >= 'A' && c <= 'F' ? c - 'A' + 10 :
				      -1;
}

int bt_addr_parse(const char *text, uint8_t addr[6])
{
	uint8_t out[6];

	for (size_t i = 0; i < 6; i++, text += 3) {
		int hi = hex(text[0]), lo = hi < 0 ? -1 : hex(text[1]);

		if (lo < 0 || text[2] != (i < 5 ? ':' : '\0')) {
			return -EINVAL;
		}
		out[5 - i] = (uint8_t)(hi << 4 | lo);
	}
	memcpy(addr, out, sizeof(out));
	return 0;
}
