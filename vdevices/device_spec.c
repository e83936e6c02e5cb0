/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "vdevices/devices.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

const char *const vdev_home_names[] = {
	[VDEV_LOOP] = "loop",
	[VDEV_THREAD] = "thread",
	[VDEV_CHILD] = "child",
	NULL,
};

const struct vdev_opt device_common_opts[] = {
	{ .name = "socket",
	  .value = "PATH",
	  .help = "listen there instead of in the run dir" },
	{ .name = "fd",
	  .value = "N",
	  .help = "use this inherited socket, listening or connected" },
	{ .name = "home",
	  .value = "loop|thread|child",
	  .help = "where it runs" },
	{ .name = NULL },
};

static const char *type_name(const void *ctx, size_t i)
{
	(void)ctx;
	return vdev_types[i]->name;
}

static const char *opt_name(const void *ctx, size_t i)
{
	const struct vdev_type *t = ctx;

	for (size_t k = 0; t->opts && t->opts[k].name; k++) {
		if (k == i) {
			return t->opts[k].name;
		}
	}
	return NULL;
}

static size_t count_opts(const struct vdev_type *t)
{
	size_t n = 0;

	while (t->opts && t->opts[n].name) {
		n++;
	}
	return n;
}

static bool name_ok(const char *s)
{
	size_t n = strlen(s);

	return n > 0 && n < 32 && isalpha((unsigned char)s[0]) &&
	       strspn(s, "abcdefghijklmnopqrstuvwxyz"
			 "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") == n;
}

static int find_type(struct device_spec *o, const char *given,
		     struct av_err *err)
{
	char type[32], hint[96];
	size_t n;

	if (!given) {
		n = strlen(o->name);
		while (n && isdigit((unsigned char)o->name[n - 1])) {
			n--;
		}
		memcpy(type, o->name, n);
		type[n] = '\0';
		given = type;
	}
	o->type = vdev_type_find(given);
	if (o->type) {
		return 0;
	}
	return av_err_set(err, -EINVAL,
			  "there is no device '%s'%s; avsim list devices "
			  "shows what there is",
			  given,
			  av_suggest_text(hint, av_suggest(given, n_vdev_types,
							   type_name, NULL)));
}

static int set_home(struct device_spec *o, const char *value,
		    struct av_err *err)
{
	for (int i = 0; vdev_home_names[i]; i++) {
		if (!strcmp(vdev_home_names[i], value)) {
			o->home = (enum vdev_home)i;
			o->home_given = true;
		}
	}
	if (!o->home_given) {
		return av_err_set(err, -EINVAL,
				  "%s: home is '%s', not loop, thread or child",
				  o->name, value);
	}
	if (o->type->loop_only && o->home != VDEV_LOOP) {
		return av_err_set(err, -EINVAL,
				  "%s: %s devices run in the loop only",
				  o->name, o->type->name);
	}
	return 0;
}

static int set_fd(struct device_spec *o, const char *value, struct av_err *err)
{
	char *end;
	long fd = strtol(value, &end, 10);

	if (end == value || *end || fd < 0 || fd > INT_MAX) {
		return av_err_set(err, -EINVAL, "%s: fd is '%s', not a number",
				  o->name, value);
	}
	o->fd = (int)fd;
	return 0;
}

static int set_opt(struct device_spec *o, const char *key, const char *value,
		   struct av_err *err)
{
	char hint[96];
	size_t n = count_opts(o->type);

	if (!strcmp(key, "socket")) {
		o->socket = value;
		return 0;
	}
	if (!strcmp(key, "fd")) {
		return set_fd(o, value, err);
	}
	if (!strcmp(key, "home")) {
		return set_home(o, value, err);
	}
	for (size_t i = 0; i < n; i++) {
		if (strcmp(o->type->opts[i].name, key) != 0) {
			continue;
		}
		for (size_t k = 0; k < o->n_opts; k++) {
			if (!strcmp(o->opt[k].key, key)) {
				return av_err_set(err, -EINVAL,
						  "%s: %s is given twice",
						  o->name, key);
			}
		}
		if (o->n_opts == VDEV_OPTS_MAX) {
			return av_err_set(err, -EINVAL, "%s: too many options",
					  o->name);
		}
		if (o->type->opts[i].path && !*value) {
			return av_err_set(err, -EINVAL, "%s: %s wants a %s",
					  o->name, key, o->type->opts[i].value);
		}
		o->opt[o->n_opts].key = key;
		o->opt[o->n_opts++].value = value;
		return 0;
	}
	return av_err_set(
		err, -EINVAL,
		"%s: %s devices have no option '%s'%s; avsim list "
		"devices shows them",
		o->name, o->type->name, key,
		av_suggest_text(hint, av_suggest(key, n, opt_name, o->type)));
}

int device_spec_parse(const char *text, struct device_spec *out, void **arena,
		      struct av_err *err)
{
	char *s = strdup(text), *rest, *colon, *part, *eq;
	int ret;

	*arena = s;
	*out = (struct device_spec){ .fd = -1 };
	if (!s) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	rest = s;
	out->name = strsep(&rest, ",");
	colon = strchr(out->name, ':');
	if (colon) {
		*colon++ = '\0';
	}
	if (!name_ok(out->name)) {
		return av_err_set(err, -EINVAL,
				  "'%s' is no device name: letters, digits, "
				  "- and _, at most 31",
				  out->name);
	}
	ret = find_type(out, colon, err);
	while (!ret && (part = strsep(&rest, ","))) {
		eq = strchr(part, '=');
		if (!eq) {
			return av_err_set(err, -EINVAL,
					  "%s: '%s' is not KEY=VALUE",
					  out->name, part);
		}
		*eq = '\0';
		ret = set_opt(out, part, eq + 1, err);
	}
	return ret;
}
