#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A running avsim is looked into and steered from outside.
. "$(dirname "$0")/lib.sh"

ctl() {
	"$avsim" ctl --run-dir "$work/run" "$@"
}

start() { # COMMAND...: in the background, until its socket is there
	"$avsim" "$@" --headless --run-dir "$work/run" >"$work/run.out" 2>&1 &
	pid=$!
	i=0
	while [ ! -S "$work/run/ctl.sock" ] && [ $i -lt 100 ]; do
		sleep 0.05
		i=$((i + 1))
	done
}

seconds() {
	ctl status | sed -n 's/^ *time: *\([0-9]*\)\..*/\1/p'
}

start run parking --speed 1 --record "$work/a.avrec"
check 0 ctl status
says out 'speed:    1x'
check 0 ctl pause
says out 'paused'
check 0 ctl step 100ms
check 0 ctl get Vehicle.Speed GEAR_SELECTION
says out 'GEAR_PARK'
check 2 ctl get Vehicle.Sped
says err "did you mean 'Vehicle.Speed'?"
check 0 ctl get DOOR_LOCK # all its areas
says out 'DOOR_LOCK/ROW_2_LEFT'
says out 'DOOR_LOCK/REAR'
check 2 ctl get DOR_LOCK
says err "did you mean 'DOOR_LOCK'?"
check 0 ctl set HVAC_TEMPERATURE_SET/ROW_1_LEFT 25.5
check 0 ctl step 200ms
check 2 ctl set GEAR_SELECTION 8
check 0 ctl inject can0 123#1122
check 0 ctl mark it is time
check 0 ctl mark "it's a \\ test"
check 2 ctl fault blk-error device=zz
says err "no blk device 'zz': this run has none"
check 0 ctl do mark "text=Anna's phone"
check 0 ctl do mark "text='as in a file'"
check 0 ctl do "mark text=one"
check 0 ctl fault can-mute bus=can0
check 0 ctl step 50ms
check 0 ctl status
says out 'fault:    can-mute'
check 0 ctl clear
check 0 ctl resume
check 2 ctl step
says err 'pause first'
check 2 ctl seek 5s
says err 'only a replay can seek'
check 0 ctl speed 20
sleep 0.5
check 0 ctl get HVAC_TEMPERATURE_SET/ROW_1_LEFT
says out '25.5'
{
	ctl watch 'Vehicle.Speed' '*Wheel*' 2>"$work/err"
	echo $? >"$work/status"
} | head -n 1 >"$work/out"
[ -s "$work/out" ] || fail 'nothing to watch'
[ ! -s "$work/err" ] || fail "noise: $(cat "$work/err")"
[ "$(cat "$work/status")" = 2 ] || fail 'a broken pipe is taken for success'
check 0 ctl list 'EV_*'
says out 'EV_BATTERY_LEVEL'
check 2 ctl stauts
says err "did you mean 'status'?"
check 0 ctl quit
wait $pid || fail "the run failed: $(cat "$work/run.out")"
check 0 "$avsim" dump "$work/a.avrec" --only scenario:mark
says out "it's a \\ test"
says out "Anna's phone"
says out 'as in a file'
check 0 "$avsim" replay "$work/a.avrec"
says out 'all as recorded'

# a device is one that there is
truncate -s 1M "$work/disk.raw"
cat >"$work/fault.yaml" <<-END
	name: fault
	duration: 5
	timeline:
	  - at: 1
	    do:
	      - fault: {name: blk-slow, device: over, by: 10 ms}
END
start run "$work/fault.yaml" --linger --record "$work/f.avrec" \
	--device "disk:blk,file=$work/disk.raw,readonly=on" \
	--device "over:blk,file=$work/disk.raw,overlay=on" \
	--device screen:input
check 2 ctl fault blk-error device=zz
says err "no blk device 'zz'; there are: disk, over"
check 2 ctl fault blk-slow by=10ms device=screen
says err "no blk device 'screen'; there are: disk, over"
check 2 ctl fault net-down device=disk
says err "no net device 'disk': this run has none; add one with --device"
check 2 ctl do touch x=1 y=1 device=over
says err "no input device 'over'; there are: screen"
check 0 ctl do touch x=1 y=1 device=screen
check 0 ctl fault blk-error device=disk
sleep 0.3
check 0 ctl status
says out 'fault:    blk-error device=disk'
check 0 ctl quit
wait $pid || fail "the run failed: $(cat "$work/run.out")"
# without them, as in each replay, nobody can tell
check 0 "$avsim" replay "$work/f.avrec"
says out 'all as recorded'
check 0 "$avsim" run "$work/fault.yaml" --no-record
check 0 "$avsim" lint "$work/fault.yaml"
check 2 "$avsim" run "$work/fault.yaml" --no-record --device screen:input
says err "fault.yaml:6:9: fault: no blk device 'over': this run has none"

# a replay seeks both ways, and takes no commands
check 0 "$avsim" record parking -o "$work/b.avrec"
start replay "$work/b.avrec" --speed 1
check 0 ctl seek 20s
sleep 0.5
t=$(seconds)
[ "$t" -ge 20 ] && [ "$t" -lt 30 ] || fail "at $t s after seeking to 20 s"
check 0 ctl seek 5s
sleep 0.7
t=$(seconds)
[ "$t" -ge 5 ] && [ "$t" -lt 15 ] || fail "at $t s after seeking to 5 s"
check 2 ctl mark no
says err 'recording only'
check 0 ctl speed max
wait $pid || fail "the replay failed: $(cat "$work/run.out")"
grep -q 'all as recorded' "$work/run.out" || fail "$(cat "$work/run.out")"
check 2 ctl status
done_testing
