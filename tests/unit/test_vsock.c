/* SPDX-License-Identifier: Apache-2.0 */
/* The vsock protocol, with a guest that is made of packets. */
#include "config.h"

#include "tests/unit/test.h"
#include "vdevices/vsock.h"

#include <endian.h>
#include <errno.h>
#include <malloc.h>
#include <string.h>

enum { CID = 3, ECHO = 7, SINK = 9, QUIET = 10, MAX_OUT = 4096 };

/* What the guest got, newest last. */
static struct {
	struct vsock_hdr h[MAX_OUT];
	uint8_t last[VSOCK_PAYLOAD_MAX]; /* payload of the newest */
	size_t n;
	uint64_t bytes;
	ssize_t room; /* payload of a buffer; -1 none */
	size_t left;  /* buffers; SIZE_MAX: no limit */
	bool woken;
} got;

/* The service behind a port. */
static struct {
	struct av_stream *s; /* the newest */
	uint64_t bytes;
	unsigned int messages, closed, eof, writable;
	uint8_t last[1 << 18];
	size_t last_len;
	bool knows_eof;
} svc;

static struct vsock_guest *g;

static ssize_t out_room(void *ctx)
{
	(void)ctx;
	return got.left ? got.room : -1;
}

static void out_send(void *ctx, const struct vsock_hdr *h, const void *data)
{
	(void)ctx;
	CHECK(got.left > 0);
	CHECK((ssize_t)le32toh(h->len) <= got.room);
	if (got.left != SIZE_MAX) {
		got.left--;
	}
	got.h[got.n % MAX_OUT] = *h;
	if (h->len) {
		memcpy(got.last, data, le32toh(h->len));
	}
	got.n++;
	got.bytes += le32toh(h->len);
}

static void out_wake(void *ctx)
{
	(void)ctx;
	got.woken = true;
}

static void on_data(struct av_stream *s, const void *buf, size_t len)
{
	svc.bytes += len;
	svc.messages++;
	svc.last_len = len;
	memcpy(svc.last, buf, len < sizeof(svc.last) ? len : sizeof(svc.last));
	if (s->user == &svc) { /* echo */
		CHECK_EQ(av_stream_write(s, buf, len), len);
	}
}

static void on_writable(struct av_stream *s)
{
	(void)s;
	svc.writable++;
}

static void on_eof(struct av_stream *s)
{
	(void)s;
	svc.eof++;
}

static void on_closed(struct av_stream *s)
{
	(void)s;
	svc.closed++;
}

static int open_port(void *ctx, struct vsock_guest *guest, uint32_t port,
		     enum vsock_type type, struct av_stream *s)
{
	(void)ctx;
	(void)guest;
	(void)type;
	if (port != ECHO && port != SINK && port != QUIET) {
		return -ECONNREFUSED;
	}
	s->user = port == ECHO ? &svc : NULL;
	s->on_data = on_data;
	s->on_writable = on_writable;
	s->on_eof = svc.knows_eof ? on_eof : NULL;
	s->on_closed = on_closed;
	svc.s = s;
	if (port == QUIET) {
		av_stream_hold(s, true);
	}
	return 0;
}

static void pump(void)
{
	for (int i = 0; i < 1000 && vsock_pump(g); i++) {
	}
}

static int setup(void **state)
{
	static const struct vsock_out out = { .room = out_room,
					      .send = out_send,
					      .wake = out_wake };
	static const struct vsock_ports ports = { .open = open_port };

	(void)state;
	memset(&got, 0, sizeof(got));
	memset(&svc, 0, sizeof(svc));
	got.room = 4096;
	got.left = SIZE_MAX;
	CHECK_EQ(vsock_guest_create(CID, &out, &ports, &g), 0);
	vsock_guest_up(g, true);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	vsock_guest_destroy(g);
	return 0;
}

/* ---- the guest's side ---- */

struct end {
	uint32_t host, guest, buf, fwd;
	uint16_t type;
};

static int say(const struct end *e, enum vsock_op op, uint32_t flags,
	       const void *data, uint32_t len)
{
	struct vsock_hdr h = { .src_cid = htole64(CID),
			       .dst_cid = htole64(VSOCK_CID_HOST),
			       .src_port = htole32(e->guest),
			       .dst_port = htole32(e->host),
			       .len = htole32(len),
			       .type = htole16(e->type),
			       .op = htole16((uint16_t)op),
			       .flags = htole32(flags),
			       .buf_alloc = htole32(e->buf),
			       .fwd_cnt = htole32(e->fwd) };
	int ret = vsock_input(g, &h, data);

	pump();
	return ret;
}

