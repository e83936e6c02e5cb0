/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "vdevices/guest.h"

#include "sim/core/yaml.h"
#include "sim/services/services.h"
#include "vdevices/devices.h"

#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 4096 /* bytes of a value with its ${NAME} replaced */

const char *const vmm_names[] = { "qemu", "crosvm", NULL };
const char *const guest_arch_names[] = { "arm64", "x86_64", NULL };
static const char *const accel_names[] = { "auto", "kvm", "tcg", NULL };
static const char *const props_names[] = { "cmdline", "bootconfig", NULL };
static const char *const to_names[] = { "socket", "log", "none", NULL };

enum scalar_kind { K_TEXT, K_INT, K_MIB, K_ENUM };

/* Every key with a plain value: one row here is all it takes. */
static const struct scalar {
	const char *name;
	enum scalar_kind kind;
	size_t offset;
	bool required, settable;
	long long min, max, otherwise;
	const char *const *names;
	const char *help;
} scalars[] = {
#define AT(field) offsetof(struct guest, field)
	{ "guest", K_TEXT, AT(name), .required = true,
	  .help = "name of the profile" },
	{ "summary", K_TEXT, AT(summary), .required = true,
	  .help = "one line for avsim list guests" },
	{ "proven", K_TEXT, AT(proven), .required = true,
	  .help = "what of it was seen to work, and what was not tried" },
	{ "arch", K_ENUM, AT(arch), .required = true,
	  .names = guest_arch_names, .help = "processor of the guest" },
	{ "vmm", K_ENUM, AT(vmm), .settable = true, .names = vmm_names,
	  .help = "who runs it: qemu (default) or crosvm" },
	{ "accel", K_ENUM, AT(accel), .settable = true, .names = accel_names,
	  .help = "kvm, tcg, or kvm where it can be used" },
	{ "machine", K_TEXT, AT(machine), .settable = true,
	  .help = "QEMU's -M; default virt or q35" },
	{ "cpu", K_TEXT, AT(cpu), .settable = true,
	  .help = "QEMU's -cpu; default: host with KVM, else max" },
	{ "cpus", K_INT, AT(cpus), .settable = true, .min = 1, .max = 64,
	  .otherwise = 2, .help = "number of processors" },
	{ "memory", K_MIB, AT(memory_mib), .settable = true, .min = 64,
	  .max = 1 << 20, .otherwise = 1024, .help = "512M, 4G" },
	{ "cid", K_INT, AT(cid), .settable = true, .min = 3,
	  .max = UINT32_MAX - 1, .otherwise = 3,
	  .help = "vsock address of the guest" },
	{ "kernel", K_TEXT, AT(kernel), .settable = true,
	  .help = "file to boot" },
	{ "initrd", K_TEXT, AT(initrd), .settable = true, .help = "its ramdisk" },
	{ "firmware", K_TEXT, AT(firmware), .settable = true,
	  .help = "file to boot instead of a kernel" },
	{ "cmdline", K_TEXT, AT(cmdline), .settable = true,
	  .help = "the kernel's command line" },
	{ "properties-by", K_ENUM, AT(props), .names = props_names,
	  .help = "how properties reach the guest: the kernel's command line, "
		  "or bootconfig behind the ramdisk (Android 12 and later)" },
#undef AT
};
#define N_SCALARS (sizeof(scalars) / sizeof(scalars[0]))

static const char *const list_keys[] = { "params", "properties", "devices",
					 "ports",  "qemu-args",  "crosvm-args" };
#define N_LISTS (sizeof(list_keys) / sizeof(list_keys[0]))

static const char *const param_keys[] = { "help", "default", NULL };
static const char *const port_keys[] = { "name", "kind", "nr", "is",
					 "to",	 "file", NULL };
static const char *const port_kinds[] = { "port", "console", NULL };

/* ---- memory of a profile: freed in one go ---- */

struct block {
	struct block *next;
	char text[];
};

static char *keep(struct guest *g, const char *s, size_t len)
{
	struct block *b = malloc(sizeof(*b) + len + 1);

	if (!b) {
		return NULL;
	}
	memcpy(b->text, s, len);
	b->text[len] = '\0';
	b->next = g->memory;
	g->memory = b;
	return b->text;
}

void guest_destroy(struct guest *g)
{
	struct block *b = g ? g->memory : NULL;

	while (b) {
		struct block *next = b->next;

		free(b);
		b = next;
	}
	free(g);
}

