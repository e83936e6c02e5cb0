/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Theory of operation
 *
 * Virtual time advances only in advance(), by as much as the pace allows. Paced
 * runs sleep in libuv's poll on a timerfd armed at the absolute wall time of
 * the next event, so lateness does not add up. At maximum speed the loop runs
 * slices of SLICE events and looks at the wall clock between them.
 *
 * Three things happen by wall time, whatever the pace: recording and capture are
 * made durable every TICK_NS, the dashboard draws every DRAW_NS, and signals are
 * noticed. None of them reaches the simulated world.
 */
#include "config.h"

#include "ui/runloop.h"

#include "sim/core/log.h"
#include "ui/dash.h"
#include "vdevices/vsock_switch.h"
#include "ui/guest_run.h"
#include "vdevices/ports.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>
#include <uv.h>

#define TICK_NS (50 * VT_MS)
#define DRAW_NS (50 * VT_MS)
#define SLICE_NS (100 * VT_MS) /* of virtual time, at maximum speed */

struct loop {
	struct runloop *r;
	uv_loop_t uv;
	uv_poll_t wake, keys;
	uv_signal_t sigint, sigterm, sigwinch;
	int timer_fd;
	struct dash *dash;
	struct services *services;
	struct devices *devices;
	struct ports *ports;
	struct guest_run *guest;
	int64_t next_tick, next_draw;
	vtime rush_to; /* seek: up to here the pace does not matter */
	bool quit;
	bool ended;
};

static void on_wake(uv_poll_t *p, int status, int events)
{
	struct loop *l = p->data;
	uint64_t n;

	(void)status;
	(void)events;
	if (read(l->timer_fd, &n, sizeof(n)) < 0) {
		return; /* EAGAIN: re-armed meanwhile */
	}
}

static void on_signal(uv_signal_t *s, int signum)
{
	struct loop *l = s->data;

	(void)signum;
	l->quit = true;
	l->r->interrupted = !l->ended;
}

static void on_winch(uv_signal_t *s, int signum)
{
	struct loop *l = s->data;

	(void)signum;
	dash_input(l->dash);
}

static void on_keys(uv_poll_t *p, int status, int events)
{
	struct loop *l = p->data;

	(void)events;
	if (status < 0) { /* the terminal is gone */
		l->quit = true;
		l->r->interrupted = !l->ended;
		return;
	}
	dash_input(l->dash);
}

/* Wake up at wall time @wall at the latest. */
static void arm(struct loop *l, int64_t wall)
{
	struct itimerspec its = { 0 };

	if (wall < 1) {
		wall = 1; /* 0 would disarm */
	}
	its.it_value.tv_sec = wall / VT_S;
	its.it_value.tv_nsec = wall % VT_S;
	timerfd_settime(l->timer_fd, TFD_TIMER_ABSTIME, &its, NULL);
}

/* Say once that the recording stopped; the run goes on. */
static void check_recording(struct loop *l)
{
	struct av_err err;

	if (!l->r->rec || l->r->rec_error) {
		return;
	}
	rec_tick(l->r->rec);
	l->r->rec_error = rec_status(l->r->rec, &err);
	if (l->r->rec_error) {
		av_log(AV_LOG_ERR, "recording",
		       "stopped: %s; the run goes on without", err.msg);
	}
}

static void check_capture(struct loop *l)
{
	struct av_err err;

	if (!l->r->capture || l->r->capture_error) {
		return;
	}
	capture_tick(l->r->capture);
	l->r->capture_error = capture_status(l->r->capture, &err);
	if (l->r->capture_error) {
		av_log(AV_LOG_ERR, "capture",
		       "stopped: %s; the run goes on without", err.msg);
	}
}

/* Idle must not wake up the machine: a tick only for what waits for it. */
static bool tick_due(const struct loop *l)
{
	const struct runloop *r = l->r;

	return (r->capture && !r->capture_error && capture_waits(r->capture)) ||
	       (r->rec && !r->rec_error && rec_waits(r->rec));
}

static void housekeeping(struct loop *l, int64_t wall)
{
	if (wall >= l->next_tick) {
		check_recording(l);
		check_capture(l);
		l->next_tick = wall + TICK_NS;
	}
	if (l->dash && wall >= l->next_draw) {
		dash_draw(l->dash);
		l->next_draw = wall + DRAW_NS;
	}
}

