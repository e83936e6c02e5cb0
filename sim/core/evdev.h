/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of the keys of Linux's input layer (KEY_* of input-event-codes.h) that
 * a car or a desktop has.
 */
#ifndef AVSIM_CORE_EVDEV_H
#define AVSIM_CORE_EVDEV_H

#include <stddef.h>
#include <stdint.h>

struct evdev_key {
	const char *name; /* without KEY_ */
	uint16_t code;
};
extern const struct evdev_key evdev_keys[];
extern const size_t n_evdev_keys;

/* Code of "HOME", "home" or "KEY_HOME"; -1 there is none. */
int evdev_key_find(const char *name);
const char *evdev_key_suggest(const char *name); /* the nearest, or NULL */

#endif
