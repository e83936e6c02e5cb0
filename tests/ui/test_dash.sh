#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The dashboard in a real terminal (tmux): what it shows, what its keys do, and
# that it hands the terminal back on every way out.
. "${AVSIM_TOP_SRCDIR:-.}/tests/cli/lib.sh"

command -v tmux >/dev/null || skip "no tmux"
"$avsim" run --help >/dev/null 2>&1 || skip "this avsim cannot run yet"
unset TMUX TMUX_TMPDIR
LC_ALL=C.UTF-8
export LC_ALL
socket=avsim-dash-$$
tm() {
	tmux -L "$socket" -f /dev/null "$@"
}
trap 'tm kill-server 2>/dev/null; rm -rf "$work"' EXIT

# start WIDTH HEIGHT OPTION...: the dashboard in a fresh terminal
start() {
	width=$1
	height=$2
	shift 2
	rm -f "$work/after" "$work/status" "$work/warn"
	# the inner shell becomes avsim: its process is ours to signal
	cat >"$work/inner" <<-EOF
	trap : INT # ctrl-c is for the dashboard
	stty -a >"$work/before"
	sh -c 'echo \$\$ >"$work/pid"; exec "$avsim" run --scenario parking --no-record $*' 2>"$work/warn"
	echo \$? >"$work/status"
	stty -a >"$work/after"
	echo handed back
	sleep 60
	EOF
	tm kill-server 2>/dev/null
	tries=0
	# the server of the last terminal may take a moment to go
	until tm new-session -d -x "$width" -y "$height" "sh $work/inner" 2>/dev/null; do
		tries=$((tries + 1))
		[ $tries -lt 50 ] || skip "tmux does not start here"
		sleep 0.1
	done
}

screen() {
	tm capture-pane -p
}

key() {
	tm send-keys "$@"
}

# await WHAT TEXT: the text shows up on the screen within 10 s
await() {
	for _ in $(seq 100); do
		screen >"$work/screen" 2>/dev/null
		grep -qF -- "$2" "$work/screen" && return 0
		sleep 0.1
	done
	fail "$1: '$2' is not on the screen:"
	sed 's/^/    |/' "$work/screen" >&2
	return 1
}

# never WHAT TEXT: the text is not on the screen now
never() {
	screen >"$work/screen"
	if grep -qF -- "$2" "$work/screen"; then
		fail "$1: '$2' is on the screen:"
		sed 's/^/    |/' "$work/screen" >&2
	fi
}

now_is() {
	screen | sed -n '1s/^.*  \([0-9:.]*\) \/ .*$/\1/p'
}

# handed_back WHAT: as it was before, on the main screen, with a cursor
handed_back() {
	await "$1" "handed back" || return
	cmp -s "$work/before" "$work/after" || {
		fail "$1: the terminal's modes differ"
		diff "$work/before" "$work/after" >&2
	}
	if grep -F Sanitizer "$work/warn" >&2; then
		fail "$1: a sanitizer complains"
	fi
	[ "$(tm display -p '#{alternate_on}')" = 0 ] ||
		fail "$1: still on the alternate screen"
	[ "$(tm display -p '#{cursor_flag}')" = 1 ] ||
		fail "$1: the cursor is hidden"
}

# ---- views ----
start 80 24 --speed 1
await start "km/h"
await start "1 Drive"
await "drive view" "Battery"
await "drive view" "Climate"
key 2
await "map view" "m driven"
key 3
await "property view" "PROPERTY / AREA"
await "property view" "ABS_ACTIVE"
key 4
await "CAN view" "MESSAGE"
await "CAN view" "frames/s"
key 5
await "log view" "scenario"
key 6
await "actions view" "Faults"
await "actions view" "Actions"
key 7
await "motion view" "scmi.iio.accel"
await "motion view" "z down"
await "motion view" "magnetic heading"
key Enter
await "rate of a sensor" "12.5, 25, 50, 100, 200, 400 Hz"
key Enter
await "rate of a sensor" "accelerometer 100 Hz"
key 8
await "Bluetooth view" "Controller"
await "Bluetooth view" "phone-appear brings"
key 9
await "devices view" "no device"
key 0
await "satellites view" "C/N0 in dBHz"
await "satellites view" "m from the car"
key Tab
await "tab goes round" "Battery"
key '?'
await help "any key closes"
key x
sleep 0.3
never "help closes" "any key closes"

