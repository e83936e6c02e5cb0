/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether a device that has nothing to do looks on for a while before it
 * sleeps. A driver that waits for each answer comes again within microseconds;
 * going to sleep and being woken, maybe by another CPU, costs more than that.
 *
 * Looking on is a bet: made only while the last pauses were so short that it
 * would have been won, for SPIN_MAX_NS at most after work was done, and not
 * where others want the CPU. An idle device sleeps. Arithmetic alone: the
 * caller reads the clock.
 */
#ifndef AVSIM_VDEVICES_SPIN_H
#define AVSIM_VDEVICES_SPIN_H

#include <stdbool.h>
#include <stdint.h>

/* QEMU's iothreads go to 32 us. Here that is what it takes to wake a driver in
 * another process: longer, and the device is in its way. */
#define SPIN_MAX_NS 20000
/* Between two looks: somebody else had the CPU. */
#define SPIN_ROBBED_NS 200000
#define SPIN_PENANCE_NS 50000000

struct spin {
	int64_t max;     /* ns; 0: never */
	int64_t window;  /* ns to look on after work */
	int64_t worked;  /* when work was last done */
	int64_t penance; /* no looking on before */
	bool asleep;     /* spin_on() has said so */
};

/* @allowed: false: never, as in a loop with others. Nor on a single CPU. */
void spin_init(struct spin *s, bool allowed);
/* Work that came at @came is done at @now. */
void spin_worked(struct spin *s, int64_t came, int64_t now);
/**
 * spin_on() - Look on?
 * @looked:	when the last look began
 *
 * Return: false: sleep, until spin_worked().
 */
bool spin_on(struct spin *s, int64_t looked, int64_t now);

#endif
