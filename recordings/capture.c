/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two buffers: the caller fills one, the thread writes the other; when it is
 * done and there is something new, they change places. A write that fails half
 * way is taken back to the end of the last whole packet, so what stays can be
 * read to its end.
 */
#include "config.h"

#include "recordings/capture.h"

#include "sim/core/log.h"
#include "sim/core/text.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Room for a third of a second at 100 MB/s; only what is used costs memory. */
#define BUFFER_SIZE ((size_t)32 << 20)
/* The thread is woken by that much, besides capture_tick(). */
#define WAKE_SIZE ((size_t)1 << 20)

struct iface {
	enum pcap_link link;
	char name[PCAP_TEXT_MAX + 1];
	int number; /* in the file; negative: not wanted */
	uint64_t packets, lost;
	uint64_t unsaid; /* of @lost, since its last packet */
};

struct buffer {
	uint8_t *data;
	size_t len;
};

struct capture {
	/* the caller's */
	char *path, *only;
	enum pcap_flavour flavour;
	int64_t epoch_ns;
	vtime last_t;
	struct iface iface[CAPTURE_IFACES_MAX];
	int n_ifaces, n_wanted;
	uint64_t lost, lost_told;
	struct av_log_limit limit;

	/* both, under @lock */
	pthread_mutex_t lock;
	pthread_cond_t work, room;
	struct buffer *fill;
	bool wake, quit, writing;
	int stopped; /* -errno */

	/* the thread's */
	struct buffer buffer[2];
	int fd;
	off_t size; /* of the file, whole blocks */
	pthread_t thread;
};

/* ---- the file ---- */

static int write_all(struct capture *c, const uint8_t *data, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = write(c->fd, data + done, len - done);

		if (n < 0 && errno != EINTR) {
			int ret = -errno;

			c->size += (off_t)pcap_whole(c->flavour, data, done,
						     c->size == 0);
			if (ftruncate(c->fd, c->size) < 0) {
				return ret; /* a reader will complain too */
			}
			return ret;
		}
		done += n > 0 ? (size_t)n : 0;
	}
	c->size += (off_t)len;
	return 0;
}

static void *writer_main(void *arg)
{
	struct capture *c = arg;

	pthread_mutex_lock(&c->lock);
	while (!c->quit || c->fill->len > 0) {
		struct buffer *b = c->fill;
		int ret;

		if (b->len == 0 || !(c->wake || c->quit)) {
			c->wake = false;
			pthread_cond_wait(&c->work, &c->lock);
			continue;
		}
		c->wake = false;
		c->fill = b == &c->buffer[0] ? &c->buffer[1] : &c->buffer[0];
		c->writing = true;
		pthread_cond_signal(&c->room);
		pthread_mutex_unlock(&c->lock);
		ret = c->stopped ? 0 : write_all(c, b->data, b->len);
		b->len = 0;
		pthread_mutex_lock(&c->lock);
		c->writing = false;
		if (ret < 0) {
			c->stopped = ret;
			pthread_cond_signal(&c->room);
		}
	}
	pthread_mutex_unlock(&c->lock);
	return NULL;
}

/* ---- the buffer ---- */

/* Where @size bytes may be written, with the lock held; NULL: no room, or the
 * capture has stopped. put_end() follows in either case. */
static uint8_t *put_begin(struct capture *c, size_t size, bool wait)
{
	pthread_mutex_lock(&c->lock);
	while (wait && !c->stopped && c->fill->len + size > BUFFER_SIZE) {
		c->wake = true;
		pthread_cond_signal(&c->work);
		pthread_cond_wait(&c->room, &c->lock);
	}
	return c->stopped || c->fill->len + size > BUFFER_SIZE ?
		       NULL :
		       c->fill->data + c->fill->len;
}

static void put_end(struct capture *c, size_t used)
{
	c->fill->len += used;
	if (c->fill->len >= WAKE_SIZE && !c->wake) {
		c->wake = true;
		pthread_cond_signal(&c->work);
	}
	pthread_mutex_unlock(&c->lock);
}

/* ---- interfaces ---- */

/* A number in the file; negative: not wanted, or with @err not possible. */
static int add_number(struct capture *c, const struct iface *f,
		      struct av_err *err)
{
	uint8_t *p;

	if (c->only && !av_glob_only(c->only, pcap_link_names[f->link],
				     f->name)) {
		return -1;
	}
	if (c->flavour == PCAP_CLASSIC && c->n_wanted > 0) {
		return av_err_set(err, -EINVAL,
				  "%s can hold one interface, and %s:%s comes "
				  "second; choose one with --capture-only, or "
				  "name the file .pcapng",
				  c->path, pcap_link_names[f->link], f->name);
	}
	p = put_begin(c, PCAP_BLOCK_MAX, true);
	put_end(c, p ? pcap_interface(c->flavour, p, f->link, f->name) : 0);
	return c->n_wanted++;
}

