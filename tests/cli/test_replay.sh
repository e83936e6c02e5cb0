#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A recording replays into itself, also one with commands from outside; a real
# drive imports and replays.
. "$(dirname "$0")/lib.sh"

check 0 "$avsim" run parking --record "$work/a.avrec"
check 0 "$avsim" replay "$work/a.avrec" --record "$work/b.avrec"
says out 'all as recorded'
"$avsim" dump "$work/a.avrec" >"$work/a.txt"
"$avsim" dump "$work/b.avrec" >"$work/b.txt"
cmp "$work/a.txt" "$work/b.txt" || fail "the replay's recording differs"
check 0 "$avsim" diff "$work/a.avrec" "$work/b.avrec"
check 0 "$avsim" replay "$work/a.avrec" --to 5s --headless
says out 'all as recorded'
check 0 "$avsim" replay "$work/a.avrec" --only 'vhal:GEAR*' --from 1s
says out 'GEAR_SELECTION'

# parameters and seed travel with the recording
check 0 "$avsim" run parking --seed 77 --until 3s --record "$work/c.avrec"
check 0 "$avsim" replay "$work/c.avrec"
says out 'all as recorded'

# keys pressed in the dashboard are inputs: recorded, and replayed without it
if command -v tmux >/dev/null; then
	socket=avsim-replay-$$
	trap 'tmux -L $socket kill-server 2>/dev/null; rm -rf "$work"' EXIT
	tmux -L $socket -f /dev/null new-session -d -x 100 -y 30 \
		"XDG_STATE_HOME='$work/state' '$avsim' run parking --until 4s \
		--record '$work/k.avrec'" 2>/dev/null
	sleep 1
	tmux -L $socket send-keys m 2>/dev/null
	sleep 0.5
	tmux -L $socket send-keys hello Enter 2>/dev/null
	sleep 5
	tmux -L $socket send-keys q 2>/dev/null
	i=0
	while tmux -L $socket has-session 2>/dev/null && [ $i -lt 50 ]; do
		sleep 0.2
		i=$((i + 1))
	done
	"$avsim" dump "$work/k.avrec" --only 'command:*' >"$work/k.txt"
	grep -q 'mark' "$work/k.txt" || fail "the mark was not recorded: $(cat "$work/k.txt")"
	check 0 "$avsim" replay "$work/k.avrec"
	says out 'all as recorded'
else
	echo "SKIP (part): no tmux, no keys pressed"
fi


data=${AVSIM_SHARED_DATA:-$top/../shared/data}
if [ ! -r "$data/can/rav4_drive_60s.candump.log" ]; then
	echo "SKIP (part): no rav4_drive_60s.candump.log"
	done_testing
fi
check 0 "$avsim" import "$data/can/rav4_drive_60s.candump.log" \
	--dbc can0="$data/can/toyota_new_mc_pt_generated.dbc" \
	--dbc can1="$data/can/toyota_adas.dbc" \
	--map "$top/sim/vehicles/rav4/signals.yaml" \
	--vhal "$top/sim/vehicles/rav4/vhal.json" -o "$work/rav4.avrec"
check 0 "$avsim" replay "$work/rav4.avrec" --headless
says out 'all as recorded'
"$avsim" dump "$work/rav4.avrec" --only 'vhal:PERF_VEHICLE_SPEED' >"$work/v.txt"
[ "$(wc -l <"$work/v.txt")" -gt 500 ] || fail "too few speeds from the RAV4 log"
check 0 "$avsim" export "$work/rav4.avrec" --format candump -o "$work/rav4.log"
cmp "$work/rav4.log" "$data/can/rav4_drive_60s.candump.log" ||
	fail "the exported candump log differs from the imported one"
done_testing
