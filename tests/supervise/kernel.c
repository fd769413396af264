/*
 * Runs a program as on an older kernel, as far as a supervisor is concerned.
 *
 *   kernel 5.4 PROGRAM ARGUMENT...		no announcement can be answered by "continue"
 *   kernel 5.4+continue PROGRAM ARGUMENT...	the same, but it can, as in some distributions
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NO_SUCH_CALL(number)                                                                       \
	BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),                                         \
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS)

int main(int argc, char **argv)
{
	struct sock_filter code[] = { BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					      offsetof(struct seccomp_data, nr)),
		NO_SUCH_CALL(SYS_close_range), NO_SUCH_CALL(SYS_openat2),
		NO_SUCH_CALL(SYS_faccessat2), BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_ioctl, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)SECCOMP_IOCTL_NOTIF_SEND, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW) };
	struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

	if (argc < 3)
		return 2;
	if (strcmp(argv[1], "5.4+continue") == 0)
		code[program.len - 2].k = SECCOMP_RET_ALLOW;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
		prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) < 0)
		perror("kernel");
	execvp(argv[2], argv + 2);
	perror(argv[2]);
	return 127;
}
