#define _GNU_SOURCE
#include "supervise/wake.h"

#include <stdint.h>
#include <sys/prctl.h>

#include "preload/rawcall.h"
#include "preload/signals.h"

#define SIGNAL_BIT (1ull << (WAKE_SIGNAL - 1))
#define RESTORER   0x04000000ul /* SA_RESTORER of <asm/signal.h>, which excludes <signal.h> */

struct action {
	void (*handler)(int);
	unsigned long flags;
	void (*restorer)(void);
	uint64_t mask;
};

static volatile sig_atomic_t came;

static void note(int number)
{
	(void)number;
	came = 1;
}

/* Where a signal handler returns to; elsewhere libc has this. */
void wake_return(void);
__asm__(".text\n"
	"wake_return:\n"
	"	mov $15, %eax\n" /* rt_sigreturn */
	"	syscall\n");

void wake_arm(void)
{
	const struct action action = { note, RESTORER, wake_return, 0 };
	uint64_t signal = SIGNAL_BIT;

	rawcall4(SYS_rt_sigaction, WAKE_SIGNAL, (long)&action, 0, KERNEL_SIGSET);
	rawcall4(SYS_rt_sigprocmask, SIG_UNBLOCK, (long)&signal, 0, KERNEL_SIGSET);
	rawcall6(SYS_prctl, PR_SET_PDEATHSIG, WAKE_SIGNAL, 0, 0, 0, 0);
}

void wake_disarm(void)
{
	uint64_t signal = SIGNAL_BIT;

	rawcall6(SYS_prctl, PR_SET_PDEATHSIG, 0, 0, 0, 0, 0);
	rawcall4(SYS_rt_sigprocmask, SIG_BLOCK, (long)&signal, 0, KERNEL_SIGSET);
}

bool wake_came(void)
{
	bool answer = came;

	came = 0;
	return answer;
}
