/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio-input: a touch screen (multitouch, protocol B), keys, or a rotary knob.
 *
 * The world sends whole frames, ended by EV_SYN. A guest gets them event by
 * event as it returns buffers (QEMU's rings have 4), from a queue that takes
 * only whole frames: the guest never sees half of what a finger did. What does
 * not fit, or comes while no driver is there, is dropped and counted; what comes
 * while it is paused waits. Frames that lift a finger or a key have a part of the
 * queue to themselves, so that a guest that was slow is not left with one that
 * stays down.
 */
#include "config.h"

#include "sim/core/evdev.h"
#include "sim/topics.h"
#include "sim/world.h"
#include "vdevices/devices.h"
#include "vdevices/state.h"

#include <endian.h>
#include <errno.h>
#include <linux/input-event-codes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	Q_EVENT,
	Q_STATUS,
	N_QUEUES,
	BUDGET = 64,
	EVENTS = 4096, /* that wait; a power of two */
	RESERVE = EVENTS / 4, /* for frames that lift something */
	FRAME_MAX = 32,
	EVENT_SIZE = 8,
	SLOTS = 10,
	TRACKING_MAX = 65535,
	PIXELS_MAX = 16384,
	NAME_MAX_ = 128,
	BITS_MAX = 128,
	CONFIG_SIZE = 136,
	BUS_VIRTUAL_ = 6,
};

/* select of the config space */
enum {
	CFG_UNSET,
	CFG_NAME,
	CFG_SERIAL,
	CFG_DEVIDS,
	CFG_PROPS = 0x10,
	CFG_BITS,
	CFG_ABS,
};

static const char *const kind_names[HID_N_KINDS] = {
	[HID_TOUCH] = "touch",
	[HID_KEYS] = "keys",
	[HID_ROTARY] = "rotary",
};
static const char *const default_names[HID_N_KINDS] = {
	[HID_TOUCH] = "avsim Multitouch Touchscreen",
	[HID_KEYS] = "avsim Keys",
	[HID_ROTARY] = "avsim Rotary",
};

struct settings {
	enum hid_kind kind;
	unsigned int width, height; /* pixels */
	uint16_t vendor, product;
	char name[NAME_MAX_ + 1];
};

struct input {
	struct settings set;
	const char *serial;
	uint8_t select, subsel;
	bool driver; /* it is there, though it may be paused */
	struct port_input ev[EVENTS];
	unsigned int head, n;
	struct vq_chain c;
	struct iovec iov[VIRTQ_IOV_MAX];
};

/* ---- options ---- */

static int read_number(const char *text, int base, unsigned long max,
		       unsigned long *out)
{
	char *end;

	errno = 0;
	*out = strtoul(text, &end, base);
	return errno || end == text || *end || *text == '-' || *out > max ?
		       -EINVAL :
		       0;
}

static int read_pixels(const char *who, const char *key, const char *text,
		       unsigned int *out, struct av_err *err)
{
	unsigned long n;

	if (read_number(text, 10, PIXELS_MAX, &n) || n < 1) {
		return av_err_set(err, -EINVAL,
				  "%s: %s is '%s', not 1 to %d pixels", who,
				  key, text, PIXELS_MAX);
	}
	*out = (unsigned int)n;
	return 0;
}

static int read_id(const char *who, const char *key, const char *text,
		   uint16_t *out, struct av_err *err)
{
	unsigned long n;

	if (read_number(text, 16, 0xffff, &n)) {
		return av_err_set(err, -EINVAL,
				  "%s: %s is '%s', not four hex digits", who,
				  key, text);
	}
	*out = (uint16_t)n;
	return 0;
}

static int read_kind(const char *who, const char *text, enum hid_kind *out,
		     struct av_err *err)
{
	for (int i = 0; i < HID_N_KINDS; i++) {
		if (!strcmp(text, kind_names[i])) {
			*out = (enum hid_kind)i;
			return 0;
		}
	}
	return av_err_set(err, -EINVAL,
			  "%s: kind is '%s', not touch, keys or rotary", who,
			  text);
}

