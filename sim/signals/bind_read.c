/* SPDX-License-Identifier: Apache-2.0 */
/* Pieces of a binding row: units, conversions, names, enum maps. */
#include "config.h"

#include "sim/signals/bind.h"

#include "sim/core/text.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define ENUM_MAX 1024 /* entries of one enum: map */

/* ---- messages ---- */

int bind_fail(struct binder *b, const struct av_yaml *node, const char *fmt,
	      ...)
{
	char text[512];
	va_list ap;

	b->errors++;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return av_yaml_err(&b->doc, node, b->d, "%s", text);
}

int bind_no_memory(struct binder *b)
{
	b->oom = true;
	return -ENOMEM;
}

/* Suggestions cost a walk over all names; not for messages nobody will see. */
const char *bind_suggest(struct binder *b, char hint[96], const char *word,
			 size_t n, const char *(*name)(const void *, size_t),
			 const void *ctx)
{
	bool seen = b->d->n < AV_DIAGS_MAX && strlen(word) < 128;

	return av_suggest_text(hint,
			       seen ? av_suggest(word, n, name, ctx) : NULL);
}

static const char *name_of_message(const void *ctx, size_t i)
{
	return ((const struct signals *)ctx)->msg[i].dbc->name;
}

static const char *name_of_signal(const void *ctx, size_t i)
{
	return ((const struct dbc_message *)ctx)->signal[i].name;
}

static const char *name_of_label(const void *ctx, size_t i)
{
	return ((const struct dbc_signal *)ctx)->label[i].text;
}

static const char *name_of_var(const void *ctx, size_t i)
{
	(void)ctx;
	return vehicle_var_info[i].name;
}

static const char *name_of_unit(const void *ctx, size_t i)
{
	(void)ctx;
	return av_unit_at(i)->name;
}

static const char *name_of_bus(const void *ctx, size_t i)
{
	return ((const struct signals *)ctx)->bus[i].name;
}

/* ---- growing arrays ---- */

void *bind_push(void *v, size_t *n, size_t size)
{
	void **array = v;
	void *p = *array;

	if ((*n & (*n - 1)) == 0) { /* 0 or a power of two: full */
		p = realloc(p, (*n ? *n * 2 : 1) * size);
		if (!p) {
			return NULL;
		}
		*array = p;
	}
	p = (char *)*array + *n * size;
	memset(p, 0, size);
	++*n;
	return p;
}

/* ---- numbers and units ---- */

struct sig_lin bind_lin_then(struct sig_lin f, struct sig_lin g)
{
	return (struct sig_lin){ f.scale * g.scale,
				 f.offset * g.scale + g.offset };
}

struct sig_lin bind_lin_inverse(struct sig_lin f)
{
	return (struct sig_lin){ 1 / f.scale, -f.offset / f.scale };
}

bool bind_same_kind(const struct av_unit *a, const struct av_unit *b)
{
	return a->dim == b->dim ||
	       (a->dim == DIM_RATIO && b->dim == DIM_NONE) ||
	       (a->dim == DIM_NONE && b->dim == DIM_RATIO);
}

struct sig_lin bind_lin_units(const struct av_unit *from,
			      const struct av_unit *to)
{
	if (!bind_same_kind(from, to) ||
	    (from->scale == to->scale && from->offset == to->offset)) {
		return (struct sig_lin){ 1, 0 };
	}
	return (struct sig_lin){ from->scale / to->scale,
				 (from->offset - to->offset) / to->scale };
}

const char *bind_unit_text(const struct av_unit *u)
{
	return u->name[0] ? u->name : "a plain number";
}

const struct av_unit *bind_read_unit(struct binder *b,
				     const struct av_yaml *node)
{
	const struct av_unit *u;
	char hint[96];
	size_t n = 0;

	if (node->kind != YAML_SCALAR) {
		bind_fail(b, node, "a unit is a name such as km/h");
		return NULL;
	}
	u = av_unit_find(node->text);
	if (!u) {
		while (av_unit_at(n)) {
			n++;
		}
		bind_fail(b, node, "unknown unit '%.32s'%s", node->text,
			  bind_suggest(b, hint, node->text, n, name_of_unit,
				       NULL));
	}
	return u;
}

