#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Recordings as a user meets them: the queries of avsim-recording(5), exports,
# imports that go wrong, files that are none, a disk that is full.
. "$(dirname "$0")/lib.sh"

# one_line TEXT: stderr has exactly one line, and TEXT is in it
one_line() {
	[ "$(wc -l <"$work/err")" = 1 ] || fail "not one line: $(cat "$work/err")"
	says err "$1"
}

check 0 "$avsim" run parking --record "$work/a.avrec"

# every query of the manual gives rows
if command -v sqlite3 >/dev/null; then
	awk -v dir="$work" '
		/^\.\\" query/ { n++; f = dir "/query" n; next }
		/^\.Ed/ { f = "" }
		f != "" && !/^\./ { print >f }
	' "$top/man/avsim-recording.5"
	n=0
	for q in "$work"/query*; do
		n=$((n + 1))
		sqlite3 -bail "$work/a.avrec" <"$q" >"$work/out" 2>"$work/err" ||
			fail "$(cat "$q"): $(cat "$work/err")"
		[ -s "$work/out" ] || fail "no rows: $(cat "$q")"
	done
	[ $n -ge 9 ] || fail "only $n queries in the manual"
	# and it has each table and view with its columns
	sqlite3 "$work/a.avrec" "
		SELECT name || ' ( ' || (SELECT group_concat(name, ' , ')
			FROM pragma_table_info(m.name)) || ' )'
		FROM sqlite_schema m WHERE type IN ('table', 'view')
		ORDER BY name" >"$work/want"
	sed -n 's/^\.It Li \(.* )\)$/\1/p' "$top/man/avsim-recording.5" |
		sort >"$work/out"
	sort "$work/want" | diff "$work/out" - >&2 ||
		fail 'the manual (<) has other tables than the file (>)'
else
	echo "SKIP (part): no sqlite3"
fi

# list formats comes from the tables, and each export of it works
check 0 "$avsim" list formats
formats=$(sed -n 's/^\([a-z-]*\) .*export$/\1/p' "$work/out")
[ "$(echo $formats)" = 'candump gnsslogger gpx kml nmea csv csv-wide imu pcapng pcap perfetto' ] || fail "exports: $formats"
for f in $formats; do
	check 0 "$avsim" export "$work/a.avrec" --format "$f" --to 5s \
		-o "$work/a.$f"
	[ -s "$work/a.$f" ] || fail "nothing exported as $f"
done
check 2 "$avsim" export "$work/a.avrec" --format cvs -o "$work/x"
says err "did you mean 'csv'?"
[ ! -e "$work/x" ] || fail 'a refused export left a file'

# csv-wide: a column per key, values hold, one row per time of a change
check 0 "$avsim" export "$work/a.avrec" --format csv-wide -o - \
	--only 'vhal:GEAR_SELECTION,vhal:PERF_VEHICLE_SPEED'
cp "$work/out" "$work/wide"
[ "$(head -1 "$work/wide")" = t,vhal:GEAR_SELECTION,vhal:PERF_VEHICLE_SPEED ] ||
	fail "header: $(head -1 "$work/wide")"
"$avsim" dump "$work/a.avrec" --only vhal:GEAR_SELECTION,vhal:PERF_VEHICLE_SPEED |
	awk -F'\t' '
	function row() { print last "," g "," s }
	$1 != last { if (changed) row(); changed = 0; last = $1 }
	$3 == "GEAR_SELECTION" && $4 "" != g "" { g = $4; changed = 1 }
	$3 == "PERF_VEHICLE_SPEED" && $4 "" != s "" { s = $4; changed = 1 }
	END { if (changed) row() }' >"$work/want"
sed 1d "$work/wide" | cmp - "$work/want" || fail 'csv-wide has other rows'
[ "$(wc -l <"$work/want")" -gt 100 ] || fail 'csv-wide: hardly any rows'

# imports that go wrong: exit 2, the place and the remedy, no file
cat >"$work/ok.log" <<'END'
(1690000000.000000) can0 123#0102
(1690000000.010000) can0 123#0103
END
check 0 "$avsim" import "$work/ok.log" -o "$work/ok.avrec"
check 2 "$avsim" import "$work/ok.log" -o "$work/ok.avrec"
says err 'exists already'

