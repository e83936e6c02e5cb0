libavsim_a_SOURCES += \
	%D%/cli.c %D%/cli.h \
	%D%/cli_table.c \
	%D%/dash.h
