/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HCI traffic as a btsnoop file (datalink 1002, H4), as Android's own
 * btsnoop_hci.log: for Wireshark and btmon.
 */
#ifndef AVSIM_BLUETOOTH_BTSNOOP_H
#define AVSIM_BLUETOOTH_BTSNOOP_H

#include "sim/bluetooth/bluetooth.h"
#include "sim/core/err.h"

struct btsnoop;

/**
 * btsnoop_open() - Write the HCI traffic of @of into a new file until btsnoop_close()
 * @epoch_ns:	Unix time of virtual 0
 *
 * A disk that is full ends the capture, is said once, and nothing else.
 * Return: 0 or -errno with @err.
 */
int btsnoop_open(const char *path, struct bluetooth *of, int64_t epoch_ns,
		 struct btsnoop **out, struct av_err *err);
void btsnoop_close(struct btsnoop *b);

#endif
