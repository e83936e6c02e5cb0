/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which case plays which attack: those that a guest (G) and a front-end (F) can
 * make, and what a device owes a hostile guest (D). Cases of the suite run over
 * every queue of every device, in every home that it may have, and after each
 * one: the process is alive, the next front-end is served, the other device
 * serves, as many descriptors are open as before; at the end memory has not
 * grown. A case runs with split rings and with packed ones, or says why not.
 * `contract --list` prints it.
 *
 * make check runs all of it with a twentieth of the counts, in the build with
 * sanitizers too; make check-attacks the whole counts. What compares times (G9,
 * F4) is judged there only: no machine is quiet enough in between.
 */
#include "config.h"

#include "contract.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const struct attack_row {
	const char *id, *what;
	/* NULL: all cases of this id; else names, separated by spaces */
	const char *cases;
	const char *elsewhere; /* other programs that play it too; or NULL */
} rows[] = {
	{ "G1", "loops, links to itself and beyond the table", NULL, NULL },
	{ "G2", "heads beyond the ring, indices that jump", NULL,
	  "tests/fuzz/fuzz_virtq" },
	{ "G3", "addresses outside, over two regions, that wrap; lengths 0 and "
		"2^32 - 1",
	  NULL, "tests/unit/test_guest_mem" },
	{ "G4", "indirect tables: odd, empty, long, nested, looped, outside",
	  NULL, NULL },
	{ "G5", "wrong directions, headers in pieces, 1024 elements", NULL,
	  NULL },
	{ "G6", "rings below buffers, below each other, in read-only memory",
	  "writes-onto-descriptors writes-onto-drivers-area "
	  "writes-onto-devices-area ring-addresses bad-region-files",
	  NULL },
	{ "G7", "a second thread rewrites all that is read, 1e6 times", NULL,
	  "tests/unit/test_virtq_hooks, tests/fuzz/fetch_device: no byte is "
	  "fetched twice" },
	{ "G8", "1e6 ports, flows, sensors, sectors: 64 MiB at most", NULL,
	  "tests/unit/test_vsock_mass" },
	{ "G9", "kicks without end: others' p99 at most doubles", NULL, NULL },
	{ "G10", "random bodies and unknown requests to each queue", NULL,
	  "tests/fuzz/fuzz_device" },
	{ "G11", "event index on and off, both ring formats, queues that "
		 "nobody serves",
	  "no-event-index no-spin", NULL },
	{ "G12", "64 KiB and more at once, no credit, too much, reset storms",
	  NULL, "tests/unit/test_vsock, tests/unit/test_vsock_mass" },
	{ "G13", "network stack: urgent pointers, fragments, garbage for its "
		 "services, half-open flows",
	  "million-keys random-bodies", "tests/unit/test_net_attacks" },
	{ "F1", "messages that lie, are cut, endless; rings and descriptors "
		"that are none",
	  NULL, "tests/fuzz/fuzz_vhost_user" },
	{ "F2", "files that shrink below memory, tables and the dirty log",
	  NULL, "tests/unit/test_guest_mem" },
	{ "F3", "descriptors by the hundred, 1e4 times", NULL, NULL },
	{ "F4", "kill -9 of 500 front-ends: served again in 100 ms, less than "
		"1 MiB more",
	  NULL, NULL },
	{ "F5", "two front-ends at once", NULL, NULL },
	{ "F6", "size, base, addresses and memory changed while running", NULL,
	  NULL },
	{ "F7", "stop and go with work under way: nothing lost, nothing twice",
	  NULL, NULL },
	{ "F8", "1000 resets with work under way", NULL, NULL },

	{ "C1", "handshakes as QEMU and crosvm have them", NULL, NULL },
	{ "C2", "features that every device offers, and none that it must not",
	  NULL, NULL },
	{ "C3", "rings without event index, in order, tracked, large; memory "
		"in pieces",
	  NULL, "tests/unit/test_virtq" },
	{ "C4", "windows of the configuration space", NULL, NULL },
	{ "C5", "reset", NULL, NULL },
	{ "C6", "a front-end that comes back", NULL, NULL },
	{ "C7", "rings enabled late, disabled, call descriptors swapped", NULL,
	  NULL },
	{ "C8", "dirty log", NULL, "tests/unit/test_virtq" },
	{ "C9", "a state that is saved, and loaded elsewhere; what is none",
	  NULL, "tests/fuzz/fuzz_device" },
	{ "C10", "a pause, which forgets nothing, and a reset, which does",
	  NULL, NULL },

	{ "D", "index jumps by more than the ring",
	  "index-jumps-one-too-far index-jumps-half index-jumps-back "
	  "slot-of-another-lap slot-marked-used slot-behind-a-gap",
	  NULL },
	{ "D", "head or next beyond the ring",
	  "head-at-end head-far next-at-end next-far list-ends-early "
	  "indirect-next-out-of-table",
	  NULL },
	{ "D", "a loop of links",
	  "self-loop loop-of-two loop-of-all indirect-loop", NULL },
	{ "D", "the same head twice in flight", "same-head-20-times",
	  "tests/unit/test_virtq" },
	{ "D", "addresses that wrap, outside, over two regions; too much",
	  "wraps outside begins-before-memory ends-past-memory "
	  "spans-two-regions spans-both-ways sum-over-4-gib",
	  NULL },
	{ "D", "indirect length odd, zero, huge",
	  "indirect-odd-length indirect-empty indirect-huge "
	  "indirect-too-long",
	  NULL },
	{ "D", "readable behind writable", "writable-before-readable", NULL },
	{ "D", "elements without length",
	  "zero-length-readable zero-length-writable zero-length-between "
	  "zero-length-everywhere",
	  NULL },
	{ "D", "contents rewritten while parsed", "rewritten-while-read",
	  "tests/fuzz/fetch_device" },
	{ "D", "ring fields rewritten",
	  "rewritten-while-read used-ring-rewritten ring-garbage",
	  "tests/unit/test_virtq_hooks" },
	{ "D", "a header in many pieces, or all in one",
	  "one-byte-each 1024-elements 1024-elements-spanning "
	  "random-bodies",
	  NULL },
	{ "D", "an answer's room too small or absent",
	  "only-readable one-byte-answer random-bodies", NULL },
	{ "D", "huge claimed lengths", "random-bodies over-64-kib longest",
	  "tests/fuzz/fuzz_device" },
	{ "D", "kicks in a tight loop", "kick-storm no-spin", NULL },
	{ "D", "a control request of an unknown id", "unknown-request", NULL },
	{ "D", "ring unaligned, outside, its region removed",
	  "ring-addresses regions-removed changed-while-running", NULL },
	{ "D", "ring size 0, odd, too large; queue that is not there",
	  "ring-size-0 ring-size-65536 ring-size-max ring-size-queue-end "
	  "ring-size-queue-9999 base-queue-end address-queue-end "
	  "enable-queue-end kick-queue-255",
	  "tests/unit/test_vhost_user" },
	{ "D", "a file shorter than its region",
	  "bad-regions truncated-memory truncated-tables", NULL },
	{ "D", "descriptors too many or missing",
	  "250-descriptors memory-9-fds-for-8 slot-without-fd slot-two-fds "
	  "log-without-fd inflight-without-fd",
	  NULL },
};

