/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "recordings/tolerance.h"

#include "sim/core/text.h"
#include "sim/core/yaml.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *const rule_keys[] = {
	"match",  "kind",  "abs",     "rel",   "time",	 "max_gap", "interpolate",
	"window", "order", "missing", "extra", "ignore", NULL
};

const struct tolerance *tolerance_default(enum rec_channel ch)
{
	static const struct tolerance event = { .kind = TOL_EVENT,
						.window = TOL_WINDOW_DEFAULT };
	static const struct tolerance sampled = { .kind = TOL_CONTINUOUS,
						  .interp = TOL_LINEAR,
						  .window = TOL_WINDOW_DEFAULT };
	static const struct tolerance held = { .kind = TOL_CONTINUOUS,
					       .interp = TOL_HOLD,
					       .window = TOL_WINDOW_DEFAULT };

	switch (ch) {
	case REC_IMU:
	case REC_GNSS:
		return &sampled;
	case REC_SIGNAL:
		return &held;
	default:
		return &event;
	}
}

static const char *channel_name(const void *ctx, size_t i)
{
	(void)ctx;
	return rec_channel_names[i];
}

/* A channel written out must exist; one with wildcards is left alone. */
static int check_channel(struct av_yaml_at at, const struct av_yaml *node,
			 const char *p, size_t len)
{
	size_t n = strcspn(p, ":,");
	char word[40], hint[96];

	n = n < len ? n : len;
	if (n > 0 && (memchr(p, '*', n) || memchr(p, '?', n))) {
		return 0;
	}
	for (size_t i = 0; i < REC_N_CHANNELS; i++) {
		if (strlen(rec_channel_names[i]) == n &&
		    !strncmp(p, rec_channel_names[i], n)) {
			return 0;
		}
	}
	snprintf(word, sizeof(word), "%.*s", (int)(n < 32 ? n : 32), p);
	return av_yaml_err(at.doc, node, at.d,
			   "'match': no channel is called '%s'%s; want "
			   "channel:key with * and ?",
			   word,
			   av_suggest_text(hint, av_suggest(word, REC_N_CHANNELS,
							    channel_name,
							    NULL)));
}

static int read_match(struct av_yaml_at at, const struct av_yaml *node,
		      struct tolerance *r)
{
	const char *p;
	int ret = av_yaml_str(at, node, "match", &p);

	if (ret < 0) {
		return ret;
	}
	if (!*p) {
		return av_yaml_err(at.doc, node, at.d,
				   "'match' must not be empty");
	}
	r->match = strdup(p);
	if (!r->match) {
		return -ENOMEM;
	}
	while (ret == 0) {
		size_t len = strcspn(p, ",");

		ret = check_channel(at, node, p, len);
		if (!p[len]) {
			break;
		}
		p += len + 1;
	}
	return ret;
}

/* Optional key @what of one of two words; *out = true for the second. */
static int read_choice(struct av_yaml_at at, const char *what, const char *no,
		       const char *yes, bool *out)
{
	const char *const names[] = { no, yes, NULL };
	const struct av_yaml *node = av_yaml_get(at.parent, what);
	int i, ret;

	if (!node) {
		return 0;
	}
	ret = av_yaml_enum(at, node, what, names, &i);
	if (ret == 0) {
		*out = i == 1;
	}
	return ret;
}

static int read_time(struct av_yaml_at at, const char *what, vtime *out)
{
	const struct av_yaml *node = av_yaml_get(at.parent, what);
	int ret;

	if (!node) {
		return 0;
	}
	ret = av_yaml_time(at, node, what, out);
	/* a bound keeps sums of times far from overflow */
	if (ret == 0 && (*out < 0 || *out > 1000000 * VT_S)) {
		ret = av_yaml_err(at.doc, node, at.d,
				  "'%s' must be from 0 to 1000000 s", what);
	}
	return ret;
}

static int read_amounts(struct av_yaml_at at, struct tolerance *r)
{
	const struct av_yaml *node;
	int bad = 0;

	node = av_yaml_get(at.parent, "abs");
	if (node) {
		bad |= av_yaml_num(at, node, "abs", DIM_NONE, 0, HUGE_VAL,
				   &r->abs);
	}
	node = av_yaml_get(at.parent, "rel");
	if (node) {
		bad |= av_yaml_num(at, node, "rel", DIM_RATIO, 0, 1, &r->rel);
	}
	bad |= read_time(at, "time", &r->time);
	bad |= read_time(at, "max_gap", &r->max_gap);
	r->window = -1;
	bad |= read_time(at, "window", &r->window);
	if (!bad && r->window >= 0 && r->window < r->time) {
		bad = av_yaml_err(at.doc, av_yaml_get(at.parent, "window"),
				  at.d, "'window' is smaller than 'time'");
	}
	if (r->window < 0) {
		r->window = r->time > TOL_WINDOW_DEFAULT ? r->time :
							   TOL_WINDOW_DEFAULT;
	}
	return bad ? -EINVAL : 0;
}

static int read_kind(struct av_yaml_at at, struct tolerance *r)
{
	static const char *const kinds[] = { "event", "continuous", NULL };
	static const char *const interps[] = { "hold", "linear", NULL };
	const struct av_yaml *node = av_yaml_get(at.parent, "kind");
	int i, bad = 0;

	if (node) {
		if (av_yaml_enum(at, node, "kind", kinds, &i) < 0) {
			bad = -EINVAL;
		} else {
			r->kind = i ? TOL_CONTINUOUS : TOL_EVENT;
		}
	}
	node = av_yaml_get(at.parent, "interpolate");
	if (node) {
		if (av_yaml_enum(at, node, "interpolate", interps, &i) < 0) {
			bad = -EINVAL;
		} else {
			r->interp = i ? TOL_LINEAR : TOL_HOLD;
		}
	}
	return bad;
}