/* Also keeps what is not wanted: it is asked about and told once. */
static struct iface *add(struct capture *c, enum pcap_link link,
			 const char *name, struct av_err *err)
{
	struct iface *f;

	if (c->n_ifaces == CAPTURE_IFACES_MAX) {
		av_err_set(err, -ENOSPC,
			   "a capture has no room for a %dth interface, %s:%s",
			   CAPTURE_IFACES_MAX + 1, pcap_link_names[link], name);
		return NULL;
	}
	f = &c->iface[c->n_ifaces++];
	*f = (struct iface){ .link = link };
	snprintf(f->name, sizeof(f->name), "%s", name);
	f->number = add_number(c, f, err);
	return f;
}

int capture_buses(struct capture *c, char *const *names, size_t n,
		  struct av_err *err)
{
	struct av_err e = { 0 };

	assert(c->n_ifaces == 0);
	for (size_t i = 0; i < n && e.code == 0; i++) {
		add(c, PCAP_CAN, names[i], &e);
	}
	return e.code ? av_err_set(err, e.code, "%s", e.msg) : 0;
}

/* NULL: not wanted. */
static struct iface *of_device(struct capture *c, const char *device,
			       enum pcap_link link)
{
	struct av_err err = { 0 };
	struct iface *f = NULL;
	unsigned int held;

	for (int i = 0; i < c->n_ifaces && !f; i++) {
		if (c->iface[i].link == link &&
		    !strcmp(c->iface[i].name, device)) {
			f = &c->iface[i];
		}
	}
	if (!f) {
		f = add(c, link, device, &err);
	}
	if (err.code && av_log_limited(&c->limit, c->last_t, &held)) {
		av_log(AV_LOG_WARN, "capture", "%s", err.msg);
	}
	return f && f->number >= 0 ? f : NULL;
}

/* ---- packets ---- */

static void put_packet(struct capture *c, struct iface *f,
		       struct pcap_packet *k, vtime t, bool wait)
{
	uint8_t *p;
	bool stopped;

	k->ns = (int64_t)((uint64_t)c->epoch_ns + (uint64_t)t);
	k->iface = (unsigned int)f->number;
	k->link = f->link;
	p = put_begin(c, pcap_packet_len(k) + PCAP_PACKET_EXTRA, wait);
	stopped = c->stopped;
	k->lost = f->unsaid;
	put_end(c, p ? pcap_packet(c->flavour, p, k) : 0);
	c->last_t = t;
	if (p) {
		f->packets++;
		f->unsaid = 0;
	} else if (!stopped) {
		f->lost++;
		f->unsaid++;
		c->lost++;
	}
}

void capture_can(struct capture *c, const struct can_frame *f)
{
	uint8_t data[PCAP_CAN_MAX];
	struct pcap_packet k = { .data = data, .to_guest = !f->tx };
	struct iface *i = &c->iface[f->bus];

	if (f->bus < c->n_ifaces && i->link == PCAP_CAN && i->number >= 0) {
		k.len = pcap_can(f, data);
		put_packet(c, i, &k, f->t, true);
	}
}

int capture_device(struct capture *c, const char *device, unsigned int link,
		   vtime t, bool to_guest, size_t full_len, const void *data,
		   size_t len)
{
	static const size_t least[PCAP_N_LINKS] = { [PCAP_NET] = 14,
						    [PCAP_BT] = 1,
						    [PCAP_VSOCK] = 44 };
	struct pcap_packet k = { .link = (enum pcap_link)link,
				 .data = data,
				 .len = len,
				 .full_len = full_len,
				 .to_guest = to_guest };
	struct iface *f;

	if (link >= PCAP_N_LINKS || link == PCAP_CAN || len < least[link]) {
		return -EBADMSG;
	}
	f = of_device(c, device, k.link);
	if (f) {
		put_packet(c, f, &k, t, false);
	}
	return 0;
}

void capture_device_lost(struct capture *c, const char *device,
			 unsigned int link, uint64_t n)
{
	struct iface *f =
		link < PCAP_N_LINKS && link != PCAP_CAN && n > 0 ?
			of_device(c, device, (enum pcap_link)link) :
			NULL;

	if (f) {
		f->lost += n;
		f->unsaid += n;
		c->lost += n;
	}
}

/* ---- for the run loop ---- */

void capture_tick(struct capture *c)
{
	unsigned int held;

	pthread_mutex_lock(&c->lock);
	if (c->fill->len > 0) {
		c->wake = true;
		pthread_cond_signal(&c->work);
	}
	pthread_mutex_unlock(&c->lock);
	if (c->lost > c->lost_told &&
	    av_log_limited(&c->limit, c->last_t, &held)) {
		av_log(AV_LOG_WARN, "capture",
		       "%llu packets are missing in %s: they came faster than "
		       "they could be taken",
		       (unsigned long long)(c->lost - c->lost_told), c->path);
		c->lost_told = c->lost;
	}
}

bool capture_waits(struct capture *c)
{
	bool waits;

	pthread_mutex_lock(&c->lock);
	waits = c->fill->len > 0 || c->writing || c->stopped;
	pthread_mutex_unlock(&c->lock);
	return waits;
}

