libavsim_a_SOURCES += \
	%D%/candump.c %D%/candump.h \
	%D%/dbc.h %D%/dbc_priv.h \
	%D%/dbc_attr.c \
	%D%/dbc_codec.c \
	%D%/dbc_lex.c \
	%D%/dbc_link.c \
	%D%/dbc_parse.c \
	%D%/dbc_values.c \
	%D%/ecu.h