/* The device and its other half in the world read the same options. */
struct option {
	const char *(*get)(const void *of, const char *key,
			   const char *otherwise);
	const void *of;
};

static const char *get(const struct option *o, const char *key,
		       const char *otherwise)
{
	return o->get(o->of, key, otherwise);
}

static int read_settings(const char *who, const struct option *o,
			 struct settings *s, struct av_err *err)
{
	const char *name;
	int ret = read_kind(who, get(o, "kind", "touch"), &s->kind, err);

	ret = ret ? ret
		  : read_pixels(who, "width", get(o, "width", "1280"),
				&s->width, err);
	ret = ret ? ret
		  : read_pixels(who, "height", get(o, "height", "800"),
				&s->height, err);
	ret = ret ? ret
		  : read_id(who, "vendor", get(o, "vendor", "0fff"),
			    &s->vendor, err);
	ret = ret ? ret
		  : read_id(who, "product", get(o, "product", "0fff"),
			    &s->product, err);
	if (ret) {
		return ret;
	}
	name = get(o, "name", default_names[s->kind]);
	if (!*name || strlen(name) > NAME_MAX_) {
		return av_err_set(err, -EINVAL,
				  "%s: name must have 1 to %d bytes", who,
				  NAME_MAX_);
	}
	strcpy(s->name, name);
	return 0;
}

static const char *get_arg(const void *of, const char *key,
			   const char *otherwise)
{
	return vdev_opt(of, key, otherwise);
}

static const char *get_opt(const void *of, const char *key,
			   const char *otherwise)
{
	return device_opt(of, key, otherwise);
}

/* ---- config space ---- */

/* Return: bytes up to the highest one that is not 0. */
static size_t set_bit(uint8_t *bits, size_t used, unsigned int bit)
{
	bits[bit / 8] |= (uint8_t)(1 << bit % 8);
	return bit / 8 + 1 > used ? bit / 8 + 1 : used;
}

static size_t key_bits(const struct input *in, uint8_t *bits)
{
	size_t n = 0;

	if (in->set.kind == HID_TOUCH) {
		return set_bit(bits, n, BTN_TOUCH);
	}
	for (size_t i = 0; in->set.kind == HID_KEYS && i < n_evdev_keys;
	     i++) {
		n = set_bit(bits, n, evdev_keys[i].code);
	}
	return n;
}

static size_t rel_bits(const struct input *in, uint8_t *bits)
{
	size_t n = 0;

	if (in->set.kind == HID_ROTARY) {
		n = set_bit(bits, n, REL_DIAL);
		n = set_bit(bits, n, REL_WHEEL);
	}
	return n;
}

/* The largest value of an axis that there is; -1: there is none. */
static int axis_max(const struct input *in, unsigned int axis)
{
	if (in->set.kind != HID_TOUCH) {
		return -1;
	}
	switch (axis) {
	case ABS_X:
	case ABS_MT_POSITION_X:
		return (int)in->set.width - 1;
	case ABS_Y:
	case ABS_MT_POSITION_Y:
		return (int)in->set.height - 1;
	case ABS_MT_SLOT:
		return SLOTS - 1;
	case ABS_MT_TRACKING_ID:
		return TRACKING_MAX;
	default:
		return -1;
	}
}

static size_t abs_bits(const struct input *in, uint8_t *bits)
{
	size_t n = 0;

	for (unsigned int i = 0; i < ABS_CNT; i++) {
		if (axis_max(in, i) >= 0) {
			n = set_bit(bits, n, i);
		}
	}
	return n;
}

