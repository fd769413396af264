/*
 * The seccomp filter of a program that the library cannot enter: every call that is recorded, or
 * changes what paths mean, is announced to a supervisor (supervise/), which answers "continue".
 * Those that make processes or copy descriptors are not: the kernel says what has become of them.
 * The filter stays with the process and all its descendants for ever.
 */
#ifndef FOOTPRINT_PRELOAD_PROGRAMS_SUPERVISED_FILTER_H
#define FOOTPRINT_PRELOAD_PROGRAMS_SUPERVISED_FILTER_H

/*
 * One `syscall` instruction of a watched program makes calls that are not announced, since the code
 * around it announces what needs to be (supervise/express.h). The filter knows it by the low half
 * of its address: of the memory it is in, which begins with a page, and of the instruction behind
 * it.
 */
#define SUPERVISED_EXPRESS_LOW	  0x5fa37000
#define SUPERVISED_EXPRESS_ENTER  0x30 /* into that page: where the code is entered */
#define SUPERVISED_EXPRESS_RETURN 0x42

#ifndef __ASSEMBLER__
#include <stdbool.h>
#include <sys/socket.h>

/* The listener's own way out, which the filter lets pass: sendmsg with these flags, all of which
 * but the first mean something to receivers only. */
#define SUPERVISED_SEND_FLAGS (MSG_NOSIGNAL | MSG_CTRUNC | MSG_TRUNC | MSG_WAITALL | MSG_ERRQUEUE)

#define SUPERVISED_FILTER_SIZE 1536 /* bytes of room for the program, aligned to 8 */

/* Is the call of this number ever announced? */
bool supervised_filter_announces(long number);

/* Does such a filter stand over the caller already? One system call. */
bool supervised_filter_stands(void);

/*
 * May the caller install one: 0. -EPERM: it would take no_new_privs, and set-uid programs that this
 * process or its descendants may run would notice. `allowed`: FOOTPRINT_SUPERVISE says they run
 * none.
 */
int supervised_filter_permitted(bool allowed, bool *ret_no_new_privileges);

/* Installs it for the calling thread. Returns the listener, CLOEXEC, or a negative errno: -EBUSY,
 * there is a listener over this process already. */
int supervised_filter_install(void *room, bool no_new_privileges);
#endif

#endif
