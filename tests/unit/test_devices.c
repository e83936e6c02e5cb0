/* SPDX-License-Identifier: Apache-2.0 */
/*
 * All devices of a run, from the world's side, without a guest: what a run's
 * recording and its other devices see when a confined child dies. The main
 * thread is the run's loop; a second one plays the guests.
 */
#include "config.h"

#include "scenario_world.h"

#include "sim/core/log.h"
#include "tests/vu/front.h"
#include "vdevices/devices.h"
#include "vdevices/host.h"

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <seccomp.h>
#include <signal.h>

enum {
	LOG = 1 << 18,
	STEP_MS = 10,
	FLOOD = 600,
};

struct rig {
	struct run run;
	uv_loop_t loop;
	uv_async_t over;
	struct devices *ds;
	char dir[64];
	pthread_mutex_t lock; /* of the log */
	char log[LOG]; /* "rng0: text\n" */
	size_t n;
	int conn; /* the front-end's end of a passed connection; -1 */
	void (*guest)(struct rig *r);
};

/* ---- the run ---- */

static void note(struct rig *r, const char *who, const char *text)
{
	int n;

	pthread_mutex_lock(&r->lock);
	n = snprintf(r->log + r->n, LOG - r->n, "%s: %s\n", who, text);
	r->n += r->n + (size_t)n < LOG ? (size_t)n : 0;
	r->log[r->n] = '\0';
	pthread_mutex_unlock(&r->lock);
}

static void on_device(void *ctx, const void *msg)
{
	const struct text_event *e = msg;

	note(ctx, e->key, e->text);
}

/* Lines for the user, of the last run. */
static struct {
	char text[4096];
	size_t n;
} told;

static void on_line(void *ctx, vtime now, enum av_log_level level,
		    const char *topic, const char *line)
{
	(void)now;
	note(ctx, topic, line);
	if (level <= AV_LOG_WARN && told.n < sizeof(told.text)) {
		told.n += (size_t)snprintf(told.text + told.n,
					   sizeof(told.text) - told.n,
					   "%s: %s\n", topic, line);
	}
}

static void on_over(uv_async_t *a)
{
	uv_stop(a->loop);
}

static void *guests(void *arg)
{
	struct rig *r = arg;

	r->guest(r);
	uv_async_send(&r->over);
	return NULL;
}

/* What is given by --device, confined; @guest runs beside it. */
static void rig_play_at(const char *const *spec, size_t n,
			void (*guest)(struct rig *r), int conn)
{
	struct rig *r = calloc(1, sizeof(*r));
	struct device_spec s[2];
	void *arena[2] = { NULL, NULL };
	struct devices_env env = { .sandbox = true };
	struct av_err err = { 0 };
	pthread_t t;

	snprintf(r->dir, sizeof(r->dir), "/tmp/avsim-devices-XXXXXX");
	CHECK(mkdtemp(r->dir) != NULL);
	pthread_mutex_init(&r->lock, NULL);
	run_begin(&r->run, "name: t\nduration: 3600\n");
	memset(&told, 0, sizeof(told));
	r->conn = conn;
	av_log_set_sink(on_line, r);
	CHECK_EQ(bus_subscribe(r->run.w->bus, TOPIC_DEVICE, STAGE_TAP, "test",
			       on_device, r, &err),
		 0);
	uv_loop_init(&r->loop);
	uv_async_init(&r->loop, &r->over, on_over);
	for (size_t i = 0; i < n; i++) {
		CHECK_EQ(device_spec_parse(spec[i], &s[i], &arena[i], &err), 0);
	}
	env.loop = &r->loop;
	env.w = r->run.w;
	env.run_dir = r->dir;
	if (devices_create(&env, s, n, &r->ds, &err)) {
		fail_msg("%s", err.msg);
	}
	r->guest = guest;
	CHECK_EQ(pthread_create(&t, NULL, guests, r), 0);
	uv_run(&r->loop, UV_RUN_DEFAULT);
	pthread_join(t, NULL);
	devices_destroy(r->ds);
	uv_close((uv_handle_t *)&r->over, NULL);
	uv_run(&r->loop, UV_RUN_DEFAULT);
	CHECK_EQ(uv_loop_close(&r->loop), 0);
	av_log_set_sink(NULL, NULL);
	bus_unsubscribe(r->run.w->bus, on_device, r);
	world_end(r->run.w);
	run_finish(&r->run);
	for (size_t i = 0; i < n; i++) {
		free(arena[i]);
	}
	CHECK_EQ(rmdir(r->dir), 0); /* the sockets are gone */
	free(r);
}

