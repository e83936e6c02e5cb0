/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fuzz target over files instead of libFuzzer: the corpus folder that
 * bears its name, or the files and folders given. make check uses it.
 */
#include "config.h"

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned long n_run;

static int run_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *buf;
	long size;
	size_t got;

	if (!f || fseek(f, 0, SEEK_END) < 0 || (size = ftell(f)) < 0) {
		fprintf(stderr, "cannot read %s\n", path);
		exit(1);
	}
	rewind(f);
	/* exactly as large as the input, so that ASan sees reads past it */
	buf = malloc(size > 0 ? (size_t)size : 1);
	if (!buf) {
		exit(1);
	}
	got = fread(buf, 1, (size_t)size, f);
	fclose(f);
	LLVMFuzzerTestOneInput(buf, got);
	free(buf);
	n_run++;
	return 0;
}

static void run_path(const char *path)
{
	struct stat st;
	struct dirent **list;
	int n;

	if (stat(path, &st) < 0) {
		fprintf(stderr, "no such corpus: %s\n", path);
		exit(1);
	}
	if (!S_ISDIR(st.st_mode)) {
		run_file(path);
		return;
	}
	n = scandir(path, &list, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		char sub[4096];

		if (list[i]->d_name[0] != '.') {
			snprintf(sub, sizeof(sub), "%s/%s", path,
				 list[i]->d_name);
			run_path(sub);
		}
		free(list[i]);
	}
	free(list);
}

int main(int argc, char **argv)
{
	const char *top = getenv("AVSIM_TOP_SRCDIR");
	const char *name = strrchr(argv[0], '/');
	char path[4096];

	name = name ? name + 1 : argv[0];
	/* fuzz_NAME, or another program over the same inputs: VERB_NAME */
	if (strchr(name, '_')) {
		name = strchr(name, '_') + 1;
	}
	if (argc > 1) {
		for (int i = 1; i < argc; i++) {
			run_path(argv[i]);
		}
	} else {
		snprintf(path, sizeof(path), "%s/tests/fuzz/corpus/%s",
			 top ? top : ".", name);
		run_path(path);
	}
	printf("%lu inputs replayed\n", n_run);
	return n_run > 0 ? 0 : 1;
}