static size_t abs_info(const struct input *in, uint8_t *buf)
{
	int max = axis_max(in, in->subsel);
	uint32_t info[5] = { 0 }; /* min, max, fuzz, flat, res */

	if (max < 0) {
		return 0;
	}
	info[1] = htole32((uint32_t)max);
	memcpy(buf, info, sizeof(info));
	return sizeof(info);
}

static size_t bits(const struct input *in, uint8_t *buf)
{
	switch (in->subsel) {
	case EV_KEY:
		return key_bits(in, buf);
	case EV_REL:
		return rel_bits(in, buf);
	case EV_ABS:
		return abs_bits(in, buf);
	default:
		return 0;
	}
}

static size_t text(const char *s, uint8_t *buf)
{
	size_t n = strnlen(s, BITS_MAX);

	memcpy(buf, s, n);
	return n;
}

/* What is selected, into @buf of BITS_MAX zeroes; 0: there is no such thing. */
static size_t selected(const struct input *in, uint8_t *buf)
{
	const uint16_t ids[4] = { htole16(BUS_VIRTUAL_),
				  htole16(in->set.vendor),
				  htole16(in->set.product), htole16(1) };

	if (in->subsel && in->select != CFG_BITS && in->select != CFG_ABS) {
		return 0;
	}
	switch (in->select) {
	case CFG_NAME:
		return text(in->set.name, buf);
	case CFG_SERIAL:
		return text(in->serial, buf);
	case CFG_DEVIDS:
		memcpy(buf, ids, sizeof(ids));
		return sizeof(ids);
	case CFG_PROPS:
		return in->set.kind == HID_TOUCH ?
			       set_bit(buf, 0, INPUT_PROP_DIRECT) :
			       0;
	case CFG_BITS:
		return bits(in, buf);
	case CFG_ABS:
		return abs_info(in, buf);
	default:
		return 0;
	}
}

static void input_get_config(struct vdev *d, uint8_t *buf)
{
	const struct input *in = d->priv;

	buf[0] = in->select;
	buf[1] = in->subsel;
	buf[2] = (uint8_t)selected(in, buf + 8);
}

/* crosvm writes the byte that the driver wrote; QEMU writes all that it had read
 * some time, with that byte changed. What is behind select is not writable, and
 * such a write says nothing. */
static int input_set_config(struct vdev *d, uint32_t off, const uint8_t *buf,
			    uint32_t len)
{
	struct input *in = d->priv;

	if (off == 0 && len > 0) {
		in->select = buf[0];
	}
	if (off <= 1 && off + len > 1) {
		in->subsel = buf[1 - off];
	}
	return 0;
}

/* ---- events to the guest ---- */

static bool pump(struct vdev *d)
{
	struct virtq *vq = vdev_queue(d, Q_EVENT);
	struct input *in = d->priv;

	for (int i = 0; i < BUDGET; i++) {
		const struct port_input *p = &in->ev[in->head];
		const struct {
			uint16_t type, code;
			uint32_t value;
		} e = { htole16(p->type), htole16(p->code),
			htole32((uint32_t)p->value) };

		if (!in->n || !virtq_pop(vq, &in->c)) {
			return false;
		}
		if (in->c.in_len < sizeof(e)) {
			virtq_push(vq, &in->c, 0); /* useless */
			vdev_error(d);
			continue;
		}
		virtq_push(vq, &in->c,
			   (uint32_t)vq_write(&in->c, 0, &e, sizeof(e)));
		in->head = (in->head + 1) % EVENTS;
		in->n--;
	}
	return true;
}

static bool lifts(const struct port_input *e, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if ((e[i].type == EV_KEY && e[i].value == 0) ||
		    (e[i].type == EV_ABS && e[i].code == ABS_MT_TRACKING_ID &&
		     e[i].value < 0)) {
			return true;
		}
	}
	return false;
}

