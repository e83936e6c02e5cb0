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
--version | version) echo "QEMU emulator version 10.0.2 (a script)" ;;
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
/usr/bin/python3 -c '
import json, sys
try:
    import jsonschema, yaml
except ImportError:
    sys.exit(0)
schema = json.load(open(sys.argv[1]))
jsonschema.Draft7Validator.check_schema(schema)
for f in sys.argv[2:]:
    jsonschema.validate(yaml.safe_load(open(f)), schema)
for wrong in ({"guest": "x"}, {"cpus": 0}):
    try:
        jsonschema.validate(wrong, schema)
    except jsonschema.ValidationError:
        continue
    sys.exit("the schema takes %r" % wrong)
' "$top/vdevices/guests/guest.schema.json" "$top"/vdevices/guests/*.yaml ||
	fail "profiles do not fit the schema"
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

# what would be started; only what this QEMU has
check 0 "$avsim" run --guest kit --run-dir "$work/r" --print-vmm
says out 'memory-backend-memfd,id=mem,size=512M,share=on'
says out "socket,id=rng0,path=$work/r/rng0.sock"
says err 'vsock0 is left out: QEMU 10.2 and later can attach it'
says err 'scmi0 is left out'
says out "socket,id=port0,path=$work/r/bt.port"
says out 'virtserialport,bus=ports.0,chardev=port0,nr=1,name=bt-uart'
says out "socket,id=port1,path=$work/r/gnss.port"
check 0 "$avsim" run --guest kit --guest-set memory=1G --print-vmm \
	--device rng0,socket=/x.sock
says out 'size=1024M'
says out 'socket,id=rng0,path=/x.sock'
check 0 env AVSIM_CROSVM="$work/qemu" "$avsim" run --guest kit \
	--guest-set vmm=crosvm --print-vmm
says out '--vhost-user rng,socket='
mkdir "$work/empty"
check 0 env -u AVSIM_CROSVM PATH="$work/empty" "$avsim" run --guest kit \
	--guest-set vmm=crosvm --print-vmm
says out 'crosvm run'
says out '--vhost-user rng,socket='
says err 'written without asking: no crosvm here'
check 2 env -u AVSIM_CROSVM PATH="$work/empty" "$avsim" run --headless \
	--no-record --scenario idle --guest kit --guest-set vmm=crosvm
says err 'no crosvm here'
check 0 "$avsim" run --guest trout-arm64 --guest-set images=/i --print-vmm \
	--run-dir "$work/r"
says out "path=$work/r/gnss.port"
says out 'chardev=port1,nr=2,name=gnss-uart'
sed "s/^guest:.*/guest: crosvm/" "$top/vdevices/guests/cuttlefish-auto.yaml" |
	grep -v properties-by >"$work/crosvm.yaml"
check 0 env AVSIM_CROSVM="$work/qemu" "$avsim" run --guest "$work/crosvm.yaml" \
	--guest-set vmm=crosvm --guest-set images=/i --print-vmm \
	--run-dir "$work/r"
for port in 6:bt 7:gnss-raw 8:gnss-fixed 19:sensors-control 20:sensors-data; do
	says out "virtio-console,num=${port%:*},type=unix-stream,input-unix-stream=true,path=$work/r/${port#*:}.port"
done
check 2 "$avsim" run --guest trout-arm64 --print-vmm
says err '--guest-set images=VALUE: folder with'
check 2 "$avsim" run --guest kit --guest-set memry=1G --print-vmm
says err "did you mean 'memory'"
check 2 "$avsim" run --guest kti --print-vmm
says err "did you mean 'kit'"
check 2 "$avsim" run --scenario idle --print-vmm
says err '--print-vmm wants --guest'
printf '#!/bin/sh\necho "first"; echo "no such thing" >&2; exit 1\n' >"$work/bad"
chmod +x "$work/bad"
AVSIM_QEMU=$work/bad check 2 "$avsim" run --guest kit --print-vmm
says err 'failed: no such thing'
AVSIM_QEMU=/nowhere check 2 "$avsim" run --guest kit --print-vmm
says err 'AVSIM_QEMU'

