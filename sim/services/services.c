/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "sim/services/services.h"

#include "sim/bluetooth/btsnoop.h"
#include "sim/services/audio_focus.h"
#include "sim/services/bt_host.h"
#include "sim/services/bt_remote.h"
#include "sim/services/control.h"
#include "sim/services/dumpstate.h"
#include "sim/services/emulator_port.h"
#include "sim/services/gnss_host.h"
#include "sim/services/grpc.h"
#include "sim/services/grpc_reflect.h"
#include "sim/services/nmea_pty.h"
#include "sim/services/power_marker.h"
#include "sim/services/rundir.h"
#include "sim/services/sensor_channel.h"
#include "sim/services/sock.h"
#include "sim/services/tracing.h"
#include "sim/services/vhal_service.h"
#include "sim/world.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A gRPC server of a guest's own port, and where it listens. */
struct door {
	struct grpc_server *server;
	struct grpc_service reflection;
	struct sock_listener *sock, *tcp, *vsock;
};

struct services {
	struct services_env env;
	char run_dir[PATH_MAX];
	bool made_dir;
	struct {
		struct grpc_server *server;
		struct grpc_service reflection;
		struct sock_listener *sock, *tcp, *vsock[2];
		struct vhal_service *service;
	} vhal;
	struct {
		struct grpc_server *server;
		struct grpc_service reflection;
		struct sock_listener *sock;
		struct control *control;
	} ctl;
	struct power_marker *power;
	struct door dump_door, tracing_door;
	struct dumpstate *dumpstate;
	struct tracing *tracing;
	struct {
		struct sock_listener *tcp;
		struct emulator_port *port;
	} debug;
	struct audio_focus *audio;
	struct nmea_pty *nmea;
	struct gnss_host *gnss;
	struct sensor_channel *sensors;
	struct {
		struct bt_remote *remote;
		struct btsnoop *snoop;
		struct bt_host *host;
	} bt;
};

/* ---- run dir ---- */

/* A folder of ours that nobody else can look into. */
static int private_dir(const char *path, bool *made, struct av_err *err)
{
	struct stat st;

	if (mkdir(path, 0700) == 0) {
		*made = true;
		return 0;
	}
	if (errno != EEXIST) {
		return av_err_set(err, -errno, "cannot make folder %s: %s",
				  path, strerror(errno));
	}
	if (lstat(path, &st) < 0 || !S_ISDIR(st.st_mode) ||
	    st.st_uid != geteuid() || (st.st_mode & 077) != 0) {
		return av_err_set(err, -EPERM,
				  "%s must be a folder of yours with mode 0700 "
				  "(chmod 700 it, or give another --run-dir)",
				  path);
	}
	return 0;
}

static int make_run_dir(struct services *s, const char *wanted,
			struct av_err *err)
{
	char base[PATH_MAX - RUNDIR_TAIL];
	bool made_base;
	int n, ret;

	if (wanted) {
		n = snprintf(s->run_dir, sizeof(s->run_dir), "%s", wanted);
		return n >= (int)sizeof(s->run_dir) - RUNDIR_TAIL
			       ? av_err_set(err, -ENAMETOOLONG,
					    "path is too long")
			       : private_dir(s->run_dir, &s->made_dir, err);
	}
	ret = rundir_base(base);
	if (ret < 0) {
		return av_err_set(err, ret, "path is too long");
	}
	ret = private_dir(base, &made_base, err);
	if (ret < 0) {
		return ret;
	}
	rundir_sweep(base);
	snprintf(s->run_dir, sizeof(s->run_dir), "%s/%d", base, (int)getpid());
	return private_dir(s->run_dir, &s->made_dir, err);
}

static const char *sock_path(const struct services *s, const char *name,
			     char buf[PATH_MAX + 32])
{
	snprintf(buf, PATH_MAX + 32, "%s/%s", s->run_dir, name);
	return buf;
}

/* ---- requests ---- */

/* Every answered request is in the recording: who, what, how long it took. */
static void on_request(void *ctx, const struct grpc_trace *t)
{
	struct services *s = ctx;
	char text[256];

	if (!bus_wanted(s->env.w->bus, TOPIC_SERVICE)) {
		return;
	}
	snprintf(text, sizeof(text), "%s\t%.1f us\t%zu\t%zu\t%s",
		 grpc_status_name(t->status), (double)t->ns / 1e3, t->bytes_in,
		 t->bytes_out, t->peer);
	bus_publish(s->env.w->bus, TOPIC_SERVICE,
		    &(struct text_event){ .t = evq_now(s->env.w->q),
					  .key = t->path + 1,
					  .text = text });
}

