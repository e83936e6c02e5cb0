/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "ui/cli_rec.h"

#include <string.h>

int cli_rec_filter(const struct cli_rec_opts *o, struct rec_filter *out)
{
	*out = (struct rec_filter){ .to = VT_NEVER,
				    .only = o->only,
				    .signals = true,
				    .text = true };
	if (o->from && vtime_parse(o->from, &out->from) < 0) {
		return cli_trouble("--from wants a time like 20s, not '%s'",
				   o->from);
	}
	if (o->to && vtime_parse(o->to, &out->to) < 0) {
		return cli_trouble("--to wants a time like 20s, not '%s'",
				   o->to);
	}
	/* whole channels that --only cannot mean need not be decoded */
	if (o->only) {
		out->signals = strstr(o->only, "sig") || strchr(o->only, '*') ||
			       strchr(o->only, '?');
	}
	return 0;
}
