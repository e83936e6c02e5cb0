#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# lint tells every error with its place before anything runs, and says the same
# as a run; list prints what there is.
. "$(dirname "$0")/lib.sh"

check 0 "$avsim" lint "$top"/scenarios/*.yaml
[ "$(grep -c ': ok$' "$work/out")" -ge 7 ] || fail 'not all scenarios are ok'
check 0 "$avsim" lint parking "$top/sim/vehicles/compact-ev/vehicle.yaml" \
	"$top/sim/vehicles/compact-ev/signals.yaml" \
	"$top/sim/vehicles/compact-ev/bus.dbc" \
	"$top/sim/vehicles/compact-ev/vhal.json"
says out 'parking: ok'
[ "$(wc -l <"$work/out")" = 5 ] || fail 'want one line per file'

cat >"$work/bad.yaml" <<'END'
duration: 5s
timeline:
  - { at: 1s, do: { sped: 50 km/h } }
  - { at: 1s, do: { horn: maybe } }
END
cat >"$work/unbound.yaml" <<'END'
duration: 5s
timeline:
  - { when: PERF_VEHICLE_SPED > 5 km/h, do: lock }
END
check 2 "$avsim" lint "$work/bad.yaml" parking "$work/unbound.yaml"
says out 'parking: ok'
says err "$work/bad.yaml:3:21: unknown action 'sped' (did you mean 'speed'?)"
says err "$work/bad.yaml:4:27: 'on' must be true or false, not 'maybe'"
says err "$work/unbound.yaml:3:13:"
says err "(did you mean 'PERF_VEHICLE_SPEED'?)"
check 0 "$avsim" lint --syntax "$work/unbound.yaml"
for f in bad unbound; do
	check 2 "$avsim" lint "$work/$f.yaml"
	cp "$work/err" "$work/lint"
	check 2 "$avsim" run --scenario "$work/$f.yaml" --headless --no-record
	cmp -s "$work/lint" "$work/err" || fail "run says other things of $f"
done

# a log in the vehicle's place: wrong frames, positions of another day
cat >"$work/log.yaml" <<END
duration: 5s
vehicle: rav4
can: { trace: x.log, dbc: { can0: $top/scenarios/rav4/can0.dbc } }
gnss: { trace: x.csv }
END
echo 'unix_time_s,latitude_deg,longitude_deg
1.5,48,11' >"$work/x.csv"
echo '(1533226488.5) can0 0AA#1a6f1a6f1a6f1a6f
(1533226488.4) can0 0AA#1a6f1a6f1a6f1a6f
(1533226488.6) can0 0AA#x' >"$work/x.log"
check 2 "$avsim" lint "$work/log.yaml"
says err "x.log:2:1: time goes back"
says err "x.log:3:25:"
sed -i 1q "$work/x.log"
check 2 "$avsim" lint "$work/log.yaml"
says err "x.csv: none of its positions is from the time of the frames"
sed -i s/^1.5/1533226488.5/ "$work/x.csv"
check 0 "$avsim" lint "$work/log.yaml"
sed -i s/can0/can7/ "$work/x.log"
check 2 "$avsim" lint "$work/log.yaml"
says err "x.log: no frame of can0"

check 0 "$avsim" lint --set approach=10 parking
check 2 "$avsim" lint --set aproach=10 parking
says err "did you mean 'approach'?"
check 2 "$avsim" lint --set approach parking
says err 'NAME=VALUE'
check 2 "$avsim" lint "$work/none.yaml"
says err 'cannot open'
: >"$work/x.txt"
check 2 "$avsim" lint "$work/x.txt"
says err 'what is it?'
check 2 "$avsim" lint

# a vehicle is checked with all its files
mkdir "$work/car"
cp "$top"/sim/vehicles/compact-ev/* "$work/car"
sed 's/model: speed$/model: sped/' "$top/sim/vehicles/compact-ev/signals.yaml" \
	>"$work/car/signals.yaml"
check 2 "$avsim" lint "$work/car/vehicle.yaml"
says err "car/signals.yaml:"
says err "(did you mean 'speed'?)"

for kind in scenarios vehicles actions faults variables formats devices guests; do
	check 0 "$avsim" list $kind
	[ -s "$work/out" ] || fail "list $kind is empty"
done
check 0 "$avsim" list vehicles
says out 'compact-ev'
check 2 "$avsim" list action
says err "did you mean 'actions'?"
check 2 "$avsim" list
done_testing
