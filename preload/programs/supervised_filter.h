/*
 * The seccomp filter of a program that cannot load the library. Every call that is recorded, or
 * that changes what paths mean, is announced to a supervisor (supervise/), which answers
 * "continue". Calls that make processes or copy descriptors are not announced, since the kernel can
 * be asked afterwards. The filter stays with the process and all its descendants for ever.
 */
#ifndef FOOTPRINT_PRELOAD_PROGRAMS_SUPERVISED_FILTER_H
#define FOOTPRINT_PRELOAD_PROGRAMS_SUPERVISED_FILTER_H

/*
 * One `syscall` instruction in a watched program makes calls that are not announced: the code
 * around it announces what is needed (supervise/express.h). The filter recognises it by the low 32
 * bits of its address. That is SUPERVISED_EXPRESS_LOW, where the memory it is in begins, plus
 * SUPERVISED_EXPRESS_RETURN, the offset of the instruction behind it.
 */
#define SUPERVISED_EXPRESS_LOW	  0x5fa37000
#define SUPERVISED_EXPRESS_ENTER  0x30 /* offset at which the code is entered */
#define SUPERVISED_EXPRESS_RETURN 0x42

#ifndef __ASSEMBLER__
#include <stdbool.h>
#include <sys/socket.h>

/* The flags of the one sendmsg that the filter lets pass, which sends the listener. All but the
 * first mean something to receivers only. */
#define SUPERVISED_SEND_FLAGS (MSG_NOSIGNAL | MSG_CTRUNC | MSG_TRUNC | MSG_WAITALL | MSG_ERRQUEUE)

#define SUPERVISED_FILTER_SIZE 1792 /* bytes of room for the filter, aligned to 8 */

/* Is a call with this number ever announced? */
bool supervised_filter_announces(long number);

/* Does the call change the rights that the caller has? All such calls are announced. */
bool supervised_filter_is_of_rights(long number);

/* Does the caller run under such a filter already? Makes one system call. */
bool supervised_filter_stands(void);

/*
 * May the caller install one? 0: yes. -EPERM: that would need no_new_privs, which set-uid programs
 * of this process and its descendants would notice. allowed: FOOTPRINT_SUPERVISE says that they run
 * none.
 */
int supervised_filter_permitted(bool allowed, bool *ret_no_new_privileges);

/* Installs the filter for the calling thread. Returns the listener, CLOEXEC, or a negative errno.
 * -EBUSY: this process has a listener already. */
int supervised_filter_install(void *room, bool no_new_privileges);
#endif

#endif
