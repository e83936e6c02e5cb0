/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtio-console with many ports, for front-ends that have a vhost-user console
 * (crosvm; QEMU by its generic device). QEMU's own virtio-serial uses --port.
 *
 * A port is a stream while the guest has it open: PORT_OPEN 1 hands it to its
 * target, PORT_OPEN 0 closes it, after what the guest had sent before: Linux
 * closes while its last words are in the ring. Nothing is buffered here: the
 * target writes into the guest's buffers while there are any and waits otherwise,
 * and while the target is full the guest's buffers stay in the ring.
 *
 * Port 0 is a console where the first name begins with "hvc"; else it is left out
 * and names count from 1, as in QEMU. trout wants bt-uart and gnss-uart to be 1
 * and 2.
 */
#include "config.h"

#include "vdevices/device.h"
#include "vdevices/ports.h"
#include "vdevices/state.h"
#include "vdevices/target.h"

#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	PORTS_MAX = 31, /* 64 queues */
	Q_CTRL_IN = 2,  /* to the guest */
	Q_CTRL_OUT = 3,
	BUDGET = 64,
	CHUNK = 65536,
	CONTROL_SIZE = 8,
	CONTROL_MAX = CONTROL_SIZE + 64,
	CONTROLS_MAX = 8 * PORTS_MAX, /* that wait for a buffer */
	CONFIG_SIZE = 12,
	F_SIZE = 1 << 0,
	F_MULTIPORT = 1 << 1,
};

enum {
	DEVICE_READY,
	DEVICE_ADD,
	DEVICE_REMOVE,
	PORT_READY_,
	CONSOLE_PORT,
	RESIZE,
	PORT_OPEN,
	PORT_NAME,
};

struct con_port {
	struct av_stream s; /* first */
	struct console *con;
	char *name; /* NULL: there is no such port */
	struct target *target;
	bool ready; /* the driver has it */
	bool open;  /* the guest has it open */
	bool closing; /* it has closed it, what it said before waits */
	bool told;    /* the guest thinks that somebody listens */
	bool taken;   /* the target has the stream */
	bool held;    /* ... and wants no more for now */
	bool starved; /* ... and waits for room in the guest */
	bool filling; /* its queue is being filled: now it may write */
	size_t off;   /* of the first chain, given already */
};

struct control {
	uint8_t buf[CONTROL_MAX];
	uint32_t len;
};

struct console {
	struct vdev *d;
	struct target_env env;
	const char *who; /* while opening */
	struct con_port port[PORTS_MAX];
	unsigned int n; /* highest number + 1 */
	uint16_t cols, rows;
	struct control ctl[CONTROLS_MAX];
	unsigned int ctl_first, ctl_n;
	/* a target may write into c while it is given what is in tx */
	struct vq_chain c, tx;
	struct iovec iov[VIRTQ_IOV_MAX], tx_iov[VIRTQ_IOV_MAX];
	uint8_t data[CHUNK];
};

static unsigned int rx_queue(unsigned int port)
{
	return port ? 2 * port + 2 : 0;
}

static unsigned int tx_queue(unsigned int port)
{
	return rx_queue(port) + 1;
}

static unsigned int number(const struct con_port *p)
{
	return (unsigned int)(p - p->con->port);
}

static bool is_console(const struct con_port *p)
{
	return !strncmp(p->name, "hvc", 3);
}

/* ---- control messages to the guest ---- */

static void tell(struct console *con, unsigned int port, unsigned int event,
		 unsigned int value, const void *more, size_t len)
{
	struct control *m;
	uint32_t id = htole32(port);
	uint16_t ev[2] = { htole16((uint16_t)event), htole16((uint16_t)value) };

	if (con->ctl_n == CONTROLS_MAX) {
		/* a driver that gives no buffers and says that it is ready */
		health_add(&con->d->health->dropped, 1);
		return;
	}
	m = &con->ctl[(con->ctl_first + con->ctl_n++) % CONTROLS_MAX];
	memcpy(m->buf, &id, sizeof(id));
	memcpy(m->buf + 4, ev, sizeof(ev));
	if (len) {
		memcpy(m->buf + CONTROL_SIZE, more, len);
	}
	m->len = CONTROL_SIZE + (uint32_t)len;
	vdev_wake(con->d, Q_CTRL_IN);
}

