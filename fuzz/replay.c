/* Runs a fuzzer's function over files, and over all files in folders. `make check` does this with
 * the corpora; it also shows whether a crash that was found is fixed. */
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/cleanup.h"

#define INPUT_SIZE_MAX (64L << 20)
#define OPEN_FOLDERS   16

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned int replayed;

/* A buffer of exactly the file's size, so that a sanitizer detects a read beyond it. */
static int replay_file(const char *path, long size)
{
	autofclose FILE *file = fopen(path, "rbe");
	autofree uint8_t *data = malloc(size ? (size_t)size : 1);

	if (!file || !data || fread(data, 1, (size_t)size, file) != (size_t)size) {
		perror(path);
		return -1;
	}
	LLVMFuzzerTestOneInput(data, (size_t)size);
	replayed++;
	return 0;
}

static int visit(const char *path, const struct stat *status, int kind, struct FTW *place)
{
	(void)place;
	if (kind == FTW_D || kind == FTW_DP)
		return 0;
	if (kind != FTW_F || status->st_size > INPUT_SIZE_MAX) {
		fprintf(stderr, "%s: not a file that can be replayed\n", path);
		return -1;
	}
	return replay_file(path, status->st_size);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (nftw(argv[i], visit, OPEN_FOLDERS, FTW_PHYS) != 0) {
			fprintf(stderr, "%s: could not be replayed\n", argv[i]);
			return EXIT_FAILURE;
		}
	printf("%u input%s replayed\n", replayed, replayed == 1 ? "" : "s");
	return replayed ? EXIT_SUCCESS : EXIT_FAILURE;
}