static const struct vsock_hdr *newest(void)
{
	CHECK(got.n > 0);
	return &got.h[(got.n - 1) % MAX_OUT];
}

static struct end dial(uint32_t host, uint32_t guest, enum vsock_type type)
{
	struct end e = { .host = host,
			 .guest = guest,
			 .buf = 1 << 18,
			 .type = (uint16_t)type };

	say(&e, VSOCK_OP_REQUEST, 0, NULL, 0);
	return e;
}

static uint16_t op_of(const struct vsock_hdr *h)
{
	return le16toh(h->op);
}

static struct vsock_counts counts(void)
{
	struct vsock_counts c;

	vsock_guest_counts(g, &c);
	return c;
}

/* ---- tests ---- */

TEST(a_port_with_a_service_answers_and_echoes)
{
	struct end e = dial(ECHO, 1000, VSOCK_STREAM);

	CHECK_EQ(op_of(newest()), VSOCK_OP_RESPONSE);
	CHECK_EQ(le64toh(newest()->dst_cid), CID);
	CHECK_EQ(le32toh(newest()->src_port), ECHO);
	CHECK_EQ(le32toh(newest()->dst_port), 1000);
	CHECK_EQ(le32toh(newest()->buf_alloc), VSOCK_BUF);
	say(&e, VSOCK_OP_RW, 0, "hello", 5);
	CHECK_EQ(op_of(newest()), VSOCK_OP_RW);
	CHECK_EQ(le32toh(newest()->len), 5);
	CHECK_EQ(le32toh(newest()->fwd_cnt), 5);
	CHECK_EQ(memcmp(got.last, "hello", 5), 0);
}

TEST(a_port_without_a_service_resets)
{
	dial(4711, 1000, VSOCK_STREAM);
	CHECK_EQ(op_of(newest()), VSOCK_OP_RST);
	CHECK_EQ(counts().open, 0);
	CHECK_EQ(counts().refused, 1);
}

TEST(what_belongs_to_no_connection_is_reset_but_a_reset_is_not)
{
	struct end e = { .host = ECHO, .guest = 5, .type = VSOCK_STREAM };

	say(&e, VSOCK_OP_RW, 0, "x", 1);
	CHECK_EQ(op_of(newest()), VSOCK_OP_RST);
	CHECK_EQ(got.n, 1);
	say(&e, VSOCK_OP_RST, 0, NULL, 0);
	CHECK_EQ(got.n, 1);
	e.type = 77;
	say(&e, VSOCK_OP_REQUEST, 0, NULL, 0);
	CHECK_EQ(op_of(newest()), VSOCK_OP_RST);
}

TEST(somebody_elses_cid_is_dropped)
{
	struct vsock_hdr h = { .src_cid = htole64(99),
			       .dst_cid = htole64(VSOCK_CID_HOST),
			       .dst_port = htole32(ECHO),
			       .type = htole16(VSOCK_STREAM),
			       .op = htole16(VSOCK_OP_REQUEST) };

	CHECK_EQ(vsock_input(g, &h, NULL), -EBADMSG);
	pump();
	CHECK_EQ(got.n, 0);
	CHECK_EQ(counts().bad, 1);
}

TEST(a_peer_that_does_not_read_stops_the_writer_at_its_credit)
{
	static uint8_t big[1 << 16];
	struct end e = {
		.host = SINK, .guest = 1, .buf = 10000, .type = VSOCK_STREAM
	};

	say(&e, VSOCK_OP_REQUEST, 0, NULL, 0);
	CHECK_EQ(av_stream_write(svc.s, big, sizeof(big)), 10000);
	CHECK_EQ(av_stream_write(svc.s, big, sizeof(big)), 0);
	pump();
	CHECK_EQ(svc.writable, 0);
	e.fwd = 3000; /* it has read some */
	say(&e, VSOCK_OP_CREDIT_UPDATE, 0, NULL, 0);
	CHECK_EQ(svc.writable, 1);
	CHECK_EQ(av_stream_write(svc.s, big, sizeof(big)), 3000);
	/* a peer that shrinks its buffer below what is under way */
	e.buf = 10;
	say(&e, VSOCK_OP_CREDIT_UPDATE, 0, NULL, 0);
	CHECK_EQ(av_stream_write(svc.s, big, sizeof(big)), 0);
}

