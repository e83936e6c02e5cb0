/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "sim/services/hands.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum {
	GESTURES_MAX = 64,
	NAME_LEN = 32,
};

struct finger {
	bool down;
	int x, y;
	const struct gesture *busy;
};

/* Something that takes time; a timer takes it on, step by step. */
struct gesture {
	struct hands *h;
	struct gesture *next;
	struct vtimer timer;
	struct hid_event e; /* the next step's */
	char device[NAME_LEN];
	vtime begin, length, gap;
	int from[2], to[2];  /* of a finger that moves */
	bool moves, lifts;   /* ... and leaves the screen then */
	int left;            /* clicks of a knob */
};

struct hands {
	struct evq *q;
	struct bus *bus;
	struct finger finger[HANDS_FINGERS];
	struct gesture *first;
	size_t n;
};

struct hands *hands_create(struct evq *q, struct bus *bus)
{
	struct hands *h = calloc(1, sizeof(*h));

	if (h) {
		h->q = q;
		h->bus = bus;
	}
	return h;
}

static void publish(struct hands *h, struct hid_event e)
{
	e.t = evq_now(h->q);
	if (e.kind == HID_TOUCH) {
		struct finger *f = &h->finger[e.finger];

		f->down = e.down;
		f->x = e.x;
		f->y = e.y;
	}
	bus_publish(h->bus, TOPIC_INPUT, &e);
}

static void forget(struct gesture *g)
{
	struct hands *h = g->h;
	struct gesture **at = &h->first;

	while (*at != g) {
		at = &(*at)->next;
	}
	*at = g->next;
	h->n--;
	for (int i = 0; i < HANDS_FINGERS; i++) {
		if (h->finger[i].busy == g) {
			h->finger[i].busy = NULL;
		}
	}
	evq_disarm(h->q, &g->timer);
	free(g);
}

/* A finger is as far along its way as the time tells. */
static void move(struct gesture *g, vtime now)
{
	vtime done = now - g->begin;
	double part = g->length > 0 && done < g->length ?
			      (double)done / (double)g->length :
			      1;
	int at[2];

	for (int i = 0; i < 2; i++) {
		double way = part * (g->to[i] - g->from[i]);

		at[i] = g->from[i] + (int)(way < 0 ? way - 0.5 : way + 0.5);
	}
	g->e.x = at[0];
	g->e.y = at[1];
	publish(g->h, g->e);
}

static vtime next_move(const struct gesture *g, vtime now)
{
	vtime end = g->begin + g->length;

	return now + HANDS_STEP < end ? now + HANDS_STEP : end;
}

static void on_timer(struct vtimer *t, vtime now)
{
	struct gesture *g = t->ctx;
	vtime next = -1;

	if (g->moves) {
		move(g, now);
		if (now < g->begin + g->length) {
			next = next_move(g, now);
		} else if (g->lifts) {
			g->e.down = false;
			publish(g->h, g->e);
		}
	} else {
		publish(g->h, g->e);
		if (--g->left > 0) {
			next = now + g->gap;
		}
	}
	if (next < 0 || evq_arm(g->h->q, t, next) < 0) {
		forget(g);
	}
}

static int begin(struct hands *h, const struct gesture *what,
		 const char *device, vtime first, struct gesture **out,
		 struct av_err *err)
{
	struct gesture *g;

	if (h->n >= GESTURES_MAX) {
		return av_err_set(err, -EBUSY,
				  "%d gestures are under way already",
				  GESTURES_MAX);
	}
	if (device && strlen(device) >= NAME_LEN) {
		return av_err_set(err, -EINVAL, "there is no device '%s'",
				  device);
	}
	g = malloc(sizeof(*g));
	if (!g) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	*g = *what;
	g->h = h;
	g->timer = (struct vtimer){ .fn = on_timer, .ctx = g };
	g->begin = evq_now(h->q);
	g->e.device = NULL;
	if (device) {
		strcpy(g->device, device);
		g->e.device = g->device;
	}
	if (evq_arm(h->q, &g->timer, first) < 0) {
		free(g);
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	g->next = h->first;
	h->first = g;
	h->n++;
	*out = g;
	return 0;
}

static int check_finger(const struct hands *h, unsigned int n, bool down,
			struct av_err *err)
{
	const struct finger *f;

