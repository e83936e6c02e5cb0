# SPDX-License-Identifier: Apache-2.0
# Front-ends of others against the devices. Not part of make check: they are
# fetched from the Debian archive once, into the guest kit's cache.
PEER_TESTS = \
	tests/peers/test_blkio.py \
	tests/peers/test_libblkio.py \
	tests/peers/test_testpmd.py
EXTRA_DIST += tests/peers/peer.py $(PEER_TESTS)

.PHONY: check-peers
check-peers: all tests/contract/contract
	@pass=0; fail=0; skip=0; \
	for t in $(PEER_TESTS); do \
		$(GUEST_ENV) /usr/bin/python3 $(srcdir)/$$t; \
		case $$? in \
		0) pass=$$((pass + 1)); echo "PASS: $$t" ;; \
		77) skip=$$((skip + 1)) ;; \
		*) fail=$$((fail + 1)); echo "FAIL: $$t" ;; \
		esac; \
	done; \
	echo "# PASS: $$pass"; echo "# FAIL: $$fail"; echo "# SKIP: $$skip"; \
	[ $$fail = 0 ]
