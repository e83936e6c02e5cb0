#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Makes the picture of the dashboard in README.md:
#
#   tests/ui/shot.sh [OUT.svg [COLUMNS ROWS [KEY...]]]
#
# Runs the parking scenario in a terminal of its own, pauses while the car backs
# into the gap, presses KEYs (tmux names) and writes what is on the screen.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
avsim=$(cd "${AVSIM_TOP_BUILDDIR:-$top}" && pwd)/avsim
out=${1:-$top/docs/dashboard.svg}
cols=${2:-120}
rows=${3:-40}
[ $# -gt 3 ] && shift 3 || set --

LC_ALL=C.UTF-8
export LC_ALL
unset TMUX
tm() {
	tmux -L "avsim-shot-$$" -f /dev/null "$@"
}
work=$(mktemp -d)
trap 'tm kill-server 2>/dev/null || true; rm -rf "$work"' EXIT
tm new-session -d -x "$cols" -y "$rows" -c "$work" \
	"TERM=tmux-256color $avsim run --scenario parking --record parking.avrec --speed 2"
for _ in $(seq 400); do
	# 0:27 to 0:30 of 1:00: backing, hazard lights on
	tm capture-pane -p | grep -Eq '0:(2[7-9]|30)\.[0-9]* / ' && break
	sleep 0.05
done
tm send-keys Space
sleep 0.5
tm capture-pane -p | grep -q PAUSED || {
	echo "shot.sh: could not pause it in time" >&2
	exit 1
}
for key; do
	tm send-keys "$key"
	sleep 0.5
done
sleep 3 # change marks fade
tm capture-pane -e -p |
	/usr/bin/python3 "$top/tests/ui/capture_svg.py" "$cols" "$rows" >"$out.new"
mv "$out.new" "$out"
