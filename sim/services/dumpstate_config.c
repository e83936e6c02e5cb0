/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "sim/services/dumpstate_config.h"

#include "sim/core/xml.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum element {
	E_ROOT = 1,
	E_SERVICES,
	E_SYSTEM_LOGS,
	E_SERVICE,
	E_SYSTEM_LOG,
	E_N
};

static const struct av_xml_element elements[E_N] = {
	[E_ROOT] = { "dumpstateHalConfiguration",
		     0,
		     { "version" },
		     AV_XML_ONE },
	[E_SERVICES] = { "services", E_ROOT, { NULL }, AV_XML_ONE },
	[E_SYSTEM_LOGS] = { "systemLogs", E_ROOT, { NULL }, AV_XML_ONE },
	[E_SERVICE] = { "service",
			E_SERVICES,
			{ "name", "command" },
			AV_XML_ANY },
	[E_SYSTEM_LOG] = { "service",
			   E_SYSTEM_LOGS,
			   { "name", "command" },
			   AV_XML_ONE },
};

struct reader {
	struct av_xml xml;
	struct dumpstate_config *c;
	unsigned int *line; /* of each service, for duplicates */
	size_t room;
	bool logs_seen;
};

/* ---- words of a command ---- */

static const char *shell_only(char c)
{
	static const char chars[] = "|&;<>()`$*?[~#\n";
	static const char *const names[] = { "'|'", "'&'", "';'", "'<'",
					     "'>'", "'('", "')'", "'`'",
					     "'$'", "'*'", "'?'", "'['",
					     "'~'", "'#'", "a line break" };
	const char *p = c ? strchr(chars, c) : NULL;

	return p ? names[p - chars] : NULL;
}

/*
 * Cut the next word off *@s into *@to, which moves on. Return: 1 a word, 0 the
 * end, -EINVAL with *@why.
 */
static int next_word(const char **s, char **to, const char **why)
{
	const char *p = *s + strspn(*s, " \t\r\n");
	char quote = '\0';

	if (!*p) {
		return 0;
	}
	for (; *p && (quote || !strchr(" \t\r\n", *p)); p++) {
		if (quote ? *p == quote : *p == '\'' || *p == '"') {
			quote = quote ? '\0' : *p;
		} else if (*p == '\\' && quote != '\'') {
			if (!p[1]) {
				*why = "a backslash at the end";
				return -EINVAL;
			}
			/* in double quotes it only guards these */
			if (quote && !strchr("\\\"$`", p[1])) {
				*(*to)++ = '\\';
			}
			*(*to)++ = *++p;
		} else if (!quote && shell_only(*p)) {
			*why = shell_only(*p);
			return -EINVAL;
		} else if (quote == '"' && (*p == '$' || *p == '`')) {
			*why = shell_only(*p);
			return -EINVAL;
		} else {
			*(*to)++ = *p;
		}
	}
	if (quote) {
		*why = "an open quote";
		return -EINVAL;
	}
	*(*to)++ = '\0';
	*s = p;
	return 1;
}

static void command_finish(struct dumpstate_command *c)
{
	free(c->name);
	free(c->command);
	free(c->argv);
}

/* Words of c->command; argv and its strings are one block. */
static int split(struct reader *r, struct dumpstate_command *c)
{
	const char *s = c->command, *why = NULL;
	size_t head = (DUMPSTATE_ARGS_MAX + 1) * sizeof(char *), n = 0;
	char *to;
	int ret;

	c->argv = malloc(head + strlen(s) + 2);
	if (!c->argv) {
		av_xml_no_memory(&r->xml);
		return -ENOMEM;
	}
	to = (char *)c->argv + head;
	for (;;) {
		char *word = to;

		ret = next_word(&s, &to, &why);
		if (ret <= 0) {
			break;
		}
		if (n == DUMPSTATE_ARGS_MAX) {
			av_xml_complain(&r->xml,
					"'command' has more than %d words",
					DUMPSTATE_ARGS_MAX);
			return -EINVAL;
		}
		c->argv[n++] = word;
	}
	c->argv[n] = NULL;
	if (ret < 0) {
		av_xml_complain(
			&r->xml,
			"'command' holds %s: no shell runs it; quote it, or "
			"put the line into a script and name that",
			why);
		return -EINVAL;
	}
	if (n == 0 || !c->argv[0][0]) {
		av_xml_complain(&r->xml, "'command' is empty");
		return -EINVAL;
	}
	return 0;
}

/* ---- elements ---- */

