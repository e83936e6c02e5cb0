# SPDX-License-Identifier: Apache-2.0
# Shared by the tests of the command line. Each test gets a folder of its own
# and a recordings folder in it; both go when it ends.
set -u
top=${AVSIM_TOP_SRCDIR:-$(cd "$(dirname "$0")/../.." && pwd)}
avsim=${AVSIM_TOP_BUILDDIR:-$top}/avsim
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
trap 'exit 1' INT TERM
XDG_STATE_HOME=$work/state
export XDG_STATE_HOME
n_failed=0

fail() {
	echo "FAIL: $*" >&2
	n_failed=$((n_failed + 1))
}

# check STATUS COMMAND...: runs it, output in $work/out and $work/err
check() {
	want=$1
	shift
	"$@" >"$work/out" 2>"$work/err" </dev/null
	got=$?
	[ "$got" = "$want" ] || {
		fail "exit status $got, want $want: $*"
		sed 's/^/    /' "$work/out" "$work/err" >&2
	}
}

# says FILE TEXT: the fixed text is in $work/FILE
says() {
	grep -qF -- "$2" "$work/$1" || {
		fail "'$2' is not in $1:"
		sed 's/^/    /' "$work/$1" >&2
	}
}

skip() {
	echo "SKIP $(basename "$0"): $*"
	exit 77
}

done_testing() {
	[ $n_failed = 0 ] || exit 1
	exit 0
}