/* ---- reading ---- */

struct reader {
	struct av_yaml_doc doc;
	struct av_diags *d;
	const struct guest_env *env;
	struct guest *g;
	const struct av_yaml *params; /* or NULL */
};

static struct av_yaml_at at(struct reader *r, const struct av_yaml *parent)
{
	return (struct av_yaml_at){ &r->doc, r->d, parent };
}

static const char *given(const struct reader *r, const char *name)
{
	const char *v = NULL;

	for (size_t i = 0; i < r->env->n_set; i++) {
		if (!strcmp(r->env->set[i].key, name)) {
			v = r->env->set[i].value; /* the last one wins */
		}
	}
	return v;
}

static const char *name_at(const void *ctx, size_t i)
{
	const struct reader *r = ctx;
	static const char *const always[] = { "kit", "cid", "run" };

	if (i < 3) {
		return always[i];
	}
	return r->params->key[i - 3]->text;
}

/* What ${@name} stands for, NULL (said) if nothing is called so. */
static const char *lookup(struct reader *r, const struct av_yaml *node,
			  const char *name, char num[24])
{
	const struct av_yaml *p = av_yaml_get(r->params, name);
	const struct av_yaml *v;
	char hint[96];

	if (!strcmp(name, "kit")) {
		return r->env->kit_dir ? r->env->kit_dir : "KIT";
	}
	if (!strcmp(name, "run")) {
		return "${run}";
	}
	if (!strcmp(name, "cid")) {
		snprintf(num, 24, "%lld", r->g->cid);
		return num;
	}
	if (!p) {
		av_yaml_err(&r->doc, node, r->d, "'${%s}' is no parameter%s",
			    name,
			    av_suggest_text(
				    hint,
				    av_suggest(name,
					       3 + (r->params ? r->params->n
							      : 0),
					       name_at, r)));
		return NULL;
	}
	if (given(r, name)) {
		return given(r, name);
	}
	v = av_yaml_get(p, "default");
	if (v && v->kind == YAML_SCALAR) {
		return v->text;
	}
	v = av_yaml_get(p, "help");
	if (!r->g->missing && v) {
		r->g->missing = keep(r->g, name, strlen(name));
		r->g->missing_help = keep(r->g, v->text, v->len);
	}
	return name;
}

/* @text with its ${NAME} replaced; NULL: said, or no memory. */
static const char *expand(struct reader *r, const struct av_yaml *node,
			  const char *text)
{
	char out[TEXT_MAX], name[64], num[24];
	size_t n = 0;

	while (*text) {
		const char *end = !strncmp(text, "${", 2) ? strchr(text, '}')
							  : NULL;
		const char *v = text;
		size_t len = 1;

		if (end && (size_t)(end - text - 2) < sizeof(name)) {
			snprintf(name, sizeof(name), "%.*s",
				 (int)(end - text - 2), text + 2);
			v = lookup(r, node, name, num);
			if (!v) {
				return NULL;
			}
			len = strlen(v);
			text = end + 1;
		} else {
			text++;
		}
		if (n + len >= sizeof(out)) {
			av_yaml_err(&r->doc, node, r->d,
				    "longer than %d bytes", TEXT_MAX - 1);
			return NULL;
		}
		memcpy(out + n, v, len);
		n += len;
	}
	return keep(r->g, out, n);
}

static const char *text_of(struct reader *r, const struct av_yaml *node,
			   const char *what, const struct av_yaml *parent)
{
	const char *s;

	return av_yaml_str(at(r, parent), node, what, &s) == 0
		       ? expand(r, node, s)
		       : NULL;
}

/* "512M", "4G"; a plain number is MiB. */
static int mib_of(const char *s, long long *out)
{
	char *end;
	long long v;

	errno = 0;
	v = strtoll(s, &end, 10);
	if (end == s || errno || v < 0 || v > INT32_MAX) {
		return -EINVAL;
	}
	if (!strcmp(end, "G") || !strcmp(end, "GiB")) {
		v *= 1024;
	} else if (*end && strcmp(end, "M") != 0 && strcmp(end, "MiB") != 0) {
		return -EINVAL;
	}
	*out = v;
	return 0;
}