TEST(a_guest_that_overruns_our_credit_is_reset)
{
	static uint8_t big[VSOCK_PAYLOAD_MAX];
	struct end e = dial(QUIET, 1, VSOCK_STREAM);

	for (size_t i = 0; i < VSOCK_BUF / sizeof(big); i++) {
		CHECK_EQ(say(&e, VSOCK_OP_RW, 0, big, sizeof(big)), 0);
	}
	CHECK_EQ(counts().open, 1);
	CHECK_EQ(svc.bytes, 0);
	CHECK_EQ(say(&e, VSOCK_OP_RW, 0, big, 1), -EBADMSG);
	CHECK_EQ(op_of(newest()), VSOCK_OP_RST);
	CHECK_EQ(svc.closed, 1);
	CHECK_EQ(counts().held, 0);
}

TEST(held_bytes_come_when_the_service_takes_them_again)
{
	struct end e = dial(QUIET, 1, VSOCK_STREAM);

	say(&e, VSOCK_OP_RW, 0, "abc", 3);
	say(&e, VSOCK_OP_RW, 0, "def", 3);
	CHECK_EQ(svc.bytes, 0);
	av_stream_hold(svc.s, false);
	CHECK(got.woken);
	pump();
	CHECK_EQ(svc.bytes, 6);
	CHECK_EQ(memcmp(svc.last, "abcdef", 6), 0);
	CHECK_EQ(counts().held, 0);
}

/* More than 2^32 bytes each way through one connection. */
TEST(counters_wrap_at_32_bits)
{
	static uint8_t big[VSOCK_PAYLOAD_MAX];
	struct end e = dial(ECHO, 1, VSOCK_STREAM);
	uint32_t n = (UINT32_MAX / sizeof(big)) + 100;

	got.room = VSOCK_PAYLOAD_MAX;
	for (uint32_t i = 0; i < n; i++) {
		memcpy(big, &i, sizeof(i));
		CHECK_EQ(say(&e, VSOCK_OP_RW, 0, big, sizeof(big)), 0);
		CHECK_EQ(memcmp(got.last, &i, sizeof(i)), 0);
		e.fwd += sizeof(big);
	}
	CHECK_EQ(svc.bytes, (uint64_t)n * sizeof(big));
	CHECK_EQ(got.bytes, svc.bytes);
	CHECK_EQ(le32toh(newest()->fwd_cnt), e.fwd);
	CHECK_EQ(counts().open, 1);
}

TEST(the_guest_is_told_of_credit_before_it_has_none)
{
	static uint8_t big[4096];
	struct end e = dial(SINK, 1, VSOCK_STREAM);
	uint32_t sent = 0, told = 0;

	for (int i = 0; i < 1000; i++) {
		CHECK_EQ(say(&e, VSOCK_OP_RW, 0, big, sizeof(big)), 0);
		sent += sizeof(big);
		told = le32toh(newest()->fwd_cnt);
		CHECK(sent - told < VSOCK_BUF);
	}
	CHECK_EQ(op_of(newest()), VSOCK_OP_CREDIT_UPDATE);
	CHECK(got.n < 100); /* and not for every packet */
}

TEST(a_guest_that_asks_for_credit_is_answered)
{
	struct end e = dial(SINK, 1, VSOCK_STREAM);

	say(&e, VSOCK_OP_CREDIT_REQUEST, 0, NULL, 0);
	CHECK_EQ(op_of(newest()), VSOCK_OP_CREDIT_UPDATE);
}

TEST(half_close_by_the_guest_lets_the_service_finish)
{
	struct end e;

	svc.knows_eof = true;
	e = dial(SINK, 1, VSOCK_STREAM);
	say(&e, VSOCK_OP_RW, 0, "ask", 3);
	say(&e, VSOCK_OP_SHUTDOWN, VSOCK_NO_SEND, NULL, 0);
	CHECK_EQ(svc.eof, 1);
	CHECK_EQ(svc.closed, 0);
	CHECK_EQ(av_stream_write(svc.s, "answer", 6), 6);
	av_stream_close(svc.s);
	pump();
	CHECK_EQ(op_of(newest()), VSOCK_OP_SHUTDOWN);
	CHECK_EQ(le32toh(newest()->flags), VSOCK_NO_SEND | VSOCK_NO_RECEIVE);
	CHECK_EQ(counts().open, 1);
	say(&e, VSOCK_OP_RST, 0, NULL, 0);
	CHECK_EQ(counts().open, 0);
}

