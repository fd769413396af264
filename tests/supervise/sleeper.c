/* sleeper SECONDS FILE: opens FILE, and sleeps. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	if (argc != 3 || open(argv[2], O_RDONLY | O_CLOEXEC) < 0)
		return 1;
	sleep((unsigned)atoi(argv[1]));
	return 0;
}
