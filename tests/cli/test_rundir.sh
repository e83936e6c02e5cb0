#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Folders of runs: what a killed one leaves, and where they are made.
. "$(dirname "$0")/lib.sh"

# a run that was killed leaves its folder; others neither take it for a run ...
unset XDG_RUNTIME_DIR
TMPDIR=$work
export TMPDIR
base=$work/avsim-$(id -u)
"$avsim" run parking --speed 1 --no-record >/dev/null 2>&1 &
pid=$!
n=0
until [ -S "$base/$pid/ctl.sock" ] || [ $n = 50 ]; do
	sleep 0.1
	n=$((n + 1))
done
kill -KILL $pid
wait $pid 2>/dev/null
[ -S "$base/$pid/ctl.sock" ] || fail 'the killed run left no folder'
check 2 "$avsim" ctl status
says err 'no avsim is running'
# ... nor leave it lying
check 0 "$avsim" run parking --until 20ms --no-record
[ ! -e "$base/$pid" ] || fail 'the folder of a killed run stays for ever'

# a runtime folder that does not exist is as good as none
XDG_RUNTIME_DIR=$work/nowhere
export XDG_RUNTIME_DIR
check 0 "$avsim" run parking --until 20ms --no-record

done_testing