static void kick_control_in(struct console *con)
{
	struct virtq *vq = vdev_queue(con->d, Q_CTRL_IN);

	while (con->ctl_n && virtq_pop(vq, &con->c)) {
		const struct control *m = &con->ctl[con->ctl_first];

		if (con->c.in_len < m->len) {
			virtq_push(vq, &con->c, 0); /* useless */
			vdev_error(con->d);
			continue;
		}
		virtq_push(vq, &con->c,
			   (uint32_t)vq_write(&con->c, 0, m->buf, m->len));
		con->ctl_first = (con->ctl_first + 1) % CONTROLS_MAX;
		con->ctl_n--;
	}
}

/* Columns first, as VIRTIO says. */
static void tell_size(struct console *con, unsigned int port)
{
	const uint16_t size[2] = { htole16(con->cols), htole16(con->rows) };

	tell(con, port, RESIZE, 0, size, sizeof(size));
}

/* ---- streams ---- */

/* Only while the host serves the queue, which then publishes and counts. */
static ssize_t stream_write(struct av_stream *s, const void *buf, size_t len)
{
	struct con_port *p = (struct con_port *)s;
	struct console *con = p->con;
	unsigned int q = rx_queue(number(p));
	struct virtq *vq = vdev_queue(con->d, q);
	size_t done = 0;

	while (p->filling && done < len && virtq_pop(vq, &con->c)) {
		size_t n = vq_write(&con->c, 0, (const uint8_t *)buf + done,
				    len - done);

		virtq_push(vq, &con->c, (uint32_t)n);
		if (!n) {
			vdev_error(con->d); /* a buffer of no bytes */
		}
		done += n;
	}
	if (done < len) {
		p->starved = true;
		if (!p->filling) {
			vdev_wake(con->d, q);
		}
	}
	return (ssize_t)done;
}

static void stream_hold(struct av_stream *s, bool hold)
{
	struct con_port *p = (struct con_port *)s;

	p->held = hold;
	if (!hold) {
		vdev_wake(p->con->d, tx_queue(number(p)));
	}
}

static void tell_open(struct con_port *p, bool open)
{
	if (p->told != open) {
		p->told = open;
		tell(p->con, number(p), PORT_OPEN, open, NULL, 0);
	}
}

/* The target is done with it; the guest learns that nobody listens. */
static void stream_close(struct av_stream *s)
{
	struct con_port *p = (struct con_port *)s;

	p->taken = p->held = p->starved = false;
	tell_open(p, false);
	vdev_wake(p->con->d, tx_queue(number(p)));
}

static const struct av_stream_ops stream_ops = {
	.write = stream_write,
	.hold = stream_hold,
	.close = stream_close,
};

static void give_to_target(struct con_port *p)
{
	p->taken = true;
	p->held = p->starved = false;
	p->s = (struct av_stream){ .ops = &stream_ops, .peer = p->name };
	if (target_accept(p->target, &p->s)) {
		/* what the guest says is thrown away */
		p->taken = false;
		vdev_event(p->con->d, "port %s: its target does not answer",
			   p->name);
	}
}

static void port_opened(struct con_port *p)
{
	p->closing = false;
	if (p->open) {
		/* again, before its end had come through */
		vdev_wake(p->con->d, rx_queue(number(p)));
		return;
	}
	p->open = true;
	give_to_target(p);
	tell_open(p, true);
	vdev_wake(p->con->d, tx_queue(number(p)));
}

static void port_closed(struct con_port *p)
{
	bool taken = p->taken;

	p->open = p->closing = p->taken = p->held = p->starved = false;
	p->off = 0;
	if (taken && p->s.on_closed) {
		p->s.on_closed(&p->s);
	}
}

/* ---- from the guest ---- */

/* Give the chain in con->tx on, from where it was left. Return: all of it. */
static bool give(struct con_port *p)
{
	struct console *con = p->con;

	while (p->taken && p->off < con->tx.out_len) {
		size_t n;

		if (p->held) {
			return false;
		}
		n = vq_read(&con->tx, p->off, con->data, CHUNK);
		if (!n) {
			break;
		}
		p->off += n;
		p->s.on_data(&p->s, con->data, n);
	}
	if (p->off < con->tx.out_len) {
		health_add(&con->d->health->dropped, 1);
	}
	return true;
}

