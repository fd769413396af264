/* Signals of the calling thread, held back for a while. Without <signal.h>, which <asm/signal.h>
 * excludes. */
#ifndef FOOTPRINT_PRELOAD_SIGNALS_H
#define FOOTPRINT_PRELOAD_SIGNALS_H

#include <stdint.h>

#include "preload/rawcall.h"

#define KERNEL_SIGSET	 8 /* bytes of a set of signals, as the kernel has it */
#define SIGNALS_SET_MASK 2 /* SIG_SETMASK */

/* All of them. Returns what was held before. */
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
