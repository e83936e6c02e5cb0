/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "vdevices/vmm.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static int (*const launchers[VMM_N])(const struct vmm_env *env,
				     struct vmm_command *c,
				     struct av_err *err) = {
	[VMM_QEMU] = vmm_qemu_command,
	[VMM_CROSVM] = vmm_crosvm_command,
};

/* Takes @s over. Lists are NULL-ended and grow by one: a command is short. */
static void append(struct vmm_command *c, char ***list, size_t *n, char *s)
{
	char **v = s ? realloc(*list, (*n + 2) * sizeof(*v)) : NULL;

	if (!v) {
		free(s);
		c->failed = true;
		return;
	}
	v[(*n)++] = s;
	v[*n] = NULL;
	*list = v;
}

static char *print(const char *fmt, va_list ap)
	__attribute__((format(printf, 1, 0)));

static char *print(const char *fmt, va_list ap)
{
	char *s;

	return vasprintf(&s, fmt, ap) < 0 ? NULL : s;
}

void vmm_arg(struct vmm_command *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	append(c, &c->argv, &c->n, print(fmt, ap));
	va_end(ap);
}

void vmm_note(struct vmm_command *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	append(c, &c->note, &c->n_notes, print(fmt, ap));
	va_end(ap);
}

void vmm_own_args(struct vmm_command *c, const struct vmm_env *env)
{
	static const char run[] = "${run}";
	const struct guest *g = env->guest;

	for (size_t i = 0; i < g->n_args[g->vmm]; i++) {
		const char *s = g->arg[g->vmm][i], *at;
		char *text = NULL;
		size_t len = 0;
		FILE *f = open_memstream(&text, &len);

		while (f && (at = strstr(s, run))) {
			fprintf(f, "%.*s%s", (int)(at - s), s, env->run_dir);
			s = at + sizeof(run) - 1;
		}
		if (f) {
			fputs(s, f);
			fclose(f);
		}
		append(c, &c->argv, &c->n, text);
	}
}

char *vmm_cmdline(const struct vmm_env *env)
{
	const struct guest *g = env->guest;
	bool here = g->props == PROPS_CMDLINE;
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	if (!f) {
		return NULL;
	}
	fputs(g->cmdline ? g->cmdline : "", f);
	if (!here && g->n_properties) {
		fputs(" bootconfig", f);
	}
	for (size_t i = 0; here && i < g->n_properties; i++) {
		fprintf(f, " %s=%s", g->property[i].key, g->property[i].value);
	}
	fclose(f);
	return text;
}

int vmm_command(const struct vmm_env *env, struct vmm_command *out,
		struct av_err *err)
{
	const struct guest *g = env->guest;
	int ret;

	memset(out, 0, sizeof(*out));
	if (g->missing) {
		return av_err_set(err, -EINVAL,
				  "guest profile '%s' wants --guest-set "
				  "%s=VALUE: %s",
				  g->name, g->missing, g->missing_help);
	}
	vmm_arg(out, "%s", env->caps->path);
	ret = launchers[g->vmm](env, out, err);
	if (ret == 0 && out->failed) {
		ret = av_err_set(err, -ENOMEM, "out of memory");
	}
	if (ret < 0) {
		vmm_command_finish(out);
	}
	return ret;
}

void vmm_command_finish(struct vmm_command *c)
{
	for (size_t i = 0; i < c->n; i++) {
		free(c->argv[i]);
	}
	for (size_t i = 0; i < c->n_notes; i++) {
		free(c->note[i]);
	}
	free(c->argv);
	free(c->note);
	memset(c, 0, sizeof(*c));
}

static void print_quoted(const char *s, FILE *out)
{
	static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789_@%+=:,./-";

	if (*s && strspn(s, plain) == strlen(s)) {
		fputs(s, out);
		return;
	}
	fputc('\'', out);
	for (; *s; s++) {
		if (*s == '\'') {
			fputs("'\\''", out);
		} else {
			fputc(*s, out);
		}
	}
	fputc('\'', out);
}

void vmm_command_print(const struct vmm_command *c, FILE *out)
{
	for (size_t i = 0; i < c->n; i++) {
		if (i && c->argv[i][0] == '-') {
			fputs(" \\\n\t", out);
		} else if (i) {
			fputc(' ', out);
		}
		print_quoted(c->argv[i], out);
	}
	fputc('\n', out);
}