const struct av_unit *bind_prop_unit(const char *unit)
{
	static const char *const names[][2] = {
		{ "METER_PER_SEC", "m/s" },
		{ "RPM", "rpm" },
		{ "HERTZ", "Hz" },
		{ "PERCENTILE", "%" },
		{ "MILLIMETER", "mm" },
		{ "METER", "m" },
		{ "KILOMETER", "km" },
		{ "MILE", "mi" },
		{ "CELSIUS", "degC" },
		{ "FAHRENHEIT", "degF" },
		{ "KELVIN", "K" },
		{ "NANO_SECS", "ns" },
		{ "MILLI_SECS", "ms" },
		{ "SECS", "s" },
		{ "WATT_HOUR", "Wh" },
		{ "KILOWATT_HOUR", "kWh" },
		{ "MILLIWATTS", "mW" },
		{ "MILLIAMPERE", "mA" },
		{ "MILLIVOLT", "mV" },
		{ "AMPERE", "A" },
		{ "KILOPASCAL", "kPa" },
		{ "PSI", "psi" },
		{ "BAR", "bar" },
		{ "DEGREES", "deg" },
		{ "MILES_PER_HOUR", "mph" },
		{ "KILOMETERS_PER_HOUR", "km/h" },
	};

	for (size_t i = 0; unit && i < sizeof(names) / sizeof(names[0]); i++) {
		if (!strcmp(unit, names[i][0])) {
			return av_unit_find(names[i][1]);
		}
	}
	return av_unit_find("");
}

static int read_num(struct binder *b, const struct av_yaml *node,
		    const char *what, double *out)
{
	struct av_yaml_at at = { &b->doc, b->d, node };
	int ret;

	if (!node) {
		return 0;
	}
	ret = av_yaml_num(at, node, what, DIM_NONE, -1e15, 1e15, out);
	b->errors += ret < 0;
	return ret;
}

int bind_read_lin(struct binder *b, const struct av_yaml *at,
		  const struct av_unit *from, const struct av_unit *to,
		  const struct av_yaml *scale, const struct av_yaml *offset,
		  const char *key, struct sig_lin *out)
{
	struct sig_lin own = { 1, 0 };

	if (read_num(b, scale, key, &own.scale) < 0 ||
	    read_num(b, offset, "offset", &own.offset) < 0) {
		return -EINVAL;
	}
	if (own.scale == 0) {
		return bind_fail(b, scale, "%s must not be 0", key);
	}
	if (!scale && !offset && !bind_same_kind(from, to)) {
		return bind_fail(b, at,
				 "no conversion from %s to %s (say %s: if the "
				 "numbers are meant)",
				 bind_unit_text(from), bind_unit_text(to), key);
	}
	*out = bind_lin_then(bind_lin_units(from, to), own);
	return 0;
}

/* ---- names ---- */

static struct sig_bus *find_bus(struct binder *b, const struct av_yaml *node,
				const char *name, size_t len)
{
	char text[64], hint[96];

	for (size_t i = 0; i < b->s->n_buses; i++) {
		struct sig_bus *bus = &b->s->bus[i];

		if (strlen(bus->name) == len && !memcmp(bus->name, name, len)) {
			return bus;
		}
	}
	snprintf(text, sizeof(text), "%.*s", (int)(len < 60 ? len : 60), name);
	bind_fail(
		b, node, "unknown bus '%s'%s", text,
		bind_suggest(b, hint, text, b->s->n_buses, name_of_bus, b->s));
	return NULL;
}

