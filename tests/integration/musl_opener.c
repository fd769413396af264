/* Opens its arguments, and looks up a user, for which libc opens /etc/passwd. */
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	int status = 0;

	for (int i = 1; i < argc; i++) {
		int fd = open(argv[i], O_RDONLY);

		if (fd < 0) {
			perror(argv[i]);
			status = 1;
		}
		close(fd);
	}
	if (!getpwnam("root"))
		status = 1;
	int child_status = 0;
	pid_t pid = fork();
	if (pid == 0) {
		execl("/bin/cat", "cat", argv[argc - 1], (char *)0);
		_exit(127);
	}
	if (waitpid(pid, &child_status, 0) != pid || child_status != 0)
		status = 1;
	return status;
}
