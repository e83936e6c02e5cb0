# files of this module: libavsim_a_SOURCES, UNIT_TESTS, FUZZERS, BENCHES
libavsim_a_SOURCES += \
	%D%/act.h \
	%D%/act_body.c \
	%D%/act_data.c \
	%D%/act_drive.c \
	%D%/action.c %D%/action.h \
	%D%/action_table.c \
	%D%/arena.c %D%/arena.h \
	%D%/csv.c \
	%D%/engine.c \
	%D%/expr.c %D%/expr.h %D%/expr_int.h \
	%D%/expr_bind.c \
	%D%/expr_eval.c \
	%D%/fault.c %D%/fault.h \
	%D%/fault_table.c \
	%D%/parse_timeline.c \
	%D%/scenario.c %D%/scenario.h %D%/scenario_int.h \
	%D%/scenario_parse.c \
	%D%/schema.c %D%/schema.h

nobase_dist_pkgdata_DATA += \
	%D%/city-drive.yaml \
	%D%/cold-start.yaml \
	%D%/ev-charging.yaml \
	%D%/garage-mode.yaml \
	%D%/highway.yaml \
	%D%/parking.yaml \
	%D%/scenario.schema.json \
	%D%/tunnel.yaml