int capture_status(struct capture *c, struct av_err *err)
{
	int ret;

	pthread_mutex_lock(&c->lock);
	ret = c->stopped;
	pthread_mutex_unlock(&c->lock);
	return ret < 0 ? av_err_set(err, ret, "cannot write capture %s: %s%s",
				    c->path, strerror(-ret),
				    ret == -ENOSPC ? "; free some space" : "") :
			 0;
}

void capture_counts(const struct capture *c, struct capture_counts *out)
{
	*out = (struct capture_counts){ .lost = c->lost };
	for (int i = 0; i < c->n_ifaces; i++) {
		out->packets[c->iface[i].link] += c->iface[i].packets;
	}
}

const char *capture_path(const struct capture *c)
{
	return c->path;
}

/* ---- life ---- */

static bool is_classic(const char *path)
{
	size_t len = strlen(path);

	return len > 5 && !strcmp(path + len - 5, ".pcap");
}

static int open_file(struct capture *c, const char *title, struct av_err *err)
{
	uint8_t head[PCAP_BLOCK_MAX];
	char note[PCAP_TEXT_MAX + 1];
	int ret;

	c->fd = open(c->path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (c->fd < 0) {
		ret = -errno;
		return av_err_set(err, ret, "cannot create capture %s: %s%s",
				  c->path, strerror(-ret),
				  ret == -EEXIST ?
					  "; remove it or choose another name" :
					  "");
	}
	snprintf(note, sizeof(note), "%s; virtual time 0 is %lld.%09lld",
		 title, (long long)(c->epoch_ns / VT_S),
		 (long long)(c->epoch_ns % VT_S));
	ret = write_all(c, head,
			pcap_section(c->flavour, head, PACKAGE_STRING, note));
	if (ret < 0) {
		av_err_set(err, ret, "cannot write capture %s: %s", c->path,
			   strerror(-ret));
		unlink(c->path);
	}
	return ret;
}

/* Signals are for the thread that runs the loop. */
static int start_thread(struct capture *c, struct av_err *err)
{
	sigset_t all, old;
	int ret;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ret = -pthread_create(&c->thread, NULL, writer_main, c);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	if (ret < 0) {
		av_err_set(err, ret, "cannot start a thread: %s",
			   strerror(-ret));
	}
	return ret;
}

static void capture_free(struct capture *c)
{
	pthread_mutex_destroy(&c->lock);
	pthread_cond_destroy(&c->work);
	pthread_cond_destroy(&c->room);
	if (c->fd >= 0) {
		close(c->fd);
	}
	free(c->buffer[0].data);
	free(c->buffer[1].data);
	free(c->path);
	free(c->only);
	free(c);
}

int capture_open(const struct capture_opts *o, struct capture **out,
		 struct av_err *err)
{
	struct capture *c = calloc(1, sizeof(*c));
	int ret = -ENOMEM;

	*out = NULL;
	if (!c) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	c->fd = -1;
	c->epoch_ns = o->epoch_ns;
	c->flavour = is_classic(o->path) ? PCAP_CLASSIC : PCAP_NG;
	c->path = strdup(o->path);
	c->only = o->only ? strdup(o->only) : NULL;
	c->buffer[0].data = malloc(BUFFER_SIZE);
	c->buffer[1].data = malloc(BUFFER_SIZE);
	c->fill = &c->buffer[0];
	pthread_mutex_init(&c->lock, NULL);
	pthread_cond_init(&c->work, NULL);
	pthread_cond_init(&c->room, NULL);
	if (!c->path || (o->only && !c->only) || !c->buffer[0].data ||
	    !c->buffer[1].data) {
		av_err_set(err, -ENOMEM, "out of memory");
	} else {
		ret = open_file(c, o->title, err);
	}
	if (ret == 0) {
		ret = start_thread(c, err);
		if (ret < 0) {
			unlink(c->path);
		}
	}
	if (ret < 0) {
		capture_free(c);
		return ret;
	}
	*out = c;
	return 0;
}

static void put_stats(struct capture *c)
{
	for (int i = 0; i < c->n_ifaces; i++) {
		const struct iface *f = &c->iface[i];
		uint8_t *p;

		if (f->number < 0) {
			continue;
		}
		p = put_begin(c, PCAP_BLOCK_MAX, true);
		put_end(c, p ? pcap_stats(c->flavour, p,
					  (unsigned int)f->number,
					  c->epoch_ns + c->last_t, f->packets,
					  f->lost) :
			       0);
	}
}

int capture_close(struct capture *c, struct av_err *err)
{
	int ret;

	if (!c) {
		return 0;
	}
	put_stats(c);
	pthread_mutex_lock(&c->lock);
	c->quit = true;
	pthread_cond_signal(&c->work);
	pthread_mutex_unlock(&c->lock);
	pthread_join(c->thread, NULL);
	ret = capture_status(c, err);
	if (close(c->fd) < 0 && ret == 0) {
		ret = av_err_set(err, -errno, "cannot write capture %s: %s",
				 c->path, strerror(errno));
	}
	c->fd = -1;
	capture_free(c);
	return ret;
}
