# SPDX-License-Identifier: Apache-2.0
# Tests with real guests; not part of make check, which needs no network and
# takes minutes only. See tests/guest/README.md.
GUEST_ENV = AVSIM_TOP_BUILDDIR='$(abs_top_builddir)' \
	AVSIM_DATADIR='$(abs_top_srcdir)' PYTHONDONTWRITEBYTECODE=1
EXTRA_DIST += tests/guest

.PHONY: guest-kit check-guest bench-guest
guest-kit:
	$(GUEST_ENV) /usr/bin/python3 $(srcdir)/tests/guest/kit.py build $(GUEST_ARCH)

# make check-guest [GUEST_TESTS="rng blk/arm64/11"]; all by default
check-guest: all
	$(GUEST_ENV) /usr/bin/python3 $(srcdir)/tests/guest/run.py $(GUEST_TESTS)

# make bench-guest [GUEST_BENCH=arm64/11]: against QEMU's own devices
bench-guest: all
	$(GUEST_ENV) /usr/bin/python3 $(srcdir)/tests/guest/bench_guest.py $(GUEST_BENCH)