int bind_find_message(struct binder *b, const struct av_yaml *node,
		      const char *text, size_t len)
{
	const char *colon = memchr(text, ':', len);
	struct sig_bus *only = NULL;
	char name[256], hint[96];
	int found = -1;

	if (colon) {
		only = find_bus(b, node, text, (size_t)(colon - text));
		if (!only) {
			return -EINVAL;
		}
		len -= (size_t)(colon + 1 - text);
		text = colon + 1;
	}
	if (len >= sizeof(name)) {
		return bind_fail(b, node, "message name too long");
	}
	memcpy(name, text, len);
	name[len] = '\0';
	for (size_t i = 0; i < b->s->n_buses; i++) {
		const struct sig_bus *bus = &b->s->bus[i];
		const struct dbc_message *m;

		if (only && only != bus) {
			continue;
		}
		m = dbc_by_name(bus->dbc, name);
		if (m && found >= 0) {
			return bind_fail(
				b, node,
				"message %s is on more than one bus (say "
				"%s:%s)",
				name, bus->name, name);
		}
		if (m) {
			found = (int)(bus->first_msg + (m - bus->dbc->message));
		}
	}
	if (found < 0) {
		return bind_fail(b, node, "unknown message '%.64s'%s", name,
				 bind_suggest(b, hint, name, b->s->n_msgs,
					      name_of_message, b->s));
	}
	return found;
}

const struct dbc_signal *bind_find_in_message(struct binder *b,
					      const struct av_yaml *node,
					      const struct dbc_message *m,
					      const char *name)
{
	const struct dbc_signal *d = dbc_signal_by_name(m, name);
	char hint[96];

	if (!d) {
		bind_fail(b, node, "message %s has no signal '%.64s'%s",
			  m->name, name,
			  bind_suggest(b, hint, name, m->n_signals,
				       name_of_signal, m));
	}
	return d;
}

int bind_find_signal(struct binder *b, const struct av_yaml *node,
		     const char *what)
{
	const struct dbc_signal *d;
	const struct sig_msg *m;
	const char *dot;
	int msg;

	dot = node->kind == YAML_SCALAR ? strchr(node->text, '.') : NULL;
	if (!dot) {
		return bind_fail(b, node, "%s is written MESSAGE.SIGNAL", what);
	}
	msg = bind_find_message(b, node, node->text,
				(size_t)(dot - node->text));
	if (msg < 0) {
		return msg;
	}
	m = &b->s->msg[msg];
	d = bind_find_in_message(b, node, m->dbc, dot + 1);
	return d ? (int)(m->first_sig + (d - m->dbc->signal)) : -EINVAL;
}

int bind_find_var(struct binder *b, const struct av_yaml *node)
{
	char hint[96];
	int var;

	if (node->kind != YAML_SCALAR) {
		return bind_fail(b, node, "model is the name of a variable");
	}
	var = vehicle_var_find(node->text);
	if (var < 0) {
		return bind_fail(b, node, "unknown model variable '%.64s'%s",
				 node->text,
				 bind_suggest(b, hint, node->text, VV_N,
					      name_of_var, NULL));
	}
	return var;
}

/* ---- enum maps ---- */

/* Raw value of @key, a label of @sig or a number. 0 or -ENOENT. */
static int label_raw(const struct dbc_signal *sig, const char *key,
		     int64_t *raw)
{
	long long v;
	char *end;

	for (size_t i = 0; i < sig->n_labels; i++) {
		if (!strcmp(sig->label[i].text, key)) {
			*raw = sig->label[i].raw;
			return 0;
		}
	}
	errno = 0;
	v = strtoll(key, &end, 0);
	if (end == key || *end || errno) {
		return -ENOENT;
	}
	*raw = v;
	return 0;
}

static int check_map(struct binder *b, const struct av_yaml *map,
		     const struct dbc_signal *sig)
{
	char hint[96];
	int64_t raw;
	int ret = 0;

	if (map->kind != YAML_MAP || map->n == 0 || map->n > ENUM_MAX) {
		return bind_fail(b, map, "an enum is a map of label: value");
	}
	for (size_t i = 0; i < map->n; i++) {
		const char *key = map->key[i]->text;

		if (label_raw(sig, key, &raw) < 0) {
			ret = bind_fail(b, map->key[i],
					"signal %s.%s has no label '%.64s'%s",
					sig->msg->name, sig->name, key,
					bind_suggest(b, hint, key,
						     sig->n_labels,
						     name_of_label, sig));
		}
	}
	return ret;
}