static void rig_play(const char *const *spec, size_t n,
		     void (*guest)(struct rig *r))
{
	rig_play_at(spec, n, guest, -1);
}

/* How often the log says @text. */
static size_t said(struct rig *r, const char *text)
{
	size_t n = 0;

	pthread_mutex_lock(&r->lock);
	for (const char *p = r->log; (p = strstr(p, text)); p++) {
		n++;
	}
	pthread_mutex_unlock(&r->lock);
	return n;
}

static void await_said(struct rig *r, const char *text, size_t times)
{
	for (int ms = 0; said(r, text) < times; ms += STEP_MS) {
		if (ms > FRONT_WAIT_MS) {
			printf("%s", r->log);
			fail_msg("nobody says '%s'", text);
		}
		poll(NULL, 0, STEP_MS);
	}
}

/* ---- guests ---- */

/* The process that hosts the only device in a child. */
static pid_t child(void)
{
	DIR *d = opendir("/proc");
	struct dirent *e;
	pid_t found = 0;

	CHECK(d != NULL);
	while ((e = readdir(d))) {
		char path[300], state;
		int pid = atoi(e->d_name), parent = 0;
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%d/stat", pid);
		f = pid > 0 ? fopen(path, "r") : NULL;
		if (f && fscanf(f, "%*d (%*[^)]) %c %d", &state, &parent) == 2 &&
		    parent == getpid() && state != 'Z') {
			found = pid;
		}
		if (f) {
			fclose(f);
		}
	}
	closedir(d);
	return found;
}

static struct front *begin(struct rig *r, const char *name,
			   struct front_mem *m)
{
	const char *path = device_socket(devices_find(r->ds, name));
	struct front_opts o = { .path = path, .mem = m, .inflight = true };
	struct av_err err = { 0 };
	struct front *f;

	if (front_open(&o, &f, &err) || front_start(f, &err)) {
		fail_msg("%s: %s", name, err.msg);
	}
	return f;
}

/* Random bytes, and others than the @first it gave. */
static void serves(struct front *f, uint8_t first[16])
{
	static const uint8_t none[16];
	uint8_t buf[16];

	CHECK_EQ(front_request(f, 0, NULL, 0, buf, sizeof(buf), FRONT_WAIT_MS),
		 sizeof(buf));
	CHECK(memcmp(buf, first, sizeof(buf)) != 0);
	if (!memcmp(first, none, sizeof(none))) {
		memcpy(first, buf, sizeof(buf));
	}
}

static void again(struct rig *r, const char *name, struct front *f)
{
	const char *path = device_socket(devices_find(r->ds, name));
	struct av_err err = { 0 };

	CHECK_EQ(front_hung_up(f, FRONT_WAIT_MS), -ECONNRESET);
	if (front_reconnect(f, path, &err)) {
		fail_msg("%s: %s", name, err.msg);
	}
}