/* ---- doors ---- */

static int door_make(struct services *s, struct door *d, const char *name,
		     struct av_err *err)
{
	d->server = grpc_server_create(s->env.loop, name);
	if (!d->server || grpc_reflect_add(d->server, &d->reflection) < 0) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	grpc_server_set_trace(d->server, on_request, s);
	return 0;
}

/* Once the server has its services: NAME.sock, and @tcp and @port if wanted. */
static int door_open(struct services *s, struct door *d, const char *sock,
		     const char *tcp, uint32_t port, bool host_vsock,
		     struct av_err *err)
{
	struct av_acceptor *a = grpc_server_acceptor(d->server);
	char path[PATH_MAX + 32];
	int ret = sock_listen_unix(s->env.loop, sock_path(s, sock, path), a,
				   &d->sock, err);

	if (ret == 0 && tcp) {
		ret = sock_listen_tcp(s->env.loop, tcp, a, &d->tcp, NULL, err);
	}
	if (ret == 0 && host_vsock) {
		ret = sock_listen_vsock(s->env.loop, port, a, &d->vsock, err);
	}
	return ret;
}

static void door_close(struct door *d)
{
	sock_listener_destroy(d->sock);
	sock_listener_destroy(d->tcp);
	sock_listener_destroy(d->vsock);
	grpc_server_destroy(d->server);
}

/* ---- VHAL ---- */

/* Ports that AAOS guests know, both generations. */
static const uint32_t vhal_ports[2] = { 9210, 9300 };
enum { DUMPSTATE_PORT = 9310, TRACING_PORT = 9510 };

static int open_vhal(struct services *s, const struct services_opts *o,
		     struct av_err *err)
{
	struct vhal_service_env env = { .loop = s->env.loop,
					.q = s->env.w->q,
					.vhal = s->env.w->vhal,
					.cmdq = s->env.w->cmdq };
	char path[PATH_MAX + 32];
	int ret;

	s->vhal.server = grpc_server_create(s->env.loop, "vhal");
	if (!s->vhal.server ||
	    vhal_service_create(&env, s->vhal.server, &s->vhal.service) < 0 ||
	    grpc_reflect_add(s->vhal.server, &s->vhal.reflection) < 0) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	grpc_server_set_trace(s->vhal.server, on_request, s);
	ret = sock_listen_unix(s->env.loop, sock_path(s, "vhal.sock", path),
			       grpc_server_acceptor(s->vhal.server),
			       &s->vhal.sock, err);
	if (ret == 0 && o->vhal_tcp) {
		ret = sock_listen_tcp(s->env.loop, o->vhal_tcp,
				      grpc_server_acceptor(s->vhal.server),
				      &s->vhal.tcp, NULL, err);
	}
	for (size_t i = 0; i < 2 && ret == 0 && o->host_vsock; i++) {
		ret = sock_listen_vsock(s->env.loop, vhal_ports[i],
					grpc_server_acceptor(s->vhal.server),
					&s->vhal.vsock[i], err);
	}
	return ret;
}

static void close_vhal(struct services *s)
{
	sock_listener_destroy(s->vhal.sock);
	sock_listener_destroy(s->vhal.tcp);
	sock_listener_destroy(s->vhal.vsock[0]);
	sock_listener_destroy(s->vhal.vsock[1]);
	grpc_server_destroy(s->vhal.server);
	vhal_service_destroy(s->vhal.service);
}

/* ---- control ---- */

static int open_ctl(struct services *s, struct av_err *err)
{
	char path[PATH_MAX + 32];
	int ret;

	s->ctl.server = grpc_server_create(s->env.loop, "ctl");
	if (!s->ctl.server ||
	    grpc_reflect_add(s->ctl.server, &s->ctl.reflection) < 0) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	ret = control_create(&s->env, s->ctl.server, &s->ctl.control, err);
	return ret < 0 ? ret
		       : sock_listen_unix(s->env.loop,
					  sock_path(s, "ctl.sock", path),
					  grpc_server_acceptor(s->ctl.server),
					  &s->ctl.sock, err);
}

