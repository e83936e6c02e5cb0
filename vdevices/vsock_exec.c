/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "vdevices/vsock_switch_priv.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { ARGS_MAX = 16 };

struct vsock_child {
	uv_process_t proc; /* first: closed and freed as this */
	struct vsock_switch *sw;
	struct vsock_child *next;
	bool running;
};

static void child_freed(uv_handle_t *h)
{
	free(h);
}

static void child_unlink(struct vsock_child *c)
{
	struct vsock_child **at = &c->sw->children;

	while (*at && *at != c) {
		at = &(*at)->next;
	}
	if (*at) {
		*at = c->next;
	}
}

static void on_exit_(uv_process_t *p, int64_t status, int sig)
{
	struct vsock_child *c = (struct vsock_child *)p;

	(void)status;
	(void)sig;
	c->running = false;
	child_unlink(c);
	uv_close((uv_handle_t *)p, child_freed);
}

static void child_over(void *ctx)
{
	struct vsock_child *c = ctx;

	if (c->running) {
		uv_process_kill(&c->proc, SIGTERM);
	}
}

static int split(char *text, char **argv)
{
	size_t n = 0;
	char *word;

	while (n < ARGS_MAX - 1 && (word = strsep(&text, " "))) {
		if (*word) {
			argv[n++] = word;
		}
	}
	argv[n] = NULL;
	return n ? 0 : -EINVAL;
}

static int spawn(struct vsock_child *c, char *text, int fd)
{
	char *argv[ARGS_MAX];
	uv_stdio_container_t io[3] = {
		{ .flags = UV_INHERIT_FD, .data.fd = fd },
		{ .flags = UV_INHERIT_FD, .data.fd = fd },
		{ .flags = UV_INHERIT_FD, .data.fd = STDERR_FILENO },
	};
	uv_process_options_t o = { .exit_cb = on_exit_,
				   .stdio = io,
				   .stdio_count = 3 };
	int ret = split(text, argv);

	if (ret) {
		return ret;
	}
	o.file = argv[0];
	o.args = argv;
	return uv_spawn(c->sw->env.loop, &c->proc, &o);
}

int vsock_exec(struct vsock_switch *sw, const char *command, int type,
	       struct av_stream *s)
{
	struct vsock_child *c = calloc(1, sizeof(*c));
	char *text = strdup(command);
	struct av_stream *host = NULL;
	int fd[2] = { -1, -1 };
	int ret = -ENOMEM;

	if (!c || !text) {
		goto out;
	}
	c->sw = sw;
	ret = socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fd) ? -errno : 0;
	if (ret) {
		goto out;
	}
	fcntl(fd[0], F_SETFL, O_NONBLOCK);
	ret = sock_adopt(sw->env.loop, fd[0], command, &host);
	if (ret) {
		goto out;
	}
	ret = spawn(c, text, fd[1]);
	c->running = !ret;
	if (!ret) {
		c->next = sw->children;
		sw->children = c;
		ret = bridge(&sw->bridges, s, host, child_over, c, NULL);
	} else {
		uv_close((uv_handle_t *)&c->proc, child_freed);
	}
	c = NULL; /* its handle's now */
	if (ret) {
		av_stream_close(host);
	}
out:
	if (fd[1] >= 0) {
		close(fd[1]);
	}
	free(text);
	free(c);
	return ret;
}

void vsock_exec_end(struct vsock_switch *sw)
{
	while (sw->children) {
		struct vsock_child *c = sw->children;

		uv_process_kill(&c->proc, SIGKILL);
		child_unlink(c);
		uv_close((uv_handle_t *)&c->proc, child_freed);
	}
}
