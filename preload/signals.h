/* Blocks signals of the calling thread for a while. Does without <signal.h>, which cannot be
 * included together with <asm/signal.h>. */
#ifndef FOOTPRINT_PRELOAD_SIGNALS_H
#define FOOTPRINT_PRELOAD_SIGNALS_H

#include <stdint.h>

#include "preload/rawcall.h"

#define KERNEL_SIGSET	 8 /* bytes of the kernel's sigset_t */
#define SIGNALS_SET_MASK 2 /* SIG_SETMASK */

/* Blocks all signals. Returns the signal mask as it was before, for signals_release(). */
static inline uint64_t signals_hold(void)
{
	uint64_t all = ~0ull, before = 0;

	rawcall4(SYS_rt_sigprocmask, SIGNALS_SET_MASK, (long)&all, (long)&before, KERNEL_SIGSET);
	return before;
}

static inline void signals_release(uint64_t before)
{
	rawcall4(SYS_rt_sigprocmask, SIGNALS_SET_MASK, (long)&before, 0, KERNEL_SIGSET);
}

#endif