#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

static bool named(const struct attack_row *r, const struct contract_case *k)
{
	size_t n = strlen(k->name);
	const char *p = r->cases;

	if (!p) {
		return !strcmp(r->id, k->id);
	}
	while ((p = strstr(p, k->name))) {
		if ((p == r->cases || p[-1] == ' ') &&
		    (p[n] == '\0' || p[n] == ' ')) {
			return true;
		}
		p++;
	}
	return false;
}

static bool same(const char *a, const char *b)
{
	return a == b || (a && b && !strcmp(a, b));
}

/* @k is one of @r's and, given @like, runs where that runs, for its reason. */
static bool has_case(const struct attack_row *r, const struct contract_case *k,
		     const struct contract_case *like)
{
	return named(r, k) &&
	       (!like || (k->formats == like->formats &&
			  same(k->why, like->why) &&
			  k->in_order == like->in_order));
}

/* The @n-th case of @r, of those like @like; NULL: there are no more. */
static const struct contract_case *nth(const struct attack_row *r, size_t n,
				       const struct contract_case *like)
{
	for (size_t l = 0; contract_lists[l]; l++) {
		const struct contract_case *k = contract_lists[l];

		for (; k->id; k++) {
			if (has_case(r, k, like) && n-- == 0) {
				return k;
			}
		}
	}
	return NULL;
}

