#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The order of things, held by grep: the core includes nothing above it, stages
# and services know no host clock, curses stays in tui_*, and each header
# compiles alone.
. "$(dirname "$0")/lib.sh"
cd "$top" || exit 1

bad() { # TEXT: complains about the lines on stdin
	lines=$(cat)
	[ -z "$lines" ] || fail "$1:
$lines"
}

grep -nE '#include "(sim/(can|vehicle|signals|vhal)|scenarios|recordings|ui|vdevices)/' \
	sim/core/*.[ch] | bad 'the core includes something above it'
grep -nE '#include "(recordings|ui|scenarios)/' sim/can/*.[ch] sim/vehicle/*.[ch] \
	sim/signals/*.[ch] sim/vhal/*.[ch] sim/sensors/*.[ch] |
	bad 'a stage includes what is above it'
grep -nE '\b(clock_gettime|gettimeofday|time\(NULL\)|nanosleep|usleep|sleep\(|rand\(\)|random\(\)|drand48)' \
	$(ls sim/*.[ch] sim/*/*.[ch] scenarios/*.[ch] recordings/*.[ch] | grep -v 'sim/core/pace') |
	bad 'the simulation reads a host clock, sleeps or rolls dice'
grep -nlE '#include <(ncurses|curses|panel)' $(ls */*.[ch] */*/*.[ch]) |
	grep -v '^ui/tui_' | bad 'curses outside ui/tui_*'
for h in $(ls sim/*.h sim/*/*.h scenarios/*.h recordings/*.h ui/*.h); do
	echo "#include \"$h\"" | ${CC:-cc} -std=c17 -D_GNU_SOURCE -fsyntax-only \
		-I. -I"${AVSIM_TOP_BUILDDIR:-.}" \
		-I"${AVSIM_TOP_BUILDDIR:-.}/sim/services/proto" -x c - 2>"$work/err" ||
		fail "$h does not compile alone: $(head -n 3 "$work/err")"
done
done_testing
