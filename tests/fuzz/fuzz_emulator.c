/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes from a debug tool: cut into frames in odd pieces, on a store of all
 * kinds of properties, while values change. The carrier takes 300 bytes a turn.
 */
#include "config.h"

#include "sim/services/emulator_port.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* SPEED f, GEAR i, VIN s, an i64 vector, bytes, mixed of the vendor group */
static const char json[] =
	"{\"properties\":["
	"{\"property\":291504647,\"defaultValue\":{\"floatValues\":[0]},"
	"\"maxSampleRate\":10,\"minSampleRate\":1},"
	"{\"property\":289408000,\"defaultValue\":{\"int32Values\":[4]}},"
	"{\"property\":286261504,\"defaultValue\":{\"stringValue\":\"VIN\"}},"
	"{\"property\":559939841,\"access\":3,\"changeMode\":1,"
	"\"defaultValue\":{\"floatValues\":[1]}},"
	"{\"property\":560988419,\"access\":3,\"changeMode\":1},"
	"{\"property\":568328196,\"access\":3,\"changeMode\":1}]}";

struct carrier {
	struct av_stream s;
	size_t room;
	bool held, closed;
};

static ssize_t carrier_write(struct av_stream *s, const void *buf, size_t len)
{
	struct carrier *c = (struct carrier *)s;
	size_t n = len < c->room ? len : c->room;

	(void)buf;
	c->room -= n;
	return (ssize_t)n;
}

static void carrier_hold(struct av_stream *s, bool hold)
{
	((struct carrier *)s)->held = hold;
}

static void carrier_close(struct av_stream *s)
{
	((struct carrier *)s)->closed = true;
}

static const struct av_stream_ops ops = { .write = carrier_write,
					  .hold = carrier_hold,
					  .close = carrier_close };

static int apply(void *ctx, const struct cmd *c, struct av_err *err)
{
	(void)ctx;
	(void)err;
	assert(!strncmp(c->text, "vhal-inject property='", 22));
	return 0;
}

static void turn(uv_loop_t *loop, struct carrier *c)
{
	c->room = 300;
	if (!c->closed) {
		c->s.on_writable(&c->s);
	}
	uv_run(loop, UV_RUN_NOWAIT);
}

static void feed(uv_loop_t *loop, struct vhal *v, struct carrier *c,
		 const uint8_t *data, size_t size)
{
	int slot = vhal_slot_of(v, 291504647, 0);

	for (size_t at = 0, n; at < size && !c->closed; at += n) {
		n = 1 + (data[at] & 63) * 4u;
		n = n < size - at ? n : size - at;
		for (int i = 0; c->held && i < 100000 && !c->closed; i++) {
			turn(loop, c);
		}
		if (c->closed) {
			return;
		}
		c->s.on_data(&c->s, data + at, n);
		vhal_update_num(v, (uint32_t)slot, (double)at);
		turn(loop, c);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const vtime zero;
	struct evq *q = evq_create();
	struct vhal *v = vhal_create(q, NULL);
	struct cmdq *cmdq = cmdq_create(&zero);
	struct av_diags d = { 0 };
	struct av_err err;
	struct carrier c = { .s = { .ops = &ops, .peer = "fuzz" } };
	struct vhal_service *service;
	struct grpc_server *server;
	struct emulator_port *e;
	uv_loop_t loop;
	int ret;

	uv_loop_init(&loop);
	ret = vhal_load(v, "fuzz.json", json, sizeof(json) - 1, &d);
	assert(ret == 0);
	ret = vhal_start(v, &err);
	assert(ret == 0);
	cmdq_set_handler(cmdq, apply, NULL);
	server = grpc_server_create(&loop, "vhal");
	ret = vhal_service_create(
		&(struct vhal_service_env){
			.loop = &loop, .q = q, .vhal = v, .cmdq = cmdq },
		server, &service);
	assert(ret == 0);
	ret = emulator_port_create(
		&(struct emulator_env){
			.loop = &loop, .vhal = v, .service = service },
		&e);
	assert(ret == 0);
	ret = emulator_port_acceptor(e)->accept(emulator_port_acceptor(e),
						&c.s);
	assert(ret == 0);
	feed(&loop, v, &c, data, size);
	cmdq_apply(cmdq, 0);
	if (!c.closed && size % 2) {
		c.s.on_closed(&c.s);
	}
	emulator_port_destroy(e);
	grpc_server_destroy(server);
	vhal_service_destroy(service);
	uv_run(&loop, UV_RUN_DEFAULT);
	ret = uv_loop_close(&loop);
	assert(ret == 0);
	cmdq_destroy(cmdq);
	vhal_destroy(v);
	evq_destroy(q);
	av_diags_finish(&d);
	return 0;
}
