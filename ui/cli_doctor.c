/* SPDX-License-Identifier: Apache-2.0 */
/* avsim doctor: the checks of doctor_checks.c and which device each VMM can
 * attach. */
#include "config.h"

#include "ui/cli.h"
#include "ui/doctor.h"
#include "vdevices/vmm.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- device matrix ---- */

#define N_COLUMNS (GUEST_N_ARCHES + 1)

struct column {
	char title[48];
	bool there;
	struct vmm_caps caps;
};

enum mark { MARK_ABSENT, MARK_OWN, MARK_GENERIC, MARK_NO };
static const char *const marks[] = { "?", "yes", "generic", "no" };

static enum mark mark_of(const struct column *col, const struct vdev_type *t)
{
	const char *why, *name;

	if (!col->there) {
		return MARK_ABSENT;
	}
	if (col->caps.kind == VMM_CROSVM) {
		return t->crosvm_type ? MARK_OWN : MARK_NO;
	}
	name = vmm_qemu_device(&col->caps, t, &why);
	if (!name) {
		return MARK_NO;
	}
	return strstr(name, "test-device") ? MARK_GENERIC : MARK_OWN;
}

static void open_columns(struct column col[N_COLUMNS])
{
	static const char *const names[N_COLUMNS] = { "QEMU arm64",
						      "QEMU x86_64", "crosvm" };
	for (int i = 0; i < N_COLUMNS; i++) {
		bool qemu = i < GUEST_N_ARCHES;
		struct av_err err;

		col[i].there =
			vmm_probe(qemu ? VMM_QEMU : VMM_CROSVM,
				  qemu ? (enum guest_arch)i : GUEST_X86_64,
				  NULL, &col[i].caps, &err) == 0;
		if (col[i].there) {
			snprintf(col[i].title, sizeof(col[i].title), "%s %d.%d",
				 names[i], col[i].caps.major,
				 col[i].caps.minor);
		} else {
			snprintf(col[i].title, sizeof(col[i].title), "%s: none",
				 names[i]);
		}
	}
}

static void close_columns(struct column col[N_COLUMNS])
{
	for (int i = 0; i < N_COLUMNS; i++) {
		vmm_caps_finish(&col[i].caps);
	}
}

static void print_matrix(const struct column col[N_COLUMNS])
{
	bool no = false, generic = false;

	printf("\n%-10s", "device");
	for (int i = 0; i < N_COLUMNS; i++) {
		printf(" %-18s", col[i].title);
	}
	putchar('\n');
	for (size_t t = 0; t < n_vdev_types; t++) {
		printf("%-10s", vdev_types[t]->name);
		for (int i = 0; i < N_COLUMNS; i++) {
			enum mark m = mark_of(&col[i], vdev_types[t]);

			printf(" %-18s", marks[m]);
			no |= m == MARK_NO && i < GUEST_N_ARCHES;
			generic |= m == MARK_GENERIC;
		}
		putchar('\n');
	}
	if (generic) {
		puts("generic: by vhost-user-test-device-pci");
	}
	if (no) {
		puts("no: QEMU 10.2 and later attach every device, but for scmi "
		     "on x86_64, where\n    Linux has no way to find it");
	}
}

static json_t *json_matrix(const struct column col[N_COLUMNS])
{
	json_t *rows = json_array();

	for (size_t t = 0; t < n_vdev_types; t++) {
		json_t *row = json_object();

		json_object_set_new(row, "device",
				    json_string(vdev_types[t]->name));
		for (int i = 0; i < N_COLUMNS; i++) {
			static const char *const keys[N_COLUMNS] = {
				"qemu_arm64", "qemu_x86_64", "crosvm"
			};

			json_object_set_new(row, keys[i],
					    json_string(marks[mark_of(
						    &col[i], vdev_types[t])]));
		}
		json_array_append_new(rows, row);
	}
	return rows;
}

/* ---- report ---- */

static int print_text(const struct doctor_result *r,
		      const struct column col[N_COLUMNS])
{
	int status = EXIT_PASS;

	for (size_t i = 0; i < n_doctor_checks; i++) {
		printf("%-4s  %-12s %s\n", doctor_verdicts[r[i].verdict],
		       doctor_checks[i].name, r[i].text);
		if (r[i].remedy[0]) {
			printf("%20s%s\n", "-> ", r[i].remedy);
		}
		if (r[i].verdict == DOCTOR_BAD) {
			status = EXIT_FAIL;
		}
	}
	print_matrix(col);
	return status;
}

static int print_json(const struct doctor_result *r,
		      const struct column col[N_COLUMNS])
{
	json_t *root = json_object(), *rows = json_array();
	int status = EXIT_PASS;

	for (size_t i = 0; i < n_doctor_checks; i++) {
		json_t *row = json_object();

		json_object_set_new(row, "check",
				    json_string(doctor_checks[i].name));
		json_object_set_new(row, "needed_for",
				    json_string(doctor_checks[i].needed_for));
		json_object_set_new(
			row, "verdict",
			json_string(r[i].verdict == DOCTOR_BAD
					    ? "bad"
					    : doctor_verdicts[r[i].verdict]));
		json_object_set_new(row, "text", json_string(r[i].text));
		json_object_set_new(row, "remedy", json_string(r[i].remedy));
		json_array_append_new(rows, row);
		if (r[i].verdict == DOCTOR_BAD) {
			status = EXIT_FAIL;
		}
	}
	json_object_set_new(root, "checks", rows);
	json_object_set_new(root, "devices", json_matrix(col));
	if (json_dumpf(root, stdout, JSON_INDENT(2)) < 0) {
		status = cli_trouble("cannot write the report");
	}
	putchar('\n');
	json_decref(root);
	return status;
}

static int examine(bool json)
{
	struct doctor_result *r = calloc(n_doctor_checks, sizeof(*r));
	struct column col[N_COLUMNS] = { 0 };
	int status;

	if (!r) {
		return cli_trouble("out of memory");
	}
	for (size_t i = 0; i < n_doctor_checks; i++) {
		doctor_checks[i].run(&r[i]);
	}
	open_columns(col);
	status = json ? print_json(r, col) : print_text(r, col);
	close_columns(col);
	free(r);
	return status;
}

static int run(int argc, char **argv)
{
	bool json = false;
	const struct cli_opt opts[] = { { "json", OPT_FLAG, &json }, { 0 } };
	struct cli_list rest = { 0 };
	int ret = cli_parse("doctor", argc, argv, opts, &rest);
	int status = ret == 1 ? EXIT_PASS : EXIT_TROUBLE;

	if (ret == 0 && rest.n) {
		cli_trouble("what is '%s'? see avsim doctor --help", rest.v[0]);
	} else if (ret == 0) {
		status = examine(json);
	}
	cli_list_finish(&rest);
	return status;
}

const struct cli_command cli_doctor = {
	.name = "doctor",
	.args = "[--json]",
	.summary = "what of this host works, with the remedy for what does not",
	.help = "Looks at files, limits, the kernel's means of confinement, and "
		"the virtual\nmachine monitors, and shows which devices each "
		"of these can attach.\n\n"
		"  --json  the same for programs\n\n"
		"Exit status: 0 scenarios can be run, 1 something that they "
		"need is missing.\n",
	.run = run,
};
