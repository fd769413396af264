/* own_number_filtered NUMBER: installs a filter that allows everything, and then copies a
 * descriptor to that number, which is the library's. The program can ask about its file, and close
 * it. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check.h"

int main(int count, char **arguments)
{
	struct sock_filter allow[] = { BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
	struct sock_fprog program = { 1, allow };
	int number = count > 1 ? atoi(arguments[1]) : -1;
	struct stat status;

	CHECK(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0);
	CHECK(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0);
	CHECK(dup2(open("/etc/passwd", O_RDONLY), number) == number);
	CHECK(fstat(number, &status) == 0 && S_ISREG(status.st_mode));
	CHECK(close(number) == 0);
	return 0;
}
