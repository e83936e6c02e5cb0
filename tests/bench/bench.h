/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all benches share: a clock, a row of the table that make bench prints,
 * and a peer that is another program.
 *
 *	bench_title("can");
 *	bench_row("candump parse", 14.2, "M lines/s", ">= 10", NULL, 0);
 *	bench_row("decode", 31.0, "M frames/s", ">= 0.25x", "generated
 *C", 60.2);
 *
 * A figure that misses its goal says MISS and is no failure of the run: the
 * machine may be busy. Benches are the only code that may read a host clock.
 */
#ifndef AVSIM_TESTS_BENCH_BENCH_H
#define AVSIM_TESTS_BENCH_BENCH_H

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

static inline double bench_now_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

/* CPU time of this process: what another load on the machine moves least. */
static inline double bench_cpu_s(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec * 1e-9;
}

/*
 * Keep idle CPUs from sleeping, as cyclictest does (the kernel's PM QoS): a
 * round trip is some wake-ups long, and without it says how the machine, or the
 * hypervisor below it, puts CPUs to sleep, rather than what the programs do.
 * Return: to be closed to let them sleep again; -1: it is root's to ask for.
 */
static inline int bench_stay_awake(void)
{
	int fd = open("/dev/cpu_dma_latency", O_WRONLY | O_CLOEXEC);
	int32_t us = 0;

	if (fd >= 0 && write(fd, &us, sizeof(us)) != sizeof(us)) {
		close(fd);
		fd = -1;
	}
	return fd;
}

/* Keep @p's memory from being optimised away. */
static inline void bench_use(const void *p)
{
	__asm__ volatile("" : : "r"(p) : "memory");
}

static inline void bench_title(const char *module)
{
	printf("== %s\n%-38s %22s  %-10s %-40s %9s\n", module, "figure",
	       "value", "goal", "peer, same run", "ratio");
}

/**
 * bench_row() - Print one figure beside its goal and its peer
 * @goal:	">= 10" or "<= 50" judges @value; with an x at the end
 *		(">= 0.25x", "<= 1.3x") @value / @peer_value; NULL: for
 *information
 * @peer_name:	NULL if there is none
 *
 * Return: whether the goal is met.
 */
static inline bool bench_row(const char *name, double value, const char *unit,
			     const char *goal, const char *peer_name,
			     double peer_value)
{
	double ratio = peer_name && peer_value > 0 ? value / peer_value : 0;
	bool pass = true;
	char fig[64], peer[96] = "-", rat[32] = "-";

	if (goal) {
		char *end;
		double want = strtod(goal + 2, &end);
		double have = *end == 'x' ? ratio : value;

		pass = goal[0] == '>' ? have >= want : have <= want;
		if (*end == 'x' && ratio == 0) {
			pass = false; /* no peer, no verdict in our favour */
		}
	}
	snprintf(fig, sizeof(fig), "%.4g %s", value, unit);
	if (peer_name) {
		snprintf(peer, sizeof(peer), "%s %.4g", peer_name, peer_value);
		snprintf(rat, sizeof(rat), "%.3g", ratio);
	}
	printf("%-38s %22s  %-10s %-40s %9s  %s\n", name, fig,
	       goal ? goal : "-", peer, rat,
	       !goal  ? ""
	       : pass ? "PASS"
		      : "MISS");
	fflush(stdout);
	return pass;
}

/**
 * bench_peer() - Run a shell command whose last line of output is a number
 *
 * Return: the number, 0 if the command failed (it has said why on stderr).
 */
static inline double bench_peer(const char *command)
{
	FILE *p = popen(command, "r");
	char line[256];
	double v = 0;

	if (!p) {
		return 0;
	}
	while (fgets(line, sizeof(line), p)) {
		v = strtod(line, NULL);
	}
	return pclose(p) == 0 ? v : 0;
}

/**
 * bench_spawn() - Start a server that dies with the bench
 * @quiet:	its stderr is thrown away too, not only its stdout
 */
static inline pid_t bench_spawn(char *const *argv, bool quiet)
{
	pid_t pid = fork();

	if (!pid) {
		int null = open("/dev/null", O_RDWR);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		if (quiet) {
			dup2(null, STDERR_FILENO);
		}
		execvp(argv[0], argv);
		_exit(127);
	}
	return pid;
}

#endif