static void close_ctl(struct services *s)
{
	sock_listener_destroy(s->ctl.sock);
	grpc_server_destroy(s->ctl.server);
	control_destroy(s->ctl.control);
}

/* ---- power ---- */

/* Not in a replay: there the marker's words are in the recording. */
static int open_power(struct services *s, const struct services_opts *o,
		      struct av_err *err)
{
	if (o->power_socket && !o->power_file) {
		return av_err_set(err, -EINVAL,
				  "--power-state-socket needs "
				  "--power-state-file as well");
	}
	if (!o->power_file || s->env.replay) {
		return 0;
	}
	return power_marker_create(s->env.loop, s->env.w->cmdq, o->power_file,
				   o->power_socket, &s->power, err);
}

/* ---- dumpstate ---- */

static void print_server(FILE *out, const char *name, const char *run_dir,
			 const struct grpc_server *server,
			 const struct sock_listener *sock)
{
	struct grpc_server_stats st;
	unsigned int n_open;
	uint64_t refused;

	grpc_server_stats(server, &st);
	sock_listener_stats(sock, &n_open, &refused);
	fprintf(out,
		"service %s: %s/%s.sock, %u connections open, %llu ever, %llu "
		"refused, %u calls open, %llu ever, %llu failed, %llu broken\n",
		name, run_dir, name, st.open_connections,
		(unsigned long long)st.connections, (unsigned long long)refused,
		st.open_calls, (unsigned long long)st.calls,
		(unsigned long long)st.errors,
		(unsigned long long)st.protocol_errors);
}

static void print_devices(void *ctx, FILE *out)
{
	const struct services *s = ctx;
	struct vhal_service_stats v;
	struct dumpstate_stats d;
	struct tracing_stats t;

	print_server(out, "vhal", s->run_dir, s->vhal.server, s->vhal.sock);
	vhal_service_stats(s->vhal.service, &v);
	fprintf(out,
		"  %u streams, %llu values sent, %llu replaced by newer ones, "
		"%llu sets, %llu gets\n",
		v.streams, (unsigned long long)v.events,
		(unsigned long long)v.coalesced, (unsigned long long)v.sets,
		(unsigned long long)v.gets);
	print_server(out, "ctl", s->run_dir, s->ctl.server, s->ctl.sock);
	print_server(out, "dumpstate", s->run_dir, s->dump_door.server,
		     s->dump_door.sock);
	dumpstate_stats(s->dumpstate, &d);
	fprintf(out, "  %u commands running, %llu ever, %llu failed\n",
		d.running, (unsigned long long)d.commands,
		(unsigned long long)d.failed);
	print_server(out, "tracing", s->run_dir, s->tracing_door.server,
		     s->tracing_door.sock);
	tracing_stats(s->tracing, &t);
	fprintf(out,
		"  %u sessions running, %u waiting to be fetched, %zu kB, "
		"%llu ever, %llu refused\n",
		t.running, t.kept, t.bytes / 1024,
		(unsigned long long)t.started, (unsigned long long)t.refused);
	if (s->debug.port) {
		struct emulator_stats e;

		emulator_port_stats(s->debug.port, &e);
		fprintf(out,
			"service debug port: %u connections open, %llu ever, "
			"%llu broken, %llu commands, %llu sets, %llu changes "
			"sent, %llu replaced by newer ones\n",
			e.open, (unsigned long long)e.connections,
			(unsigned long long)e.broken,
			(unsigned long long)e.commands,
			(unsigned long long)e.sets,
			(unsigned long long)e.pushed,
			(unsigned long long)e.coalesced);
	}
	if (s->gnss) {
		struct gnss_serve_stats g;

		gnss_host_stats(s->gnss, &g);
		fprintf(out,
			"service gnss: %llu requests for a place, %llu for raw "
			"measurements, %llu fixes and %llu epochs given, %llu "
			"bytes of nonsense\n",
			(unsigned long long)g.locations,
			(unsigned long long)g.raws, (unsigned long long)g.fixes,
			(unsigned long long)g.epochs,
			(unsigned long long)g.junk);
	}
	if (s->nmea) {
		struct nmea_pty_stats n;

		nmea_pty_stats(s->nmea, &n);
		fprintf(out,
			"service nmea: %llu bursts of sentences, %llu without "
			"a reader\n",
			(unsigned long long)n.bursts,
			(unsigned long long)n.dropped);
	}
	if (s->audio) {
		struct audio_focus_stats a;

		audio_focus_stats(s->audio, &a);
		fprintf(out,
			"client audio focus: %sconnected, %u sessions, %llu "
			"connections ever, %llu messages, %llu heartbeats, "
			"%llu failed, %llu given up\n",
			a.connected ? "" : "not ", a.sessions,
			(unsigned long long)a.connections,
			(unsigned long long)a.messages,
			(unsigned long long)a.heartbeats,
			(unsigned long long)a.failed,
			(unsigned long long)a.dropped);
	}
}

