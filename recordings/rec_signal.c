/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The signal channel: not stored, but decoded from the recorded frames by the
 * databases and the binding table that the recording carries.
 */
#include "config.h"

#include "recordings/rec_reader.h"
#include "sim/signals/signals.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct change {
	uint32_t idx;
	double value;
};

struct rec_derived {
	struct dbc **dbc;
	size_t n_dbc;
	struct signals *signals;
	struct change *change; /* of the last frame, room for all signals */
	size_t n, at;
};

void rec_derived_destroy(struct rec_derived *d)
{
	if (!d) {
		return;
	}
	signals_destroy(d->signals);
	for (size_t i = 0; i < d->n_dbc; i++) {
		dbc_destroy(d->dbc[i]);
	}
	free(d->dbc);
	free(d->change);
	free(d);
}

static int load(struct rec_derived *d, const struct bundle *in,
		struct av_diags *diags)
{
	const struct bundle_file *f = bundle_get(in, BUNDLE_SIGNALS, 0);
	struct signals_bus *buses;
	size_t n = 0;
	int ret = 0;

	while (bundle_get(in, BUNDLE_DBC, n)) {
		n++;
	}
	d->dbc = calloc(n + 1, sizeof(struct dbc *));
	buses = calloc(n + 1, sizeof(*buses));
	if (!d->dbc || !buses) {
		free(buses);
		return -ENOMEM;
	}
	while (d->n_dbc < n && ret == 0) {
		const struct bundle_file *b =
			bundle_get(in, BUNDLE_DBC, d->n_dbc);

		ret = dbc_parse(b->name, b->data, b->len, &d->dbc[d->n_dbc],
				diags, NULL);
		if (ret == 0) {
			buses[d->n_dbc].name = b->key;
			buses[d->n_dbc].dbc = d->dbc[d->n_dbc];
			d->n_dbc++;
		}
	}
	if (ret == 0) {
		ret = signals_create(f ? f->name : "signals", f ? f->data : NULL,
				     f ? f->len : 0, buses, n, NULL,
				     &d->signals, diags);
	}
	free(buses);
	return ret;
}

int rec_derived_create(struct rec_reader *r, struct rec_derived **out,
		       struct av_err *err)
{
	const struct bundle *in = rec_inputs(r, err);
	struct av_diags diags = { 0 };
	struct rec_derived *d;
	int ret;

	if (!in) {
		return -EBADMSG;
	}
	d = calloc(1, sizeof(*d));
	if (!d) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	ret = load(d, in, &diags);
	if (ret < 0) {
		av_err_set(err, ret,
			   "cannot decode the signals of recording %s: "
			   "%s:%u:%u: %s",
			   r->path, diags.n ? diags.v[0].file : r->path,
			   diags.n ? diags.v[0].line : 0,
			   diags.n ? diags.v[0].col : 0,
			   diags.n ? diags.v[0].msg : "out of memory");
	} else {
		d->change = calloc(signals_count(d->signals) + 1,
				   sizeof(*d->change));
		if (!d->change) {
			ret = av_err_set(err, -ENOMEM, "out of memory");
		}
	}
	av_diags_finish(&diags);
	if (ret < 0) {
		rec_derived_destroy(d);
		return ret;
	}
	*out = d;
	return 0;
}

static void on_change(void *ctx, const struct signal_event *e)
{
	struct rec_derived *d = ctx;

	if (d->n < signals_count(d->signals)) {
		d->change[d->n++] = (struct change){ e->idx, e->value };
	}
}

void rec_derived_frame(struct rec_derived *d, const struct can_frame *f)
{
	d->n = d->at = 0;
	signals_decode(d->signals, f, on_change, d);
}

bool rec_derived_next(struct rec_derived *d, const char **key, double *value)
{
	if (d->at >= d->n) {
		return false;
	}
	*key = signals_key(d->signals, d->change[d->at].idx);
	*value = d->change[d->at].value;
	d->at++;
	return true;
}