	if (n >= HANDS_FINGERS) {
		return av_err_set(err, -EINVAL, "finger must be 0 to %d",
				  HANDS_FINGERS - 1);
	}
	f = &h->finger[n];
	if (f->busy) {
		return av_err_set(err, -EBUSY,
				  "finger %u has not finished what it does; "
				  "take another finger or wait",
				  n);
	}
	if (f->down != down) {
		return av_err_set(err, -EINVAL,
				  down ? "finger %u does not touch the screen; "
					 "press first" :
					 "finger %u touches the screen "
					 "already; release it first",
				  n);
	}
	return 0;
}

/* A finger that is down goes to @to within @length. */
static int drag(struct hands *h, const char *device, unsigned int finger,
		const int to[2], vtime length, bool lifts, struct av_err *err)
{
	struct finger *f = &h->finger[finger];
	struct gesture g = { .e = { .kind = HID_TOUCH,
				    .finger = finger,
				    .down = true },
			     .length = length,
			     .from = { f->x, f->y },
			     .to = { to[0], to[1] },
			     .moves = true,
			     .lifts = lifts };
	vtime now = evq_now(h->q);
	struct gesture *out;
	int ret;

	g.begin = now;
	ret = begin(h, &g, device, next_move(&g, now), &out, err);
	if (ret == 0) {
		f->busy = out;
	}
	return ret;
}

int hands_touch(struct hands *h, const char *device, unsigned int finger,
		enum hands_touch what, int x, int y, vtime length,
		struct av_err *err)
{
	struct hid_event e = { .kind = HID_TOUCH,
				 .device = device,
				 .finger = finger,
				 .x = x,
				 .y = y,
				 .down = what != HANDS_RELEASE };
	bool was_down = what == HANDS_DRAG || what == HANDS_RELEASE;
	int ret = check_finger(h, finger, was_down, err);
	const int at[2] = { x, y };

	if (ret < 0) {
		return ret;
	}
	switch (what) {
	case HANDS_TAP:
		return hands_swipe(h, device, finger, at, at, length, err);
	case HANDS_DRAG:
		return drag(h, device, finger, at, length, false, err);
	case HANDS_RELEASE:
		e.x = h->finger[finger].x;
		e.y = h->finger[finger].y;
		break;
	case HANDS_PRESS:
		break;
	}
	publish(h, e);
	return 0;
}

int hands_swipe(struct hands *h, const char *device, unsigned int finger,
		const int from[2], const int to[2], vtime length,
		struct av_err *err)
{
	struct hid_event e = { .kind = HID_TOUCH,
				 .device = device,
				 .finger = finger,
				 .x = from[0],
				 .y = from[1],
				 .down = true };
	bool still = from[0] == to[0] && from[1] == to[1];
	struct gesture g = { .e = e, .left = 1 };
	struct gesture *out;
	int ret = check_finger(h, finger, false, err);

	if (ret < 0) {
		return ret;
	}
	h->finger[finger].x = from[0];
	h->finger[finger].y = from[1];
	if (still) {
		g.e.down = false;
		ret = begin(h, &g, device, evq_now(h->q) + length, &out, err);
		if (ret == 0) {
			h->finger[finger].busy = out;
		}
	} else {
		ret = drag(h, device, finger, to, length, true, err);
	}
	if (ret == 0) {
		publish(h, e);
	}
	return ret;
}

int hands_key(struct hands *h, const char *device, uint16_t code,
	      enum hands_key what, vtime length, struct av_err *err)
{
	struct hid_event e = { .kind = HID_KEYS,
				 .device = device,
				 .code = code,
				 .value = what != HANDS_KEY_UP };
	struct gesture up = { .e = e, .left = 1 };
	struct gesture *out;
	int ret = 0;

	if (what == HANDS_KEY_PRESS) {
		up.e.value = 0;
		ret = begin(h, &up, device, evq_now(h->q) + length, &out, err);
	}
	if (ret == 0) {
		publish(h, e);
	}
	return ret;
}

int hands_turn(struct hands *h, const char *device, uint16_t code, int detents,
	       vtime gap, struct av_err *err)
{
	struct hid_event e = { .kind = HID_ROTARY,
				 .device = device,
				 .code = code,
				 .value = detents < 0 ? -1 : 1 };
	struct gesture rest = { .e = e, .gap = gap, .left = abs(detents) - 1 };
	struct gesture *out;
	int ret = 0;

	if (rest.left > 0) {
		ret = begin(h, &rest, device, evq_now(h->q) + gap, &out, err);
	}
	if (ret == 0) {
		publish(h, e);
	}
	return ret;
}

void hands_destroy(struct hands *h)
{
	while (h && h->first) {
		forget(h->first);
	}
	free(h);
}