/* A value as text, from the file or from --guest-set. */
static void read_scalar(struct reader *r, const struct scalar *k,
			const struct av_yaml *node, const char *text)
{
	char *field = (char *)r->g + k->offset, *end;
	long long v = 0;

	if (k->kind == K_TEXT) {
		*(const char **)(void *)field =
			node ? expand(r, node, text)
			     : keep(r->g, text, strlen(text));
		return;
	}
	if (k->kind == K_ENUM) {
		int i = 0;

		while (k->names[i] && strcmp(k->names[i], text) != 0) {
			i++;
		}
		if (k->names[i]) {
			*(int *)(void *)field = i;
			return;
		}
		av_diag_add(r->d, node ? r->doc.name : "--guest-set",
			    node ? node->line : 0, node ? node->col : 0,
			    "'%s' wants %s or %s%s%s, not '%s'", k->name,
			    k->names[0], k->names[1], k->names[2] ? " or " : "",
			    k->names[2] ? k->names[2] : "", text);
		return;
	}
	if (k->kind == K_MIB) {
		if (mib_of(text, &v) < 0) {
			v = -1;
		}
	} else {
		errno = 0;
		v = strtoll(text, &end, 10);
		if (end == text || *end || errno) {
			v = k->min - 1;
		}
	}
	if (v < k->min || v > k->max) {
		av_diag_add(r->d, node ? r->doc.name : "--guest-set",
			    node ? node->line : 0, node ? node->col : 0,
			    "'%s' wants %lld to %lld%s, not '%s'", k->name,
			    k->min, k->max,
			    k->kind == K_MIB ? " MiB, as 512M or 4G" : "",
			    text);
		return;
	}
	*(long long *)(void *)field = v;
}

static void read_scalars(struct reader *r)
{
	for (size_t i = 0; i < N_SCALARS; i++) {
		const struct scalar *k = &scalars[i];
		const struct av_yaml *node = av_yaml_get(r->doc.root, k->name);
		const char *v = k->settable ? given(r, k->name) : NULL;
		const char *text;

		if (k->kind == K_INT || k->kind == K_MIB) {
			*(long long *)(void *)((char *)r->g + k->offset) =
				k->otherwise;
		}
		if (v) {
			read_scalar(r, k, NULL, v);
		} else if (node || k->required) {
			if (av_yaml_str(at(r, r->doc.root), node, k->name,
					&text) == 0) {
				read_scalar(r, k, node, text);
			}
		}
	}
}

static void read_params(struct reader *r)
{
	const struct av_yaml *params = av_yaml_get(r->doc.root, "params");

	if (!params) {
		return;
	}
	if (params->kind != YAML_MAP) {
		av_yaml_err(&r->doc, params, r->d,
			    "'params' wants names with help: and default:");
		return;
	}
	for (size_t i = 0; i < params->n; i++) {
		const struct av_yaml *p = params->item[i];
		const char *s;

		for (size_t k = 0; k < N_SCALARS; k++) {
			if (!strcmp(params->key[i]->text, scalars[k].name)) {
				av_yaml_err(&r->doc, params->key[i], r->d,
					    "'%s' is a key of profiles: name "
					    "the parameter otherwise",
					    scalars[k].name);
			}
		}
		if (av_yaml_check_keys(&r->doc, p, param_keys, r->d) == 0) {
			av_yaml_str(at(r, p), av_yaml_get(p, "help"), "help",
				    &s);
			if (av_yaml_get(p, "default")) {
				av_yaml_str(at(r, p), av_yaml_get(p, "default"),
					    "default", &s);
			}
		}
	}
	r->params = params;
}

static const char *settable_at(const void *ctx, size_t i)
{
	const struct reader *r = ctx;

	if (i < N_SCALARS) {
		return scalars[i].settable ? scalars[i].name : NULL;
	}
	return r->params->key[i - N_SCALARS]->text;
}

static void check_set(struct reader *r)
{
	size_t n = N_SCALARS + (r->params ? r->params->n : 0);
	char hint[96];

	for (size_t i = 0; i < r->env->n_set; i++) {
		const char *key = r->env->set[i].key;
		size_t k = 0;

		while (k < n && !(settable_at(r, k) &&
				  !strcmp(settable_at(r, k), key))) {
			k++;
		}
		if (k == n) {
			av_diag_add(r->d, "--guest-set", 0, 0,
				    "nothing to set is called '%s' in %s%s",
				    key, r->doc.name,
				    av_suggest_text(hint,
						    av_suggest(key, n,
							       settable_at,
							       r)));
		}
	}
}