static int open_dumpstate(struct services *s, const struct services_opts *o,
			  struct av_err *err)
{
	struct dumpstate_env env = { .services = &s->env,
				     .config = o->dumpstate,
				     .devices = print_devices,
				     .ctx = s };
	struct door *d = &s->dump_door;
	int ret = door_make(s, d, "dumpstate", err);

	if (ret == 0) {
		ret = dumpstate_create(&env, d->server, &s->dumpstate, err);
	}
	return ret < 0 ? ret :
			 door_open(s, d, "dumpstate.sock", o->dumpstate_tcp,
				   DUMPSTATE_PORT, o->host_vsock, err);
}

static void close_dumpstate(struct services *s)
{
	door_close(&s->dump_door);
	dumpstate_destroy(s->dumpstate);
}

/* ---- tracing ---- */

static int open_tracing(struct services *s, const struct services_opts *o,
			struct av_err *err)
{
	struct door *d = &s->tracing_door;
	int ret = door_make(s, d, "tracing", err);

	if (ret == 0) {
		ret = tracing_create(&s->env, d->server, &s->tracing, err);
	}
	return ret < 0 ? ret :
			 door_open(s, d, "tracing.sock", o->tracing_tcp,
				   TRACING_PORT, o->host_vsock, err);
}

static void close_tracing(struct services *s)
{
	door_close(&s->tracing_door);
	tracing_destroy(s->tracing);
}

/* ---- debug port ---- */

static int open_debug(struct services *s, const struct services_opts *o,
		      struct av_err *err)
{
	struct emulator_env env = { .loop = s->env.loop,
				    .vhal = s->env.w->vhal,
				    .service = s->vhal.service };

	if (!o->debug_port) {
		return 0;
	}
	if (emulator_port_create(&env, &s->debug.port) < 0) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	return sock_listen_tcp(s->env.loop,
			       o->debug_port[0] ? o->debug_port : EMULATOR_PORT,
			       emulator_port_acceptor(s->debug.port),
			       &s->debug.tcp, NULL, err);
}

static void close_debug(struct services *s)
{
	sock_listener_destroy(s->debug.tcp);
	emulator_port_destroy(s->debug.port);
}

/* ---- audio focus ---- */

static int open_audio(struct services *s, const struct services_opts *o,
		      struct av_err *err)
{
	struct audio_focus_env env = { .loop = s->env.loop,
				       .bus = s->env.w->bus,
				       .sessions = s->env.w->audio,
				       .address = o->audio_focus,
				       .usages = o->audio_usages,
				       .vsock = s->env.vsock,
				       .ctx = s->env.ctx };

	return o->audio_focus ? audio_focus_create(&env, &s->audio, err) : 0;
}

/* ---- Bluetooth ---- */

/* Not in a replay: what a host did is not in the recording, only what came of
 * it. */
static int open_bluetooth(struct services *s, const struct services_opts *o,
			  struct av_err *err)
{
	struct bluetooth *bt = s->env.w->bt;
	char path[PATH_MAX + 32];
	int ret = 0;

	if (s->env.replay) {
		return 0;
	}
	if (o->bt_controller) {
		ret = bt_remote_create(s->env.loop, o->bt_controller,
				       evq_clock(s->env.w->q), &s->bt.remote,
				       err);
		if (ret < 0) {
			return ret;
		}
		bluetooth_use(bt, bt_remote_controller(s->bt.remote),
			      o->bt_controller);
	}
	if (o->bt_snoop) {
		ret = btsnoop_open(o->bt_snoop, bt, o->epoch_ns, &s->bt.snoop,
				   err);
	}
	return ret < 0 ? ret
		       : bt_host_create(s->env.loop, bt,
					sock_path(s, "bt.sock", path),
					o->bt_pty, &s->bt.host, err);
}

