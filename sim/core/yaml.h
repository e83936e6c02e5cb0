/* SPDX-License-Identifier: Apache-2.0 */
/*
 * YAML files as a tree of nodes that know their place, on libyaml's events.
 *
 * One document per file. Refused with a message: duplicate keys, anchors and
 * aliases, tags, nesting deeper than AV_YAML_DEPTH_MAX, more than
 * AV_YAML_NODES_MAX nodes, keys that are not plain scalars, invalid UTF-8, NUL.
 * All of these cost memory in proportion to the file and no more.
 */
#ifndef AVSIM_CORE_YAML_H
#define AVSIM_CORE_YAML_H

#include "sim/core/err.h"
#include "sim/core/units.h"
#include "sim/core/vtime.h"

#include <stdbool.h>
#include <stddef.h>

#define AV_YAML_DEPTH_MAX 64
#define AV_YAML_NODES_MAX 2000000

enum av_yaml_kind { YAML_SCALAR, YAML_SEQ, YAML_MAP };

struct av_yaml {
	enum av_yaml_kind kind;
	unsigned int line; /* of the node's first character, from 1 */
	unsigned int col;
	bool quoted;	  /* scalar was quoted: never a number, bool or null */
	const char *text; /* scalar */
	size_t len;	  /* bytes of @text */
	size_t n;	  /* children of a sequence or map */
	const struct av_yaml *const *item; /* sequence items or map values */
	const struct av_yaml *const *key;  /* map keys, scalars; else NULL */
};

struct av_yaml_doc {
	const struct av_yaml *root; /* NULL for an empty file */
	char *name;		    /* for messages */
	void *arena;
};

/**
 * av_yaml_parse() - Build the tree of @buf
 * @name:	file name for messages, copied
 * @d:		gets file:line:column of what is wrong
 *
 * Return: 0; -EINVAL with messages in @d (then @doc is empty); -ENOMEM.
 */
int av_yaml_parse(const char *name, const char *buf, size_t len,
		  struct av_yaml_doc *doc, struct av_diags *d);
void av_yaml_finish(struct av_yaml_doc *doc);

/* Value of @key in @map, NULL if absent or @map is NULL or no map. */
const struct av_yaml *av_yaml_get(const struct av_yaml *map, const char *key);

/* Add "name:line:col: text" about @node to @d. Return: -EINVAL. */
int av_yaml_err(const struct av_yaml_doc *doc, const struct av_yaml *node,
		struct av_diags *d, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/**
 * av_yaml_check_keys() - Complain about every key of @map not in @known
 * @known:	names, ended by NULL; a message suggests the nearest
 *
 * Return: 0 or -EINVAL (also if @map is not a map).
 */
int av_yaml_check_keys(const struct av_yaml_doc *doc, const struct av_yaml *map,
		       const char *const *known, struct av_diags *d);

/*
 * Typed readers. Return: 0, or -EINVAL with a message in @d naming @what. A
 * NULL @node is an error ("missing 'what'") reported at @parent.
 */
struct av_yaml_at {
	const struct av_yaml_doc *doc;
	struct av_diags *d;
	const struct av_yaml *parent;
};
int av_yaml_str(struct av_yaml_at at, const struct av_yaml *node,
		const char *what, const char **out);
int av_yaml_bool(struct av_yaml_at at, const struct av_yaml *node,
		 const char *what, bool *out);
int av_yaml_int(struct av_yaml_at at, const struct av_yaml *node,
		const char *what, long long min, long long max, long long *out);
int av_yaml_num(struct av_yaml_at at, const struct av_yaml *node,
		const char *what, enum av_dim dim, double min, double max,
		double *out);
int av_yaml_time(struct av_yaml_at at, const struct av_yaml *node,
		 const char *what, vtime *out);
/* Index into @names (NULL-ended); the message lists or suggests names. */
int av_yaml_enum(struct av_yaml_at at, const struct av_yaml *node,
		 const char *what, const char *const *names, int *out);

#endif
