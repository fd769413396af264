/*
 * filtered FOLDER: a process that reads FOLDER/0, installs a seccomp filter that allows everything,
 * reads FOLDER/1, says "filtered", waits for a line on standard input, and reads FOLDER/2.
 */
#include <err.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

static void read_file(const char *folder, int number)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/%d", folder, number);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		err(1, "%s", path);
	close(fd);
}

int main(int argc, char **argv)
{
	struct sock_filter allow[] = { { BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW } };
	struct sock_fprog program = { 1, allow };

	if (argc != 2)
		errx(2, "usage: filtered FOLDER");
	read_file(argv[1], 0);
	/* As libseccomp asks whether there are filters. */
	if (!prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, NULL))
		errx(1, "a filter that is none");
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
		err(1, "no filter");
	read_file(argv[1], 1);
	puts("filtered");
	fflush(stdout);
	getchar();
	read_file(argv[1], 2);
	return 0;
}
