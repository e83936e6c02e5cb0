#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# passt of Debian sid (older ones speak no vhost-user) with the C library it
# needs, unpacked beside: prints the words that start it. Fails with the reason
# on stderr.
cache=${XDG_CACHE_HOME:-$HOME/.cache}/avsim/peers
root=$cache/passt
lib=$root/usr/lib/x86_64-linux-gnu
if [ ! -x "$root/usr/bin/passt" ]; then
	/usr/bin/python3 - "$cache" "${AVSIM_TOP_SRCDIR:-.}/tests/guest" <<-'PY' || exit 1
	import os, sys
	cache, lib = sys.argv[1:]
	sys.path.insert(0, lib)
	import apt
	try:
	    sid = apt.Apt(cache, ["sid"], "amd64")
	    debs = [sid.download_one(p) for p in ("libc6", "passt")]
	    apt.unpack(debs, os.path.join(cache, "passt"))
	except apt.Unavailable as e:
	    sys.exit("no passt: %s" % e)
	PY
fi
# of its two builds it would look for the better one beside ld.so
bin=$root/usr/bin/passt
if grep -qw avx2 /proc/cpuinfo && [ -x "$bin.avx2" ]; then
	bin=$bin.avx2
fi
echo "$lib/ld-linux-x86-64.so.2 --library-path $lib $bin"
