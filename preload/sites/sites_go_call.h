/*
 * What sites_go_call.S and C share: the frame in which a Go program's system call is recorded, and
 * the stacks on which that is done.
 */
#ifndef FOOTPRINT_PRELOAD_SITES_SITES_GO_CALL_H
#define FOOTPRINT_PRELOAD_SITES_SITES_GO_CALL_H

#define GO_NUMBERS    512 /* system calls with lower numbers may be watched */
#define GO_STACK_SIZE 32768
#define GO_STACKS     32

/* From the lower end of a stack to its owner word, below which the stack begins. */
#define GO_STACK_OWNER (GO_STACK_SIZE - 64)

#ifndef __ASSEMBLER__
#include <stdbool.h>
#include <stdint.h>

/* At the upper end of a stack. */
struct go_frame {
	long number;
	long result;
	long arguments[6];
	uint64_t stack_pointer; /* of the goroutine */
	uint64_t padding;
	uint32_t owner; /* 1: the stack is in use; the kernel sets it to 0 after an exec */
};

/* Records a call that was made. */
void sites_go_after(struct go_frame *frame);

/* Makes a call that something has to be done before. False: the stub has to make it, since the
 * goroutine's stack may not be used meanwhile. */
bool sites_go_whole(struct go_frame *frame);

/* The stubs jump here: registers and stack as at the site, but for rcx, the address of the stub's
 * own `syscall`. */
extern const char site_go_gate[];

/* One bit for each number: calls that are recorded, and of these the ones for sites_go_whole(). */
extern uint64_t site_go_watched[GO_NUMBERS / 64];
extern uint64_t site_go_whole[GO_NUMBERS / 64];

/* The owner words of the first stack and, if there was one, of that behind the last. */
extern uint64_t site_go_stacks, site_go_stacks_end;

/* More threads recorded at once than there are stacks: some call was not recorded. */
extern bool site_go_missed;
#endif

#endif