/* For the guest, where there is room for it. */
static void queue_frame(struct vdev *d, const struct port_input *e, size_t n)
{
	struct input *in = d->priv;

	if (n + (lifts(e, n) ? 0 : RESERVE) > EVENTS - in->n) {
		health_add(&d->health->dropped, 1);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		in->ev[(in->head + in->n++) % EVENTS] = e[i];
	}
	vdev_wake(d, Q_EVENT);
}

static void take_frame(struct vdev *d, const struct port_msg *m)
{
	struct port_input e[FRAME_MAX];
	size_t n = m->len / sizeof(e[0]);
	struct input *in = d->priv;

	health_add(&d->health->dropped, m->h.lost);
	if (!n || m->len % sizeof(e[0]) || n > FRAME_MAX) {
		vdev_error(d);
		return;
	}
	memcpy(e, m->data, m->len);
	if (e[n - 1].type != EV_SYN || e[n - 1].code != SYN_REPORT) {
		vdev_error(d);
		return;
	}
	if (in->driver) {
		queue_frame(d, e, n);
	} else {
		health_add(&d->health->dropped, 1);
	}
}

static void input_message(struct vdev *d, const struct port_msg *m)
{
	if (m->h.kind == PORT_INPUT) {
		take_frame(d, m);
	}
}

/* ---- from the guest ---- */

/* Lamps and bells of a keyboard: there are none, so they are only taken. */
static bool take_status(struct vdev *d)
{
	struct virtq *vq = vdev_queue(d, Q_STATUS);
	struct input *in = d->priv;

	for (int i = 0; i < BUDGET; i++) {
		if (!virtq_pop(vq, &in->c)) {
			return false;
		}
		if (in->c.out_len < EVENT_SIZE) {
			vdev_error(d);
		}
		virtq_push(vq, &in->c, 0);
	}
	return true;
}

static void input_start(struct vdev *d, unsigned int q)
{
	struct input *in = d->priv;

	in->driver |= q == Q_EVENT;
}

static bool input_kick(struct vdev *d, unsigned int q)
{
	return q == Q_EVENT ? pump(d) : take_status(d);
}

/* ---- life ---- */

static int input_open(struct vdev *d, const struct vdev_args *a,
		      struct av_err *err)
{
	const struct option o = { get_arg, a };
	struct input *in = calloc(1, sizeof(*in));
	int ret;

	if (!in) {
		return av_err_set(err, -ENOMEM, "%s: out of memory", a->name);
	}
	ret = read_settings(a->name, &o, &in->set, err);
	if (ret) {
		free(in);
		return ret;
	}
	in->serial = d->name;
	in->c = (struct vq_chain){ .iov = in->iov, .max_iov = VIRTQ_IOV_MAX };
	d->priv = in;
	return 0;
}

static void input_close(struct vdev *d)
{
	free(d->priv);
}

static void input_reset(struct vdev *d)
{
	struct input *in = d->priv;

	in->head = in->n = 0;
	in->select = in->subsel = 0;
	in->driver = false;
}

/* ---- state ---- */

/* What is down for the guest is up: who holds it is not here. An event that says
 * nothing new comes to no program of the guest's. */
static size_t all_up(const struct input *in, struct port_input *out)
{
	size_t n = 0;

	for (int i = 0; in->set.kind == HID_TOUCH && i < SLOTS; i++) {
		out[n++] = (struct port_input){ EV_ABS, ABS_MT_SLOT, i };
		out[n++] = (struct port_input){ EV_ABS, ABS_MT_TRACKING_ID,
						-1 };
	}
	if (in->set.kind == HID_TOUCH) {
		out[n++] = (struct port_input){ EV_KEY, BTN_TOUCH, 0 };
	}
	for (size_t i = 0; in->set.kind == HID_KEYS && i < n_evdev_keys; i++) {
		out[n++] = (struct port_input){ EV_KEY, evdev_keys[i].code, 0 };
	}
	if (n) {
		out[n++] = (struct port_input){ EV_SYN, SYN_REPORT, 0 };
	}
	return n;
}