/* Return: true if more waits. */
static bool kick_tx(struct con_port *p)
{
	struct console *con = p->con;
	struct virtq *vq = vdev_queue(con->d, tx_queue(number(p)));

	for (int i = 0; i < BUDGET; i++) {
		if (p->held) {
			return false;
		}
		if (!virtq_pop(vq, &con->tx)) {
			if (p->closing) {
				port_closed(p); /* it has said all */
			}
			return false;
		}
		if (!give(p)) {
			virtq_unpop(vq, &con->tx);
			return false;
		}
		p->off = 0;
		virtq_push(vq, &con->tx, 0);
	}
	return true;
}

static void add_ports(struct console *con)
{
	for (unsigned int i = 0; i < con->n; i++) {
		if (con->port[i].name) {
			tell(con, i, DEVICE_ADD, 1, NULL, 0);
		}
	}
}

static void port_is_ready(struct console *con, struct con_port *p)
{
	if (p->ready) {
		return;
	}
	p->ready = true;
	tell(con, number(p), PORT_NAME, 1, p->name, strlen(p->name));
	if (is_console(p)) {
		tell(con, number(p), CONSOLE_PORT, 1, NULL, 0);
		tell_size(con, number(p));
	}
	p->told = false;
	tell_open(p, true);
}

static int control(struct console *con, uint32_t id, unsigned int event,
		   unsigned int value)
{
	struct con_port *p = id < con->n ? &con->port[id] : NULL;

	if (event == DEVICE_READY) {
		if (value == 1) {
			add_ports(con);
		}
		return 0;
	}
	if (!p || !p->name) {
		return -EPROTO;
	}
	switch (event) {
	case PORT_READY_:
		if (value == 1) {
			port_is_ready(con, p);
		}
		return 0;
	case PORT_OPEN:
		if (value) {
			port_opened(p);
			return 0;
		}
		/* what it had said before comes before its end */
		p->closing = p->open;
		vdev_wake(con->d, tx_queue(id));
		return 0;
	default:
		return -EPROTO;
	}
}

static bool kick_control_out(struct console *con)
{
	struct virtq *vq = vdev_queue(con->d, Q_CTRL_OUT);

	for (int i = 0; i < BUDGET; i++) {
		struct {
			uint32_t id;
			uint16_t event, value;
		} m;
		bool whole;

		if (!virtq_pop(vq, &con->c)) {
			return false;
		}
		whole = vq_read(&con->c, 0, &m, sizeof(m)) == sizeof(m);
		virtq_push(vq, &con->c, 0);
		if (!whole || control(con, le32toh(m.id), le16toh(m.event),
				      le16toh(m.value))) {
			vdev_error(con->d);
		}
	}
	return true;
}

static bool console_kick(struct vdev *d, unsigned int q)
{
	struct console *con = d->priv;
	struct con_port *p;
	bool tx = q & 1;

	if (q == Q_CTRL_OUT) {
		return kick_control_out(con);
	}
	if (q == Q_CTRL_IN) {
		kick_control_in(con);
		return false;
	}
	p = &con->port[q < 2 ? 0 : q / 2 - 1];
	if (tx) {
		return kick_tx(p);
	}
	if (p->taken && p->starved && !p->closing) {
		p->starved = false;
		p->filling = true;
		p->s.on_writable(&p->s);
		p->filling = false;
	}
	return false;
}

/* ---- options ---- */

static int add_port(void *ctx, const char *name, const char *text,
		    struct av_err *err)
{
	struct console *con = ctx;
	struct con_port *p;
	int ret = ports_check_name(name, err);

	if (ret) {
		return ret;
	}
	if (!con->n && strncmp(name, "hvc", 3) != 0) {
		con->n = 1;
	}
	if (con->n == PORTS_MAX) {
		return av_err_set(err, -ENOSPC, "%s: more than %d ports",
				  con->who, PORTS_MAX - 1);
	}
	for (unsigned int i = 0; i < con->n; i++) {
		if (con->port[i].name && !strcmp(con->port[i].name, name)) {
			return av_err_set(err, -EINVAL,
					  "%s: port %s is given twice",
					  con->who, name);
		}
	}
	p = &con->port[con->n];
	ret = target_create(&con->env, name, text, &p->target, err);
	if (ret) {
		return ret;
	}
	p->name = strdup(name);
	con->n++;
	return p->name ? 0 : av_err_set(err, -ENOMEM, "out of memory");
}

