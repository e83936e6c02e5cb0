/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "ui/cli_services.h"

#include "sim/bundle.h"
#include "sim/services/dumpstate_config.h"
#include "ui/session.h"

#include <stdlib.h>

static int load_dumpstate(struct cli_services *s)
{
	struct av_diags d = { 0 };
	struct av_err err = { 0 };
	char *text;
	size_t len;
	int ret;

	if (av_read_file(s->dumpstate_config, DUMPSTATE_CONFIG_MAX, &text, &len,
			 &err) < 0) {
		return session_trouble(NULL, &err);
	}
	ret = dumpstate_config_parse(s->dumpstate_config, text, len,
				     &s->dumpstate, &d);
	free(text);
	if (ret < 0) {
		return session_trouble(&d, NULL);
	}
	s->opts.dumpstate = s->dumpstate;
	return 0;
}

int cli_services_load(struct cli_services *s)
{
	return s->dumpstate_config && !s->dumpstate ? load_dumpstate(s) : 0;
}

void cli_services_finish(struct cli_services *s)
{
	dumpstate_config_destroy(s->dumpstate);
	s->dumpstate = NULL;
}
