/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "sim/core/log.h"
#include "ui/cli_devices.h"
#include "ui/cli_guest.h"
#include "ui/cli_services.h"
#include "ui/runloop.h"
#include "ui/session.h"
#include "ui/summary.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool cli_has_terminal(void)
{
	const char *term = getenv("TERM");

	return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && term &&
	       *term && strcmp(term, "dumb") != 0;
}

int cli_log_level(const char *text)
{
	for (int i = 0; i < AV_LOG_N_LEVELS; i++) {
		if (!strcmp(text, av_log_level_names[i])) {
			av_log_set_level((enum av_log_level)i);
			return 0;
		}
	}
	return cli_trouble("--log wants error, warn, info, debug or trace, not "
			   "'%s'",
			   text);
}

struct run_opts {
	const char *scenario, *vehicle, *seed, *speed, *until, *record, *log;
	struct cli_services services;
	struct session_capture capture;
	struct cli_devices devices;
	struct cli_guest guest;
	bool headless, no_record, linger;
	struct cli_list set;
};

/* What the world knows of devices: which there are. */
static int name_devices(struct session *s, const struct cli_devices *d)
{
	s->device = calloc(d->n ? d->n : 1, sizeof(*s->device));
	if (!s->device) {
		return cli_trouble("out of memory");
	}
	for (size_t i = 0; i < d->n; i++) {
		s->device[i] = (struct world_device){
			.name = d->spec[i].name,
			.type = d->spec[i].type->name
		};
	}
	s->n_devices = d->n;
	return 0;
}

static int run_session(struct session *s, struct run_opts *o)
{
	bool dashboard = !o->headless && cli_has_terminal();
	struct pace pace;
	struct av_err err = { 0 };
	struct runloop loop = { .pace = &pace,
				.dashboard = dashboard,
				.services = &o->services.opts };
	struct scenario_info info;
	/* a guest lives in real time */
	double speed = dashboard || o->guest.guest || o->devices.device.n ||
				       o->devices.port.n ?
			       1.0 :
			       PACE_MAX;
	int status;

	s->linger = o->linger;
	if ((o->log && cli_log_level(o->log)) ||
	    cli_services_load(&o->services) ||
	    (o->seed && session_seed(s, o->seed)) ||
	    (o->until && session_until(s, o->until)) ||
	    (o->speed && session_speed(o->speed, &speed)) ||
	    session_set(s, &o->set) || name_devices(s, &o->devices) ||
	    session_open(s, o->scenario, o->vehicle)) {
		return EXIT_TROUBLE;
	}
	scenario_info(s->w->scenario, &info);
	if (!o->no_record &&
	    session_record(s, o->record, "run", info.name, s->w->epoch_ns)) {
		if (o->record) {
			return EXIT_TROUBLE;
		}
		/* nobody asked for it: the run is worth more */
		fputs("avsim: this run is not recorded\n", stderr);
	}
	if (session_capture(s, &o->capture, info.name, s->w->epoch_ns)) {
		return EXIT_TROUBLE;
	}
	if (world_start(s->w, &err) < 0) {
		return session_trouble(NULL, &err);
	}
	o->services.opts.epoch_ns = s->w->epoch_ns;
	loop.w = s->w;
	loop.device = o->devices.spec;
	loop.n_devices = o->devices.n;
	loop.port = (const char *const *)o->devices.port.v;
	loop.n_ports = o->devices.port.n;
	loop.n_soft_ports = o->devices.n_soft_ports;
	loop.no_sandbox = o->devices.no_sandbox;
	loop.guest = o->guest.by_hand ? NULL : o->guest.guest;
	loop.rec = s->rec;
	loop.capture = s->capture;
	loop.title = info.name;
	loop.recording = s->rec ? s->rec_path : NULL;
	pace_init(&pace, speed);
	if (runloop_run(&loop, &err) < 0) {
		return session_trouble(NULL, &err);
	}
	status = summary_print(s, &loop, info.name);
	return status;
}

static int run(int argc, char **argv)
{
	struct run_opts o = { 0 };
	const struct cli_opt opts[] = {
		{ "scenario", OPT_STR, &o.scenario },
		{ "vehicle", OPT_STR, &o.vehicle },
		{ "seed", OPT_STR, &o.seed },
		{ "speed", OPT_STR, &o.speed },
		{ "until", OPT_STR, &o.until },
		{ "headless", OPT_FLAG, &o.headless },
		{ "record", OPT_STR, &o.record },
		{ "no-record", OPT_FLAG, &o.no_record },
		SESSION_CAPTURE_OPTS(&o.capture),
		{ "set", OPT_MULTI, &o.set },
		{ "log", OPT_STR, &o.log },
		{ "power-state-file", OPT_STR, &o.services.opts.power_file },
		{ "power-state-socket", OPT_STR, &o.services.opts.power_socket },
		{ "linger", OPT_FLAG, &o.linger },
		{ "bt-pty", OPT_STR, &o.services.opts.bt_pty },
		{ "bt-controller", OPT_STR, &o.services.opts.bt_controller },
		{ "bt-snoop", OPT_STR, &o.services.opts.bt_snoop },
		CLI_SERVICES_OPTS(&o.services),
		CLI_DEVICES_OPTS(&o.devices),
		CLI_GUEST_OPTS(&o.guest),
		{ 0 },
	};
	struct cli_list rest = { 0 };
	struct session s = { 0 };
	int ret = cli_parse("run", argc, argv, opts, &rest);
	int status = EXIT_TROUBLE;

	if (ret == 1) {
		status = EXIT_PASS;
	} else if (ret == 0 && !o.scenario && rest.n == 1) {
		o.scenario = rest.v[0];
	} else if (ret == 0 &&
		   ((!o.scenario && !o.guest.print) || rest.n > 0)) {
		cli_trouble(o.scenario ?
				    "what is '%s'? see avsim run --help" :
				    "which scenario? for example avsim "
				    "--scenario parking; avsim list scenarios "
				    "shows them",
			    rest.n ? rest.v[0] : "");
		ret = -EINVAL;
	}
	if (ret == 0 && o.record && o.no_record) {
		cli_trouble("--record and --no-record exclude each other");
	} else if (ret == 0 && !cli_guest_load(&o.guest, &o.devices)) {
		status = o.guest.print ?
				 cli_guest_print(&o.guest, &o.devices,
						 o.services.opts.run_dir) :
				 run_session(&s, &o);
	}
	session_finish(&s);
	cli_services_finish(&o.services);
	cli_devices_finish(&o.devices);
	cli_guest_finish(&o.guest);
	cli_list_finish(&o.set);
	cli_list_finish(&rest);
	return status;
}

