# SPDX-License-Identifier: Apache-2.0
libavsim_a_SOURCES += \
	%D%/cli.c %D%/cli.h \
	%D%/cli_ctl.c \
	%D%/cli_devices.c %D%/cli_devices.h \
	%D%/cli_diff.c %D%/cli_diff.h \
	%D%/cli_doctor.c \
	%D%/cli_dump.c \
	%D%/cli_export.c \
	%D%/cli_golden.c \
	%D%/cli_guest.c %D%/cli_guest.h \
	%D%/cli_import.c \
	%D%/cli_lint.c \
	%D%/cli_list.c \
	%D%/cli_rec.c %D%/cli_rec.h \
	%D%/cli_record.c \
	%D%/cli_replay.c \
	%D%/cli_run.c \
	%D%/cli_services.c %D%/cli_services.h \
	%D%/cli_table.c \
	%D%/cli_verify.c \
	%D%/dash.h \
	%D%/doctor.h \
	%D%/doctor_checks.c \
	%D%/golden.c %D%/golden.h \
	%D%/guest_run.c %D%/guest_run.h \
	%D%/gauge.c %D%/gauge.h \
	%D%/model.c %D%/model.h \
	%D%/runloop.c %D%/runloop.h \
	%D%/session.c %D%/session.h \
	%D%/summary.c %D%/summary.h \
	%D%/track.c %D%/track.h \
	%D%/tui.h \
	%D%/tui_actions.c \
	%D%/tui_bt.c \
	%D%/tui_can.c \
	%D%/tui_car.c \
	%D%/tui_core.c \
	%D%/tui_devices.c \
	%D%/tui_draw.c \
	%D%/tui_drive.c \
	%D%/tui_frame.c \
	%D%/tui_help.c \
	%D%/tui_gnss.c \
	%D%/tui_imu.c \
	%D%/tui_input.c \
	%D%/tui_list.c \
	%D%/tui_log.c \
	%D%/tui_map.c \
	%D%/tui_props.c \
	%D%/view_table.c

UNIT_TESTS += tests/unit/test_ui_model
tests_unit_test_ui_model_LDADD = $(CMOCKA_LDADD)
TESTS += tests/ui/test_dash.sh
EXTRA_DIST += tests/ui/test_dash.sh tests/ui/shot.sh tests/ui/capture_svg.py \
	docs/dashboard.svg
