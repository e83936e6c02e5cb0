/* SPDX-License-Identifier: Apache-2.0 */
/* messages: of a binding table, counters and checksums. */
#include "config.h"

#include "sim/signals/bind.h"

#include <string.h>

/* An unsigned integer signal of @m that every frame carries. */
static const struct dbc_signal *extra_signal(struct binder *b,
					     const struct av_yaml *node,
					     const struct dbc_message *m,
					     const char *what)
{
	const struct dbc_signal *d;

	if (node->kind != YAML_SCALAR) {
		bind_fail(b, node, "%s is the name of a signal", what);
		return NULL;
	}
	d = bind_find_in_message(b, node, m, node->text);
	if (d && (d->type != DBC_INT || d->mux_parent >= 0)) {
		bind_fail(b, node,
			  "%s must be an integer that every frame carries",
			  what);
		return NULL;
	}
	return d;
}

static const char *name_of_checksum(const void *ctx, size_t i)
{
	(void)ctx;
	return can_checksum_names[i];
}

static void read_checksum(struct binder *b, const struct av_yaml *node,
			  const struct dbc_message *m, struct ecu_message *x)
{
	static const char *const keys[] = { "signal", "kind", NULL };
	const struct av_yaml *sig, *kind;
	char hint[96];
	size_t n = 0;

	if (node->kind == YAML_MAP &&
	    av_yaml_check_keys(&b->doc, node, keys, b->d) < 0) {
		b->errors++;
		return;
	}
	sig = av_yaml_get(node, "signal");
	kind = av_yaml_get(node, "kind");
	if (!sig || !kind || kind->kind != YAML_SCALAR) {
		bind_fail(b, node, "a checksum has signal: and kind:");
		return;
	}
	x->checksum = extra_signal(b, sig, m, "checksum");
	while (can_checksum_names[n] &&
	       strcmp(can_checksum_names[n], kind->text)) {
		n++;
	}
	if (!can_checksum_names[n]) {
		bind_fail(b, kind, "unknown checksum '%.32s'%s", kind->text,
			  bind_suggest(b, hint, kind->text, n, name_of_checksum,
				       NULL));
		return;
	}
	x->kind = (enum can_checksum)n;
}

void bind_message(struct binder *b, const struct av_yaml *key,
		  const struct av_yaml *item)
{
	static const char *const keys[] = { "counter", "checksum", NULL };
	const struct av_yaml *node;
	const struct dbc_message *m;
	struct ecu_message *x;
	struct sig_bus *bus;
	int msg = bind_find_message(b, key, key->text, key->len);

	if (msg < 0) {
		return;
	}
	if (av_yaml_check_keys(&b->doc, item, keys, b->d) < 0) {
		b->errors++;
		return;
	}
	m = b->s->msg[msg].dbc;
	bus = &b->s->bus[sig_msg_bus(b->s, (uint32_t)msg)];
	for (size_t i = 0; i < bus->n_extras; i++) {
		if (bus->extra[i].msg == m) {
			bind_fail(b, key, "message %s is here twice", m->name);
			return;
		}
	}
	x = bind_push(&bus->extra, &bus->n_extras, sizeof(*x));
	if (!x) {
		bind_no_memory(b);
		return;
	}
	x->msg = m;
	node = av_yaml_get(item, "counter");
	if (node) {
		x->counter = extra_signal(b, node, m, "counter");
	}
	node = av_yaml_get(item, "checksum");
	if (node) {
		read_checksum(b, node, m, x);
	}
}
