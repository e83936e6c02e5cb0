/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "vdevices/ports.h"

#include "sim/core/log.h"
#include "sim/services/sock.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { NAME_LEN = 48 };

struct one {
	struct av_acceptor acceptor;
	struct target *target;
	struct sock_listener *listener;
};

struct ports {
	size_t n;
	struct one v[];
};

int ports_check_name(const char *name, struct av_err *err)
{
	static const char ok[] = "abcdefghijklmnopqrstuvwxyz"
				 "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	size_t n = strlen(name);

	return n == 0 || n >= NAME_LEN || *name == '.' ||
			       strspn(name, ok) != n
		       ? av_err_set(err, -EINVAL,
				    "port '%s': a name has up to %d letters, "
				    "digits and . _ -",
				    name, NAME_LEN - 1)
		       : 0;
}

/* Length of the name in "NAME=TARGET", 0: no such form. */
static size_t name_of(const char *spec, char name[NAME_LEN])
{
	size_t n = strcspn(spec, "=");

	if (!spec[n] || !spec[n + 1] || n == 0 || n >= NAME_LEN) {
		return 0;
	}
	memcpy(name, spec, n);
	name[n] = '\0';
	return n;
}

int ports_check(const char *spec, struct av_err *err)
{
	char name[NAME_LEN];

	return name_of(spec, name)
		       ? ports_check_name(name, err)
		       : av_err_set(err, -EINVAL, "'%s' is not NAME=TARGET",
				    spec);
}

static int on_accept(struct av_acceptor *a, struct av_stream *s)
{
	struct one *o = a->ctx;

	return target_accept(o->target, s);
}

static int open_one(struct one *o, const struct target_env *env,
		    const char *run_dir, const char *spec, bool soft,
		    struct av_err *err)
{
	char name[NAME_LEN], path[PATH_MAX];
	const char *target = spec + name_of(spec, name) + 1;
	int ret = ports_check(spec, err);

	if (!ret && soft && !env->acceptor(env->ctx, target)) {
		av_log(AV_LOG_WARN, name,
		       "there is no %s in this run: nobody answers the guest",
		       target);
		target = "none";
	}
	ret = ret ? ret : target_create(env, name, target, &o->target, err);
	if (ret) {
		return ret;
	}
	snprintf(path, sizeof(path), "%s/%s.port", run_dir, name);
	o->acceptor = (struct av_acceptor){ .name = "port",
					    .accept = on_accept,
					    .ctx = o };
	return sock_listen_unix(env->loop, path, &o->acceptor, &o->listener,
				err);
}

int ports_create(const struct target_env *env, const char *run_dir,
		 const char *const *spec, size_t n, size_t n_soft,
		 struct ports **out, struct av_err *err)
{
	struct ports *p = calloc(1, sizeof(*p) + n * sizeof(p->v[0]));

	if (!p) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	for (size_t i = 0; i < n; i++) {
		int ret = open_one(&p->v[p->n++], env, run_dir, spec[i],
				   i < n_soft, err);

		if (ret) {
			ports_destroy(p);
			return ret;
		}
	}
	*out = p;
	return 0;
}

void ports_destroy(struct ports *p)
{
	for (size_t i = 0; p && i < p->n; i++) {
		target_destroy(p->v[i].target);
		sock_listener_destroy(p->v[i].listener);
	}
	free(p);
}
