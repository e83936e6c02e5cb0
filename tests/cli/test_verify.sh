#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Every bundled scenario passes, and is the same five times over.
. "$(dirname "$0")/lib.sh"

n=0
for f in "$top"/scenarios/*.yaml; do
	name=$(basename "$f" .yaml)
	check 0 "$avsim" run "$name" --no-record
	says out "$name: pass"
	check 0 "$avsim" verify --scenario "$name" --runs 5
	says out 'all the same'
	n=$((n + 1))
done
[ $n -ge 7 ] || fail "only $n bundled scenarios"
done_testing
