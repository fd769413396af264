/* Closes everything by a raw system call, which no hook sees, and opens files until one has the
 * number of the library's descriptor. The program can ask about all of them, and close them. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../raw_close_range.h"
#include "check.h"

#define FILES 260

int main(void)
{
	struct stat status;
	int files[FILES];

	CHECK(raw_close_range(3, ~0u) == 0);
	for (int i = 0; i < FILES; i++)
		CHECK((files[i] = open("/etc/passwd", O_RDONLY)) >= 0);
	for (int i = 0; i < FILES; i++) {
		CHECK(fstat(files[i], &status) == 0);
		CHECK(close(files[i]) == 0);
	}
	return 0;
}