bool dumpstate_name_ok(const char *name, const char **why)
{
	*why = NULL;
	if (!*name) {
		*why = "it is empty";
	} else if (strlen(name) > NAME_MAX) {
		*why = "it is longer than 255 bytes";
	} else if (strchr(name, '/')) {
		*why = "it holds a '/'";
	} else if (!strcmp(name, ".") || !strcmp(name, "..")) {
		*why = "it names a folder";
	} else if (!strcmp(name, "system_log")) {
		*why = "the guest keeps the system log there";
	}
	for (const char *p = name; *p && !*why; p++) {
		if ((unsigned char)*p < ' ' || *p == 127) {
			*why = "it holds a control character";
		}
	}
	return !*why;
}

static void root(struct reader *r)
{
	char *version = av_xml_attribute(&r->xml, "version");

	if (version && strcmp(version, "1.0") != 0 &&
	    strcmp(version, "1") != 0) {
		av_xml_complain(&r->xml,
				"version '%.32s' is unknown, want \"1.0\"",
				version);
	}
	free(version);
}

static void add_service(struct reader *r, struct dumpstate_command *cmd)
{
	struct dumpstate_config *c = r->c;

	for (size_t i = 0; i < c->n_services; i++) {
		if (!strcmp(c->service[i].name, cmd->name)) {
			av_xml_complain(
				&r->xml,
				"service '%.64s' is there already, in line "
				"%u",
				cmd->name, r->line[i]);
			return;
		}
	}
	if (c->n_services == DUMPSTATE_SERVICES_MAX) {
		av_xml_complain(&r->xml, "more than %d services",
				DUMPSTATE_SERVICES_MAX);
		av_xml_stop(&r->xml);
		return;
	}
	if (c->n_services == r->room) {
		size_t room = r->room ? 2 * r->room : 16;
		struct dumpstate_command *v =
			realloc(c->service, room * sizeof(*v));
		unsigned int *line;

		if (!v) {
			av_xml_no_memory(&r->xml);
			return;
		}
		c->service = v;
		line = realloc(r->line, room * sizeof(*line));
		if (!line) {
			av_xml_no_memory(&r->xml);
			return;
		}
		r->line = line;
		r->room = room;
	}
	r->line[c->n_services] = av_xml_line(&r->xml);
	c->service[c->n_services++] = *cmd;
	*cmd = (struct dumpstate_command){ 0 };
}

/* May a command that the guest asks for have this name? */
static bool check_name(struct reader *r, const char *name)
{
	const char *why;

	if (!dumpstate_name_ok(name, &why)) {
		av_xml_complain(&r->xml,
				"'%.64s' cannot be a service, the guest makes "
				"a file of that name: %s",
				name, why);
		return false;
	}
	if (!strncmp(name, "avsim-", 6)) {
		av_xml_complain(&r->xml,
				"'%.64s': names that begin with avsim- are "
				"avsim's own",
				name);
		return false;
	}
	return true;
}

static void service(struct reader *r, int e)
{
	struct dumpstate_command cmd = {
		.name = av_xml_attribute(&r->xml, "name"),
		.command = av_xml_attribute(&r->xml, "command"),
	};

	if (cmd.name && (e == E_SYSTEM_LOG || check_name(r, cmd.name)) &&
	    cmd.command && split(r, &cmd) == 0) {
		if (e == E_SERVICE) {
			add_service(r, &cmd);
		} else if (!r->c->system_log.name) {
			r->c->system_log = cmd;
			cmd = (struct dumpstate_command){ 0 };
		}
	}
	command_finish(&cmd);
}

static void on_begin(void *ctx, int e)
{
	struct reader *r = ctx;

	switch (e) {
	case E_ROOT:
		root(r);
		break;
	case E_SERVICES:
		if (r->logs_seen) {
			av_xml_complain(&r->xml, "'services' goes before "
						 "'systemLogs'");
		}
		break;
	case E_SYSTEM_LOGS:
		r->logs_seen = true;
		break;
	default:
		service(r, e);
		break;
	}
}

static const struct av_xml_kind kind = { .element = elements,
					 .n_elements = E_N,
					 .max = DUMPSTATE_CONFIG_MAX,
					 .begin = on_begin };

int dumpstate_config_parse(const char *name, const char *buf, size_t len,
			   struct dumpstate_config **out, struct av_diags *d)
{
	struct reader r = { .c = calloc(1, sizeof(*r.c)) };
	int ret;

	*out = NULL;
	if (!r.c) {
		av_diag_add(d, name, 0, 0, "out of memory");
		return -ENOMEM;
	}
	ret = av_xml_read(&r.xml, &kind, name, buf, len, &r, d);
	free(r.line);
	if (ret < 0) {
		dumpstate_config_destroy(r.c);
		return ret;
	}
	*out = r.c;
	return 0;
}

void dumpstate_config_destroy(struct dumpstate_config *c)
{
	if (!c) {
		return;
	}
	for (size_t i = 0; i < c->n_services; i++) {
		command_finish(&c->service[i]);
	}
	command_finish(&c->system_log);
	free(c->service);
	free(c);
}
