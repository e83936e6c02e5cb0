#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# The golden recordings, and the command that keeps them.
. "$(dirname "$0")/lib.sh"
cd "$work" || exit 1

# 1. the goldens of the project: behaviour has not changed unnoticed
check 0 "$avsim" golden check

# 2. a golden of our own, from the first version to a change with a reason
mkdir g
cat >g/manifest.yaml <<'Y'
- name: short
  scenario: short.yaml
  keep: vhal,scenario
- name: other
  scenario: short.yaml
  set: { to: 20 km/h }
  keep: "vhal:PERF*"
Y
cat >short.yaml <<'Y'
name: short
summary: a car pulls away
duration: 3s
vehicle: compact-ev
params:
  to: 10 km/h
timeline:
  - at: 0s
    do: { mark: begin }
Y
check 0 "$avsim" lint short.yaml
check 2 "$avsim" golden check --dir g
says err 'there is no g/short.trace.zst yet'
check 2 "$avsim" golden update --dir g --only '*'
says err '--only GLOB and --reason TEXT'
check 2 "$avsim" golden update --dir g --only shrt --reason x
says err "did you mean 'short'?"
check 0 "$avsim" golden update --dir g --only '*' --reason 'say "hello"'
says g/manifest.yaml 'say'
check 0 "$avsim" golden check --dir g
says out 'short: same'
says out 'other: same'

sed -i 's/mark: begin/mark: started/' short.yaml
check 1 "$avsim" golden check --dir g --report r.json --only short
says out 'scenario:mark changed, begin -> started'
says out 'avsim golden update --only short --reason TEXT'
[ -s r.json ] || fail 'no report'
check 0 "$avsim" golden update --dir g --only short --reason 'another name'
says g/manifest.yaml 'another name'
check 0 "$avsim" golden check --dir g
grep -c 'say ."hello' g/manifest.yaml | grep -qx 2 || fail 'a reason was lost'

# 3. two runs that differ are no golden: the file changes between them
mkfifo race.yaml
sed -i 's/scenario: .*/scenario: race.yaml/' g/manifest.yaml
cp g/short.trace.zst before
(
	cat short.yaml >race.yaml
	sleep 0.2
	sed 's/started/later/' short.yaml >race.yaml
) &
check 1 timeout 20 "$avsim" golden update --dir g --only short --reason x
says out 'short is not written: two runs of it differ'
cmp -s before g/short.trace.zst || fail 'the golden was overwritten'
grep -q '"x"' g/manifest.yaml && fail 'a reason for nothing'

# 4. manifests with mistakes
printf -- '- nme: a\n  scenario: x\n- name: ../b\n  scenario: x\n  keep: vhal\n' \
	>g/manifest.yaml
check 2 "$avsim" golden check --dir g
says err "g/manifest.yaml:1:3: unknown key 'nme' (did you mean 'name'?)"
says err "g/manifest.yaml:3:9: 'name' must be a plain name"
done_testing