static void child_dies(struct rig *r)
{
	struct front_mem *m0 = front_mem_create(1, 1 << 20);
	struct front_mem *m1 = front_mem_create(1, 1 << 20);
	struct front *f0 = begin(r, "rng0", m0), *f1 = begin(r, "rng1", m1);
	const struct health *h0 = device_health(devices_find(r->ds, "rng0"));
	const struct health *h1 = device_health(devices_find(r->ds, "rng1"));
	uint8_t first0[16] = { 0 }, first1[16] = { 0 };

	serves(f0, first0);
	serves(f1, first1);
	for (size_t i = 1; i <= 3; i++) {
		pid_t pid = child();

		CHECK(pid > 0);
		CHECK_EQ(kill(pid, SIGKILL), 0);
		again(r, "rng0", f0);
		serves(f0, first0);
		serves(f1, first1);
		await_said(r, "rng0: process ended: signal 9", i);
		await_said(r, "rng0: process restarted", i);
		CHECK(child() != pid);
		CHECK_EQ(atomic_load(&h0->restarts), i);
	}
	CHECK_EQ(said(r, "rng0: connected"), 4);
	/* the other one: not a word of it, and never connected anew */
	CHECK_EQ(said(r, "rng1: connected"), 1);
	CHECK_EQ(said(r, "rng1: disconnected"), 0);
	CHECK_EQ(said(r, "rng1: process"), 0);
	CHECK_EQ(atomic_load(&h1->connects), 1);
	CHECK_EQ(atomic_load(&h1->restarts), 0);
	CHECK_EQ(atomic_load(&h0->state), HEALTH_RUNNING);
	CHECK_EQ(atomic_load(&h0->seccomp), 2);
	front_close(f0);
	front_close(f1);
	front_mem_destroy(m0);
	front_mem_destroy(m1);
}

TEST(devices_a_child_that_dies_is_restarted_and_only_its_device_resets)
{
	static const char *const spec[] = { "rng0:rng,home=child",
					    "rng1:rng,home=loop" };

	rig_play(spec, 2, child_dies);
}

static int stray[2]; /* a pipe, inherited by who does not close it */

/* The child has neither a descriptor nor a variable that are not its own. */
static void child_inherits_nothing(struct rig *r)
{
	struct front_mem *m = front_mem_create(1, 1 << 20);
	struct front *f = begin(r, "rng0", m);
	char path[64], env[4096] = "";
	struct pollfd p = { .fd = stray[0], .events = POLLIN };
	uint8_t first[16] = { 0 };
	size_t n;
	FILE *e;

	serves(f, first);
	close(stray[1]);
	CHECK_EQ(poll(&p, 1, FRONT_WAIT_MS), 1);
	CHECK_EQ(read(stray[0], env, 1), 0);
	snprintf(path, sizeof(path), "/proc/%d/environ", child());
	e = fopen(path, "r");
	if (e) {
		n = fread(env, 1, sizeof(env) - 1, e);
		fclose(e);
		CHECK(!memmem(env, n, "AVSIM_TEST_SECRET", 17));
	} else {
		print_message("environment not looked at: only root may\n");
	}
	front_close(f);
	front_mem_destroy(m);
}

TEST(devices_a_child_inherits_nothing_that_is_not_its_own)
{
	static const char *const spec[] = { "rng0:rng,home=child" };

	CHECK_EQ(pipe(stray), 0);
	setenv("AVSIM_TEST_SECRET", "shh", 1);
	rig_play(spec, 1, child_inherits_nothing);
	unsetenv("AVSIM_TEST_SECRET");
	close(stray[0]);
}

/* ---- overlay ---- */

enum { DISK = 1 << 20, WRITES = 100, KILLS = 4 };

/* Write @i of a round: a sector that no other of the round has. */
static uint64_t sector_of(int round, int i)
{
	return (uint64_t)(i * 13 + round * 5);
}

/* All at once, each sector full of @byte; the child is killed over it. */
static void writes_through_a_kill(struct rig *r, struct front *f, int round,
				  uint8_t byte)
{
	struct front_mem *m = front_mem(f);
	size_t mark = front_mark(m);
	struct front_used u;

	for (int i = 0; i < WRITES; i++) {
		uint64_t at = front_alloc(m, 1024, 64);
		const struct front_buf b[2] = { { at, 16 + 512, false },
						{ at + 1000, 1, true } };
		uint64_t h[2] = { 1 /* OUT */, sector_of(round, i) };
		uint8_t *p = front_mem_at(m, at);

		memcpy(p, h, 16);
		memset(p + 16, byte, 512);
		p[1000] = 0xee;
		CHECK_EQ(front_add(f, 0, b, 2, at), 0);
	}
	front_kick(f, 0);
	CHECK_EQ(kill(child(), SIGKILL), 0);
	again(r, "blk0", f);
	for (int i = 0; i < WRITES; i++) {
		CHECK_EQ(front_wait(f, 0, &u, FRONT_WAIT_MS), 0);
		CHECK_EQ(*(uint8_t *)front_mem_at(m, u.cookie + 1000), 0);
	}
	front_release(m, mark);
}