const struct cli_command cli_run = {
	.name = "run",
	.args = "[--scenario] NAME|FILE [OPTION]...",
	.summary = "run a scenario, record it, judge it",
	.help = "  --scenario NAME|FILE  a bundled scenario (avsim list "
		"scenarios) or a file\n"
		"  --set NAME=VALUE      set a parameter of the scenario; "
		"repeatable\n"
		"  --vehicle NAME|DIR    another vehicle than the scenario's\n"
		"  --seed N              another seed than the scenario's\n"
		"  --until TIME          stop after TIME of virtual time (20s, "
		"1.5min)\n"
		"  --linger              go on after the scenario's end, until "
		"interrupted\n"
		"  --speed X|max         virtual seconds per second; default: 1 "
		"with the\n"
		"                        dashboard, devices, ports or guest, max without\n"
		"  --headless            no dashboard, also in a terminal\n"
		"  --record FILE         record to FILE (default: a new file in\n"
		"                        $XDG_STATE_HOME/avsim/recordings, the "
		"last 20 stay)\n"
		"  --no-record           do not record\n"
		"  --capture FILE        write packets (CAN, and of devices "
		"Ethernet, HCI and\n"
		"                        vsock) for Wireshark; FILE.pcap: "
		"classic, of one\n"
		"                        interface\n"
		"  --capture-only GLOBS  only interfaces LINK:NAME that match, "
		"as can,vsock or\n"
		"                        can:pt; links: can net bt vsock\n"
		"  --run-dir DIR         where the run's sockets are (default: a "
		"new folder\n"
		"                        in $XDG_RUNTIME_DIR/avsim)\n"
		"  --vhal-tcp ADDRESS    serve the VHAL on PORT (loopback) or "
		"HOST:PORT too\n"
		"  --host-vsock          serve VHAL, dumpstate and tracing on the "
		"host's AF_VSOCK\n"
		"                        too, for VMMs with the kernel's "
		"vhost-vsock\n"
		"  --power-state-file FILE\n"
		"                        act on its first word, now and when "
		"it changes:\n"
		"                        shutdown (into garage mode), on (call "
		"it off)\n"
		"  --power-state-socket PATH\n"
		"                        socket that writes what it gets into "
		"that file\n"
		"  --dumpstate-tcp ADDRESS\n"
		"                        likewise the host's part of bug "
		"reports\n"
		"  --dumpstate-config FILE\n"
		"                        commands for it, as XML of the trout "
		"reference host\n"
		"  --tracing-tcp ADDRESS\n"
		"                        likewise traces of this run\n"
		"  --audio-focus ADDRESS\n"
		"                        tell the guest's audio control at "
		"HOST:PORT,\n"
		"                        vsock:CID:PORT or PATH "
		"what the action audio-focus\n"
		"                        does\n"
		"  --audio-usages android|policy\n"
		"                        numbers of usages in it: 1000 and up "
		"(default), or\n"
		"                        14 and up\n"
		"  --nmea-pty PATH       a pseudo-terminal at PATH with the "
		"receiver's NMEA\n"
		"                        sentences, for gpsd\n"
		"  --bt-pty PATH         a pseudo-terminal at PATH with a "
		"Bluetooth controller\n"
		"                        (HCI, H4), beside bt.sock in the run "
		"dir\n"
		"  --bt-controller tcp:HOST:PORT|hciN\n"
		"                        pass that to another controller than "
		"the simulated\n"
		"                        one: RootCanal's HCI port, or one of "
		"this host\n"
		"  --bt-snoop FILE       write its HCI traffic to FILE (btsnoop)\n"
		"  --debug-port[=ADDRESS]\n"
		"                        open the VHAL emulator port for debug "
		"tools\n"
		"                        (default: 33452, loopback)\n"
		CLI_GUEST_HELP CLI_DEVICES_HELP
		"  --log LEVEL           error, warn, info (default), debug, "
		"trace\n\n"
		"Exit status: 0 passed, 1 an expectation failed, 2 could not "
		"run.\n",
	.run = run,
};
