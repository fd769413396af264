/*
 * The public functions of libc that name a file, a program or an address, as this library exports
 * them in libc's stead. Each calls the real function, leaves its result and errno as they are, and
 * says what happened. As a rule it has nothing to do before the call; what ends, copies or replaces
 * something of ours has: an exec, a fork, a close, a dup2 (HOOK_AROUND, and what is irregular).
 *
 * Start at hooks.def: a function that is one system call is one row there, recorded by number, so
 * that it comes out as the sites inside libc record it. What is irregular stands in a file of its
 * family: hooks_open.c, hooks_exec.c, hooks_spawn.c, hooks_process.c, hooks_dlopen.c,
 * hooks_dlsym.c, hooks_fd.c, hooks_directory.c, hooks_mount.c. tests/preload/test_exports.py
 * compares all of them with what libc exports.
 *
 * In a hook: no malloc, no stdio, no locks of our own, errno as the real function left it. Hooks
 * run in signal handlers, after vfork, and before any constructor.
 */
#ifndef FOOTPRINT_PRELOAD_HOOKS_HOOKS_H
#define FOOTPRINT_PRELOAD_HOOKS_HOOKS_H

#include <stdbool.h>
#include <stdint.h>

#define FP_EXPORT __attribute__((visibility("default")))

/* Both libcs export these two under one name; everything else is found by symbol_next(). Weak, so
 * that nothing is needed: the library loads where there is no libc at all. */
extern int *__errno_location(void) __attribute__((weak));
extern char **environ __attribute__((weak));

/* Looks `name` up and keeps it in the slot; NULL: this libc has no such function. */
void *hook_find(void **slot, const char *name);

/* The real function behind a hook. Racing threads store the same address. */
static inline void *hook_real(void **slot, const char *name)
{
	void *real = __atomic_load_n(slot, __ATOMIC_RELAXED);

	return real ? real : hook_find(slot, name);
}

/* Declares `real_NAME`, a pointer to the real NAME, in a hook's body. */
#define REAL(name)                                                                                 \
	static void *slot_##name;                                                                  \
	__typeof__(&name) real_##name = hook_real(&slot_##name, #name)

/* libc's own syscall(), for functions that only younger libcs have. */
typedef long syscall_function(long number, ...);
syscall_function *hook_real_syscall(void);

/* What a hook answers for a function that this libc lacks: only who asked dlsym() finds it. */
long hook_missing(void);

/* glibc, not musl? What they do inside themselves differs here and there. */
bool hook_libc_is_glibc(void);

/* errno of a call that failed, 0 for one that did not. */
static inline int hook_error(bool failed)
{
	return failed ? *__errno_location() : 0;
}

/* Was a pointer passed? libc's prototypes promise so, callers do not all keep it, and the compiler
 * would believe the promise. */
static inline bool hook_given(const void *pointer)
{
	__asm__("" : "+r"(pointer));
	return pointer != 0;
}

/* A function that wraps one system call has answered -1 with errno, or `result`. What the site
 * inside libc has recorded already is not recorded twice: the facts are the same. */
void hook_called(long number, long result, const long arguments[6]);

/* Is every call of a real function seen by a site inside it? Then its hook need not record: the
 * facts would be the same, and the path hashed twice. It jumps to the function, for a return behind
 * a system call is one that the processor guesses wrong. Asked of the code once, and kept. */
enum hook_cover { HOOK_COVER_UNKNOWN, HOOK_COVERED, HOOK_NOT_COVERED };
bool hook_find_cover(enum hook_cover *cover, const char *name, const void *real);

static inline bool hook_is_covered(enum hook_cover *cover, const char *name, const void *real)
{
	enum hook_cover known = __atomic_load_n(cover, __ATOMIC_RELAXED);

	return known == HOOK_COVERED ||
	       (known == HOOK_COVER_UNKNOWN && hook_find_cover(cover, name, real));
}

/* Ends a hook's body by a jump to the real function, where that is covered. After REAL(). */
#define COVERED(name, arguments)                                                                   \
	static enum hook_cover cover_##name;                                                       \
	if (hook_is_covered(&cover_##name, #name, (const void *)(uintptr_t)real_##name))           \
	return real_##name arguments

/* Where a function does its work by many calls inside libc, only the sites see those as they are.
 * False: there are no sites, and the hook records what it can tell from outside. */
bool hook_seen_inside(void);

/* An array of call arguments for hook_called(), from up to six of any scalar type. */
#define WORDS(...)                                                                                 \
	((const long[6]){ WORDS_PICK(                                                              \
		__VA_ARGS__, WORDS6, WORDS5, WORDS4, WORDS3, WORDS2, WORDS1, )(__VA_ARGS__) })
#define WORDS_PICK(a, b, c, d, e, f, pick, ...) pick
#define WORDS1(a)				(long)(a)
#define WORDS2(a, b)				(long)(a), (long)(b)
#define WORDS3(a, b, c)				WORDS2(a, b), (long)(c)
#define WORDS4(a, b, c, d)			WORDS3(a, b, c), (long)(d)
#define WORDS5(a, b, c, d, e)			WORDS4(a, b, c, d), (long)(e)
#define WORDS6(a, b, c, d, e, f)		WORDS5(a, b, c, d, e), (long)(f)

#endif
