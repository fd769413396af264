/* Executes a program by its descriptor, or a copy of it, PROGRAM.copy, that is deleted or a memfd.
 *
 *   nameless named|deleted|memfd fexecve|held PROGRAM MODE-OF-COPY ARGUMENT
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

static int make_copy(const char *how, const char *program, mode_t mode)
{
	int from = open(program, O_RDONLY), to, fd;
	struct stat status;
	char name[4096];

	if (strcmp(how, "named") == 0)
		return from;
	snprintf(name, sizeof(name), "%s.copy", program);
	to = strcmp(how, "memfd") ? open(name, O_CREAT | O_WRONLY, 0755)
				  : memfd_create("program", 0);
	CHECK(from >= 0 && to >= 0 && fstat(from, &status) == 0);
	CHECK(sendfile(to, from, NULL, (size_t)status.st_size) == status.st_size);
	CHECK(fchmod(to, mode) == 0);
	if (strcmp(how, "memfd") == 0)
		return to;
	CHECK(close(to) == 0);
	fd = open(name, O_RDONLY);
	CHECK(fd >= 0 && unlink(name) == 0);
	return fd;
}

int main(int argc, char **argv)
{
	unsigned mode = 0;
	char held[64];
	int fd;

	CHECK(argc >= 5 && sscanf(argv[4], "%o", &mode) == 1);
	fd = make_copy(argv[1], argv[3], mode);
	snprintf(held, sizeof(held), "/proc/self/fd/%d", fd);
	if (strcmp(argv[2], "fexecve") == 0)
		fexecve(fd, argv + 4, environ);
	else
		execve(held, argv + 4, environ);
	return errno == EACCES && !(mode & 0111) ? 0 : 1;
}