static void check_sector(struct front *f, uint64_t sector, uint8_t byte)
{
	uint64_t h[2] = { 0 /* IN */, sector };
	uint8_t in[513];

	CHECK_EQ(front_request(f, 0, h, sizeof(h), in, sizeof(in),
			       FRONT_WAIT_MS),
		 sizeof(in));
	CHECK_EQ(in[512], 0);
	for (int i = 0; i < 512; i++) {
		CHECK_EQ(in[i], byte);
	}
}

static void overlay_child_dies(struct rig *r)
{
	struct front_mem *m = front_mem_create(1, 4 << 20);
	struct front *f = begin(r, "blk0", m);

	for (int round = 0; round < KILLS; round++) {
		writes_through_a_kill(r, f, round, (uint8_t)(0x50 + round));
	}
	/* and one that only has to keep what was answered for */
	CHECK_EQ(kill(child(), SIGKILL), 0);
	again(r, "blk0", f);
	for (int round = 0; round < KILLS; round++) {
		for (int i = 0; i < WRITES; i++) {
			check_sector(f, sector_of(round, i),
				     (uint8_t)(0x50 + round));
		}
	}
	check_sector(f, 2047, 0);
	CHECK_EQ(said(r, "overlay ended"), 0);
	front_close(f);
	front_mem_destroy(m);
}

TEST(devices_an_overlay_outlives_the_child_that_writes_to_it)
{
	static char spec[96] = "blk0:blk,overlay=on,home=child,file=";
	const char *const specs[] = { spec };
	char *path = spec + strlen(spec);
	int fd;

	strcpy(path, "/tmp/avsim-disk-XXXXXX");
	fd = mkstemp(path);
	CHECK(fd >= 0);
	CHECK_EQ(ftruncate(fd, DISK), 0);
	rig_play(specs, 1, overlay_child_dies);
	for (char byte = 1, i = 0; i < KILLS; i++) {
		CHECK_EQ(pread(fd, &byte, 1, (off_t)(512 * sector_of(i, 1))),
			 1);
		CHECK_EQ(byte, 0);
	}
	close(fd);
	unlink(path);
}

/* ---- what is said of a child that dies ---- */

static void kill_child(void)
{
	pid_t pid = child();

	CHECK(pid > 0);
	CHECK_EQ(kill(pid, SIGKILL), 0);
}

static void idle_then_connected(struct rig *r)
{
	struct front_mem *m = front_mem_create(1, 1 << 20);
	struct front *f;

	kill_child();
	await_said(r, "again; nobody was connected", 1);
	await_said(r, "rng0: process restarted", 1);
	f = begin(r, "rng0", m);
	kill_child();
	await_said(r, "no VMM connects to such a device again", 1);
	await_said(r, "rng0: process restarted", 2);
	front_close(f);
	front_mem_destroy(m);
}

TEST(devices_who_was_connected_to_a_child_that_died_is_told_apart)
{
	static const char *const spec[] = { "rng0:rng,home=child" };

	rig_play(spec, 1, idle_then_connected);
}

static void connected_by_qemu(struct rig *r)
{
	struct front_mem *m = front_mem_create(1, 1 << 20);
	struct front *f = begin(r, "net0", m);

	kill_child();
	await_said(r, "QEMU connects to it where its chardev has reconnect", 1);
	await_said(r, "net0: process restarted", 1);
	front_close(f);
	front_mem_destroy(m);
}

