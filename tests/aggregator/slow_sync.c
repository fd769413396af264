/* A disk that takes SYNC_US microseconds to make anything last, as LD_PRELOAD. */
#include <sys/syscall.h>
#include <unistd.h>

int fsync(int fd)
{
	usleep(SYNC_US);
	return syscall(SYS_fsync, fd);
}
