#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Motion sensors as a user meets them: recorded, replayed, exported, played
# again from the export, wrong files refused.
. "$(dirname "$0")/lib.sh"

# rates that the scenario asks for, all kinds of faults
cat >"$work/drive.yaml" <<'END'
duration: 12s
timeline:
  - {at: 1s, do: {speed: {to: 50 km/h}}}
  - {at: 2s, do: {sensor-rate: {sensor: scmi.iio.accel, rate: 400 Hz}}}
  - {at: 2s, do: {sensor-rate: {sensor: gyro_uncal, rate: 104.3 Hz}}}
  - {at: 9s, do: {sensor-rate: {sensor: scmi.iio.accel, rate: 0}}}
faults:
  - {at: 3s, for: 1s, fault: sensor-stuck, sensor: scmi.iio.accel}
  - {at: 5s, for: 1s, fault: sensor-bias, sensor: gyro_uncal, by: 3 deg/s}
  - {at: 6s, for: 1s, fault: sensor-noise, sensor: scmi.iio.mag, deviation: 4}
  - {at: 7s, for: 1s, fault: sensor-clock, sensor: gyro_uncal, factor: 0.9}
  - {at: 8s, for: 1s, fault: sensor-dropout, sensor: scmi.iio.gyro}
END
check 0 "$avsim" run "$work/drive.yaml" --headless --record "$work/a.avrec"
check 0 "$avsim" replay "$work/a.avrec" --headless
says out 'all as recorded'
check 0 "$avsim" verify --scenario "$work/drive.yaml" --runs 2
"$avsim" dump "$work/a.avrec" --only imu >"$work/a.txt"
n=$(awk -F'\t' '$3 == "scmi.iio.accel" && $1 > 2.005 && $1 < 8.995' \
	"$work/a.txt" | wc -l)
[ "$n" -ge 2790 ] && [ "$n" -le 2800 ] || fail "$n samples in 7 s at 400 Hz"

# what is exported plays again, with the same values at the same times
check 0 "$avsim" export "$work/a.avrec" --format imu -o "$work/trace.csv"
sed 's/^faults:/x&/; /^xfaults/,$d; /50 km/d' "$work/drive.yaml" >"$work/again.yaml"
echo 'imu: trace.csv' >>"$work/again.yaml"
check 0 "$avsim" run "$work/again.yaml" --headless --record "$work/b.avrec"
"$avsim" dump "$work/b.avrec" --only imu >"$work/b.txt"
# all but while a clock was off (other times) and across the second of the
# drop-out (a straight line)
for f in a b; do
	awk -F'\t' '!($3 == "gyro_uncal" && $1 > 7) &&
		!($3 == "scmi.iio.gyro" && $1 > 8 && $1 < 9.01)' \
		"$work/$f.txt" >"$work/$f.cut"
done
diff "$work/b.cut" "$work/a.cut" >"$work/diff" ||
	fail "the trace plays otherwise: $(head -n 4 "$work/diff")"
[ "$(wc -l <"$work/a.cut")" -gt 3000 ] || fail 'hardly any samples'
check 0 "$avsim" replay "$work/b.avrec" --headless
says out 'all as recorded'

# without motion sensors there is nothing to export
check 0 "$avsim" run "$work/drive.yaml" --headless --until 50ms \
	--record "$work/none.avrec"
check 2 "$avsim" export "$work/none.avrec" --format imu -o "$work/none.csv"
says err 'no records of motion sensors'

# wrong files: every mistake with its place, exit 2, no recording
cp "$top/tests/data/imu/mistakes.csv" "$work/trace.csv"
check 2 "$avsim" run "$work/again.yaml" --headless --record "$work/c.avrec"
says err "trace.csv:3:7: 'zero' is no number"
says err 'trace.csv:8:1:'
[ ! -e "$work/c.avrec" ] || fail 'a refused run left a recording'
check 2 "$avsim" lint "$work/trace.csv"
says err "trace.csv:4:1: 3 fields, want 4"
check 0 "$avsim" lint "$top/tests/data/imu/sample.csv"
check 0 "$avsim" lint "$top/sim/vehicles/compact-ev/sensors.yaml" \
	"$top/sim/vehicles/rav4/sensors.yaml" \
	"$top/sim/vehicles/compact-ev/sensor_hal_configuration.xml"
sed 's/map="1"/map="0"/' \
	"$top/sim/vehicles/compact-ev/sensor_hal_configuration.xml" >"$work/hal.xml"
check 2 "$avsim" lint "$work/hal.xml"
says err "the HAL would drop this sensor"
echo 'sensors: [{name: a, kind: gyro}]' >"$work/sensors.yaml"
check 2 "$avsim" lint "$work/sensors.yaml"
says err "sensors.yaml:1:27: 'kind' must be one of"

# a log of a real car with what its motion sensors measured
data=${AVSIM_SHARED_DATA:-$top/../shared/data}
if [ ! -r "$data/imu/rav4_imu_104hz.csv" ]; then
	echo "SKIP (part): no rav4_imu_104hz.csv"
	done_testing
fi
check 0 "$avsim" import "$data/can/rav4_drive_60s.candump.log" \
	--dbc "can0=$data/can/toyota_new_mc_pt_generated.dbc" \
	--map "$top/sim/vehicles/rav4/signals.yaml" \
	--imu "$data/imu/rav4_imu_104hz.csv" \
	--imu "$data/imu/rav4_magnetometer_10hz.csv" -o "$work/rav4.avrec"
check 0 "$avsim" replay "$work/rav4.avrec" --headless
says out 'all as recorded'
# the frames begin at 1533226488.429..., axes are right, ahead, up: worked out
# from the two rows of the trace around 1 s after the first frame
t0=$(head -n 1 "$data/can/rav4_drive_60s.candump.log" | tr -d '()' | cut -d' ' -f1)
awk -F, -v t0="$t0" 'NR > 1 {
	# keep the precision: whole seconds apart from the rest
	split($1, a, "."); split(t0, b, ".")
	t = a[1] - b[1] + ("0." a[2]) - ("0." b[2])
	if (t >= 1 && last < 1) {
		w = (1 - last) / (t - last)
		printf "%.3f %.3f %.3f\n", y + w * ($3 - y), x + w * ($2 - x),
			-(z + w * ($4 - z))
	}
	last = t; x = $2; y = $3; z = $4 }' "$data/imu/rav4_imu_104hz.csv" >"$work/want"
"$avsim" dump "$work/rav4.avrec" --only imu:scmi.iio.accel --from 1s --to 1s |
	awk -F'\t' '{ printf "%.3f %.3f %.3f\n", $4, $5, $6 }' >"$work/got"
cmp "$work/want" "$work/got" ||
	fail "RAV4 at 1 s: $(cat "$work/got"), want $(cat "$work/want")"
done_testing