/* Names that only the vendor's files know. */
static int vendor_value(struct binder *b, const struct bind_prop *p,
			const char *text, double *out)
{
	struct vhal_value val;
	void *arena = NULL;
	int ret = vhal_value_parse(b->s->vhal, p->prop, p->area, text, &val,
				   &arena, NULL);

	if (ret < 0) {
		return ret;
	}
	if (val.n_i32 == 1) {
		*out = val.i32[0];
	} else if (val.n_i64 == 1) {
		*out = (double)val.i64[0];
	} else {
		ret = -EINVAL;
	}
	free(arena);
	return ret;
}

int bind_enum_value(struct binder *b, const struct bind_prop *p,
		    const struct av_yaml *node, double *out)
{
	int64_t v;

	if (node->kind != YAML_SCALAR) {
		return bind_fail(b, node,
				 "a value of a property is a number or the "
				 "name of one");
	}
	if (av_num_parse(node->text, node->len, out) == 0 && isfinite(*out)) {
		return 0;
	}
	if (!strcmp(node->text, "true") || !strcmp(node->text, "false")) {
		*out = node->text[0] == 't';
		return 0;
	}
	if (vhal_enum_value(p->enum_name, node->text, &v) == 0) {
		*out = (double)v;
		return 0;
	}
	if (p->prop && vendor_value(b, p, node->text, out) == 0) {
		return 0;
	}
	return bind_fail(
		b, node, "'%.64s' is no value of %s", node->text,
		p->enum_name && *p->enum_name
			? p->enum_name
			: "this property (say Enum::NAME or a number)");
}

static int cmp_map(const void *a, const void *b)
{
	const struct sig_map *x = a, *y = b;

	return (x->raw > y->raw) - (x->raw < y->raw);
}

int bind_read_enum(struct binder *b, const struct av_yaml *map,
		   const struct dbc_signal *sig, const struct bind_prop *p,
		   bool lenient, const struct sig_map **out, size_t *n_out)
{
	struct sig_map *m;
	size_t n = 0;

	if (!lenient && check_map(b, map, sig) < 0) {
		return -EINVAL;
	}
	m = sig_alloc(b->s, map->n * sizeof(*m));
	if (!m) {
		return bind_no_memory(b);
	}
	for (size_t i = 0; i < map->n; i++) {
		if (label_raw(sig, map->key[i]->text, &m[n].raw) < 0) {
			continue;
		}
		if (bind_enum_value(b, p, map->item[i], &m[n].value) < 0) {
			return -EINVAL;
		}
		n++;
	}
	if (!lenient) { /* a request keeps its order: the first match counts */
		qsort(m, n, sizeof(*m), cmp_map);
	}
	if (n == 0) {
		return bind_fail(b, map, "%s.%s has none of these labels",
				 sig->msg->name, sig->name);
	}
	*out = m;
	*n_out = n;
	return 0;
}

int bind_read_model_enum(struct binder *b, const struct av_yaml *map,
			 const struct dbc_signal *sig, bool lenient,
			 const struct ecu_map **out, size_t *n_out)
{
	struct ecu_map *m;
	size_t n = 0;

	if (!lenient && check_map(b, map, sig) < 0) {
		return -EINVAL;
	}
	m = sig_alloc(b->s, map->n * sizeof(*m));
	if (!m) {
		return bind_no_memory(b);
	}
	for (size_t i = 0; i < map->n; i++) {
		int64_t raw;

		if (label_raw(sig, map->key[i]->text, &raw) < 0) {
			continue;
		}
		m[n].signal = dbc_to_phys(sig, raw);
		if (read_num(b, map->item[i], "model value", &m[n].var) < 0) {
			return -EINVAL;
		}
		n++;
	}
	if (n == 0) {
		return bind_fail(b, map, "%s.%s has none of these labels",
				 sig->msg->name, sig->name);
	}
	*out = m;
	*n_out = n;
	return 0;
}