TEST(devices_a_child_of_a_type_that_qemu_connects_again_says_so)
{
	static const char *const spec[] = { "net0:net,home=child" };

	rig_play(spec, 1, connected_by_qemu);
}

static void connected_by_fd(struct rig *r)
{
	struct front_opts o = { .conn_fd = r->conn,
				.mem = front_mem_create(1, 1 << 20) };
	struct av_err err = { 0 };
	struct front *f;

	CHECK_EQ(front_open(&o, &f, &err), 0);
	kill_child();
	await_said(r, "it stays down: the connection that was passed", 1);
	CHECK_EQ(front_hung_up(f, FRONT_WAIT_MS), -ECONNRESET);
	CHECK_EQ(said(r, "started again"), 0);
	front_close(f);
	front_mem_destroy(o.mem);
}

TEST(devices_a_child_on_a_passed_connection_stays_down_and_says_so)
{
	char text[48];
	const char *const spec[] = { text };
	int sv[2];

	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv), 0);
	snprintf(text, sizeof(text), "rng0:rng,home=child,fd=%d", sv[1]);
	rig_play_at(spec, 1, connected_by_fd, sv[0]);
}

/* As often as it can, over and over. */
static void comes_and_goes(struct rig *r)
{
	const char *path = device_socket(devices_find(r->ds, "rng0"));
	const struct health *h = device_health(devices_find(r->ds, "rng0"));

	for (int i = 0; i < FLOOD; i++) {
		int fd = front_connect(path);

		CHECK(fd >= 0);
		/* one after the other: a second one would be turned away */
		for (int ms = 0; atomic_load(&h->connects) <= (uint64_t)i;
		     ms++) {
			CHECK(ms < FRONT_WAIT_MS);
			poll(NULL, 0, 1);
		}
		close(fd);
	}
	await_said(r, "more events were not recorded", 1);
	/* two each; what is told each second is little */
	CHECK(said(r, "connected") < FLOOD + FLOOD / 2);
}

TEST(devices_a_front_end_does_not_fill_the_recording)
{
	static const char *const spec[] = { "rng0:rng,home=loop" };

	rig_play(spec, 1, comes_and_goes);
}

/* ---- what the user is told ---- */

static size_t told_times(const char *text)
{
	size_t n = 0;

	for (const char *p = told.text; (p = strstr(p, text)); p++) {
		n++;
	}
	return n;
}

/* At least one look of the run's at its devices. */
static void both_serve(struct rig *r)
{
	struct front_mem *m0 = front_mem_create(1, 1 << 20);
	struct front_mem *m1 = front_mem_create(1, 1 << 20);
	struct front *f0 = begin(r, "rng0", m0), *f1 = begin(r, "rng1", m1);
	uint8_t first[2][16] = { { 0 } };

	serves(f0, first[0]);
	serves(f1, first[1]);
	await_said(r, "rng0: health", 1);
	await_said(r, "rng1: health", 1);
	front_close(f0);
	front_close(f1);
	front_mem_destroy(m0);
	front_mem_destroy(m1);
}

static char disk[64]; /* path of an image */

static void make_disk(void)
{
	int fd;

	strcpy(disk, "/tmp/avsim-disk-XXXXXX");
	fd = mkstemp(disk);
	CHECK(fd >= 0);
	CHECK_EQ(ftruncate(fd, DISK), 0);
	close(fd);
}

static void play_disk(const char *options, void (*guest)(struct rig *r))
{
	char spec[160];
	const char *const specs[] = { spec };

	make_disk();
	snprintf(spec, sizeof(spec), "blk0:blk,file=%s,%s", disk, options);
	rig_play(specs, 1, guest);
	unlink(disk);
}