# ---- pace ----
key Space
await pause PAUSED
t0=$(now_is)
sleep 0.5
[ "$(now_is)" = "$t0" ] || fail "time goes on while paused: $t0 $(now_is)"
key .
sleep 0.4
t1=$(now_is)
key ,
sleep 0.4
t2=$(now_is)
ms() {
	echo "$1" | awk -F: '{ printf "%d", ($1 * 60 + $2) * 1000 + 0.5 }'
}
[ $(($(ms "$t1") - $(ms "$t0"))) = 10 ] || fail "step: $t0 to $t1 is not 10 ms"
[ $(($(ms "$t2") - $(ms "$t1"))) = 1000 ] || fail "big step: $t1 to $t2 is not 1 s"
key Space
key +
await faster "2x"
key - -
await slower "0.5x"

# ---- search, and a property that is not there ----
key 3
key / s p e e d
await search "search: speed"
await search "PERF_VEHICLE_SPEED"
never search "ABS_ACTIVE"
key Enter
never "search keeps" "ABS_ACTIVE"
key Escape
key g
await "search ends" "ABS_ACTIVE"

# ---- commands go through the queue ----
key m
await mark "Mark this moment"
key h e l l o Enter
key 5
await "mark in the log" "hello"
key i
await inject "Inject a CAN frame"
key n o n s e n s e Enter
await "inject refuses" "for example"
key C-u
key -l "can0 7A1#0102"
key Enter
key 4
key /
key -l "7A1"
await "injected frame" "01 02"
key Escape Escape
key f
await faults "Faults"
for _ in $("$avsim" list faults | sed -n '/^can-mute/q; s/^\([a-z-]*\) .*/\1/p'); do
	key Down
done
key Enter
await "fault dialog" "fault name=can-mute bus="
key Enter
await "fault starts" "● can-mute        bus=can0"
key Enter
await "fault clears" "can-mute        bus= [node=]"

# ---- sizes ----
key 1
tm resize-window -x 120 -y 40
await "large: panes side by side" "Map"
await "large: panes side by side" "Log"
tm resize-window -x 60 -y 15
await small "too small: 60x15"
tm resize-window -x 80 -y 24
await "back again" "Battery"

# ---- ways out ----
key q
await "asks first" "not over"
key n
sleep 0.3
never "and goes on" "not over"
key q y
handed_back "quit"
[ "$(cat "$work/status")" -le 1 ] || fail "quit: status $(cat "$work/status")"

start 80 24
await start "km/h"
kill -TERM "$(cat "$work/pid")"
handed_back "SIGTERM"

start 80 24
await start "km/h"
key C-c
handed_back "ctrl-c"

start 80 24
await start "km/h"
kill -ABRT "$(cat "$work/pid")"
handed_back "SIGABRT"
[ "$(cat "$work/status")" -gt 128 ] || fail "SIGABRT: did not die of it"

# ---- the end of a run stays on the screen ----
start 80 24 --speed max
await "end" "ENDED"
key q
handed_back "quit after the end"

# ---- a terminal without UTF-8 ----
LC_ALL=C
start 80 24 --speed 1
await "ASCII" "km/h"
key 2
await "ASCII map" "m driven"
screen | LC_ALL=C grep -q '[^ -~]' && fail "bytes beyond ASCII in the C locale"
key q y
handed_back "quit in the C locale"

done_testing
