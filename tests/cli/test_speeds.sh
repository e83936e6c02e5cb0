#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The same run at 1x, 20x and maximum speed, with and without the dashboard,
# gives the same recording, byte for byte in its canonical dump.
# AVSIM_CHECK_QUICK: 6 s of virtual time instead of the whole minute.
. "$(dirname "$0")/lib.sh"

until=60s
[ -z "${AVSIM_CHECK_QUICK:-}" ] || until=6s

"$avsim" run parking --until $until --speed 1 --record "$work/x1.avrec" \
	>"$work/x1.out" 2>&1 &
slow=$!
socket=avsim-speeds-$$
trap 'tmux -L $socket kill-server 2>/dev/null; rm -rf "$work"' EXIT
dash=no
if command -v tmux >/dev/null; then
	dash=yes
	for speed in 1 max; do
		tmux -L $socket -f /dev/null new-session -d -x 100 -y 30 \
			-s "s$speed" "XDG_STATE_HOME='$work/state' '$avsim' run parking \
			--until $until --speed $speed --record '$work/d$speed.avrec' \
			>'$work/d$speed.out' 2>&1" 2>/dev/null
	done
fi
"$avsim" run parking --until $until --record "$work/max.avrec" >/dev/null
"$avsim" run parking --until $until --speed 20 --record "$work/x20.avrec" \
	>/dev/null
"$avsim" dump "$work/max.avrec" >"$work/max.txt"
[ "$(wc -l <"$work/max.txt")" -gt 1000 ] || fail "the dump is too short"

same() {
	"$avsim" dump "$work/$1.avrec" >"$work/$1.txt"
	cmp "$work/max.txt" "$work/$1.txt" || fail "$1 differs from max"
}
same x20
wait $slow || fail "the run at 1x failed: $(cat "$work/x1.out")"
same x1
if [ $dash = yes ]; then
	sleep 2
	for speed in max 1; do
		# the dashboard stays after the end of the run until q
		tmux -L $socket send-keys -t "s$speed" q 2>/dev/null
		i=0
		while tmux -L $socket has-session -t "s$speed" 2>/dev/null &&
			[ $i -lt 50 ]; do
			sleep 0.2
			i=$((i + 1))
		done
		same d$speed
	done
else
	echo "SKIP (part): no tmux, dashboards not compared"
fi
done_testing
