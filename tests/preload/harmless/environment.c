/* An environment that was moved, and whose first pointer leads to memory that is gone. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static void start(pid_t child)
{
	int status = -1;

	if (child == 0) {
		execl("/bin/true", "true", (char *)NULL);
		_exit(1);
	}
	waitpid(child, &status, 0);
	printf("child's status %#x\n", status);
}

int main(void)
{
	char *entry = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	putenv(strcpy(entry, "HOME=/x"));
	setenv("A_NEW_ONE", "1", 1);
	putenv("HOME=/y");
	munmap(entry, 4096);
	for (int i = 0; i < 4; i++) {
		start(fork());
		start(vfork());
	}
	return 0;
}