/* What the control API asks of the loop. */
static void on_quit(void *ctx)
{
	struct loop *l = ctx;

	l->quit = true;
	l->r->interrupted = !l->ended;
}

static void on_seek(void *ctx, vtime to)
{
	struct loop *l = ctx;

	if (to >= evq_now(l->r->w->q) && !l->ended) {
		l->rush_to = to;
	} else {
		l->r->restart_at = to; /* only a new world can go back */
		l->quit = true;
	}
}

static int on_vsock(void *ctx, uint64_t cid, uint32_t port,
		    struct av_stream **out)
{
	struct loop *l = ctx;
	struct vsock_switch *sw = devices_vsock(l->devices);

	return sw ? vsock_switch_connect(sw, cid, port, out) : -ENOENT;
}

/* Seeking: as fast as it goes, a slice at a time. */
static int64_t rush(struct loop *l, int64_t wall)
{
	struct world *w = l->r->w;
	vtime until = evq_now(w->q) + SLICE_NS;

	world_run_until(w, until < l->rush_to ? until : l->rush_to);
	if (evq_now(w->q) >= l->rush_to) {
		l->rush_to = 0;
		pace_set_speed(l->r->pace, l->r->pace->speed, evq_now(w->q));
		pace_pause(l->r->pace, l->r->pace->paused, evq_now(w->q));
	}
	return wall;
}

/* Run what may run now. Return: wall time of the next event. */
static int64_t advance(struct loop *l, int64_t wall)
{
	struct world *w = l->r->w;
	int64_t wake;
	vtime now = evq_now(w->q), until;

	if (l->rush_to > now) {
		return rush(l, wall);
	}
	until = pace_until(l->r->pace, wall, now, evq_next_due(w->q), &wake);

	if (until == VT_NEVER) {
		until = now + SLICE_NS;
	}
	if (until > now || evq_next_due(w->q) <= until) {
		world_run_until(w, until);
	}
	return wake;
}

static void end_run(struct loop *l)
{
	if (l->r->before_end) {
		l->r->before_end(l->r->ctx);
	}
	world_end(l->r->w);
	l->ended = true;
	if (l->dash) {
		dash_finished(l->dash);
	}
}

static void run(struct loop *l)
{
	struct runloop *r = l->r;

	while (!l->quit) {
		int64_t wall = pace_wall_ns();
		int64_t wake = INT64_MAX;

		if (!l->ended) {
			wake = advance(l, wall);
			if (world_done(r->w)) {
				end_run(l);
			}
		}
		housekeeping(l, wall);
		if (l->dash && dash_wants_quit(l->dash)) {
			r->interrupted = !l->ended;
			break;
		}
		if (l->ended && !l->dash) {
			break;
		}
		if (tick_due(l) && wake > l->next_tick) {
			wake = l->next_tick;
		}
		if (l->dash && wake > l->next_draw) {
			wake = l->next_draw;
		}
		if (wake <= wall && !l->ended) {
			uv_run(&l->uv, UV_RUN_NOWAIT);
		} else {
			arm(l, wake);
			uv_run(&l->uv, UV_RUN_ONCE);
		}
	}
	if (!l->ended) {
		end_run(l);
	}
}

static void close_handle(uv_handle_t *h, void *arg)
{
	(void)arg;
	if (!uv_is_closing(h)) {
		uv_close(h, NULL);
	}
}

static struct av_acceptor *on_acceptor(void *ctx, const char *name)
{
	struct loop *l = ctx;

	return services_acceptor(l->services, name);
}

static void on_packet(void *ctx, struct device *dev, const struct port_msg *m)
{
	struct loop *l = ctx;
	struct port_packet p;

	memcpy(&p, m->data, sizeof(p)); /* port.c saw that it is there */
	capture_device_lost(l->r->capture, device_name(dev), p.link, m->h.lost);
	capture_device(l->r->capture, device_name(dev), p.link,
		       evq_now(l->r->w->q), p.to_guest, p.full_len,
		       (const uint8_t *)m->data + sizeof(p),
		       m->len - sizeof(p));
}

static int open_devices(struct loop *l, struct av_err *err)
{
	struct runloop *r = l->r;
	struct devices_env env = { .loop = &l->uv,
				   .w = r->w,
				   .pace = r->pace,
				   .sandbox = !r->no_sandbox,
				   .acceptor = on_acceptor,
				   .packet = r->capture ? on_packet : NULL,
				   .ctx = l };

	if (!r->services || !r->n_devices) {
		return 0;
	}
	env.run_dir = services_run_dir(l->services);
	return devices_create(&env, r->device, r->n_devices, &l->devices, err);
}

