#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Where output goes: full disks, readers that leave, closed streams, devices.
. "$(dirname "$0")/lib.sh"

check 0 "$avsim" run parking --until 2s --record "$work/a.avrec"

# output that does not arrive is no success
if [ -c /dev/full ]; then
	full() {
		"$@" >/dev/full 2>"$work/err" </dev/null
		got=$?
		[ $got = 2 ] || fail "exit status $got on a full disk: $*"
		says err 'No space left on device'
	}
	full "$avsim" --help
	full "$avsim" list actions
	full "$avsim" lint --schema
	full "$avsim" dump "$work/a.avrec"
	full "$avsim" export "$work/a.avrec" --format csv -o -
	full "$avsim" run parking --until 1s --no-record
	ln -s /dev/full "$work/full"
	check 2 "$avsim" export "$work/a.avrec" --format csv -o "$work/full"
	says err 'No space left on device'
fi

# a reader that has enough is no news
{
	"$avsim" dump "$work/a.avrec" 2>"$work/err"
	echo $? >"$work/status"
} | head -n 1 >/dev/null
[ ! -s "$work/err" ] || fail "noise: $(cat "$work/err")"
[ "$(cat "$work/status")" = 2 ] || fail 'a broken pipe is taken for success'

# what is not a file is written to, not replaced
mkfifo "$work/fifo"
timeout 20 wc -l <"$work/fifo" >"$work/lines" &
check 0 "$avsim" export "$work/a.avrec" --format candump -o "$work/fifo"
wait
[ -p "$work/fifo" ] || fail 'export put a file in the place of a fifo'
[ "$(cat "$work/lines")" -gt 100 ] || fail 'export wrote past the fifo'

# files opened in the place of closed streams do not take their texts
"$avsim" export "$work/a.avrec" --format candump -o "$work/b.log" \
	<&- >&- 2>&- || fail 'export with closed streams'
"$avsim" export "$work/a.avrec" --format candump -o "$work/c.log" ||
	fail 'export'
cmp "$work/b.log" "$work/c.log" || fail 'closed streams changed the output'
"$avsim" dump "$work/a.avrec" >&- 2>/dev/null && fail 'dump to nowhere passed'

done_testing
