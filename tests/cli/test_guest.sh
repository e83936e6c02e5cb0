#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Guest profiles and doctor, with a QEMU that is a shell script.
. "$(dirname "$0")/lib.sh"

XDG_CACHE_HOME=$work/cache
XDG_RUNTIME_DIR=$work
export XDG_CACHE_HOME XDG_RUNTIME_DIR
cat >"$work/qemu" <<'Q'
#!/bin/sh
# what avsim asks of a QEMU
echo "$*" >>"$0.calls"
case $* in
--version) echo "QEMU emulator version 10.0.2 (a script)" ;;
"-device help") echo 'name "vhost-user-rng-pci", bus PCI' ;;
esac
Q
chmod +x "$work/qemu"
AVSIM_QEMU=$work/qemu
export AVSIM_QEMU

check 0 "$avsim" list guests
says out cuttlefish-auto
says out trout-arm64
for f in "$top"/vdevices/guests/*.yaml; do
	check 0 "$avsim" lint "$f"
	name=$(basename "$f" .yaml)
	grep -q "^guest: $name\$" "$f" || fail "$f is called otherwise inside"
	grep -q "^\.It Cm $name\$" "$top/man/avsim-guest.5" ||
		fail "avsim-guest(5) does not tell about $name"
done
"$avsim" lint --schema=guest | cmp - "$top/vdevices/guests/guest.schema.json" ||
	fail "the shipped schema is not what avsim lint --schema=guest prints"
printf 'guest: x\nkernl: y\n' >"$work/x.yaml"
check 2 "$avsim" lint "$work/x.yaml"
says err "x.yaml:2:1: unknown key 'kernl' (did you mean 'kernel'?)"
says err "'summary' is missing"

# asked once; then the answer is kept
check 0 "$avsim" doctor
says out '10.0.2'
grep -c help "$work/qemu.calls" | grep -qx 1 ||
	fail "QEMU was asked for its devices more than once"
says out 'QEMU arm64 10.0'
check 0 "$avsim" doctor --json
/usr/bin/python3 -c '
import json, sys
d = json.load(open(sys.argv[1]))
rng = [r for r in d["devices"] if r["device"] == "rng"][0]
assert rng["qemu_arm64"] == "yes", rng
assert {"kvm", "landlock", "qemu-arm64"} <= {c["check"] for c in d["checks"]}
' "$work/out" || fail "doctor --json"
check 2 env AVSIM_DATADIR="$work/nowhere" "$avsim" list guests
check 1 env AVSIM_DATADIR="$work/nowhere" "$avsim" doctor
says out 'AVSIM_DATADIR'

done_testing