static int read_size(struct console *con, const char *text, struct av_err *err)
{
	unsigned int cols, rows;
	char rest;

	if (sscanf(text, "%5ux%5u%c", &cols, &rows, &rest) != 2 || cols < 1 ||
	    rows < 1 || cols > 0xffff || rows > 0xffff) {
		return av_err_set(err, -EINVAL,
				  "%s: size is '%s', not like 80x25", con->who,
				  text);
	}
	con->cols = (uint16_t)cols;
	con->rows = (uint16_t)rows;
	return 0;
}

static void console_close(struct vdev *d)
{
	struct console *con = d->priv;

	for (unsigned int i = 0; i < PORTS_MAX; i++) {
		struct con_port *p = &con->port[i];

		port_closed(p);
		target_destroy(p->target);
		free(p->name);
	}
	free(con);
}

static int console_open(struct vdev *d, const struct vdev_args *a,
			struct av_err *err)
{
	const char *ports = vdev_opt(a, "ports", NULL);
	struct console *con;
	int ret;

	if (!a->acceptor) {
		return av_err_set(err, -EINVAL, "%s: console runs in the loop",
				  a->name);
	}
	if (!ports) {
		return av_err_set(err, -EINVAL,
				  "%s: no ports; give it "
				  "ports=NAME=TARGET;...",
				  a->name);
	}
	con = calloc(1, sizeof(*con));
	if (!con) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	con->d = d;
	con->who = a->name;
	con->env = (struct target_env){ .loop = d->loop,
					.acceptor = a->acceptor,
					.ctx = a->acceptor_ctx };
	con->c = (struct vq_chain){ .iov = con->iov, .max_iov = VIRTQ_IOV_MAX };
	con->tx = (struct vq_chain){ .iov = con->tx_iov,
				     .max_iov = VIRTQ_IOV_MAX };
	for (unsigned int i = 0; i < PORTS_MAX; i++) {
		con->port[i].con = con;
	}
	d->priv = con;
	ret = read_size(con, vdev_opt(a, "size", "80x25"), err);
	ret = ret ? ret : target_each(ports, add_port, con, err);
	if (!ret && !con->n) {
		ret = av_err_set(err, -EINVAL, "%s: no ports", a->name);
	}
	if (ret) {
		console_close(d);
	}
	return ret;
}

/* ---- life ---- */

static uint16_t console_n_queues(struct vdev *d)
{
	const struct console *con = d->priv;

	return (uint16_t)(con->n > 1 ? 2 * con->n + 2 : 4);
}

static void console_get_config(struct vdev *d, uint8_t *buf)
{
	const struct console *con = d->priv;
	const uint16_t size[2] = { htole16(con->cols), htole16(con->rows) };
	uint32_t n = htole32(con->n);

	memcpy(buf, size, sizeof(size));
	memcpy(buf + 4, &n, sizeof(n));
}

static void console_reset(struct vdev *d)
{
	struct console *con = d->priv;

	con->ctl_n = 0;
	for (unsigned int i = 0; i < con->n; i++) {
		con->port[i].ready = con->port[i].told = false;
		port_closed(&con->port[i]);
	}
}

/* A console's size has changed, or is another than the guest knows. */
static void resized(struct console *con)
{
	for (unsigned int i = 0; i < con->n; i++) {
		if (con->port[i].ready && is_console(&con->port[i])) {
			tell_size(con, i);
		}
	}
	vdev_config_changed(con->d);
}

/* "resize COLSxROWS" */
static void console_message(struct vdev *d, const struct port_msg *m)
{
	struct console *con = d->priv;
	char text[32];

	if (m->h.kind != PORT_CONTROL || m->len >= sizeof(text)) {
		return;
	}
	memcpy(text, m->data, m->len);
	text[m->len] = '\0';
	con->who = d->name;
	if (strncmp(text, "resize ", 7) != 0 ||
	    read_size(con, text + 7, NULL)) {
		return;
	}
	resized(con);
}

/* ---- state ---- */

enum { READY = 1, OPEN = 2, CLOSING = 4, TOLD = 8, TAKEN = 16, ALL = 31 };

static int console_save(struct vdev *d, struct state_out *o, struct av_err *err)
{
	const struct console *con = d->priv;

	(void)err;
	state_put16(o, con->cols);
	state_put16(o, con->rows);
	state_put8(o, (uint8_t)con->n);
	for (unsigned int i = 0; i < con->n; i++) {
		const struct con_port *p = &con->port[i];

		state_put_text(o, p->name ? p->name : "");
		state_put8(o, (uint8_t)((p->ready ? READY : 0) |
					(p->open ? OPEN : 0) |
					(p->closing ? CLOSING : 0) |
					(p->told ? TOLD : 0) |
					(p->taken ? TAKEN : 0)));
		state_put32(o, (uint32_t)p->off);
	}
	state_put16(o, (uint16_t)con->ctl_n);
	for (unsigned int i = 0; i < con->ctl_n; i++) {
		const struct control *m =
			&con->ctl[(con->ctl_first + i) % CONTROLS_MAX];

		state_put8(o, (uint8_t)m->len);
		state_put(o, m->buf, m->len);
	}
	return 0;
}

