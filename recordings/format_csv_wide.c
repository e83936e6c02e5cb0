/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One column per key, one row per time at which a value changed; in between a
 * value holds. Two passes: the keys first, for the header.
 */
#include "config.h"

#include "recordings/formats_int.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct column {
	char *name; /* "channel:key" */
	char *value;
	size_t room;
};

struct wide {
	struct column *col;
	size_t n, n_room;
	size_t *hash; /* column + 1, 0 = free */
	size_t mask;
	char *name; /* scratch */
	size_t name_room;
};

static size_t hash_of(const char *s)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (; *s; s++) {
		h = (h ^ (uint8_t)*s) * UINT64_C(0x100000001b3);
	}
	return (size_t)(h >> 32 ^ h);
}

/* Place of @name in the table: its own or the free one it would have. */
static size_t *slot_of(const struct wide *w, const char *name)
{
	size_t h = hash_of(name) & w->mask;

	while (w->hash[h] && strcmp(w->col[w->hash[h] - 1].name, name) != 0) {
		h = (h + 1) & w->mask;
	}
	return &w->hash[h];
}

static int rehash(struct wide *w, size_t room)
{
	size_t *hash = calloc(room, sizeof(*hash));

	if (!hash) {
		return -ENOMEM;
	}
	free(w->hash);
	w->hash = hash;
	w->mask = room - 1;
	for (size_t i = 0; i < w->n; i++) {
		*slot_of(w, w->col[i].name) = i + 1;
	}
	return 0;
}

static int name_of(struct wide *w, const struct rec_record *rec)
{
	size_t len = strlen(rec->key) + 16; /* channel names are short */

	if (len > w->name_room) {
		char *p = realloc(w->name, len * 2);

		if (!p) {
			return -ENOMEM;
		}
		w->name = p;
		w->name_room = len * 2;
	}
	snprintf(w->name, w->name_room, "%s:%s", rec_channel_names[rec->ch],
		 rec->key);
	return 0;
}

static int add_column(struct wide *w, const struct rec_record *rec)
{
	size_t *slot;

	if (name_of(w, rec) < 0 ||
	    (w->n * 2 >= w->mask && rehash(w, (w->mask + 1) * 2) < 0)) {
		return -ENOMEM;
	}
	slot = slot_of(w, w->name);
	if (*slot) {
		return 0;
	}
	if (w->n == w->n_room) {
		size_t room = w->n_room ? w->n_room * 2 : 64;
		struct column *p = realloc(w->col, room * sizeof(*p));

		if (!p) {
			return -ENOMEM;
		}
		w->col = p;
		w->n_room = room;
	}
	w->col[w->n] = (struct column){ .name = strdup(w->name) };
	if (!w->col[w->n].name) {
		return -ENOMEM;
	}
	*slot = ++w->n;
	return 0;
}

static int by_name(const void *a, const void *b)
{
	const struct column *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int find_columns(struct wide *w, struct rec_reader *r,
			const struct rec_filter *f, struct av_err *err)
{
	struct rec_filter keys = *f;
	struct rec_record rec;
	int ret;

	keys.text = false;
	ret = rehash(w, 256) < 0 ? av_err_set(err, -ENOMEM, "out of memory") :
				   rec_seek(r, &keys, err);
	while (ret == 0 && (ret = rec_next(r, &rec, err)) > 0) {
		ret = add_column(w, &rec);
		if (ret < 0) {
			av_err_set(err, ret, "out of memory");
		}
	}
	if (ret == 0 && w->n > 0) {
		qsort(w->col, w->n, sizeof(*w->col), by_name);
		memset(w->hash, 0, (w->mask + 1) * sizeof(*w->hash));
		for (size_t i = 0; i < w->n; i++) {
			*slot_of(w, w->col[i].name) = i + 1;
		}
	}
	return ret;
}

/* Return: 1 the value is another one, 0 the same, -ENOMEM. */
static int set_value(struct wide *w, const struct rec_record *rec)
{
	const char *text = rec->text ? rec->text : "";
	size_t len = strlen(text) + 1;
	struct column *c;

	if (name_of(w, rec) < 0) {
		return -ENOMEM;
	}
	c = &w->col[*slot_of(w, w->name) - 1];
	if (c->value && !strcmp(c->value, text)) {
		return 0;
	}
	if (len > c->room) {
		char *p = realloc(c->value, len + 16);

		if (!p) {
			return -ENOMEM;
		}
		c->value = p;
		c->room = len + 16;
	}
	memcpy(c->value, text, len);
	return 1;
}

static void put_row(const struct wide *w, vtime t, FILE *out)
{
	char text[VTIME_STR_MAX];

	vtime_format(t, text);
	fputs(text, out);
	for (size_t i = 0; i < w->n; i++) {
		fputc(',', out);
		if (w->col[i].value) {
			csv_put_field(out, w->col[i].value);
		}
	}
	fputc('\n', out);
}

static int put_rows(struct wide *w, struct rec_reader *r,
		    const struct rec_filter *f, FILE *out, struct av_err *err)
{
	struct rec_filter all = *f;
	struct rec_record rec;
	bool changed = false;
	vtime t = 0;
	int ret;

	all.text = true;
	ret = rec_seek(r, &all, err);
	while (ret == 0 && (ret = rec_next(r, &rec, err)) > 0) {
		if (rec.t != t && changed) {
			put_row(w, t, out);
			changed = false;
		}
		t = rec.t;
		ret = set_value(w, &rec);
		if (ret < 0) {
			return av_err_set(err, ret, "out of memory");
		}
		changed = changed || ret > 0;
		ret = 0;
	}
	if (ret == 0 && changed) {
		put_row(w, t, out);
	}
	return ret;
}

int export_csv_wide_run(struct rec_reader *r, const struct rec_filter *f,
			FILE *out, struct av_err *err)
{
	struct wide w = { 0 };
	int ret = find_columns(&w, r, f, err);

	if (ret == 0) {
		fputs("t", out);
		for (size_t i = 0; i < w.n; i++) {
			fputc(',', out);
			csv_put_field(out, w.col[i].name);
		}
		fputc('\n', out);
		ret = put_rows(&w, r, f, out, err);
	}
	for (size_t i = 0; i < w.n; i++) {
		free(w.col[i].name);
		free(w.col[i].value);
	}
	free(w.col);
	free(w.hash);
	free(w.name);
	return ret;
}