/* A map or sequence of at most GUEST_LIST_MAX, NULL (maybe said) if not. */
static const struct av_yaml *list_of(struct reader *r, const char *key,
				     enum av_yaml_kind kind, const char *want)
{
	const struct av_yaml *l = av_yaml_get(r->doc.root, key);

	if (l && l->kind != kind) {
		av_yaml_err(&r->doc, l, r->d, "'%s' wants %s", key, want);
		return NULL;
	}
	if (l && l->n > GUEST_LIST_MAX) {
		av_yaml_err(&r->doc, l, r->d, "'%s' has more than %d entries",
			    key, GUEST_LIST_MAX);
		return NULL;
	}
	return l;
}

static void read_properties(struct reader *r)
{
	const struct av_yaml *l = list_of(r, "properties", YAML_MAP,
					  "names and values");

	for (size_t i = 0; l && i < l->n; i++) {
		const char *v = text_of(r, l->item[i], l->key[i]->text, l);
		struct guest_pair *p = &r->g->property[r->g->n_properties];

		if (!v) {
			continue;
		}
		if (strpbrk(l->key[i]->text, " =\"\n") ||
		    strpbrk(v, " \"\n")) {
			av_yaml_err(&r->doc, l->key[i], r->d,
				    "a property has no spaces or quotes");
			continue;
		}
		p->key = keep(r->g, l->key[i]->text, l->key[i]->len);
		p->value = v;
		r->g->n_properties++;
	}
}

/* One device: "NAME:TYPE,KEY=VALUE..." of the map below its name. */
static void read_device(struct reader *r, const struct av_yaml *key,
			const struct av_yaml *m)
{
	const struct av_yaml *type = NULL;
	struct device_spec spec;
	void *arena = NULL;
	struct av_err err;
	char text[TEXT_MAX];
	size_t n;

	if (m->kind == YAML_MAP) {
		type = av_yaml_get(m, "type");
	} else if (m->kind != YAML_SCALAR || m->len) {
		av_yaml_err(&r->doc, m, r->d,
			    "'%s' wants options, as {type: blk, file: X}",
			    key->text);
		return;
	}
	n = (size_t)snprintf(text, sizeof(text), "%s%s%s", key->text,
			     type && type->kind == YAML_SCALAR ? ":" : "",
			     type && type->kind == YAML_SCALAR ? type->text
							       : "");
	for (size_t i = 0; i < m->n; i++) {
		const char *v;

		if (!strcmp(m->key[i]->text, "type")) {
			continue;
		}
		v = text_of(r, m->item[i], m->key[i]->text, m);
		if (!v) {
			return;
		}
		if (strchr(v, ',')) {
			av_yaml_err(&r->doc, m->item[i], r->d,
				    "a comma cannot be in '%s'",
				    m->key[i]->text);
			return;
		}
		if (n < sizeof(text)) {
			n += (size_t)snprintf(text + n, sizeof(text) - n,
					      ",%s=%s", m->key[i]->text, v);
		}
	}
	if (n >= sizeof(text)) {
		av_yaml_err(&r->doc, key, r->d,
			    "the options of '%s' are longer than %d bytes",
			    key->text, TEXT_MAX - 1);
		return;
	}
	if (device_spec_parse(text, &spec, &arena, &err) < 0) {
		av_yaml_err(&r->doc, key, r->d, "%s", err.msg);
	}
	free(arena);
	r->g->device[r->g->n_devices] = keep(r->g, text, n);
	r->g->n_devices += r->g->device[r->g->n_devices] != NULL;
}

/* "is: SERVICE": avsim listens for it, by the name that --port has too. */
static int read_service(struct reader *r, const struct av_yaml *m,
			struct guest_port *p)
{
	const struct av_yaml *node = av_yaml_get(m, "is");
	char text[64];
	int i;

	if (av_yaml_get(m, "to") || av_yaml_get(m, "file")) {
		return av_yaml_err(&r->doc, node, r->d,
				   "a port with 'is' has neither 'to' nor "
				   "'file': avsim is there");
	}
	if (av_yaml_enum(at(r, m), node, "is", services_names, &i)) {
		return -EINVAL;
	}
	snprintf(text, sizeof(text), "%s=%s", services_names[i],
		 services_names[i]);
	for (size_t k = 0; k < r->g->n_ports; k++) {
		if (r->g->port[k].listen &&
		    !strcmp(r->g->port[k].listen, text)) {
			return av_yaml_err(&r->doc, node, r->d,
					   "another port is '%s' already",
					   services_names[i]);
		}
	}
	p->listen = keep(r->g, text, strlen(text));
	snprintf(text, sizeof(text), "%s.port", services_names[i]);
	p->file = keep(r->g, text, strlen(text));
	p->to = GUEST_PORT_SOCKET;
	return p->listen && p->file ? 0 : -ENOMEM;
}

