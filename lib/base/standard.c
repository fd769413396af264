#include "lib/base/standard.h"

#include <fcntl.h>
#include <unistd.h>

void standard_hold(void)
{
	int fd;

	do
		fd = open("/", O_PATH | O_CLOEXEC);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		close(fd);
}

/* What a program inherits is never CLOEXEC. */
bool standard_is_held(int fd)
{
	int flags = fcntl(fd, F_GETFD);

	return flags >= 0 && (flags & FD_CLOEXEC);
}
