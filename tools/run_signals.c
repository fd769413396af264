#include "tools/run_signals.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <sys/signalfd.h>
#include <time.h>

#include "lib/base/cleanup.h"

/* Signals that are meant for the program. */
static const int passed_on[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2 };
#define N_PASSED_ON (sizeof(passed_on) / sizeof(passed_on[0]))

static void set_of_passed_on(sigset_t *ret)
{
	sigemptyset(ret);
	for (size_t i = 0; i < N_PASSED_ON; i++)
		sigaddset(ret, passed_on[i]);
}

/* Blocks SIGPIPE, too: even if nobody reads our output any more, we have to clean up. */
void signals_hold(struct held_signals *ret)
{
	sigset_t set;

	*ret = (struct held_signals){ 0 };
	ret->ignores_children = signal(SIGCHLD, SIG_DFL) == SIG_IGN;
	set_of_passed_on(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGPIPE);
	sigprocmask(SIG_BLOCK, &set, &ret->inherited);
}

void signals_release(const struct held_signals *held)
{
	if (held->ignores_children)
		signal(SIGCHLD, SIG_IGN);
	sigprocmask(SIG_SETMASK, &held->inherited, NULL);
}

/* --- before the program ----------------------------------------------------------------------- */

static bool is_ignored(int number)
{
	struct sigaction action;

	return sigaction(number, NULL, &action) == 0 && action.sa_handler == SIG_IGN;
}

/* The signals that end the run before the program has started. Those that are ignored, or were
 * blocked before, do not, although they become pending, too, while they are blocked. */
static void set_of_ending(const struct held_signals *held, sigset_t *ret)
{
	sigemptyset(ret);
	for (size_t i = 0; i < N_PASSED_ON; i++)
		if (!is_ignored(passed_on[i]) && !sigismember(&held->inherited, passed_on[i]))
			sigaddset(ret, passed_on[i]);
}

bool signals_interrupted(struct held_signals *held)
{
	sigset_t ending, pending;

	set_of_ending(held, &ending);
	sigpending(&pending);
	for (size_t i = 0; i < N_PASSED_ON; i++)
		if (sigismember(&ending, passed_on[i]) && sigismember(&pending, passed_on[i]))
			held->interrupted = true;
	return held->interrupted;
}

void signals_wait_readable(const struct held_signals *held, int fd)
{
	sigset_t ending;
	autoclose int signals = -1;
	struct pollfd polled[] = { { .fd = fd, .events = POLLIN }, { .events = POLLIN } };

	set_of_ending(held, &ending);
	signals = signalfd(-1, &ending, SFD_CLOEXEC);
	polled[1].fd = signals; /* poll ignores -1 */
	while (poll(polled, 2, -1) < 0 && errno == EINTR)
		;
}

void signals_end(const struct held_signals *held)
{
	sigprocmask(SIG_SETMASK, &held->inherited, NULL);
}

/* --- while it runs ---------------------------------------------------------------------------- */

bool signals_next(siginfo_t *ret)
{
	sigset_t set;

	set_of_passed_on(&set);
	sigaddset(&set, SIGCHLD);
	return sigwaitinfo(&set, ret) >= 0;
}

/* --- after it --------------------------------------------------------------------------------- */

void signals_forget(const struct held_signals *held)
{
	const struct timespec at_once = { 0 };
	sigset_t ending;

	set_of_ending(held, &ending);
	while (sigtimedwait(&ending, NULL, &at_once) >= 0)
		;
}

void signals_let_end(const struct held_signals *held)
{
	sigset_t ending;

	set_of_ending(held, &ending);
	sigprocmask(SIG_UNBLOCK, &ending, NULL);
}
