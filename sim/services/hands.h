/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The hands of who sits in the car, on what a guest has as input devices:
 * fingers on a touch screen, keys, a rotary knob. Gestures take their time on
 * the virtual clock, with and without a guest. Publishes TOPIC_INPUT.
 */
#ifndef AVSIM_SERVICES_HANDS_H
#define AVSIM_SERVICES_HANDS_H

#include "sim/core/bus.h"
#include "sim/core/err.h"
#include "sim/core/evq.h"
#include "sim/topics.h"

#define HANDS_FINGERS 10
#define HANDS_STEP (VT_S / 60) /* between two places of a finger that moves */
#define HANDS_DETENTS_MAX 100

struct hands;

enum hands_touch {
	HANDS_TAP,     /* press, and release after a while */
	HANDS_PRESS,
	HANDS_DRAG,    /* of a finger that is down */
	HANDS_RELEASE, /* where it is */
};

struct hands *hands_create(struct evq *q, struct bus *bus);
void hands_destroy(struct hands *h);

/**
 * hands_touch() - Finger @finger at @x, @y, in pixels from the top left
 * @device:	name of the touch screen; NULL: all there are
 * @length:	a tap lasts so long, a drag takes so long
 *
 * Return: 0; -EBUSY: the finger still does something; -EINVAL: it is down
 * already, or is not down.
 */
int hands_touch(struct hands *h, const char *device, unsigned int finger,
		enum hands_touch what, int x, int y, vtime length,
		struct av_err *err);
/* Press at @from, drag to @to, release. */
int hands_swipe(struct hands *h, const char *device, unsigned int finger,
		const int from[2], const int to[2], vtime length,
		struct av_err *err);

enum hands_key { HANDS_KEY_PRESS, HANDS_KEY_DOWN, HANDS_KEY_UP };
/* @code: KEY_*; @length: how long a press lasts. */
int hands_key(struct hands *h, const char *device, uint16_t code,
	      enum hands_key what, vtime length, struct av_err *err);
/* @detents: positive clockwise; @code: REL_WHEEL or REL_DIAL. */
int hands_turn(struct hands *h, const char *device, uint16_t code, int detents,
	       vtime gap, struct av_err *err);

#endif