/* What the guest was told that it is, and the events that wait. */
static int input_save(struct vdev *d, struct state_out *o, struct av_err *err)
{
	const struct input *in = d->priv;

	(void)err;
	state_put8(o, (uint8_t)in->set.kind);
	state_put16(o, (uint16_t)in->set.width);
	state_put16(o, (uint16_t)in->set.height);
	state_put8(o, in->select);
	state_put8(o, in->subsel);
	state_put8(o, in->driver);
	state_put16(o, (uint16_t)in->n);
	for (unsigned int i = 0; i < in->n; i++) {
		const struct port_input *e = &in->ev[(in->head + i) % EVENTS];

		state_put16(o, e->type);
		state_put16(o, e->code);
		state_put32(o, (uint32_t)e->value);
	}
	return 0;
}

static int read_state(const struct input *in, struct state_in *s,
		      struct input *out, struct av_err *err)
{
	uint8_t kind = state_get8(s);
	unsigned int width = state_get16(s), height = state_get16(s);
	struct port_input *e = NULL;

	if (!s->bad && (kind != in->set.kind || width != in->set.width ||
			height != in->set.height)) {
		return av_err_set(err, -EINVAL,
				  "of another kind, width or height; give both "
				  "the same");
	}
	out->select = state_get8(s);
	out->subsel = state_get8(s);
	out->driver = state_get_flag(s);
	out->n = state_get16(s);
	s->bad |= out->n > EVENTS;
	for (unsigned int i = 0; i < out->n && !s->bad; i++) {
		e = &out->ev[i];
		e->type = state_get16(s);
		e->code = state_get16(s);
		e->value = (int32_t)state_get32(s);
	}
	/* whole frames, of a driver that is there */
	s->bad |= e && (!out->driver || e->type != EV_SYN ||
			e->code != SYN_REPORT);
	return state_end(s, err);
}

static int input_load(struct vdev *d, struct state_in *s, struct av_err *err)
{
	struct input *in = d->priv, *from = calloc(1, sizeof(*from));
	struct port_input up[EVENTS / 4];
	size_t n;
	int ret;

	if (!from) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	ret = read_state(in, s, from, err);
	if (!ret) {
		in->select = from->select;
		in->subsel = from->subsel;
		in->driver = from->driver;
		in->head = 0;
		in->n = from->n;
		memcpy(in->ev, from->ev, sizeof(in->ev));
		n = in->driver ? all_up(in, up) : 0;
		queue_frame(d, up, n);
	}
	free(from);
	return ret;
}

/* ---- the world's side ---- */

struct other_half {
	struct device *dev;
	struct world *w;
	struct settings set;
	struct {
		bool down;
		int id, x, y;
	} slot[SLOTS];
	int next_id;
};

static int clamp(int v, unsigned int size)
{
	return v < 0 ? 0 : v >= (int)size ? (int)size - 1 : v;
}

/* Each frame says all about its finger: one that was lost, or that came before
 * the guest was there, does no harm to the next. The single-touch axes follow
 * the first finger that is down. */
static size_t touch_frame(struct other_half *o, const struct hid_event *e,
			  struct port_input *out)
{
	unsigned int s = e->finger;
	int first = -1;
	size_t n = 0;