/* Keys that say nothing together are a mistake somebody should hear of. */
static int check_sense(struct av_yaml_at at, const struct tolerance *r)
{
	static const char *const continuous_only[] = { "max_gap",
						       "interpolate" };
	int bad = 0;

	for (int i = 0; i < 2 && r->kind == TOL_EVENT; i++) {
		const struct av_yaml *n = av_yaml_get(at.parent,
						      continuous_only[i]);

		if (n) {
			bad = av_yaml_err(at.doc, n, at.d,
					  "'%s' is for kind: continuous, this "
					  "rule says event",
					  continuous_only[i]);
		}
	}
	if (r->any_order && r->kind == TOL_CONTINUOUS) {
		bad = av_yaml_err(at.doc, av_yaml_get(at.parent, "order"),
				  at.d, "'order' is for kind: event, this "
					"rule says continuous");
	}
	return bad;
}

static int read_rule(const struct av_yaml_doc *doc, const struct av_yaml *map,
		     struct tolerance *r, struct av_diags *d)
{
	struct av_yaml_at at = { .doc = doc, .d = d, .parent = map };
	const struct av_yaml *node;
	int bad = 0;

	r->line = map->line;
	if (av_yaml_check_keys(doc, map, rule_keys, d) < 0) {
		bad = -EINVAL;
		if (map->kind != YAML_MAP) {
			return bad;
		}
	}
	bad |= read_match(at, av_yaml_get(map, "match"), r);
	bad |= read_kind(at, r);
	bad |= read_amounts(at, r);
	bad |= read_choice(at, "order", "keep", "any", &r->any_order);
	bad |= read_choice(at, "missing", "fail", "allow", &r->allow_missing);
	bad |= read_choice(at, "extra", "fail", "allow", &r->allow_extra);
	node = av_yaml_get(map, "ignore");
	if (node) {
		bad |= av_yaml_bool(at, node, "ignore", &r->ignore);
	}
	bad |= check_sense(at, r);
	return bad ? -EINVAL : 0;
}

struct seen {
	const char *match;
	size_t idx;
};

static int by_match(const void *a, const void *b)
{
	const struct seen *x = a, *y = b;
	int c = strcmp(x->match, y->match);

	return c ? c : (x->idx < y->idx ? -1 : x->idx > y->idx);
}

/* The first match wins: a second rule for the same pattern is never used. */
static int check_reached(const struct av_yaml_doc *doc,
			 const struct tolerances *t, struct av_diags *d)
{
	struct seen *s = calloc(t->n ? t->n : 1, sizeof(*s));
	size_t n = 0;
	int ret = 0;

	if (!s) {
		return -ENOMEM;
	}
	for (size_t i = 0; i < t->n; i++) {
		if (t->rule[i].match) {
			s[n++] = (struct seen){ t->rule[i].match, i };
		}
	}
	qsort(s, n, sizeof(*s), by_match);
	for (size_t i = 1; i < n; i++) {
		if (!strcmp(s[i].match, s[i - 1].match)) {
			ret = av_yaml_err(doc, doc->root->item[s[i].idx], d,
					  "this rule is never used: line %u "
					  "matches '%.64s' first",
					  t->rule[s[i - 1].idx].line,
					  s[i].match);
		}
	}
	free(s);
	return ret;
}

int tolerances_parse(const char *name, const char *buf, size_t len,
		     struct tolerances *out, struct av_diags *d)
{
	struct av_yaml_doc doc;
	int ret = av_yaml_parse(name, buf, len, &doc, d);

	*out = (struct tolerances){ 0 };
	if (ret < 0) {
		return ret;
	}
	if (doc.root && doc.root->kind != YAML_SEQ) {
		ret = av_yaml_err(&doc, doc.root, d,
				  "want a list of rules: - match: CHANNEL:KEY");
	}
	if (ret == 0) {
		size_t n = doc.root ? doc.root->n : 0;

		out->name = strdup(name);
		out->rule = calloc(n ? n : 1, sizeof(*out->rule));
		ret = out->name && out->rule ? 0 : -ENOMEM;
		out->n = ret == 0 ? n : 0;
	}
	for (size_t i = 0; i < out->n; i++) {
		int bad = read_rule(&doc, doc.root->item[i], &out->rule[i], d);

		ret = bad ? bad : ret;
	}
	if (ret == 0 && doc.root) {
		ret = check_reached(&doc, out, d);
	}
	av_yaml_finish(&doc);
	if (ret < 0) {
		tolerances_finish(out);
	}
	return ret;
}

void tolerances_finish(struct tolerances *t)
{
	for (size_t i = 0; i < t->n; i++) {
		free(t->rule[i].match);
	}
	free(t->rule);
	free(t->name);
	*t = (struct tolerances){ 0 };
}

int tolerances_find(const struct tolerances *t, enum rec_channel ch,
		    const char *key)
{
	for (size_t i = 0; t && i < t->n; i++) {
		if (av_glob_only(t->rule[i].match, rec_channel_names[ch],
				 key)) {
			return (int)i;
		}
	}
	return -1;
}
