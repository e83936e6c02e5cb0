/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "ui/cli.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int cli_trouble(const char *fmt, ...)
{
	va_list ap;

	fputs("avsim: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return EXIT_TROUBLE;
}

static const struct cli_command *find(const char *name)
{
	for (size_t i = 0; i < cli_n_commands; i++) {
		if (!strcmp(cli_table[i]->name, name)) {
			return cli_table[i];
		}
	}
	return NULL;
}

static int list_add(struct cli_list *l, const char *s)
{
	const char **v = realloc(l->v, (l->n + 1) * sizeof(*v));

	if (!v) {
		return -ENOMEM;
	}
	v[l->n++] = s;
	l->v = v;
	return 0;
}

void cli_list_finish(struct cli_list *l)
{
	free(l->v);
	*l = (struct cli_list){ 0 };
}

static const char *opt_name(const void *opts, size_t i)
{
	return ((const struct cli_opt *)opts)[i].name;
}

int cli_parse(const char *command, int argc, char **argv,
	      const struct cli_opt *opts, struct cli_list *rest)
{
	const struct cli_command *c = find(command);
	size_t n_opts = 0;

	while (opts && opts[n_opts].name) {
		n_opts++;
	}
	for (int i = 1; i < argc; i++) {
		const char *a = argv[i], *value;
		const struct cli_opt *o = NULL;
		size_t len;

		if (!strcmp(a, "--")) {
			for (i++; i < argc; i++) {
				if (list_add(rest, argv[i]) < 0) {
					return -ENOMEM;
				}
			}
			break;
		}
		if (a[0] != '-' || !a[1]) {
			if (list_add(rest, a) < 0) {
				return -ENOMEM;
			}
			continue;
		}
		if (c && (!strcmp(a, "--help") || !strcmp(a, "-h"))) {
			printf("usage: avsim %s %s\n\n%s\n\n%s", c->name,
			       c->args, c->summary, c->help);
			return 1;
		}
		len = strcspn(a, "=");
		value = a[len] ? a + len + 1 : NULL;
		for (size_t k = 0; k < n_opts; k++) {
			/* names of one letter take one dash: -o */
			size_t dashes = opts[k].name[1] ? 2 : 1;

			if (strlen(opts[k].name) + dashes == len &&
			    a[dashes - 1] == '-' &&
			    !strncmp(opts[k].name, a + dashes, len - dashes)) {
				o = &opts[k];
			}
		}
		if (!o) {
			char word[64], hint[96];
			const char *near;

			snprintf(word, sizeof(word), "%.*s",
				 (int)(len < 60 ? len : 60), a);
			near = a[1] == '-' && len > 2 ?
				       av_suggest(word + 2, n_opts, opt_name,
						  opts) :
				       NULL;
			if (near) {
				snprintf(hint, sizeof(hint),
					 " (did you mean '--%.60s'?)", near);
			} else {
				hint[0] = '\0';
			}
			cli_trouble("unknown option '%s'%s; see avsim %s --help",
				    word, hint, command);
			return -EINVAL;
		}
		if (o->type == OPT_FLAG) {
			if (value) {
				cli_trouble("%s takes no value", a);
				return -EINVAL;
			}
			*(bool *)o->out = true;
			continue;
		}
		if (o->type == OPT_MAYBE) {
			*(const char **)o->out = value ? value : "";
			continue;
		}
		if (!value) {
			if (i + 1 >= argc) {
				cli_trouble("%s needs a value", a);
				return -EINVAL;
			}
			value = argv[++i];
		}
		if (o->type == OPT_STR) {
			*(const char **)o->out = value;
		} else if (list_add(o->out, value) < 0) {
			return -ENOMEM;
		}
	}
	return 0;
}

/* A folder is ours if the bundled scenario lies in it. */
static bool is_data_dir(const char *dir)
{
	char path[PATH_MAX];

	return snprintf(path, sizeof(path), "%s/scenarios/parking.yaml", dir) <
		       (int)sizeof(path) &&
	       access(path, R_OK) == 0;
}

const char *cli_data_dir(void)
{
	static char dir[PATH_MAX];
	char path[PATH_MAX + 32], src[PATH_MAX];
	const char *env = getenv("AVSIM_DATADIR");
	ssize_t n;
	char *slash;
	FILE *f;

	if (dir[0]) {
		return dir;
	}
	if (env && *env) {
		snprintf(dir, sizeof(dir), "%s", env);
		return dir;
	}
	n = readlink("/proc/self/exe", path, PATH_MAX - 1);
	if (n > 0) {
		path[n] = '\0';
		slash = strrchr(path, '/');
		*slash = '\0';
		if (is_data_dir(path)) {
			snprintf(dir, sizeof(dir), "%.*s", PATH_MAX - 1, path);
			return dir;
		}
		/* in a build folder: its Makefile left a pointer */
		strcat(path, "/.avsim-srcdir");
		f = fopen(path, "re");
		if (f) {
			if (fgets(src, sizeof(src), f)) {
				src[strcspn(src, "\n")] = '\0';
				if (is_data_dir(src)) {
					strcpy(dir, src);
				}
			}
			fclose(f);
		}
		if (dir[0]) {
			return dir;
		}
	}
	snprintf(dir, sizeof(dir), "%s", PKGDATADIR);
	return dir;
}
