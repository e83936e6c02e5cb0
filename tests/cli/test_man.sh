#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The man pages are well-formed, and every command and option that --help knows
# is in avsim(1).
. "$(dirname "$0")/lib.sh"

if command -v mandoc >/dev/null; then
	for m in "$top"/man/*.[15]; do
		mandoc -T lint -W warning "$m" >"$work/lint" 2>&1 ||
			fail "$m: $(cat "$work/lint")"
	done
	mandoc -T utf8 "$top/man/avsim.1" | sed 's/.\x08//g' >"$work/page"
else
	skip "no mandoc"
fi
for c in $("$avsim" --help | sed -n 's/^  \([a-z]*\)  .*/\1/p'); do
	grep -qw -- "$c" "$work/page" || fail "command $c is not in avsim(1)"
	for o in $("$avsim" "$c" --help | grep -oE '(^| )--[a-z-]+' | sort -u); do
		grep -q -- "$o" "$work/page" ||
			fail "option $o of $c is not in avsim(1)"
	done
done
done_testing
