/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "tests/unit/test.h"

#include "vdevices/port.h"

#include <errno.h>

struct seen {
	unsigned int n, lost, last_lost;
	size_t len;
};

static void on_message(void *ctx, const struct port_msg *m)
{
	struct seen *s = ctx;

	s->n++;
	s->lost += m->h.lost;
	s->last_lost = m->h.lost;
	s->len = m->len;
}

static const struct port_ops ops = { .message = on_message };

struct pair {
	uv_loop_t loop;
	struct port *world, *device;
	struct seen seen; /* by the world */
};

static void pair_open(struct pair *p)
{
	int fd[2];

	*p = (struct pair){ 0 };
	uv_loop_init(&p->loop);
	CHECK_EQ(port_pair(fd), 0);
	CHECK_EQ(port_open(&p->loop, fd[0], true, &ops, &p->seen, &p->world),
		 0);
	CHECK_EQ(port_open(&p->loop, fd[1], false, &ops, NULL, &p->device), 0);
}

static void pair_close(struct pair *p)
{
	port_close(p->world);
	port_close(p->device);
	uv_run(&p->loop, UV_RUN_DEFAULT);
	CHECK_EQ(uv_loop_close(&p->loop), 0);
}

static void drain(struct pair *p, unsigned int n)
{
	while (p->seen.n < n) {
		uv_run(&p->loop, UV_RUN_ONCE);
	}
}

TEST(port_tells_how_many_packets_were_dropped)
{
	uint8_t data[1000] = { 0 };
	struct pair p;
	unsigned int sent = 0, dropped = 0;

	pair_open(&p);
	while (dropped < 7) {
		int ret = port_send(p.device, PORT_PACKET, 0, 0, data,
				    sizeof(data));

		CHECK(ret == 0 || ret == -EAGAIN);
		sent += ret == 0;
		dropped += ret < 0;
	}
	CHECK_EQ(port_dropped(p.device), 7);
	drain(&p, sent);
	CHECK_EQ(p.seen.lost, 0);
	/* of its own kind only, and once */
	CHECK_EQ(port_send(p.device, PORT_EVENT, 0, 0, "e", 1), 0);
	drain(&p, ++sent);
	CHECK_EQ(p.seen.lost, 0);
	CHECK_EQ(port_send(p.device, PORT_PACKET, 0, 0, data, 100), 0);
	drain(&p, ++sent);
	CHECK_EQ(p.seen.last_lost, 7);
	CHECK_EQ(port_send(p.device, PORT_PACKET, 0, 0, data, 100), 0);
	drain(&p, ++sent);
	CHECK_EQ(p.seen.last_lost, 0);
	pair_close(&p);
}

TEST(port_takes_a_full_packet_of_vsock)
{
	size_t len = sizeof(struct port_packet) + 44 + 65536;
	uint8_t *data = calloc(1, len);
	struct pair p;

	pair_open(&p);
	CHECK_EQ(port_send(p.device, PORT_PACKET, 0, 0, data, len), 0);
	drain(&p, 1);
	CHECK_EQ(p.seen.len, len);
	CHECK_EQ(port_send(p.device, PORT_PACKET, 0, 0, data,
			   PORT_DATA_MAX + 1),
		 -E2BIG);
	free(data);
	pair_close(&p);
}

int main(void)
{
	return RUN_TESTS(T(port_tells_how_many_packets_were_dropped),
			 T(port_takes_a_full_packet_of_vsock));
}
