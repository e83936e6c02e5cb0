/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading the binding table. Functions that return int give 0 or an index, or
 * negative after they told the user (bind_fail()) or memory ran out.
 */
#ifndef AVSIM_SIGNALS_BIND_H
#define AVSIM_SIGNALS_BIND_H

#include "sim/core/units.h"
#include "sim/core/yaml.h"
#include "sim/signals/signals_priv.h"

struct binder {
	struct signals *s;
	struct av_yaml_doc doc;
	struct av_diags *d;
	size_t errors;
	bool oom;
};

/* Message about @node. Return: -EINVAL. */
int bind_fail(struct binder *b, const struct av_yaml *node, const char *fmt,
	      ...) __attribute__((format(printf, 3, 4)));
int bind_no_memory(struct binder *b); /* -ENOMEM */

/* Not so many errors yet that nobody would read on: each may cost a search for
 * what was meant. */
static inline bool bind_goes_on(const struct binder *b)
{
	return !b->oom && b->errors < 4 * AV_DIAGS_MAX;
}

/* " (did you mean ...?)", while messages are still kept. */
const char *bind_suggest(struct binder *b, char hint[96], const char *word,
			 size_t n, const char *(*name)(const void *, size_t),
			 const void *ctx);

/* Room for one more at the end of an array, zeroed; NULL without memory.
 * @array: address of the pointer to its first element; @n counts on. */
void *bind_push(void *array, size_t *n, size_t size);

/* ---- conversions ---- */
struct sig_lin bind_lin_then(struct sig_lin f, struct sig_lin g);
struct sig_lin bind_lin_inverse(struct sig_lin f);
/* Same dimension; a ratio and a plain number are one. */
bool bind_same_kind(const struct av_unit *a, const struct av_unit *b);
struct sig_lin bind_lin_units(const struct av_unit *from,
			      const struct av_unit *to);
const char *bind_unit_text(const struct av_unit *u);
const struct av_unit *bind_read_unit(struct binder *b,
				     const struct av_yaml *node);
/* By the VehicleUnit name that AAOS gives a property; NULL, none: plain. */
const struct av_unit *bind_prop_unit(const char *name);

/**
 * bind_read_lin() - Conversion between two sides of a binding
 * @scale:	in the row, or NULL; likewise @offset. They come on top of the
 *		units; one of them must be there where units do not agree
 * @key:	what the row calls the scale
 */
int bind_read_lin(struct binder *b, const struct av_yaml *at,
		  const struct av_unit *from, const struct av_unit *to,
		  const struct av_yaml *scale, const struct av_yaml *offset,
		  const char *key, struct sig_lin *out);

/* ---- names ---- */
/* "[BUS:]MESSAGE" of @len bytes: index into signals.msg. */
int bind_find_message(struct binder *b, const struct av_yaml *node,
		      const char *text, size_t len);
const struct dbc_signal *bind_find_in_message(struct binder *b,
					      const struct av_yaml *node,
					      const struct dbc_message *m,
					      const char *name);
/* "[BUS:]MESSAGE.SIGNAL": index into signals.sig. */
int bind_find_signal(struct binder *b, const struct av_yaml *node,
		     const char *what);
int bind_find_var(struct binder *b, const struct av_yaml *node);

/* ---- enums ---- */
/* What is known of a property; unit and enum as in struct vhal_prop_info. */
struct bind_prop {
	const char *unit, *enum_name; /* NULL: unknown property */
	int32_t prop, area;           /* 0: not in a store */
};

/* A value of the property: number, true, false, name. */
int bind_enum_value(struct binder *b, const struct bind_prop *p,
		    const struct av_yaml *node, double *out);

/*
 * enum: and model_enum:, labels as @sig has them. @lenient: labels that @sig
 * does not have are left out and the order is kept (a request may offer less
 * than the status shows); else they are errors and the map is sorted by raw.
 */
int bind_read_enum(struct binder *b, const struct av_yaml *map,
		   const struct dbc_signal *sig, const struct bind_prop *p,
		   bool lenient, const struct sig_map **out, size_t *n_out);
int bind_read_model_enum(struct binder *b, const struct av_yaml *map,
			 const struct dbc_signal *sig, bool lenient,
			 const struct ecu_map **out, size_t *n_out);

/* ---- messages: ---- */
/* Counter and checksum of the message named by @key. */
void bind_message(struct binder *b, const struct av_yaml *key,
		  const struct av_yaml *item);

#endif