# bootconfig: ramdisk, text, its length and sum, mark
mkdir "$work/images"
printf 'ramdisk' >"$work/images/ramdisk.img"
printf 'x' >"$work/images/kernel"
check 0 "$avsim" run --guest cuttlefish-auto --print-vmm \
	--guest-set images="$work/images"
/usr/bin/python3 -c '
import re, struct, sys
initrd = re.search(r"-initrd (\S+)", open(sys.argv[1]).read()).group(1)
d = open(initrd, "rb").read()
assert d.endswith(b"#BOOTCONFIG\n") and d.startswith(b"ramdisk\0")
size, total = struct.unpack("<II", d[-20:-12])
text = d[-20 - size:-20]
assert sum(text) == total and len(d) % 4 == 0, (size, total)
assert b"androidboot.vhal_proxy_server_port = \"9300\"\n" in text, text
' "$work/out" || fail "the ramdisk with bootconfig"

# a guest that ends by itself ends no run
cat >>"$work/qemu" <<'Q'
case $* in *-kernel*) ls "$(dirname "$0")/r"; echo "last words"; exit 3 ;; esac
Q
# outlive ARGUMENT...: such a run until its guest has ended, and ended by hand
outlive() {
	: >"$work/err"
	"$avsim" run --scenario cold-start --linger --no-record --headless \
		--speed 1 --guest kit --run-dir "$work/r" "$@" \
		>"$work/out" 2>"$work/err" </dev/null &
	run=$!
	for _ in $(seq 300); do
		grep -q 'guest: ended with status' "$work/err" && break
		sleep 0.1
	done
	kill -INT $run
	wait $run || fail "exit status $?: $*"
}
outlive
says err 'guest: started: QEMU emulator version 10.0.2'
says err "guest: ended with status 3, see $work/r/guest-vmm.log"
grep -q 'last words' "$work/r/guest-vmm.log" || fail "the VMM's output is lost"

# the profile's ports: there by themselves, --port NAME= takes one's place, and
# a service that a run does not have leaves its port without an answer
grep -qx 'bt.port' "$work/r/guest-vmm.log" &&
	grep -qx 'gnss.port' "$work/r/guest-vmm.log" ||
	fail "the profile's ports do not listen when its guest starts"
outlive --port "gnss=file:$work/r/said" --port x=none
grep -qx 'said' "$work/r/guest-vmm.log" || fail '--port gnss= replaces nothing'
grep -qx 'x.port' "$work/r/guest-vmm.log" || fail '--port x=none'
grep -v '^gnss:' "$top/scenarios/rav4.yaml" >"$work/lost.yaml"
ln -s "$top/scenarios/rav4" "$work/rav4"
check 0 "$avsim" run --scenario "$work/lost.yaml" --until 100ms --no-record \
	--headless --guest kit --run-dir "$work/r"
says err 'there is no gnss in this run: nobody answers the guest'
check 2 "$avsim" run --scenario "$work/lost.yaml" --until 100ms --no-record \
	--headless --run-dir "$work/r" --port g=gnss
says err 'g: there is no gnss in this run'
printf 'guest: x\nsummary: s\nproven: p\narch: arm64\nkernel: k\nports:\n  - {is: gns}\n' \
	>"$work/x.yaml"
check 2 "$avsim" lint "$work/x.yaml"
says err "x.yaml:7:10: 'is' must be one of"
says err "not 'gns' (did you mean 'gnss'?)"

# each service that a profile may name is one
services=$(/usr/bin/python3 -c '
import json, sys
s = json.load(open(sys.argv[1]))
for n in s["properties"]["ports"]["items"]["properties"]["is"]["enum"]:
    print("--port", n + "=" + n)
' "$top/vdevices/guests/guest.schema.json")
[ -n "$services" ] || fail 'no services in the schema'
# shellcheck disable=SC2086
check 0 "$avsim" run --scenario cold-start --until 100ms --no-record --headless \
	--debug-port=0 --run-dir "$work/r" $services

done_testing
