# SPDX-License-Identifier: Apache-2.0
# Every row of the device table, in every home, against a hostile world.
check_PROGRAMS += tests/contract/contract
tests_contract_contract_SOURCES = \
	%D%/cases_device.c \
	%D%/cases_fuzz.c \
	%D%/cases_life.c \
	%D%/cases_memory.c \
	%D%/cases_message.c \
	%D%/cases_pause.c \
	%D%/cases_ring.c \
	%D%/cases_state.c \
	%D%/contract.c %D%/contract.h \
	%D%/coverage.c \
	%D%/rig.c \
	%D%/rows.c
tests_contract_contract_LDADD = $(FRONT_LDADD)
TESTS += tests/contract/contract

# The whole counts of the attacks: minutes for each device.
.PHONY: check-attacks
check-attacks: tests/contract/contract
	AVSIM_ATTACKS=full tests/contract/contract
