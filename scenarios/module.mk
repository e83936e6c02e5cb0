# SPDX-License-Identifier: Apache-2.0
# files of this module: libavsim_a_SOURCES, UNIT_TESTS, FUZZERS, BENCHES
libavsim_a_SOURCES += \
	%D%/act.h \
	%D%/act_audio.c \
	%D%/act_body.c \
	%D%/act_data.c \
	%D%/act_drive.c \
	%D%/act_hands.c \
	%D%/act_input.c \
	%D%/act_phone.c \
	%D%/act_sensor.c \
	%D%/action.c %D%/action.h \
	%D%/action_table.c \
	%D%/arena.c %D%/arena.h \
	%D%/csv.c \
	%D%/engine.c \
	%D%/expr.c %D%/expr.h %D%/expr_int.h \
	%D%/expr_bind.c \
	%D%/expr_eval.c \
	%D%/expr_names.c \
	%D%/fault.c %D%/fault.h \
	%D%/fault_gnss.c \
	%D%/fault_table.c \
	%D%/parse_params.c \
	%D%/parse_places.c \
	%D%/parse_timeline.c \
	%D%/scenario.c %D%/scenario.h %D%/scenario_int.h \
	%D%/scenario_parse.c \
	%D%/schema.c %D%/schema.h

nobase_dist_pkgdata_DATA += \
	%D%/city-drive.yaml \
	%D%/cold-start.yaml \
	%D%/ev-charging.yaml \
	%D%/garage-mode.yaml \
	%D%/highway.yaml %D%/idle.yaml \
	%D%/parking.yaml \
	%D%/phone-call.yaml \
	%D%/rav4.yaml \
	%D%/rav4/LICENSE \
	%D%/rav4/can.candump \
	%D%/rav4/can0.dbc \
	%D%/rav4/gnss.csv \
	%D%/rav4/imu.csv \
	%D%/rav4/magnetometer.csv \
	%D%/scenario.schema.json \
	%D%/tunnel.yaml

EXTRA_DIST += tests/unit/scenario_world.h
UNIT_TESTS += tests/unit/test_action tests/unit/test_expr \
	tests/unit/test_scenario tests/unit/test_scenario_file
tests_unit_test_action_LDADD = $(CMOCKA_LDADD)
tests_unit_test_expr_LDADD = $(CMOCKA_LDADD)
tests_unit_test_scenario_LDADD = $(CMOCKA_LDADD)
tests_unit_test_scenario_file_LDADD = $(CMOCKA_LDADD)

FUZZERS += tests/fuzz/fuzz_scenario
tests_fuzz_fuzz_scenario_SOURCES = tests/fuzz/fuzz_scenario.c $(FUZZ_MAIN)
tests_fuzz_fuzz_scenario_LDFLAGS = $(FUZZ_LINK)

TESTS += tests/scenario/test_man.py tests/scenario/test_agree.py \
	tests/scenario/test_rav4.py \
	tests/scenario/test_schema.py
EXTRA_DIST += tests/scenario/judge.py \
	tests/scenario/test_man.py tests/scenario/test_agree.py \
	tests/scenario/test_rav4.py \
	tests/scenario/test_schema.py
dist_man_MANS += man/avsim-scenario.5

TESTS += tests/cli/test_lint.sh
EXTRA_DIST += tests/cli/test_lint.sh
