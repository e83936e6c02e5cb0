#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# vhost-device-vsock of a later Debian (it needs glibc 2.34 and nothing else),
# unpacked beside: prints its path. Fails with the reason on stderr.
cache=${XDG_CACHE_HOME:-$HOME/.cache}/avsim/peers
bin=$cache/vhost-device-vsock/usr/bin/vhost-device-vsock
if [ ! -x "$bin" ]; then
	/usr/bin/python3 - "$cache" "${AVSIM_TOP_SRCDIR:-.}/tests/guest" <<-'PY' || exit 1
	import os, sys
	cache, lib = sys.argv[1:]
	sys.path.insert(0, lib)
	import apt
	try:
	    deb = apt.Apt(cache, ["forky"], "amd64").download_one("vhost-device-vsock")
	    apt.unpack([deb], os.path.join(cache, "vhost-device-vsock"))
	except apt.Unavailable as e:
	    sys.exit("no vhost-device-vsock: %s" % e)
	PY
fi
echo "$bin"
