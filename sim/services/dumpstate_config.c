/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The file is read as a stream of elements (SAX2), not as a tree: that gives
 * every message a line and a column, and memory grows only with what is kept. A
 * document type is refused when it begins, so no entity can be declared: none is
 * expanded, and nothing outside the file is ever opened.
 */
#include "config.h"

#include "sim/services/dumpstate_config.h"

#include <errno.h>
#include <libxml/SAX2.h>
#include <libxml/parser.h>
#include <libxml/parserInternals.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum element {
	E_NONE,
	E_ROOT,
	E_SERVICES,
	E_SYSTEM_LOGS,
	E_SERVICE,
	E_UNKNOWN,
	E_N
};

static const char *const element_names[E_N] = {
	[E_ROOT] = "dumpstateHalConfiguration",
	[E_SERVICES] = "services",
	[E_SYSTEM_LOGS] = "systemLogs",
	[E_SERVICE] = "service",
};

#define DEPTH_MAX 8 /* of elements that mean something; deeper is refused */

struct reader {
	xmlParserCtxtPtr xml;
	const char *file, *buf;
	size_t len;
	struct av_diags *d;
	struct dumpstate_config *c;
	unsigned int *line; /* of each service, for duplicates */
	size_t room;
	enum element open[DEPTH_MAX];
	unsigned int depth;
	unsigned int n_services, n_logs; /* elements seen */
	bool has_log, bad, no_memory;
};

/* ---- messages ---- */

struct place {
	unsigned int line, col;
};

/* Where the tag that is being read begins. */
static struct place here(const struct reader *r)
{
	long at = xmlByteConsumed(r->xml);
	struct place p = { 1, 1 };
	size_t tag = at < 0 ? 0 : (size_t)at < r->len ? (size_t)at : r->len;

	while (tag > 0 && (tag == r->len || r->buf[tag] != '<')) {
		tag--;
	}
	for (size_t i = 0; i < tag; i++) {
		if (r->buf[i] == '\n') {
			p.line++;
			p.col = 1;
		} else {
			p.col++;
		}
	}
	return p;
}

#define COMPLAIN(r, ...)                                                       \
	do {                                                                   \
		if ((r)->d->n < AV_DIAGS_MAX) {                                \
			struct place at_ = here(r);                            \
                                                                               \
			av_diag_add((r)->d, (r)->file, at_.line, at_.col,      \
				    __VA_ARGS__);                              \
		} else {                                                       \
			(r)->d->dropped++;                                     \
		}                                                              \
		(r)->bad = true;                                               \
	} while (0)

static void out_of_memory(struct reader *r)
{
	r->no_memory = true;
	xmlStopParser(r->xml);
}

