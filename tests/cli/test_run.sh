#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The main job: a scenario runs without a terminal, is judged and recorded.
. "$(dirname "$0")/lib.sh"

check 0 "$avsim" --scenario parking
says out 'parking: pass'
says out '60.000 s virtual'
says out 'recording:  '
file=$(sed -n 's/^ *recording: *//p' "$work/out")
[ -s "$file" ] || fail "no recording at '$file'"
[ ! -e "$file-wal" ] || fail "the recording is not a single file"

check 0 "$avsim" run parking --until 2s --record "$work/a.avrec"
says out '2.000 s virtual'
check 2 "$avsim" run parking --until 2s --record "$work/a.avrec"
says err 'a.avrec'

check 0 "$avsim" record parking -o "$work/rec.avrec" --until 1s
[ -s "$work/rec.avrec" ] || fail "avsim record made no recording"
check 2 "$avsim" record parking
says err '-o FILE'

# no place for a recording that nobody asked for: the run goes on
check 0 env -u XDG_STATE_HOME -u HOME "$avsim" run parking --until 1s
says err 'not recorded'
check 2 env -u XDG_STATE_HOME -u HOME "$avsim" run parking --until 1s \
	--record /nonexistent/a.avrec

# only the last 20 stay
for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22; do
	"$avsim" run parking --until 20ms >/dev/null
done
n=$(ls "$XDG_STATE_HOME"/avsim/recordings/*.avrec | wc -l)
[ "$n" = 20 ] || fail "$n recordings kept, want 20"

# what a user gets wrong: exit 2, a text that names the remedy, nothing written
check 2 "$avsim" --scenario parkin
says err "did you mean 'parking'?"
check 2 "$avsim" --scenario parking --sed 3
says err "did you mean '--seed'?"
check 2 "$avsim" --scenario parking --seed x
says err '--seed wants a whole number'
check 2 "$avsim" --scenario parking --speed 0
says err '--speed wants'
check 2 "$avsim" --scenario parking --until now
says err '--until wants a time'
check 2 "$avsim" --scenario parking --set nonsense=1 --record "$work/b.avrec"
says err 'nonsense'
[ ! -e "$work/b.avrec" ] || fail 'a refused run left a recording'
check 2 "$avsim" --scenario "$work/missing.yaml"
says err 'missing.yaml'
check 2 "$avsim" --scenario parking --vehicle compact-eve
says err "did you mean 'compact-ev'?"
check 2 "$avsim" rnu
says err "did you mean 'run'?"
check 2 "$avsim" run
says err 'which scenario?'

# help and version
check 0 "$avsim" --help
says out 'avsim --scenario parking'
check 0 "$avsim" --version
for c in $("$avsim" --help | sed -n 's/^  \([a-z]*\)  .*/\1/p'); do
	check 0 "$avsim" "$c" --help
	says out "usage: avsim $c"
done

# a failed expectation: exit 1
cat >"$work/fails.yaml" <<'END'
name: fails
duration: 1s
vehicle: compact-ev
expect:
  - never: t >= 500ms
END
check 1 "$avsim" run "$work/fails.yaml" --no-record
says out 'fails: fail'
says out '0 of 1 passed'

# random bytes of the host: whoever reads the recording is told
check 0 "$avsim" run parking --until 1s --device rng --host-entropy \
	--record "$work/entropy.avrec"
check 0 "$avsim" dump "$work/entropy.avrec"
says out 'not reproducible: entropy of the host'
check 0 "$avsim" run parking --until 1s --device rng --record "$work/seed.avrec"
check 0 "$avsim" dump "$work/seed.avrec"
! grep -q 'not reproducible' "$work/out" || fail 'bytes of the seed are marked'
check 2 "$avsim" run parking --no-record --host-entropy
says err 'add --device rng'

# SIGINT ends the run in good order
"$avsim" run parking --speed 1 --record "$work/int.avrec" >"$work/out" 2>&1 &
pid=$!
sleep 1
kill -INT $pid
wait $pid
says out '(interrupted)'
check 0 "$avsim" dump "$work/int.avrec"

done_testing
