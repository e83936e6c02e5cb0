/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The VMM as a child of avsim. A process group of its own keeps the terminal's
 * Ctrl-C from it: avsim ends it, in order, after the world has ended.
 */
#include "config.h"

#include "vdevices/vmm.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PATIENCE_MS 5000

struct vmm_child {
	uv_process_t process;
	uv_timer_t patience;
	vmm_ended *ended;
	void *ctx;
	bool runs, asked, dead;
	int closing; /* handles that are not closed yet */
};

static void on_closed(uv_handle_t *h)
{
	struct vmm_child *c = h->data;

	if (--c->closing == 0) {
		free(c);
	}
}

static void on_end(uv_process_t *p, int64_t status, int sig)
{
	struct vmm_child *c = p->data;

	c->runs = false;
	uv_timer_stop(&c->patience);
	if (!c->dead) {
		c->ended(c->ctx, sig ? 128 + sig : (int)status, c->asked);
	}
}

static void on_patience(uv_timer_t *t)
{
	struct vmm_child *c = t->data;

	kill(-c->process.pid, SIGKILL);
}

int vmm_child_start(uv_loop_t *loop, const struct vmm_command *cmd,
		    const char *log, vmm_ended *ended, void *ctx,
		    struct vmm_child **out, struct av_err *err)
{
	struct vmm_child *c = calloc(1, sizeof(*c));
	int fd = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	uv_stdio_container_t io[3] = { { .flags = UV_IGNORE },
				       { .flags = UV_INHERIT_FD },
				       { .flags = UV_INHERIT_FD } };
	uv_process_options_t o = { .exit_cb = on_end,
				   .file = cmd->argv[0],
				   .args = cmd->argv,
				   .flags = UV_PROCESS_DETACHED,
				   .stdio_count = 3,
				   .stdio = io };
	int ret;

	if (!c || fd < 0) {
		ret = av_err_set(err, c ? -errno : -ENOMEM,
				 "cannot write %s: %s", log, strerror(errno));
		free(c);
		if (fd >= 0) {
			close(fd);
		}
		return ret;
	}
	io[1].data.fd = io[2].data.fd = fd;
	c->ended = ended;
	c->ctx = ctx;
	c->process.data = c->patience.data = c;
	c->closing = 2;
	uv_timer_init(loop, &c->patience);
	ret = uv_spawn(loop, &c->process, &o);
	close(fd);
	c->runs = ret == 0;
	if (ret < 0) {
		vmm_child_destroy(c);
		return av_err_set(err, ret, "cannot start %s: %s", cmd->argv[0],
				  uv_strerror(ret));
	}
	*out = c;
	return 0;
}

void vmm_child_stop(struct vmm_child *c)
{
	if (c->runs && !c->asked) {
		c->asked = true;
		kill(-c->process.pid, SIGTERM);
		uv_timer_start(&c->patience, on_patience, PATIENCE_MS, 0);
	}
}

bool vmm_child_runs(const struct vmm_child *c)
{
	return c->runs;
}

int vmm_child_pid(const struct vmm_child *c)
{
	return c->process.pid;
}

void vmm_child_destroy(struct vmm_child *c)
{
	if (!c) {
		return;
	}
	c->dead = true;
	if (c->runs) {
		kill(-c->process.pid, SIGKILL);
	}
	uv_close((uv_handle_t *)&c->process, on_closed);
	uv_close((uv_handle_t *)&c->patience, on_closed);
}
