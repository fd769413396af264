/* A disk that takes its time to make anything last, as LD_PRELOAD. */
#include <sys/syscall.h>
#include <unistd.h>

#define SYNC_US 20000

int fsync(int fd)
{
	usleep(SYNC_US);
	return syscall(SYS_fsync, fd);
}
