/* opens SECONDS FILE [LATER]: opens FILE ten times a second; in the second half of the time LATER
 * instead. Goes on whatever the result. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int times = argc > 2 ? 10 * atoi(argv[1]) : 0;

	for (int i = 0; i < times; i++) {
		int fd = open(argv[i < times / 2 ? 2 : argc - 1], O_RDONLY | O_CLOEXEC);

		if (fd >= 0)
			close(fd);
		usleep(100000);
	}
	return times == 0;
}
