libavsim_a_SOURCES += \
	%D%/candump.c %D%/candump.h \
	%D%/dbc.h %D%/dbc_priv.h \
	%D%/dbc_attr.c \
	%D%/dbc_codec.c \
	%D%/dbc_lex.c \
	%D%/dbc_link.c \
	%D%/dbc_parse.c \
	%D%/dbc_values.c \
	%D%/ecu.c %D%/ecu.h %D%/ecu_priv.h \
	%D%/ecu_pack.c \
	%D%/ecu_wire.c \
	%D%/frame_bits.c

UNIT_TESTS += tests/unit/test_ecu
tests_unit_test_ecu_LDADD = $(CMOCKA_LDADD)
EXTRA_DIST += tests/data/can/sample.dbc tests/data/can/sample.candump.log