TEST(half_close_by_the_service_lets_the_guest_finish)
{
	struct end e;

	svc.knows_eof = true;
	e = dial(SINK, 1, VSOCK_STREAM);
	av_stream_end(svc.s);
	pump();
	CHECK_EQ(op_of(newest()), VSOCK_OP_SHUTDOWN);
	CHECK_EQ(le32toh(newest()->flags), VSOCK_NO_SEND);
	say(&e, VSOCK_OP_RW, 0, "still", 5);
	CHECK_EQ(svc.bytes, 5);
	CHECK_EQ(av_stream_write(svc.s, "x", 1), -EPIPE);
	say(&e, VSOCK_OP_SHUTDOWN, VSOCK_NO_SEND | VSOCK_NO_RECEIVE, NULL, 0);
	CHECK_EQ(svc.closed, 1);
	CHECK_EQ(op_of(newest()), VSOCK_OP_RST);
	CHECK_EQ(counts().open, 0);
}

TEST(a_guest_that_closes_gets_its_reset_after_the_last_byte_was_read)
{
	struct end e = dial(QUIET, 1, VSOCK_STREAM);

	say(&e, VSOCK_OP_RW, 0, "bye", 3);
	say(&e, VSOCK_OP_SHUTDOWN, VSOCK_NO_SEND | VSOCK_NO_RECEIVE, NULL, 0);
	CHECK_EQ(op_of(newest()), VSOCK_OP_RESPONSE);
	av_stream_hold(svc.s, false);
	pump();
	CHECK_EQ(svc.bytes, 3);
	CHECK_EQ(svc.closed, 1);
	CHECK_EQ(op_of(newest()), VSOCK_OP_RST);
}

TEST(a_close_that_the_guest_never_answers_ends_by_itself)
{
	dial(SINK, 1, VSOCK_STREAM);
	av_stream_close(svc.s);
	pump();
	CHECK_EQ(counts().open, 1);
	for (int i = 0; i < 20; i++) {
		vsock_tick(g);
		pump();
	}
	CHECK_EQ(op_of(newest()), VSOCK_OP_RST);
	CHECK_EQ(counts().open, 0);
}

TEST(messages_keep_their_bounds_both_ways)
{
	static uint8_t big[10000];
	struct end e = dial(ECHO, 1, VSOCK_SEQPACKET);

	/* in three packets, one message */
	say(&e, VSOCK_OP_RW, 0, big, 4000);
	say(&e, VSOCK_OP_RW, 0, big, 4000);
	CHECK_EQ(svc.messages, 0);
	say(&e, VSOCK_OP_RW, VSOCK_EOM, big, 2000);
	CHECK_EQ(svc.messages, 1);
	CHECK_EQ(svc.last_len, 10000);
	/* back in 4096-byte buffers */
	CHECK_EQ(got.bytes, 10000);
	CHECK_EQ(le32toh(newest()->flags), VSOCK_EOM);
	CHECK_EQ(le32toh(newest()->len), 10000 - 2 * 4096);
	say(&e, VSOCK_OP_RW, VSOCK_EOM, "a", 1);
	say(&e, VSOCK_OP_RW, VSOCK_EOM, "bc", 2);
	CHECK_EQ(svc.messages, 3);
	CHECK_EQ(svc.last_len, 2);
}

TEST(without_buffers_nothing_is_sent_and_nothing_is_lost)
{
	struct end e;

	got.left = 0;
	e = dial(ECHO, 1, VSOCK_STREAM);
	CHECK_EQ(got.n, 0);
	for (uint32_t i = 2; i < 300; i++) {
		dial(4711, i, VSOCK_STREAM); /* refused: needs an answer too */
	}
	CHECK_EQ(got.n, 0);
	got.left = SIZE_MAX;
	pump();
	CHECK(got.n >= 257); /* the oldest refusals made room for the newest */
	say(&e, VSOCK_OP_RW, 0, "x", 1);
	CHECK_EQ(op_of(newest()), VSOCK_OP_RW);
}

TEST(a_thousand_connections_are_served_in_turn)
{
	enum { N = 1000 };
	static struct end e[N];

	for (uint32_t i = 0; i < N; i++) {
		e[i] = dial(ECHO, i + 1, VSOCK_STREAM);
	}
	CHECK_EQ(counts().open, N);
	for (uint32_t i = 0; i < N; i++) {
		say(&e[i], VSOCK_OP_RW, 0, &i, sizeof(i));
		CHECK_EQ(memcmp(got.last, &i, sizeof(i)), 0);
		CHECK_EQ(le32toh(newest()->dst_port), i + 1);
	}
	for (uint32_t i = 0; i < N; i++) {
		say(&e[i], VSOCK_OP_RST, 0, NULL, 0);
	}
	CHECK_EQ(counts().open, 0);
	CHECK_EQ(svc.closed, N);
}

