/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server that shows what the gRPC layer does, for test_grpc.py: the messages
 * of the control API, with meanings of its own.
 *
 *	grpc_testd SOCKET [TCP-ADDRESS [STALL-SECONDS]]
 *
 * Get echoes names; Subscribe("N SIZE") streams N messages with SIZE bytes;
 * Command("fail CODE TEXT") ends with that status, "hang" never answers; Quit
 * ends the process. On exit it prints its statistics.
 */
#include "config.h"

#include "sim/services/grpc.h"
#include "sim/services/grpc_reflect.h"
#include "sim/services/sock.h"

#include "control.pb-c.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct testd {
	uv_loop_t loop;
	struct grpc_server *server;
	struct sock_listener *unix_l, *tcp_l;
	bool quit;
	unsigned long hangs_ended, streams_ended, max_queued;
};

static void get(struct grpc_call *c, void *service, const ProtobufCMessage *msg)
{
	const Avsim__V1__NameRequest *q = (const void *)msg;
	Avsim__V1__ItemList list = AVSIM__V1__ITEM_LIST__INIT;

	(void)service;
	list.n_items = q->n_names;
	list.items = calloc(q->n_names + 1, sizeof(*list.items));
	for (size_t i = 0; i < q->n_names; i++) {
		list.items[i] = malloc(sizeof(*list.items[i]));
		avsim__v1__item__init(list.items[i]);
		list.items[i]->name = q->names[i];
	}
	grpc_call_reply(c, &list.base);
	for (size_t i = 0; i < q->n_names; i++) {
		free(list.items[i]);
	}
	free(list.items);
}

struct feed {
	unsigned long left, size;
	char *text;
};

static void pump(struct grpc_call *c, void *service)
{
	struct testd *d = service;
	struct feed *f = grpc_call_user(c);
	Avsim__V1__ItemList list = AVSIM__V1__ITEM_LIST__INIT;
	Avsim__V1__Item item = AVSIM__V1__ITEM__INIT, *items = &item;
	char number[32];

	list.n_items = 1;
	list.items = &items;
	item.name = number;
	item.value = f->text;
	for (; f->left > 0; f->left--) {
		snprintf(number, sizeof(number), "%lu", f->left);
		if (grpc_call_send(c, &list.base) < 0) {
			return; /* writable comes */
		}
		if (grpc_call_queued(c) > d->max_queued) {
			d->max_queued = grpc_call_queued(c);
		}
	}
	grpc_call_finish(c, GRPC_OK, NULL);
}

static void subscribe(struct grpc_call *c, void *service,
		      const ProtobufCMessage *msg)
{
	const Avsim__V1__SubscribeRequest *q = (const void *)msg;
	struct feed *f = calloc(1, sizeof(*f));
	char *end;

	f->left = q->n_globs ? strtoul(q->globs[0], &end, 10) : 0;
	f->size = q->n_globs ? strtoul(end, NULL, 10) : 0;
	f->text = malloc(f->size + 1);
	memset(f->text, 'x', f->size);
	f->text[f->size] = '\0';
	grpc_call_set_user(c, f);
	pump(c, service);
}

static void subscribe_ended(struct grpc_call *c, void *service)
{
	struct feed *f = grpc_call_user(c);

	((struct testd *)service)->streams_ended++;
	free(f->text);
	free(f);
}

static void command(struct grpc_call *c, void *service,
		    const ProtobufCMessage *msg)
{
	const Avsim__V1__CommandRequest *q = (const void *)msg;

	(void)service;
	if (!strncmp(q->text, "fail ", 5)) {
		char *text;
		long code = strtol(q->text + 5, &text, 10);

		grpc_call_finish(c, (enum grpc_status)code, "%s",
				 *text ? text + 1 : "");
	}
	/* "hang": no answer */
}

static void command_ended(struct grpc_call *c, void *service)
{
	(void)c;
	((struct testd *)service)->hangs_ended++;
}

static void quit(struct grpc_call *c, void *service,
		 const ProtobufCMessage *msg)
{
	(void)msg;
	((struct testd *)service)->quit = true;
	grpc_call_finish(c, GRPC_CANCELLED, "bye");
}

static const struct grpc_method methods[] = {
	{ .name = "Get",
	  .in = &avsim__v1__name_request__descriptor,
	  .message = get },
	{ .name = "Subscribe",
	  .in = &avsim__v1__subscribe_request__descriptor,
	  .message = subscribe,
	  .writable = pump,
	  .ended = subscribe_ended },
	{ .name = "Command",
	  .in = &avsim__v1__command_request__descriptor,
	  .message = command,
	  .ended = command_ended },
	{ .name = "Quit",
	  .in = &avsim__v1__name_request__descriptor, /* Empty: no fields */
	  .message = quit },
};

int main(int argc, char **argv)
{
	struct testd d = { 0 };
	struct grpc_service control = { .name = "avsim.v1.Control",
					.method = methods,
					.n_methods = 4,
					.ctx = &d };
	struct grpc_service reflection;
	struct grpc_server_stats st;
	struct av_err err = { 0 };
	unsigned int open_now, port = 0;
	uint64_t refused;

	if (argc < 2) {
		return 2;
	}
	uv_loop_init(&d.loop);
	d.server = grpc_server_create(&d.loop, "testd");
	if (argc > 3) {
		grpc_server_set_stall(d.server,
				      (unsigned int)atoi(argv[3]));
	}
	grpc_server_add(d.server, &control);
	grpc_reflect_add(d.server, &reflection);
	if (sock_listen_unix(&d.loop, argv[1], grpc_server_acceptor(d.server),
			     &d.unix_l, &err) < 0 ||
	    (argc > 2 &&
	     sock_listen_tcp(&d.loop, argv[2], grpc_server_acceptor(d.server),
			     &d.tcp_l, &port, &err) < 0)) {
		fprintf(stderr, "%s\n", err.msg);
		return 2;
	}
	printf("port %u\n", port);
	fflush(stdout);
	while (!d.quit) {
		uv_run(&d.loop, UV_RUN_ONCE);
	}
	for (int i = 0; i < 10; i++) {
		uv_run(&d.loop, UV_RUN_NOWAIT);
	}
	grpc_server_stats(d.server, &st);
	sock_listener_stats(d.unix_l, &open_now, &refused);
	printf("calls %llu errors %llu protocol_errors %llu open_calls %u "
	       "open %u refused %llu hangs_ended %lu streams_ended %lu "
	       "max_queued %lu stalled %llu\n",
	       (unsigned long long)st.calls, (unsigned long long)st.errors,
	       (unsigned long long)st.protocol_errors, st.open_calls, open_now,
	       (unsigned long long)refused, d.hangs_ended, d.streams_ended,
	       d.max_queued, (unsigned long long)st.stalled);
	sock_listener_destroy(d.unix_l);
	sock_listener_destroy(d.tcp_l);
	grpc_server_destroy(d.server);
	uv_run(&d.loop, UV_RUN_DEFAULT);
	return uv_loop_close(&d.loop) == 0 ? 0 : 3;
}
