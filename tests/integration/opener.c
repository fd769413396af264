/*
 * Opens files one after the other and says so on standard output, each number only when its open
 * has returned: what stands there when the process is killed has happened before.
 *
 *   opener FOLDER FIRST COUNT [pause]
 *
 * Opens FOLDER/FIRST and so on for reading. With "pause" it waits for a line on standard input
 * before each.
 */
#include <err.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc < 4)
		errx(2, "usage: opener FOLDER FIRST COUNT [pause]");
	int paused = argc > 4 && !strcmp(argv[4], "pause");
	long first = atol(argv[2]), count = atol(argv[3]);

	for (long i = first; i < first + count; i++) {
		char path[PATH_MAX], line[32];

		if (paused && !fgets(line, sizeof(line), stdin))
			return 0;
		snprintf(path, sizeof(path), "%s/%ld", argv[1], i);
		int fd = open(path, O_RDONLY);
		if (fd < 0)
			err(1, "%s", path);
		close(fd);
		int size = snprintf(line, sizeof(line), "%ld\n", i);
		if (write(STDOUT_FILENO, line, size) != size)
			err(1, "standard output");
	}
	return 0;
}
