libavsim_a_SOURCES += \
	%D%/vhal.c %D%/vhal.h \
	%D%/vhal_check.c \
	%D%/vhal_enums.c \
	%D%/vhal_json.c %D%/vhal_json.h \
	%D%/vhal_load.c \
	%D%/vhal_mem.c \
	%D%/vhal_names.c \
	%D%/vhal_priv.h \
	%D%/vhal_props.c \
	%D%/vhal_sub.c \
	%D%/vhal_text.c