static int read_target(struct reader *r, const struct av_yaml *m,
		       struct guest_port *p)
{
	const struct av_yaml *file = av_yaml_get(m, "file");
	int to = 0, ret;

	if (!av_yaml_get(m, "to")) {
		return av_yaml_err(&r->doc, m, r->d,
				   "missing 'is' or 'to': who has the port's "
				   "other end?");
	}
	ret = av_yaml_enum(at(r, m), av_yaml_get(m, "to"), "to", to_names,
			   &to);
	p->to = (enum guest_port_to)to;
	if (ret || to == GUEST_PORT_NONE) {
		return ret;
	}
	p->file = text_of(r, file, "file", m);
	if (p->file && strchr(p->file, '/')) {
		return av_yaml_err(&r->doc, file, r->d,
				   "'file' is a name in the run dir");
	}
	return p->file ? 0 : -EINVAL;
}

static void read_port(struct reader *r, const struct av_yaml *m)
{
	struct guest_port p = { .nr = -1 };
	const struct av_yaml *node;
	int kind = 0, bad;

	bad = av_yaml_check_keys(&r->doc, m, port_keys, r->d);
	if (bad) {
		return;
	}
	node = av_yaml_get(m, "kind");
	if (node) {
		bad |= av_yaml_enum(at(r, m), node, "kind", port_kinds, &kind);
	}
	bad |= av_yaml_get(m, "is") ? read_service(r, m, &p)
				    : read_target(r, m, &p);
	node = av_yaml_get(m, "nr");
	if (node) {
		bad |= av_yaml_int(at(r, m), node, "nr", 0, 30, &p.nr);
	}
	node = av_yaml_get(m, "name");
	if (node) {
		p.name = text_of(r, node, "name", m);
		bad |= !p.name;
	}
	if (!bad) {
		p.console = kind == 1;
		r->g->port[r->g->n_ports++] = p;
	}
}

static void read_lists(struct reader *r)
{
	const struct av_yaml *l;

	read_properties(r);
	l = list_of(r, "devices", YAML_MAP, "device names with their options");
	for (size_t i = 0; l && i < l->n; i++) {
		read_device(r, l->key[i], l->item[i]);
	}
	l = list_of(r, "ports", YAML_SEQ, "a list of ports");
	for (size_t i = 0; l && i < l->n; i++) {
		read_port(r, l->item[i]);
	}
	for (int v = 0; v < VMM_N; v++) {
		const char *key = list_keys[N_LISTS - VMM_N + (size_t)v];

		l = list_of(r, key, YAML_SEQ, "a list of arguments");
		for (size_t i = 0; l && i < l->n; i++) {
			const char *s = text_of(r, l->item[i], key, l);

			if (s) {
				r->g->arg[v][r->g->n_args[v]++] = s;
			}
		}
	}
}

static void read_guest(struct reader *r)
{
	const char *known[N_SCALARS + N_LISTS + 1];
	size_t n = 0;

	for (size_t i = 0; i < N_SCALARS; i++) {
		known[n++] = scalars[i].name;
	}
	for (size_t i = 0; i < N_LISTS; i++) {
		known[n++] = list_keys[i];
	}
	known[n] = NULL;
	if (av_yaml_check_keys(&r->doc, r->doc.root, known, r->d) < 0 &&
	    r->doc.root->kind != YAML_MAP) {
		return;
	}
	read_params(r);
	check_set(r);
	read_scalars(r);
	if (!av_yaml_get(r->doc.root, "kernel") &&
	    !av_yaml_get(r->doc.root, "firmware")) {
		av_yaml_err(&r->doc, r->doc.root, r->d,
			    "missing 'kernel' or 'firmware': what does the "
			    "guest boot?");
	}
	read_lists(r);
}

int guest_parse(const char *name, const char *buf, size_t len,
		const struct guest_env *env, struct guest **out,
		struct av_diags *d)
{
	struct reader r = { .d = d, .env = env };
	size_t before = d->n + d->dropped;
	int ret = av_yaml_parse(name, buf, len, &r.doc, d);

