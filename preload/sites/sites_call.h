/*
 * What sites_call.S and C share: the kinds of sites, the stubs that sites jump to, and the frame
 * that the stubs build.
 */
#ifndef FOOTPRINT_PRELOAD_SITES_SITES_CALL_H
#define FOOTPRINT_PRELOAD_SITES_SITES_CALL_H

#define SITE_STUB_SIZE 16

/* How many sites of each kind can be redirected: a third more than any known libc has. */
#define STUBS_COMPARE	   64
#define STUBS_COMPARE_FROM 40
#define STUBS_COMPARE_INT  8
#define STUBS_TO_ARGUMENT  40
#define STUBS_TO_R10	   8
#define STUBS_TO_RDX_TEST  4
#define STUBS_RETURN	   2
#define STUBS_ADD_STACK	   2
#define STUBS_DEFERRED	   24

#define STUBS_BEFORE_DEFERRED                                                                      \
	(STUBS_COMPARE + STUBS_COMPARE_FROM + STUBS_COMPARE_INT + STUBS_TO_ARGUMENT +              \
		STUBS_TO_R10 + STUBS_TO_RDX_TEST + STUBS_RETURN + STUBS_ADD_STACK)

#ifndef __ASSEMBLER__
#include <stdint.h>

/* The kinds of sites: what the code behind `syscall` is, which the jump overwrites. In the order of
 * the stubs. */
enum site_kind {
	SITE_COMPARE,	   /* cmp $-4096, %rax */
	SITE_COMPARE_FROM, /* cmp $-4095, %rax */
	SITE_COMPARE_INT,  /* cmp $-4096, %eax */
	SITE_TO_ARGUMENT,  /* mov %rax, %rdi */
	SITE_TO_R10,	   /* mov %eax, %r10d */
	SITE_TO_RDX_TEST,  /* xor %edx, %edx; test %eax, %eax */
	SITE_RETURN,	   /* pop %rbx; ret, and padding */
	SITE_ADD_STACK,	   /* add $8, %rsp */
	SITE_DEFERRED,	   /* SITE_COMPARE, where the thread may be cancelled at any instruction */
	SITE_KINDS
};

/* On the stack of the calling thread; sites_call.S has a drawing. */
struct site_frame {
	uint64_t ticket;
	long number;
	long arguments[6];
	uint64_t deferred; /* 1: signals are blocked while the call is recorded */
};

void site_before(struct site_frame *frame);
/* Records the call and returns its result. next: the address where the site goes on; 0: the call
 * was made by site_cancellable_real. */
long site_after(struct site_frame *frame, long result, uint64_t next);

extern const char site_stubs[];
/* Jumped to with the number of a stub in cl, and registers and stack as at the site. */
extern const char site_gate[];
/* The address where each stub's site goes on, in the order of the stubs. */
extern uint64_t site_returns[];

/* Called in place of libc's function that makes cancellable system calls, with the same arguments:
 * a word that says whether the thread was cancelled, the number of the system call, and its six
 * arguments. site_cancellable_real is the address of libc's function. */
extern const char site_cancellable[];
extern uint64_t site_cancellable_real;
#endif

#endif
