/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "vdevices/vsock_switch_priv.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_LEN = 64 }; /* of a client's first line */

/* A client of the hybrid socket that has not been joined yet. */
struct vsock_hybrid {
	struct vsock_switch *sw;
	struct vsock_attached *a;
	struct vsock_hybrid *next;
	struct av_stream *client, *guest;
	char line[LINE_LEN];
	size_t len;
	/* sent behind the first line already */
	char *early;
	size_t n_early;
};

static void hybrid_free(struct vsock_hybrid *h)
{
	struct vsock_hybrid **p = &h->sw->hybrids;

	while (*p != h) {
		p = &(*p)->next;
	}
	*p = h->next;
	free(h->early);
	free(h);
}

static void hybrid_end(struct vsock_hybrid *h)
{
	struct av_stream *c = h->client, *g = h->guest;

	h->client = h->guest = NULL;
	if (g) {
		av_stream_close(g);
	}
	if (c) {
		av_stream_close(c);
	}
	hybrid_free(h);
}

static void guest_refused(struct av_stream *s)
{
	struct vsock_hybrid *h = s->user;

	h->guest = NULL;
	hybrid_end(h); /* closed without an answer: refused */
}

/* The guest accepted. */
static void guest_open(struct av_stream *s)
{
	struct vsock_hybrid *h = s->user;
	struct bridge *br;
	char ok[32];
	int n = snprintf(ok, sizeof(ok), "OK %" PRIu32 "\n",
			 vsock_host_port(h->guest));

	/* the first bytes on a fresh socket: they fit, or it is gone */
	if (av_stream_write(h->client, ok, (size_t)n) != n ||
	    bridge(&h->sw->bridges, h->client, h->guest, NULL, NULL, &br)) {
		hybrid_end(h);
		return;
	}
	if (h->n_early) {
		(void)bridge_first(br, h->early, h->n_early);
	} else {
		av_stream_hold(h->client, false);
	}
	hybrid_free(h);
}

static void early_data(struct av_stream *s, const void *buf, size_t len)
{
	(void)s;
	(void)buf;
	(void)len; /* no guest sends before it has accepted */
}

static int parse_connect(const char *line, uint32_t *port)
{
	unsigned long n;
	char *end;

	if (strncmp(line, "CONNECT ", 8) != 0) {
		return -EINVAL;
	}
	n = strtoul(line + 8, &end, 10);
	if (end == line + 8 || (*end && *end != '\r') || n == 0 ||
	    n >= VSOCK_PORT_ANY) {
		return -EINVAL;
	}
	*port = (uint32_t)n;
	return 0;
}

static void client_line(struct vsock_hybrid *h)
{
	uint32_t port;

	if (parse_connect(h->line, &port) ||
	    vsock_connect(h->a->g, port, VSOCK_STREAM, &h->guest)) {
		hybrid_end(h);
		return;
	}
	av_stream_hold(h->client, true);
	h->guest->user = h;
	h->guest->on_data = early_data;
	h->guest->on_writable = guest_open;
	h->guest->on_closed = guest_refused;
	(void)av_stream_write(h->guest, "", 0); /* asks for on_writable */
}

static void client_data(struct av_stream *s, const void *buf, size_t len)
{
	struct vsock_hybrid *h = s->user;
	const char *nl = memchr(buf, '\n', len);
	size_t n = nl ? (size_t)(nl - (const char *)buf) : len;

	if (h->len + n >= sizeof(h->line)) {
		hybrid_end(h);
		return;
	}
	memcpy(h->line + h->len, buf, n);
	h->len += n;
	h->line[h->len] = '\0';
	if (!nl) {
		return;
	}
	if (n + 1 < len) {
		h->n_early = len - n - 1;
		h->early = malloc(h->n_early);
		if (!h->early) {
			hybrid_end(h);
			return;
		}
		memcpy(h->early, nl + 1, h->n_early);
	}
	client_line(h);
}

static void client_writable(struct av_stream *s)
{
	(void)s;
}

static void client_closed(struct av_stream *s)
{
	struct vsock_hybrid *h = s->user;

	h->client = NULL;
	hybrid_end(h);
}

int vsock_hybrid_accept(struct av_acceptor *acc, struct av_stream *s)
{
	struct vsock_attached *a = acc->ctx;
	struct vsock_hybrid *h = calloc(1, sizeof(*h));

	if (!h) {
		return -ENOMEM;
	}
	h->sw = a->sw;
	h->a = a;
	h->client = s;
	h->next = a->sw->hybrids;
	a->sw->hybrids = h;
	s->user = h;
	s->on_data = client_data;
	s->on_writable = client_writable;
	s->on_closed = client_closed;
	return 0;
}

void vsock_hybrids_end(struct vsock_switch *sw, const struct vsock_attached *a)
{
	for (struct vsock_hybrid *h = sw->hybrids, *n; h; h = n) {
		n = h->next;
		if (!a || h->a == a) {
			hybrid_end(h);
		}
	}
}