static int open_ports(struct loop *l, struct av_err *err)
{
	const struct target_env env = { .loop = &l->uv,
					.acceptor = on_acceptor,
					.ctx = l };
	struct runloop *r = l->r;

	if (!r->services || !r->n_ports) {
		return 0;
	}
	return ports_create(&env, services_run_dir(l->services), r->port,
			    r->n_ports, r->n_soft_ports, &l->ports, err);
}

static int open_guest(struct loop *l, struct av_err *err)
{
	struct runloop *r = l->r;

	if (!r->guest) {
		return 0;
	}
	return guest_run_start(&l->uv, r->w, r->guest, r->device, r->n_devices,
			       services_run_dir(l->services), &l->guest, err);
}

static int open_loop(struct loop *l, struct av_err *err)
{
	struct runloop *r = l->r;
	struct dash_env env = { .w = r->w,
				.pace = r->pace,
				.title = r->title,
				.recording = r->recording,
				.replay = r->replay };
	int ret;

	l->timer_fd =
		timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (l->timer_fd < 0) {
		return av_err_set(err, -errno, "cannot create a timer: %s",
				  strerror(errno));
	}
	uv_poll_init(&l->uv, &l->wake, l->timer_fd);
	l->wake.data = l;
	uv_poll_start(&l->wake, UV_READABLE, on_wake);
	uv_signal_init(&l->uv, &l->sigint);
	uv_signal_init(&l->uv, &l->sigterm);
	l->sigint.data = l->sigterm.data = l;
	uv_signal_start(&l->sigint, on_signal, SIGINT);
	uv_signal_start(&l->sigterm, on_signal, SIGTERM);
	if (r->services) {
		struct services_env senv = { .loop = &l->uv,
					     .w = r->w,
					     .pace = r->pace,
					     .title = r->title,
					     .recording = r->recording,
					     .replay = r->replay,
					     .quit = on_quit,
					     .seek = on_seek,
					     .vsock = on_vsock,
					     .ctx = l };

		ret = services_create(&senv, r->services, &l->services, err);
		if (ret < 0) {
			return ret;
		}
	}
	ret = open_devices(l, err);
	if (ret == 0) {
		ret = open_ports(l, err);
	}
	if (ret == 0) {
		ret = open_guest(l, err);
	}
	if (ret < 0 || !r->dashboard) {
		return ret;
	}
	env.devices = l->devices;
	ret = dash_create(&env, &l->dash, err);
	if (ret < 0) {
		return ret;
	}
	uv_signal_init(&l->uv, &l->sigwinch);
	l->sigwinch.data = l;
	uv_signal_start(&l->sigwinch, on_winch, SIGWINCH);
	uv_poll_init(&l->uv, &l->keys, dash_fd(l->dash));
	l->keys.data = l;
	uv_poll_start(&l->keys, UV_READABLE | UV_DISCONNECT, on_keys);
	return 0;
}

int runloop_run(struct runloop *r, struct av_err *err)
{
	struct loop l = { .r = r, .timer_fd = -1 };
	int64_t start = pace_wall_ns();
	int ret;

	r->restart_at = -1;
	ret = uv_loop_init(&l.uv);
	if (ret < 0) {
		return av_err_set(err, ret, "cannot start the event loop: %s",
				  uv_strerror(ret));
	}
	ret = open_loop(&l, err);
	if (ret == 0) {
		run(&l);
		check_recording(&l);
		check_capture(&l);
	}
	dash_destroy(l.dash);
	uv_run(&l.uv, UV_RUN_NOWAIT); /* the answer to "quit" goes out */
	guest_run_end(&l.uv, l.guest);
	ports_destroy(l.ports);
	devices_destroy(l.devices);
	l.devices = NULL; /* services may still want to reach the guest */
	services_destroy(l.services);
	uv_walk(&l.uv, close_handle, NULL);
	uv_run(&l.uv, UV_RUN_DEFAULT);
	uv_loop_close(&l.uv);
	if (l.timer_fd >= 0) {
		close(l.timer_fd);
	}
	r->wall_ns = pace_wall_ns() - start;
	return ret;
}
