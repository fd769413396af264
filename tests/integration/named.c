/* Prints which file it is, and by what name it was executed. */
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char path[PATH_MAX];
	ssize_t size = readlink("/proc/self/exe", path, sizeof(path));

	(void)argc;
	return size < 0 || printf("%.*s as %s\n", (int)size, path, argv[0]) < 0;
}
