/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "ui/golden.h"

#include "sim/core/yaml.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char head[] =
	"# SPDX-License-Identifier: Apache-2.0\n"
	"# Golden recordings. Written by avsim golden update, which runs each "
	"scenario\n"
	"# twice and refuses where the runs differ; looked at by avsim golden "
	"check.\n"
	"# A new one: add name, scenario and keep here, then update it.\n";

/* A file name and nothing else: it lies beside the manifest. */
static int check_name(struct av_yaml_at at, const struct av_yaml *node,
		      const char *what, const char *s)
{
	size_t ok = strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRST"
			      "UVWXYZ0123456789-_.");

	if (!*s || s[ok] || s[0] == '.' || strlen(s) > 100) {
		return av_yaml_err(at.doc, node, at.d,
				   "'%s' must be a plain name of letters, "
				   "digits, - _ and .",
				   what);
	}
	return 0;
}

static int read_text(struct av_yaml_at at, const char *what, bool needed,
		     bool plain, char **out)
{
	const struct av_yaml *node = av_yaml_get(at.parent, what);
	const char *s;
	int ret;

	if (!node && !needed) {
		return 0;
	}
	ret = av_yaml_str(at, node, what, &s);
	if (ret == 0 && plain) {
		ret = check_name(at, node, what, s);
	}
	if (ret == 0) {
		*out = strdup(s);
		ret = *out ? 0 : -ENOMEM;
	}
	return ret;
}

static int read_set(struct av_yaml_at at, struct golden *g)
{
	const struct av_yaml *node = av_yaml_get(at.parent, "set");
	int ret = 0;

	if (!node) {
		return 0;
	}
	if (node->kind != YAML_MAP) {
		return av_yaml_err(at.doc, node, at.d,
				   "'set' must be a map of parameters");
	}
	g->set = calloc(node->n + 1, sizeof(*g->set));
	for (size_t i = 0; i < node->n && ret == 0; i++) {
		const char *v;

		ret = g->set ? av_yaml_str(at, node->item[i],
					   node->key[i]->text, &v) :
			       -ENOMEM;
		if (ret == 0 && asprintf(&g->set[i], "%s=%s",
					 node->key[i]->text, v) < 0) {
			g->set[i] = NULL;
			ret = -ENOMEM;
		}
		g->n_set += ret == 0;
	}
	return ret;
}

static int read_reasons(struct av_yaml_at at, struct golden *g)
{
	const struct av_yaml *node = av_yaml_get(at.parent, "reasons");
	int ret = 0;

	if (!node) {
		return 0;
	}
	if (node->kind != YAML_SEQ) {
		return av_yaml_err(at.doc, node, at.d,
				   "'reasons' must be a list");
	}
	for (size_t i = 0; i < node->n && ret == 0; i++) {
		const char *s;

		ret = av_yaml_str(at, node->item[i], "reasons", &s);
		if (ret == 0) {
			ret = golden_add_reason(g, s);
		}
	}
	return ret;
}

static int read_golden(const struct av_yaml_doc *doc, const struct av_yaml *map,
		       struct golden *g, struct av_diags *d)
{
	static const char *const keys[] = { "name",	  "scenario", "seed",
					    "set",	  "keep",
					    "tolerances", "reasons",  NULL };
	struct av_yaml_at at = { .doc = doc, .d = d, .parent = map };
	int bad = av_yaml_check_keys(doc, map, keys, d);

	if (map->kind != YAML_MAP) {
		return bad;
	}
	bad |= read_text(at, "name", true, true, &g->name);
	bad |= read_text(at, "scenario", true, false, &g->scenario);
	bad |= read_text(at, "seed", false, false, &g->seed);
	bad |= read_text(at, "keep", true, false, &g->keep);
	bad |= read_text(at, "tolerances", false, true, &g->tolerances);
	bad |= read_set(at, g);
	bad |= read_reasons(at, g);
	return bad ? -EINVAL : 0;
}

int goldens_parse(const char *name, const char *buf, size_t len,
		  struct goldens *out, struct av_diags *d)
{
	struct av_yaml_doc doc;
	int ret = av_yaml_parse(name, buf, len, &doc, d);