/* A million requests keep no more than the limit, and no memory after. */
TEST(connections_are_bounded_and_their_memory_comes_back)
{
	size_t before = mallinfo2().uordblks;
	struct end e = { .type = VSOCK_STREAM, .host = SINK };

	for (uint32_t i = 0; i < 1000000; i++) {
		e.guest = i + 1;
		say(&e, VSOCK_OP_REQUEST, 0, NULL, 0);
	}
	CHECK_EQ(counts().open, VSOCK_CONNS_MAX);
	CHECK(mallinfo2().uordblks - before < 8u << 20);
	vsock_guest_up(g, false);
	CHECK_EQ(counts().open, 0);
	CHECK_EQ(svc.closed, VSOCK_CONNS_MAX);
	CHECK(mallinfo2().uordblks <= before + 4096);
}

TEST(the_host_reaches_a_guest_that_listens)
{
	struct av_stream *s;
	struct end e = { .guest = 9410, .buf = 1000, .type = VSOCK_STREAM };

	CHECK_EQ(vsock_connect(g, 9410, VSOCK_STREAM, &s), 0);
	s->on_data = on_data;
	s->on_writable = on_writable;
	s->on_closed = on_closed;
	s->user = NULL;
	CHECK_EQ(av_stream_write(s, "early", 5), 0);
	pump();
	CHECK_EQ(op_of(newest()), VSOCK_OP_REQUEST);
	e.host = le32toh(newest()->src_port);
	CHECK_EQ(e.host, vsock_host_port(s));
	say(&e, VSOCK_OP_RESPONSE, 0, NULL, 0);
	CHECK_EQ(svc.writable, 1);
	CHECK_EQ(av_stream_write(s, "hello", 5), 5);
	say(&e, VSOCK_OP_RW, 0, "yes", 3);
	CHECK_EQ(svc.bytes, 3);
}

TEST(the_host_learns_that_a_guest_refuses_or_is_not_there)
{
	struct av_stream *s;
	struct end e = { .guest = 9410, .type = VSOCK_STREAM };

	CHECK_EQ(vsock_connect(g, 9410, VSOCK_STREAM, &s), 0);
	s->on_closed = on_closed;
	pump();
	e.host = le32toh(newest()->src_port);
	say(&e, VSOCK_OP_RST, 0, NULL, 0);
	CHECK_EQ(svc.closed, 1);
	vsock_guest_up(g, false);
	CHECK_EQ(vsock_connect(g, 9410, VSOCK_STREAM, &s), -ENOTCONN);
}

TEST(a_port_can_be_reset_from_outside)
{
	dial(SINK, 1, VSOCK_STREAM);
	dial(ECHO, 2, VSOCK_STREAM);
	CHECK_EQ(vsock_reset_port(g, SINK), 1);
	pump();
	CHECK_EQ(op_of(newest()), VSOCK_OP_RST);
	CHECK_EQ(counts().open, 1);
	CHECK_EQ(svc.closed, 1);
}

#define V(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	return RUN_TESTS(
		V(a_port_with_a_service_answers_and_echoes),
		V(a_port_without_a_service_resets),
		V(what_belongs_to_no_connection_is_reset_but_a_reset_is_not),
		V(somebody_elses_cid_is_dropped),
		V(a_peer_that_does_not_read_stops_the_writer_at_its_credit),
		V(a_guest_that_overruns_our_credit_is_reset),
		V(held_bytes_come_when_the_service_takes_them_again),
		V(counters_wrap_at_32_bits),
		V(the_guest_is_told_of_credit_before_it_has_none),
		V(a_guest_that_asks_for_credit_is_answered),
		V(half_close_by_the_guest_lets_the_service_finish),
		V(half_close_by_the_service_lets_the_guest_finish),
		V(a_guest_that_closes_gets_its_reset_after_the_last_byte_was_read),
		V(a_close_that_the_guest_never_answers_ends_by_itself),
		V(messages_keep_their_bounds_both_ways),
		V(without_buffers_nothing_is_sent_and_nothing_is_lost),
		V(a_thousand_connections_are_served_in_turn),
		V(connections_are_bounded_and_their_memory_comes_back),
		V(the_host_reaches_a_guest_that_listens),
		V(the_host_learns_that_a_guest_refuses_or_is_not_there),
		V(a_port_can_be_reset_from_outside));
}