static void close_bluetooth(struct services *s)
{
	bt_host_destroy(s->bt.host);
	btsnoop_close(s->bt.snoop);
	if (s->bt.remote) {
		bluetooth_use(s->env.w->bt, NULL, NULL);
	}
	bt_remote_destroy(s->bt.remote);
}

/* ---- satellite navigation ---- */

static int open_nmea(struct services *s, const struct services_opts *o,
		     struct av_err *err)
{
	int ret = 0;

	if (s->env.w->gnss) {
		ret = gnss_host_create(s->env.w->bus, evq_clock(s->env.w->q),
				       &s->gnss, err);
	}
	if (ret < 0 || !o->nmea_pty) {
		return ret;
	}
	if (!s->env.w->gnss) {
		return av_err_set(err, -ENODEV,
				  "--nmea-pty: nothing tells a place in this "
				  "run");
	}
	return nmea_pty_create(s->env.loop, s->env.w->bus, o->nmea_pty,
			       &s->nmea, err);
}

/* ---- all ---- */

int services_create(const struct services_env *env,
		    const struct services_opts *o, struct services **out,
		    struct av_err *err)
{
	struct services *s = calloc(1, sizeof(*s));
	int ret;

	if (!s) {
		return av_err_set(err, -ENOMEM, "out of memory");
	}
	s->env = *env;
	ret = make_run_dir(s, o->run_dir, err);
	if (ret == 0) {
		ret = open_vhal(s, o, err);
	}
	if (ret == 0) {
		ret = open_ctl(s, err);
	}
	if (ret == 0) {
		ret = open_power(s, o, err);
	}
	if (ret == 0) {
		ret = open_dumpstate(s, o, err);
	}
	if (ret == 0) {
		ret = open_tracing(s, o, err);
	}
	if (ret == 0) {
		ret = open_debug(s, o, err);
	}
	if (ret == 0) {
		ret = open_audio(s, o, err);
	}
	if (ret == 0) {
		ret = open_nmea(s, o, err);
	}
	if (ret == 0 && env->w->imu) {
		ret = sensor_channel_create(env->w->bus, env->w->imu,
					    &s->sensors, err);
	}
	if (ret == 0) {
		ret = open_bluetooth(s, o, err);
	}
	if (ret < 0) {
		services_destroy(s);
		return ret;
	}
	*out = s;
	return 0;
}

void services_destroy(struct services *s)
{
	if (!s) {
		return;
	}
	close_bluetooth(s);
	nmea_pty_destroy(s->nmea);
	gnss_host_destroy(s->gnss);
	sensor_channel_destroy(s->sensors);
	audio_focus_destroy(s->audio);
	close_tracing(s);
	close_dumpstate(s);
	close_debug(s);
	close_vhal(s);
	close_ctl(s);
	power_marker_destroy(s->power);
	if (s->made_dir) {
		rmdir(s->run_dir);
	}
	free(s);
}

const char *services_run_dir(const struct services *s)
{
	return s->run_dir;
}

/* ---- front doors ---- */

const char *const services_names[] = {
	"vhal",	     "ctl",	   "dumpstate",	      "tracing",
	"debug",     "bt",	   "gnss",	      "gnss-raw",
	"gnss-fixed", "sensors", "sensors-control", "sensors-data", NULL
};

struct av_acceptor *services_acceptor(struct services *s, const char *name)
{
	if (!strcmp(name, "vhal")) {
		return grpc_server_acceptor(s->vhal.server);
	}
	if (!strcmp(name, "ctl")) {
		return grpc_server_acceptor(s->ctl.server);
	}
	if (!strcmp(name, "dumpstate")) {
		return grpc_server_acceptor(s->dump_door.server);
	}
	if (!strcmp(name, "tracing")) {
		return grpc_server_acceptor(s->tracing_door.server);
	}
	if (!strcmp(name, "debug") && s->debug.port) {
		return emulator_port_acceptor(s->debug.port);
	}
	if (!strcmp(name, "bt") && s->bt.host) {
		return bt_host_acceptor(s->bt.host);
	}
	if (!strncmp(name, "sensors", 7)) {
		return sensor_channel_acceptor(s->sensors, name);
	}
	return gnss_host_acceptor(s->gnss, name);
}
