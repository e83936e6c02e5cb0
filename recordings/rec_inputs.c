/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inputs that a recording carries: unpacked when somebody asks for them,
 * but for the names of the buses.
 */
#include "config.h"

#include "recordings/rec_reader.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define INPUTS_MAX 1000
#define BUSES_MAX 256 /* a frame names its bus in a byte */

static int inflate_input(struct rec_reader *r, const char *blob, size_t n,
			 size_t size, char **out, struct av_err *err)
{
	char *data;

	if (size > BUNDLE_FILE_MAX || n > size ||
	    (n < size && (size / REC_INPUT_RATIO_MAX > n ||
			  ZSTD_getFrameContentSize(blob, n) != size))) {
		return rec_reader_fail(r, err, "an input file is absurd");
	}
	data = malloc(size + 1);
	if (!data) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	if (n == size) {
		memcpy(data, blob, size);
	} else if (ZSTD_decompress(data, size, blob, n) != size) {
		free(data);
		return rec_reader_fail(r, err, "an input file is damaged");
	}
	data[size] = '\0';
	*out = data;
	return 0;
}

static int take_input(struct rec_reader *r, sqlite3_stmt *st,
		      struct av_err *err)
{
	const char *role = (const char *)sqlite3_column_text(st, 0);
	const char *key = (const char *)sqlite3_column_text(st, 1);
	const char *name = (const char *)sqlite3_column_text(st, 2);
	sqlite3_int64 size = sqlite3_column_int64(st, 3);
	const void *blob = sqlite3_column_blob(st, 4);
	size_t n = (size_t)sqlite3_column_bytes(st, 4);
	char *data = NULL;
	int id = 0, ret;

	while (role && id < BUNDLE_N_ROLES &&
	       strcmp(role, bundle_role_names[id]) != 0) {
		id++;
	}
	if (!role || !key || !name || size < 0) {
		return rec_reader_fail(r, err, "an input file is absurd");
	}
	if (id == BUNDLE_N_ROLES) {
		return 0; /* of a later minor version */
	}
	ret = inflate_input(r, blob ? blob : "", n, (size_t)size, &data, err);
	if (ret < 0) {
		return ret;
	}
	ret = bundle_add(&r->inputs, (enum bundle_role)id, key, name, data,
			 (size_t)size);
	free(data);
	return ret < 0 ? av_err_set(err, ret, "out of memory") : 0;
}

static int load_inputs(struct rec_reader *r, struct av_err *err)
{
	sqlite3_stmt *st;
	int ret = 0, step, n = 0;

	if (sqlite3_prepare_v2(r->db,
			       "SELECT role, key, name, size, data FROM inputs "
			       "ORDER BY rowid",
			       -1, &st, NULL) != SQLITE_OK) {
		return rec_reader_sql_fail(r, err);
	}
	while (ret == 0 && (step = sqlite3_step(st)) == SQLITE_ROW) {
		ret = ++n > INPUTS_MAX ?
			      rec_reader_fail(r, err, "it has absurdly many "
						      "input files") :
			      take_input(r, st, err);
	}
	if (ret == 0 && step != SQLITE_DONE) {
		ret = rec_reader_sql_fail(r, err);
	}
	sqlite3_finalize(st);
	return ret;
}

const struct bundle *rec_inputs(struct rec_reader *r, struct av_err *err)
{
	if (!r->has_inputs) {
		if (load_inputs(r, err) < 0) {
			bundle_finish(&r->inputs);
			return NULL;
		}
		r->has_inputs = true;
	}
	return &r->inputs;
}

static int add_bus(struct rec_reader *r, const char *name, struct av_err *err)
{
	char **v;

	if (r->n_buses == BUSES_MAX || !rec_key_ok(name, strlen(name))) {
		return rec_reader_fail(r, err, "a bus name is absurd");
	}
	v = realloc(r->bus_name, (r->n_buses + 1) * sizeof(*v));
	if (!v) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	r->bus_name = v;
	v[r->n_buses] = strdup(name);
	if (!v[r->n_buses]) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	r->n_buses++;
	return 0;
}

/* Names of the buses alone, without unpacking their databases. */
int rec_load_buses(struct rec_reader *r, struct av_err *err)
{
	sqlite3_stmt *st;
	int ret = 0, step, n = 0;

	if (sqlite3_prepare_v2(r->db,
			       "SELECT role, key FROM inputs ORDER BY rowid",
			       -1, &st, NULL) != SQLITE_OK) {
		return rec_reader_sql_fail(r, err);
	}
	while (ret == 0 && (step = sqlite3_step(st)) == SQLITE_ROW) {
		const char *role = (const char *)sqlite3_column_text(st, 0);
		const char *key = (const char *)sqlite3_column_text(st, 1);

		if (++n > INPUTS_MAX) {
			ret = rec_reader_fail(r, err, "it has absurdly many "
						      "input files");
		} else if (role && !strcmp(role, "dbc")) {
			ret = add_bus(r, key ? key : "", err);
		}
	}
	if (ret == 0 && step != SQLITE_DONE) {
		ret = rec_reader_sql_fail(r, err);
	}
	sqlite3_finalize(st);
	return ret;
}

const char *rec_bus_name(const struct rec_reader *r, unsigned int bus)
{
	return bus < r->n_buses ? r->bus_name[bus] : "?";
}