	*out = (struct goldens){ 0 };
	if (ret < 0) {
		return ret;
	}
	if (!doc.root || doc.root->kind != YAML_SEQ) {
		ret = av_yaml_err(&doc, doc.root, d,
				  "want a list of goldens: - name: NAME");
	} else {
		out->v = calloc(doc.root->n + 1, sizeof(*out->v));
		ret = out->v ? 0 : -ENOMEM;
		out->n = out->v ? doc.root->n : 0;
	}
	for (size_t i = 0; i < out->n; i++) {
		const struct av_yaml *map = doc.root->item[i];

		if (read_golden(&doc, map, &out->v[i], d) < 0) {
			ret = -EINVAL;
			continue;
		}
		for (size_t k = 0; k < i; k++) {
			if (out->v[k].name &&
			    !strcmp(out->v[k].name, out->v[i].name)) {
				ret = av_yaml_err(&doc, map, d,
						  "there are two goldens "
						  "called '%s'",
						  out->v[i].name);
			}
		}
	}
	av_yaml_finish(&doc);
	if (ret < 0) {
		goldens_finish(out);
	}
	return ret;
}

int golden_add_reason(struct golden *g, const char *reason)
{
	char **v = realloc(g->reason, (g->n_reasons + 1) * sizeof(*v));

	if (!v) {
		return -ENOMEM;
	}
	g->reason = v;
	v[g->n_reasons] = strdup(reason);
	if (!v[g->n_reasons]) {
		return -ENOMEM;
	}
	g->n_reasons++;
	return 0;
}

/* ---- writing ---- */

static void put_text(FILE *f, const char *s)
{
	fputc('"', f);
	for (; *s; s++) {
		if (*s == '"' || *s == '\\') {
			fputc('\\', f);
		}
		if ((unsigned char)*s < 0x20 || *s == 0x7f) {
			fprintf(f, "\\x%02x", (unsigned char)*s);
		} else {
			fputc(*s, f);
		}
	}
	fputs("\"\n", f);
}

static void put_field(FILE *f, const char *key, const char *s)
{
	if (s) {
		fprintf(f, "  %s: ", key);
		put_text(f, s);
	}
}

static void put_golden(FILE *f, const struct golden *g)
{
	fputs("\n- name: ", f);
	put_text(f, g->name);
	put_field(f, "scenario", g->scenario);
	if (g->seed) {
		fprintf(f, "  seed: %s\n", g->seed);
	}
	if (g->n_set > 0) {
		fputs("  set:\n", f);
		for (size_t i = 0; i < g->n_set; i++) {
			size_t n = strcspn(g->set[i], "=");

			fprintf(f, "    %.*s: ", (int)n, g->set[i]);
			put_text(f, g->set[i] + n + 1);
		}
	}
	put_field(f, "keep", g->keep);
	put_field(f, "tolerances", g->tolerances);
	if (g->n_reasons > 0) {
		fputs("  reasons:\n", f);
		for (size_t i = 0; i < g->n_reasons; i++) {
			fputs("    - ", f);
			put_text(f, g->reason[i]);
		}
	}
}

int goldens_write(const struct goldens *g, const char *path,
		  struct av_err *err)
{
	char tmp[PATH_MAX];
	bool bad;
	FILE *f;

	if (snprintf(tmp, sizeof(tmp), "%s.new", path) >= (int)sizeof(tmp)) {
		return av_err_set(err, -ENAMETOOLONG, "path is too long");
	}
	f = fopen(tmp, "we");
	if (!f) {
		return av_err_set(err, -errno, "cannot write %s: %s", tmp,
				  strerror(errno));
	}
	fputs(head, f);
	for (size_t i = 0; i < g->n; i++) {
		put_golden(f, &g->v[i]);
	}
	bad = ferror(f) != 0;
	bad = fclose(f) != 0 || bad;
	if (bad || rename(tmp, path) < 0) {
		unlink(tmp);
		return av_err_set(err, -EIO, "cannot write %s", path);
	}
	return 0;
}

void goldens_finish(struct goldens *g)
{
	for (size_t i = 0; i < g->n; i++) {
		struct golden *x = &g->v[i];

		for (size_t k = 0; k < x->n_set; k++) {
			free(x->set[k]);
		}
		for (size_t k = 0; k < x->n_reasons; k++) {
			free(x->reason[k]);
		}
		free(x->set);
		free(x->reason);
		free(x->name);
		free(x->scenario);
		free(x->seed);
		free(x->keep);
		free(x->tolerances);
	}
	free(g->v);
	*g = (struct goldens){ 0 };
}