static void print_devices(bool in_order)
{
	for (size_t i = 0; i < n_vdev_types; i++) {
		if (vdev_types[i]->in_order == in_order) {
			printf(" %s", vdev_types[i]->name);
		}
	}
}

/* The cases like @first, the formats they run in, and why not in both. */
static void print_like(const struct attack_row *r,
		       const struct contract_case *first)
{
	static const char *const words[] = { "both", "split", "packed",
					     "once" };
	const struct contract_case *k;

	printf("    %-6s", words[first->formats]);
	for (size_t n = 0; (k = nth(r, n, first)); n++) {
		printf(" %s", k->name);
	}
	if (first->why) {
		printf("\n           (%s)", first->why);
	}
	if (first->in_order) {
		printf("\n           (of");
		print_devices(true);
		printf("; not offered, not run:");
		print_devices(false);
		printf(")");
	}
	printf("\n");
}

void coverage_print(void)
{
	for (size_t i = 0; i < N_ROWS; i++) {
		const struct attack_row *r = &rows[i];
		const struct contract_case *k;

		printf("%-3s %s\n", r->id, r->what);
		for (size_t n = 0; (k = nth(r, n, NULL)); n++) {
			if (nth(r, 0, k) == k) {
				print_like(r, k);
			}
		}
		if (r->elsewhere) {
			printf("    also   %s\n", r->elsewhere);
		}
	}
}

static bool is_listed(const struct contract_case *k)
{
	for (size_t i = 0; i < N_ROWS; i++) {
		if (named(&rows[i], k)) {
			return true;
		}
	}
	return false;
}

/* Each case is some attack's, and in both formats, or it says why not. */
static int check_cases(void)
{
	int ret = 0;

	for (size_t l = 0; contract_lists[l]; l++) {
		const struct contract_case *k = contract_lists[l];

		for (; k->id; k++) {
			const char *wrong = NULL;

			if (!is_listed(k)) {
				wrong = "not in the list";
			} else if (k->formats != IN_BOTH && !k->why) {
				wrong = "one ring format, no reason";
			} else if (k->formats == IN_BOTH && k->why) {
				wrong = "a reason, but both formats";
			}
			if (wrong) {
				fprintf(stderr, "contract: %s %s: %s\n", k->id,
					k->name, wrong);
				ret = -ENOENT;
			}
		}
	}
	return ret;
}

int coverage_check(void)
{
	int ret = check_cases();

	for (size_t i = 0; i < N_ROWS; i++) {
		const struct attack_row *r = &rows[i];
		size_t want = 1, have = 0;

		for (const char *p = r->cases; p && *p; p++) {
			want += *p == ' ';
		}
		while (nth(r, have, NULL)) {
			have++;
		}
		if (have < want) {
			fprintf(stderr,
				"contract: %s (%s): %zu cases of %zu\n", r->id,
				r->what, have, want);
			ret = -ENOENT;
		}
	}
	return ret;
}