bad_import() { # TEXT ARGUMENT...
	text=$1
	shift
	check 2 "$avsim" import "$@" -o "$work/bad.avrec"
	says err "$text"
	[ ! -e "$work/bad.avrec" ] || fail "a refused import left a file: $*"
}
cat >"$work/line.log" <<'END'
(1690000000.000000) can0 123#0102
(1690000000.001000) can0 12G#0102
(1690000000.002000) can0 123#010
END
bad_import 'line.log:2:' "$work/line.log"
says err 'line.log:3:'
cat >"$work/back.log" <<'END'
(1690000001.000000) can0 123#02
(1690000000.000000) can0 123#01
(1690000002.000000) can0 123#03
END
bad_import 'back.log:2:' "$work/back.log"
says err 'time goes back by 1.000000 s; --sort'
check 0 "$avsim" import "$work/back.log" --sort -o "$work/sorted.avrec"
"$avsim" dump "$work/sorted.avrec" --only can | cut -f4 | tr -d '\n' >"$work/out"
[ "$(cat "$work/out")" = 010203 ] || fail "sorted: $(cat "$work/out")"
: >"$work/empty.log"
bad_import 'no format that can be imported' "$work/empty.log"
printf 'BO_ 1 M: 8 E\n' >"$work/other.log"
bad_import 'avsim list formats' "$work/other.log"
bad_import 'missing.log' "$work/missing.log"
bad_import 'none.dbc' "$work/ok.log" --dbc can0="$work/none.dbc"
bad_import 'BUS=FILE' "$work/ok.log" --dbc "$work/none.dbc"
printf 'BO_ nonsense\n' >"$work/bad.dbc"
bad_import 'bad.dbc:1:' "$work/ok.log" --dbc can0="$work/bad.dbc"
bad_import 'none.yaml' "$work/ok.log" --map "$work/none.yaml"
# absurd sizes: a time that overflows, data longer than a frame, a huge line
printf '(99999999999999999999.000000) can0 123#01\n' >"$work/time.log"
bad_import 'time.log:1:' "$work/time.log"
printf '(1.000000) can0 123#%0200d\n' 0 >"$work/long.log"
bad_import 'long.log:1:' "$work/long.log"
{ printf '(1.000000) can0 123#'; head -c 3000000 /dev/zero | tr '\0' 0; } \
	>"$work/huge.log"
bad_import 'huge.log:1:' "$work/huge.log"

# files that are no recordings: one line that names them, exit 2
: >"$work/x.avrec"
for c in dump replay; do
	check 2 "$avsim" $c "$work/x.avrec"
	one_line 'x.avrec is not a recording: it is empty'
done
check 2 "$avsim" export "$work/x.avrec" --format csv -o "$work/x.csv"
one_line 'x.avrec'
head -c 100000 "$work/a.avrec" >"$work/x.avrec"
check 2 "$avsim" dump "$work/x.avrec"
one_line 'x.avrec'
truncate -s 10G "$work/x.avrec" && {
	check 2 "$avsim" dump "$work/x.avrec"
	says err 'x.avrec'
}
rm "$work/x.avrec"

# a full disk: the run goes on to its end, says so once, exits 2, and what was
# recorded until then can be read
full_disk() { # FILE
	says out '60.000 s virtual'
	one_line "$(basename "$1")"
	check 0 "$avsim" dump "$1"
	if command -v sqlite3 >/dev/null; then
		ok=$(sqlite3 "$1" 'PRAGMA integrity_check' 2>&1)
		[ "$ok" = ok ] || fail "integrity: $ok"
	fi
}
(
	ulimit -f 300
	exec "$avsim" run parking --record "$work/full.avrec"
) >"$work/out" 2>"$work/err" </dev/null
[ $? = 2 ] || fail "a recording at the file size limit: exit status $?, want 2"
full_disk "$work/full.avrec"

mkdir "$work/disk"
if [ "$(id -u)" = 0 ] &&
	mount -t tmpfs -o size=400k avsim-test "$work/disk" 2>/dev/null; then
	trap 'umount "$work/disk"; rm -rf "$work"' EXIT
	check 2 "$avsim" run parking --record "$work/disk/full.avrec"
	full_disk "$work/disk/full.avrec"
	umount "$work/disk"
	trap 'rm -rf "$work"' EXIT
else
	echo "SKIP (part): cannot mount a small disk"
fi
done_testing