struct saved {
	uint16_t cols, rows;
	bool other_ports;
	struct {
		uint8_t is; /* READY ... */
		uint32_t off;
	} port[PORTS_MAX];
	unsigned int ctl_n;
	struct control ctl[CONTROLS_MAX];
};

/* The guest knows ports by number and name. */
static void read_ports(const struct console *con, struct state_in *in,
		       struct saved *s)
{
	s->other_ports = state_get8(in) != con->n;
	for (unsigned int i = 0; i < con->n && !s->other_ports; i++) {
		const char *name = con->port[i].name;

		s->other_ports = !state_same_text(in, name ? name : "");
		s->port[i].is = state_get8(in);
		s->port[i].off = state_get32(in);
		in->bad |= s->port[i].is & ~(name ? ALL : 0);
	}
}

static int read_state(const struct console *con, struct state_in *in,
		      struct saved *s, struct av_err *err)
{
	s->cols = state_get16(in);
	s->rows = state_get16(in);
	read_ports(con, in, s);
	if (!in->bad && s->other_ports) {
		return av_err_set(err, -EINVAL,
				  "of other ports; give both the same ones, in "
				  "the same order");
	}
	s->ctl_n = state_get16(in);
	in->bad |= s->ctl_n > CONTROLS_MAX;
	for (unsigned int i = 0; i < s->ctl_n && !in->bad; i++) {
		struct control *m = &s->ctl[i];

		m->len = state_get8(in);
		in->bad |= m->len < CONTROL_SIZE || m->len > CONTROL_MAX;
		state_get(in, m->buf, in->bad ? 0 : m->len);
	}
	return state_end(in, err);
}

/* Whoever serves a port begins anew with it: what was said to another is not
 * known here. */
static void port_goes_on(struct con_port *p, uint8_t is, uint32_t off)
{
	p->ready = is & READY;
	p->told = is & TOLD;
	p->open = is & OPEN;
	p->closing = is & OPEN && is & CLOSING;
	p->off = off;
	if (is & OPEN && is & TAKEN) {
		give_to_target(p);
	}
}

static int console_load(struct vdev *d, struct state_in *in, struct av_err *err)
{
	struct console *con = d->priv;
	struct saved *s = calloc(1, sizeof(*s));
	int ret;

	if (!s) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	ret = read_state(con, in, s, err);
	if (!ret) {
		console_reset(d);
		con->ctl_first = 0;
		con->ctl_n = s->ctl_n;
		memcpy(con->ctl, s->ctl, sizeof(con->ctl));
		for (unsigned int i = 0; i < con->n; i++) {
			port_goes_on(&con->port[i], s->port[i].is,
				     s->port[i].off);
		}
		if (s->cols != con->cols || s->rows != con->rows) {
			resized(con);
		}
	}
	free(s);
	return ret;
}

static const struct vdev_opt console_opts[] = {
	{ .name = "ports",
	  .value = "NAME=TARGET;...",
	  .help = "hvc... are consoles; TARGET: gnss, bt, ..., pty:PATH, "
		  "file:PATH, unix:PATH, echo" },
	{ .name = "size", .value = "COLSxROWS", .help = "default 80x25" },
	{ .name = NULL },
};

const struct vdev_type vdev_console = {
	.name = "console",
	.help = "consoles and named ports; QEMU has its own, see --port",
	.id = VIRTIO_ID_CONSOLE,
	.features = F_SIZE | F_MULTIPORT,
	.n_queues = 2 * PORTS_MAX + 2,
	.config_size = CONFIG_SIZE,
	.home = VDEV_LOOP,
	.loop_only = true,
	.opts = console_opts,
	.crosvm_type = "console",
	.open = console_open,
	.close = console_close,
	.get_n_queues = console_n_queues,
	.get_config = console_get_config,
	.kick = console_kick,
	.reset = console_reset,
	.message = console_message,
	.state_version = 1,
	.save = console_save,
	.load = console_load,
};
