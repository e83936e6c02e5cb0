# SPDX-License-Identifier: Apache-2.0
# Front-ends of others against the devices. Not part of make check: they are
# fetched from the Debian archive once, into the guest kit's cache.
PEER_TESTS = \
	tests/peers/test_libblkio.py \
	tests/peers/test_testpmd.py
EXTRA_DIST += tests/peers/peer.py $(PEER_TESTS)

.PHONY: check-peers
check-peers: tests/contract/contract
	@for t in $(PEER_TESTS); do \
		$(GUEST_ENV) /usr/bin/python3 $(srcdir)/$$t; \
		s=$$?; [ $$s -eq 0 ] || [ $$s -eq 77 ] || exit 1; \
	done
