/* A library whose IFUNC resolver makes libc calls, some of which fail, while libraries are being
 * relocated. */
#ifdef LIBRARY
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static int chosen(void)
{
	return 1;
}

static int not_chosen(void)
{
	return 2;
}

static int (*choose(void))(void)
{
	int there = open("/etc/passwd", O_RDONLY);
	int absent = access("/etc/passwd/none", F_OK) == 0 || errno != ENOTDIR;

	return there >= 0 && close(there) == 0 && !absent ? chosen : not_chosen;
}

int choice(void) __attribute__((ifunc("choose")));

int library_choice(void)
{
	return choice();
}
#else
#include <stdio.h>

extern int library_choice(void);

int main(void)
{
	printf("choice %d\n", library_choice());
	return library_choice() != 1;
}
#endif