	*out = NULL;
	if (ret < 0) {
		return ret;
	}
	r.g = calloc(1, sizeof(*r.g));
	if (!r.g) {
		ret = -ENOMEM;
	} else if (!r.doc.root) {
		ret = av_diag_add(d, name, 1, 1,
				  "an empty file is no guest profile");
	} else {
		read_guest(&r);
		ret = d->n + d->dropped > before ? -EINVAL : 0;
	}
	av_yaml_finish(&r.doc);
	if (ret == 0) {
		*out = r.g;
	} else {
		guest_destroy(r.g);
	}
	return ret;
}

/* ---- schema ---- */

static void schema_words(FILE *o, const char *const *names)
{
	fputs("{\"enum\":[", o);
	for (size_t i = 0; names[i]; i++) {
		fprintf(o, "%s\"%s\"", i ? "," : "", names[i]);
	}
	fputs("]", o);
}

static void schema_scalar(FILE *o, const struct scalar *k)
{
	fprintf(o, "  \"%s\": ", k->name);
	switch (k->kind) {
	case K_TEXT:
		fputs("{\"type\":[\"string\",\"number\"]", o);
		break;
	case K_INT:
		fprintf(o, "{\"type\":\"integer\",\"minimum\":%lld,"
			   "\"maximum\":%lld", k->min, k->max);
		break;
	case K_MIB:
		fputs("{\"type\":[\"string\",\"integer\"],"
		      "\"pattern\":\"^[0-9]+(M|MiB|G|GiB)?$\"", o);
		break;
	case K_ENUM:
		schema_words(o, k->names);
		break;
	}
	fprintf(o, ",\"description\":\"%s\"},\n", k->help);
}

void guest_schema_print(FILE *o)
{
	const char *comma = "";

	fputs("{\n \"$schema\": \"http://json-schema.org/draft-07/schema#\",\n"
	      " \"title\": \"avsim guest profile\",\n"
	      " \"type\": \"object\",\n \"additionalProperties\": false,\n"
	      " \"required\": [", o);
	for (size_t i = 0; i < N_SCALARS; i++) {
		if (scalars[i].required) {
			fprintf(o, "%s\"%s\"", comma, scalars[i].name);
			comma = ",";
		}
	}
	fputs("],\n \"anyOf\": [{\"required\":[\"kernel\"]},"
	      "{\"required\":[\"firmware\"]}],\n"
	      " \"definitions\": {\"scalar\": {\"type\":[\"string\",\"number\","
	      "\"boolean\"]}},\n \"properties\": {\n", o);
	for (size_t i = 0; i < N_SCALARS; i++) {
		schema_scalar(o, &scalars[i]);
	}
	fputs("  \"params\": {\"type\":\"object\",\"additionalProperties\":"
	      "{\"type\":\"object\",\"required\":[\"help\"],"
	      "\"additionalProperties\":false,\"properties\":{"
	      "\"help\":{\"type\":\"string\"},"
	      "\"default\":{\"$ref\":\"#/definitions/scalar\"}}}},\n"
	      "  \"properties\": {\"type\":\"object\",\"additionalProperties\":"
	      "{\"$ref\":\"#/definitions/scalar\"}},\n"
	      "  \"devices\": {\"type\":\"object\",\"additionalProperties\":"
	      "{\"type\":[\"object\",\"null\"],\"additionalProperties\":"
	      "{\"$ref\":\"#/definitions/scalar\"}}},\n"
	      "  \"ports\": {\"type\":\"array\",\"items\":{\"type\":\"object\","
	      "\"additionalProperties\":false,\"oneOf\":[{\"required\":[\"to\"]},"
	      "{\"required\":[\"is\"],\"not\":{\"required\":[\"file\"]}}],"
	      "\"properties\":{\"name\":{\"type\":\"string\"},\"kind\":", o);
	schema_words(o, port_kinds);
	fputs("},\"nr\":{\"type\":\"integer\",\"minimum\":0,\"maximum\":30},"
	      "\"is\":", o);
	schema_words(o, services_names);
	fputs("},\"to\":", o);
	schema_words(o, to_names);
	fputs("},\"file\":{\"type\":\"string\"}}}},\n", o);
	for (int v = 0; v < VMM_N; v++) {
		fprintf(o, "  \"%s-args\": {\"type\":\"array\",\"items\":"
			   "{\"$ref\":\"#/definitions/scalar\"}}%s\n",
			vmm_names[v], v + 1 < VMM_N ? "," : "");
	}
	fputs(" }\n}\n", o);
}
