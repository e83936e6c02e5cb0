/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is said at the end of a run.
 */
#ifndef AVSIM_UI_SUMMARY_H
#define AVSIM_UI_SUMMARY_H

#include "ui/runloop.h"
#include "ui/session.h"

/* In a terminal, with room for a dashboard? */
bool cli_has_terminal(void);

/* --log LEVEL. Return: 0 or EXIT_TROUBLE. */
int cli_log_level(const char *text);

/* "can 81234, vhal 4000", channels that have records. */
void summary_counts(const struct rec_counts *c, char *buf, size_t size);

/**
 * summary_print() - Close the recording and print the end of a run on stdout
 *
 * Return: the exit status: EXIT_TROUBLE if the recording failed, EXIT_FAIL if an
 * expectation did, else EXIT_PASS.
 */
int summary_print(struct session *s, const struct runloop *l,
		  const char *title);

#endif
