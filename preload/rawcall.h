/*
 * System calls of our own, made without libc: no errno, no cancellation point, no hook in the way.
 * Each returns the kernel's answer: a negative errno on failure.
 */
#ifndef FOOTPRINT_PRELOAD_RAWCALL_H
#define FOOTPRINT_PRELOAD_RAWCALL_H

#include <stdbool.h>

#include "proto/system_calls.h"

#ifndef __x86_64__
#error "the preload library knows x86-64 only so far"
#endif

#ifdef __clang_analyzer__
/* The analyzer takes no notice of what assembly writes through an address; of an unknown function
 * it expects anything. */
long rawcall6(long number, long a, long b, long c, long d, long e, long f);
long rawcall4(long number, long a, long b, long c, long d);
long rawcall3(long number, long a, long b, long c);
#else
static inline long rawcall6(long number, long a, long b, long c, long d, long e, long f)
{
	register long r10 __asm__("r10") = d;
	register long r8 __asm__("r8") = e;
	register long r9 __asm__("r9") = f;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
			 : "rcx", "r11", "memory");
	return result;
}

static inline long rawcall4(long number, long a, long b, long c, long d)
{
	register long r10 __asm__("r10") = d;
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10)
			 : "rcx", "r11", "memory");
	return result;
}

static inline long rawcall3(long number, long a, long b, long c)
{
	long result;

	__asm__ volatile("syscall"
			 : "=a"(result)
			 : "a"(number), "D"(a), "S"(b), "d"(c)
			 : "rcx", "r11", "memory");
	return result;
}
#endif

/* Is this answer an errno? The highest is 4095, and no address is among them. */
static inline bool rawcall_failed(long answer)
{
	return (unsigned long)answer > -4096ul;
}

#endif
