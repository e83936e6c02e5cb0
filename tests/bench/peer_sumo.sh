#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# 600 s of one car in SUMO at 10 ms steps; prints the wall seconds. Prints
# nothing where SUMO (Debian package sumo) is not installed.
command -v sumo >/dev/null && command -v netconvert >/dev/null || exit 0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 0
cat >n.nod.xml <<'END'
<nodes><node id="a" x="0" y="0"/><node id="b" x="20000" y="0"/></nodes>
END
cat >n.edg.xml <<'END'
<edges><edge id="e" from="a" to="b" numLanes="1" speed="30"/></edges>
END
cat >r.rou.xml <<'END'
<routes><vType id="t" carFollowModel="EIDM"/><route id="r" edges="e"/>
<vehicle id="v" type="t" route="r" depart="0"/></routes>
END
netconvert -n n.nod.xml -e n.edg.xml -o n.net.xml >/dev/null 2>&1 || exit 0
t0=$(date +%s.%N)
sumo -n n.net.xml -r r.rou.xml --step-length 0.01 --end 600 --no-step-log \
	>/dev/null 2>&1 || exit 0
t1=$(date +%s.%N)
echo "$t0 $t1" | awk '{print $2 - $1}'