/* libxml2's own messages: what is not well-formed. */
static void on_error(void *ctx, xmlErrorPtr e)
{
	struct reader *r = ((xmlParserCtxtPtr)ctx)->_private;
	char text[256];

	if (r->bad && e->code == XML_ERR_USER_STOP) {
		return;
	}
	snprintf(text, sizeof(text), "%s", e->message ? e->message : "?");
	text[strcspn(text, "\r\n")] = '\0';
	av_diag_add(r->d, r->file,
		    e->line > 0 ? (unsigned int)e->line : 0,
		    e->int2 > 0 ? (unsigned int)e->int2 : 0,
		    "not well-formed XML: %s", text);
	r->bad = true;
}

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
		out_of_memory(r);
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
			COMPLAIN(r, "'command' has more than %d words",
				 DUMPSTATE_ARGS_MAX);
			return -EINVAL;
		}
		c->argv[n++] = word;
	}
	c->argv[n] = NULL;
	if (ret < 0) {
		COMPLAIN(r,
			 "'command' holds %s: no shell runs it; quote it, or "
			 "put the line into a script and name that",
			 why);
		return -EINVAL;
	}
	if (n == 0 || !c->argv[0][0]) {
		COMPLAIN(r, "'command' is empty");
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

/* Since no entities are to be replaced, libxml2 leaves "&amp;" as "&#38;", and
 * no other '&' can be in a value where no document type is. */
static char *plain(char *s)
{
	char *to = s;

	for (const char *p = s; p && *p; p++) {
		*to++ = *p;
		p += !strncmp(p, "&#38;", 5) ? 4 : 0;
	}
	if (s) {
		*to = '\0';
	}
	return s;
}

/* SAX2 gives attributes in fives: name, prefix, URI, value, its end. */
static char *attribute(const xmlChar **a, int n, const char *name)
{
	for (int i = 0; i < n; i++) {
		if (!strcmp((const char *)a[5 * i], name)) {
			return plain(strndup(
				(const char *)a[5 * i + 3],
				(size_t)(a[5 * i + 4] - a[5 * i + 3])));
		}
	}
	return NULL;
}

static void check_attributes(struct reader *r, enum element e,
			     const xmlChar **a, int n)
{
	static const char *const known[E_N][3] = {
		[E_ROOT] = { "version" },
		[E_SERVICE] = { "name", "command" },
	};

	for (int i = 0; i < n; i++) {
		const char *name = (const char *)a[5 * i];
		bool ok = a[5 * i + 1] != NULL; /* of another namespace */

		for (size_t k = 0; k < 2 && known[e][k] && !ok; k++) {
			ok = !strcmp(known[e][k], name);
		}
		if (!ok) {
			COMPLAIN(r, "'%s' has no attribute '%.64s'",
				 element_names[e], name);
		}
	}
}

static void root(struct reader *r, const xmlChar **a, int n)
{
	char *version = attribute(a, n, "version");

	if (!version) {
		COMPLAIN(r, "'dumpstateHalConfiguration' needs 'version' "
			    "(\"1.0\")");
	} else if (strcmp(version, "1.0") != 0 && strcmp(version, "1") != 0) {
		COMPLAIN(r, "version '%.32s' is unknown, want \"1.0\"",
			 version);
	}
	free(version);
}

static void add_service(struct reader *r, struct dumpstate_command *cmd)
{
	struct dumpstate_config *c = r->c;

	for (size_t i = 0; i < c->n_services; i++) {
		if (!strcmp(c->service[i].name, cmd->name)) {
			COMPLAIN(r, "service '%.64s' is there already, in line "
				    "%u",
				 cmd->name, r->line[i]);
			return;
		}
	}
	if (c->n_services == DUMPSTATE_SERVICES_MAX) {
		COMPLAIN(r, "more than %d services", DUMPSTATE_SERVICES_MAX);
		xmlStopParser(r->xml);
		return;
	}
	if (c->n_services == r->room) {
		size_t room = r->room ? 2 * r->room : 16;
		struct dumpstate_command *v =
			realloc(c->service, room * sizeof(*v));
		unsigned int *line;

		if (!v) {
			out_of_memory(r);
			return;
		}
		c->service = v;
		line = realloc(r->line, room * sizeof(*line));
		if (!line) {
			out_of_memory(r);
			return;
		}
		r->line = line;
		r->room = room;
	}
	r->line[c->n_services] = (unsigned int)r->xml->input->line;
	c->service[c->n_services++] = *cmd;
	*cmd = (struct dumpstate_command){ 0 };
}

static void service(struct reader *r, enum element parent, const xmlChar **a,
		    int n)
{
	struct dumpstate_command cmd = {
		.name = attribute(a, n, "name"),
		.command = attribute(a, n, "command"),
	};
	const char *why;

	if (parent == E_SYSTEM_LOGS && r->has_log) {
		COMPLAIN(r, "'systemLogs' holds exactly one 'service'");
	}
	r->has_log = r->has_log || parent == E_SYSTEM_LOGS;
	if (!cmd.name) {
		COMPLAIN(r, "'service' needs 'name'");
	} else if (parent == E_SERVICES && !dumpstate_name_ok(cmd.name, &why)) {
		COMPLAIN(r,
			 "'%.64s' cannot be a service, the guest makes a file "
			 "of that name: %s",
			 cmd.name, why);
	} else if (parent == E_SERVICES && !strncmp(cmd.name, "avsim-", 6)) {
		COMPLAIN(r, "'%.64s': names that begin with avsim- are avsim's "
			    "own",
			 cmd.name);
	} else if (!cmd.command) {
		COMPLAIN(r, "service '%.64s' needs 'command'", cmd.name);
	} else if (split(r, &cmd) == 0) {
		if (parent == E_SERVICES) {
			add_service(r, &cmd);
		} else if (!r->c->system_log.name) {
			r->c->system_log = cmd;
			cmd = (struct dumpstate_command){ 0 };
		}
	}
	command_finish(&cmd);
}

static enum element find_element(const char *name)
{
	for (int e = E_ROOT; e < E_UNKNOWN; e++) {
		if (!strcmp(element_names[e], name)) {
			return (enum element)e;
		}
	}
	return E_UNKNOWN;
}

static bool may_hold(enum element parent, enum element e)
{
	switch (e) {
	case E_ROOT:
		return parent == E_NONE;
	case E_SERVICES:
	case E_SYSTEM_LOGS:
		return parent == E_ROOT;
	case E_SERVICE:
		return parent == E_SERVICES || parent == E_SYSTEM_LOGS;
	default:
		return false;
	}
}

static const char *candidate(const void *ctx, size_t i)
{
	(void)ctx;
	return element_names[i];
}

static void misplaced(struct reader *r, enum element parent, enum element e,
		      const char *name)
{
	char hint[96] = "";

	if (e == E_UNKNOWN) {
		av_suggest_text(hint, av_suggest(name, E_UNKNOWN, candidate,
						 NULL));
	}
	if (parent == E_NONE) {
		COMPLAIN(r, "the root must be 'dumpstateHalConfiguration', not "
			    "'%.64s'%s",
			 name, hint);
	} else if (parent != E_UNKNOWN) { /* else: said already */
		COMPLAIN(r, "'%s' cannot hold '%.64s'%s", element_names[parent],
			 name, hint);
	}
}

static void sections(struct reader *r, enum element e)
{
	unsigned int *n = e == E_SERVICES ? &r->n_services : &r->n_logs;

	if (++*n == 2) {
		COMPLAIN(r, "'%s' is there twice", element_names[e]);
	} else if (e == E_SERVICES && r->n_logs > 0) {
		COMPLAIN(r, "'services' goes before 'systemLogs'");
	}
}

static void on_start(void *ctx, const xmlChar *name, const xmlChar *prefix,
		     const xmlChar *uri, int n_ns, const xmlChar **ns, int n,
		     int n_default, const xmlChar **a)
{
	struct reader *r = ((xmlParserCtxtPtr)ctx)->_private;
	enum element parent = r->depth ? r->open[r->depth - 1] : E_NONE;
	enum element e = find_element((const char *)name);

	(void)prefix;
	(void)uri;
	(void)n_ns;
	(void)ns;
	(void)n_default;
	if (r->depth == DEPTH_MAX) {
		COMPLAIN(r, "elements are nested too deep");
		xmlStopParser(r->xml);
		return;
	}
	if (!may_hold(parent, e)) {
		misplaced(r, parent, e, (const char *)name);
		r->open[r->depth++] = E_UNKNOWN;
		return;
	}
	r->open[r->depth++] = e;
	check_attributes(r, e, a, n);
	if (e == E_ROOT) {
		root(r, a, n);
	} else if (e == E_SERVICE) {
		service(r, parent, a, n);
	} else {
		sections(r, e);
	}
}

static void on_end(void *ctx, const xmlChar *name, const xmlChar *prefix,
		   const xmlChar *uri)
{
	struct reader *r = ((xmlParserCtxtPtr)ctx)->_private;
	enum element e = r->depth ? r->open[--r->depth] : E_NONE;

	(void)name;
	(void)prefix;
	(void)uri;
	if (e == E_ROOT && r->n_services == 0) {
		COMPLAIN(r, "'dumpstateHalConfiguration' needs 'services'");
	} else if (e == E_ROOT && r->n_logs == 0) {
		COMPLAIN(r, "'dumpstateHalConfiguration' needs 'systemLogs'");
	} else if (e == E_SYSTEM_LOGS && !r->has_log) {
		COMPLAIN(r, "'systemLogs' holds exactly one 'service'");
	}
}

static void on_text(void *ctx, const xmlChar *s, int len)
{
	struct reader *r = ((xmlParserCtxtPtr)ctx)->_private;

	for (int i = 0; i < len; i++) {
		if (!strchr(" \t\r\n", s[i])) {
			COMPLAIN(r, "text outside of a tag");
			return;
		}
	}
}

static void on_doctype(void *ctx, const xmlChar *name, const xmlChar *external,
		       const xmlChar *system)
{
	struct reader *r = ((xmlParserCtxtPtr)ctx)->_private;

	(void)name;
	(void)external;
	(void)system;
	COMPLAIN(r, "a document type is not taken here; remove <!DOCTYPE ...>");
	xmlStopParser(r->xml);
}

static int read_xml(struct reader *r)
{
	xmlSAXHandler sax = {
		.initialized = XML_SAX2_MAGIC,
		.startElementNs = on_start,
		.endElementNs = on_end,
		.characters = on_text,
		.cdataBlock = on_text,
		.internalSubset = on_doctype,
		.serror = on_error,
	};

	r->xml = xmlCreateMemoryParserCtxt(r->buf, (int)r->len);
	if (!r->xml) {
		return -ENOMEM;
	}
	*r->xml->sax = sax;
	r->xml->_private = r;
	xmlCtxtUseOptions(r->xml, XML_PARSE_NONET);
	xmlParseDocument(r->xml);
	if (r->xml->myDoc) {
		xmlFreeDoc(r->xml->myDoc);
	}
	if (!r->xml->wellFormed && !r->bad && !r->no_memory) {
		COMPLAIN(r, "not well-formed XML");
	}
	xmlFreeParserCtxt(r->xml);
	return r->no_memory ? -ENOMEM : r->bad ? -EINVAL : 0;
}

int dumpstate_config_parse(const char *name, const char *buf, size_t len,
			   struct dumpstate_config **out, struct av_diags *d)
{
	struct reader r = { .file = name, .buf = buf, .len = len, .d = d };
	int ret = -ENOMEM;

	*out = NULL;
	if (len == 0) {
		return av_diag_add(d, name, 0, 0, "the file is empty");
	}
	if (len > DUMPSTATE_CONFIG_MAX) {
		return av_diag_add(d, name, 0, 0,
				   "the file is larger than %u bytes",
				   DUMPSTATE_CONFIG_MAX);
	}
	r.c = calloc(1, sizeof(*r.c));
	if (r.c) {
		ret = read_xml(&r);
	}
	free(r.line);
	if (ret < 0) {
		if (ret == -ENOMEM) {
			av_diag_add(d, name, 0, 0, "out of memory");
		}
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
