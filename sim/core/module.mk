# SPDX-License-Identifier: Apache-2.0
libavsim_a_SOURCES += \
	%D%/be.h \
	%D%/bus.c %D%/bus.h \
	%D%/cmdq.c %D%/cmdq.h \
	%D%/date.c %D%/date.h \
	%D%/err.c %D%/err.h \
	%D%/evdev.c %D%/evdev.h \
	%D%/evq.c %D%/evq.h \
	%D%/log.c %D%/log.h \
	%D%/pace.c %D%/pace.h \
	%D%/rand.c %D%/rand.h \
	%D%/text.c %D%/text.h \
	%D%/units.c %D%/units.h \
	%D%/vtime.c %D%/vtime.h \
	%D%/wgs84.c %D%/wgs84.h \
	%D%/xml.c %D%/xml.h \
	%D%/yaml.c %D%/yaml.h \
	sim/bundle.c sim/bundle.h \
	sim/inputs.c sim/inputs.h \
	sim/topics.c sim/topics.h sim/vehicle_vars.h \
	sim/world.c sim/world.h sim/world_record.c