	if (e->down && !o->slot[s].down) {
		o->slot[s].id = o->next_id;
		o->next_id = (o->next_id + 1) % (TRACKING_MAX + 1);
	}
	o->slot[s].down = e->down;
	o->slot[s].x = clamp(e->x, o->set.width);
	o->slot[s].y = clamp(e->y, o->set.height);
	for (int i = SLOTS; i-- > 0;) {
		first = o->slot[i].down ? i : first;
	}
	out[n++] = (struct port_input){ EV_ABS, ABS_MT_SLOT, (int)s };
	out[n++] = (struct port_input){ EV_ABS, ABS_MT_TRACKING_ID,
					e->down ? o->slot[s].id : -1 };
	if (e->down) {
		out[n++] = (struct port_input){ EV_ABS, ABS_MT_POSITION_X,
						o->slot[s].x };
		out[n++] = (struct port_input){ EV_ABS, ABS_MT_POSITION_Y,
						o->slot[s].y };
	}
	out[n++] = (struct port_input){ EV_KEY, BTN_TOUCH, first >= 0 };
	if (first >= 0) {
		out[n++] = (struct port_input){ EV_ABS, ABS_X,
						o->slot[first].x };
		out[n++] = (struct port_input){ EV_ABS, ABS_Y,
						o->slot[first].y };
	}
	return n;
}

static void on_input(void *ctx, const void *msg)
{
	static const uint16_t type[HID_N_KINDS] = {
		[HID_KEYS] = EV_KEY,
		[HID_ROTARY] = EV_REL,
	};
	const struct hid_event *e = msg;
	struct other_half *o = ctx;
	struct port_input frame[FRAME_MAX];
	size_t n = 0;

	if (e->kind != o->set.kind ||
	    (e->device && strcmp(e->device, device_name(o->dev)) != 0)) {
		return;
	}
	if (e->kind == HID_TOUCH) {
		n = e->finger < SLOTS ? touch_frame(o, e, frame) : 0;
	} else {
		frame[n++] = (struct port_input){ type[e->kind], e->code,
						  e->value };
	}
	if (n) {
		frame[n++] = (struct port_input){ EV_SYN, SYN_REPORT, 0 };
		/* full: the port counts it and tells the device */
		(void)device_send(o->dev, PORT_INPUT, 0, frame,
				  n * sizeof(frame[0]));
	}
}

static int half_open(struct device *dev, struct world *w, void *priv,
		     struct av_err *err)
{
	const struct option opt = { get_opt, dev };
	struct other_half *o = priv;
	int ret;

	o->dev = dev;
	o->w = w;
	ret = read_settings(device_name(dev), &opt, &o->set, err);
	return ret ? ret
		   : bus_subscribe(w->bus, TOPIC_INPUT, STAGE_TAP,
				   device_name(dev), on_input, o, err);
}

static void half_close(struct device *dev, void *priv)
{
	struct other_half *o = priv;

	(void)dev;
	bus_unsubscribe(o->w->bus, on_input, o);
}

static const struct vdev_glue input_glue = {
	.size = sizeof(struct other_half),
	.open = half_open,
	.close = half_close,
};

static const struct vdev_opt input_opts[] = {
	{ .name = "kind",
	  .value = "touch|keys|rotary",
	  .help = "what it is, default touch" },
	{ .name = "width", .value = "N", .help = "pixels, default 1280" },
	{ .name = "height", .value = "N", .help = "pixels, default 800" },
	{ .name = "name",
	  .value = "TEXT",
	  .help = "by which the guest knows it" },
	{ .name = "vendor",
	  .value = "HEX",
	  .help = "input id, default 0fff: the built-in screen of trout" },
	{ .name = "product", .value = "HEX", .help = "input id, default 0fff" },
	{ .name = NULL },
};

const struct vdev_type vdev_input = {
	.name = "input",
	.help = "a touch screen, keys or a knob, moved by scenarios and by hand",
	.id = VIRTIO_ID_INPUT,
	.n_queues = N_QUEUES,
	.config_size = CONFIG_SIZE,
	.in_order = true,
	.home = VDEV_LOOP,
	.opts = input_opts,
	.qemu_device = "vhost-user-input",
	.crosvm_type = "input",
	.open = input_open,
	.close = input_close,
	.get_config = input_get_config,
	.set_config = input_set_config,
	.start = input_start,
	.kick = input_kick,
	.reset = input_reset,
	.message = input_message,
	.state_version = 1,
	.save = input_save,
	.load = input_load,
	.glue = &input_glue,
};