/* Its image is gone for a while when the child is started again. */
static void child_cannot_start(struct rig *r)
{
	struct front_mem *m = front_mem_create(1, 1 << 20);
	struct front *f = begin(r, "blk0", m);
	char away[80];

	snprintf(away, sizeof(away), "%s.away", disk);
	check_sector(f, 1, 0);
	CHECK_EQ(rename(disk, away), 0);
	CHECK_EQ(kill(child(), SIGKILL), 0);
	await_said(r, "blk0: failed: cannot open", 3);
	CHECK_EQ(rename(away, disk), 0);
	again(r, "blk0", f);
	check_sector(f, 1, 0);
	front_close(f);
	front_mem_destroy(m);
}

TEST(devices_the_user_learns_why_a_child_cannot_start_again)
{
	char text[192];

	play_disk("home=child", child_cannot_start);
	snprintf(text, sizeof(text),
		 "blk0: its process cannot start again: cannot open %s: No "
		 "such file or directory",
		 disk);
	CHECK_EQ(told_times(text), 1);
	CHECK_EQ(told_times("its process ended (signal 9"), 1);
	CHECK_EQ(told_times("\n"), 2);
}

/* Somebody makes the image shorter: no sector can be read. */
static void disk_fails(struct rig *r)
{
	struct front_mem *m = front_mem_create(1, 1 << 20);
	struct front *f = begin(r, "blk0", m);
	uint64_t h[2] = { 0 /* IN */, 9 };
	uint8_t in[513];

	CHECK_EQ(truncate(disk, 0), 0);
	for (int i = 0; i < 5; i++) {
		CHECK_EQ(front_request(f, 0, h, sizeof(h), in, sizeof(in),
				       FRONT_WAIT_MS),
			 sizeof(in));
		CHECK_EQ(in[512], 1 /* IOERR */);
	}
	await_said(r, "failed: Input/output error", 5);
	front_close(f);
	front_mem_destroy(m);
}

TEST(devices_the_user_learns_once_that_a_disk_fails)
{
	char text[192];

	play_disk("home=thread", disk_fails);
	snprintf(text, sizeof(text),
		 "blk0: read of %s at sector 9 failed: Input/output error",
		 disk);
	CHECK_EQ(told_times(text), 1);
	CHECK_EQ(told_times("\n"), 1);
}

/* The last test: what it takes from this process it does not give back. */
TEST(devices_a_host_that_permits_less_is_warned_of_once)
{
	static const char *const spec[] = { "rng0:rng,home=child",
					    "rng1:rng,home=child" };
	scmp_filter_ctx f = seccomp_init(SCMP_ACT_ALLOW);

	CHECK_EQ(seccomp_rule_add(f, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(unshare),
				  0),
		 0);
	CHECK_EQ(seccomp_rule_add(f, SCMP_ACT_ERRNO(ENOSYS),
				  SCMP_SYS(landlock_create_ruleset), 0),
		 0);
	CHECK_EQ(seccomp_load(f), 0);
	seccomp_release(f);
	rig_play(spec, 2, both_serve);
	CHECK_EQ(told_times("sandbox: "), 2);
	CHECK_EQ(told_times("no user, mount and network namespaces; remedy: "
			    "sysctl kernel.unprivileged_userns_clone=1"),
		 1);
	CHECK_EQ(told_times("no Landlock; remedy: a kernel with"), 1);
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], VDEV_CHILD_ARG)) {
		return vdev_child_main(argc, argv);
	}
	signal(SIGPIPE, SIG_IGN);
	return RUN_TESTS(
		T(devices_a_child_that_dies_is_restarted_and_only_its_device_resets),
		T(devices_who_was_connected_to_a_child_that_died_is_told_apart),
		T(devices_a_child_of_a_type_that_qemu_connects_again_says_so),
		T(devices_a_child_on_a_passed_connection_stays_down_and_says_so),
		T(devices_an_overlay_outlives_the_child_that_writes_to_it),
		T(devices_a_child_inherits_nothing_that_is_not_its_own),
		T(devices_a_front_end_does_not_fill_the_recording),
		T(devices_the_user_learns_why_a_child_cannot_start_again),
		T(devices_the_user_learns_once_that_a_disk_fails),
		T(devices_a_host_that_permits_less_is_warned_of_once));
}
