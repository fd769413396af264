/*
 * The public functions of libc that name a file, a program or an address, as this library exports
 * them instead of libc. Each calls the real function, leaves its result and errno as they are, and
 * reports what happened. As a rule there is nothing to do before the call. There is, if the call
 * ends, copies or replaces something of ours: an exec, a fork, a close, a dup2 (HOOK_AROUND, and
 * irregular ones).
 *
 * Start at hooks.def. A function that is one system call is one row there: it is recorded by the
 * call's number, so the record is the same as from a site inside libc. Irregular functions stand in
 * a file for each family: hooks_open.c, hooks_exec.c, hooks_spawn.c, hooks_process.c,
 * hooks_dlopen.c, hooks_dlsym.c, hooks_fd.c, hooks_directory.c, hooks_mount.c.
 * tests/preload/test_exports.py compares all of them with what libc exports.
 *
 * In a hook: no malloc, no stdio, no lock of our own, and errno as the real function left it. Hooks
 * run in signal handlers, after vfork, and before any constructor.
 */
#ifndef FOOTPRINT_PRELOAD_HOOKS_HOOKS_H
#define FOOTPRINT_PRELOAD_HOOKS_HOOKS_H

#include <stdbool.h>
#include <stdint.h>

#define FP_EXPORT __attribute__((visibility("default")))

/* Both libcs export these two under the same names; all else is found by symbol_next(). Weak, so
 * that the library loads even where there is no libc at all. */
extern int *__errno_location(void) __attribute__((weak));
extern char **environ __attribute__((weak));

/* Looks the function up, and remembers it in the slot. NULL: this libc has no such function. */
void *hook_find(void **slot, const char *name);

/* The real function behind a hook. Threads that come here at once store the same address. */
static inline void *hook_real(void **slot, const char *name)
{
	void *real = __atomic_load_n(slot, __ATOMIC_RELAXED);

	return real ? real : hook_find(slot, name);
}

/* Declares `real_NAME`, a pointer to the real NAME, in a hook's body. */
#define REAL(name)                                                                                 \
	static void *slot_##name;                                                                  \
	__typeof__(&name) real_##name = hook_real(&slot_##name, #name)

/* libc's own syscall(), for functions that older libcs do not have. */
typedef long syscall_function(long number, ...);
syscall_function *hook_real_syscall(void);

/* What a hook returns if this libc has no such function. Only a program that asks dlsym() can call
 * it. */
long hook_missing(void);

/* Is libc glibc, and not musl? They do some things differently inside. */
bool hook_libc_is_glibc(void);

/* errno if the call has failed, or else 0. */
static inline int hook_error(bool failed)
{
	return failed ? *__errno_location() : 0;
}

/* Is the pointer not NULL? libc's prototypes promise that (nonnull), and the compiler would believe
 * it, but not all callers keep the promise. */
static inline bool hook_given(const void *pointer)
{
	__asm__("" : "+r"(pointer));
	return pointer != 0;
}

/* A function that is one system call has returned: -1 with errno, or `result`. If a site inside
 * libc has recorded the call already, it is not recorded twice, because the fact is the same. */
void hook_called(long number, long result, const long arguments[6]);

/* Does a site see each call of the real function? Then its hook need not record: the fact would be
 * the same, and the path would be hashed twice. The hook jumps to the function instead of calling
 * it, because the processor mispredicts a return after a system call. Found out from the code,
 * once, and remembered. */
enum hook_cover { HOOK_COVER_UNKNOWN, HOOK_COVERED, HOOK_NOT_COVERED };
bool hook_find_cover(enum hook_cover *cover, const char *name, const void *real);

static inline bool hook_is_covered(enum hook_cover *cover, const char *name, const void *real)
{
	enum hook_cover known = __atomic_load_n(cover, __ATOMIC_RELAXED);

	return known == HOOK_COVERED ||
	       (known == HOOK_COVER_UNKNOWN && hook_find_cover(cover, name, real));
}

/* Ends a hook by a jump to the real function, if a site sees its calls. To be used after REAL(). */
#define COVERED(name, arguments)                                                                   \
	static enum hook_cover cover_##name;                                                       \
	if (hook_is_covered(&cover_##name, #name, (const void *)(uintptr_t)real_##name))           \
	return real_##name arguments

/* For functions that do their work by many calls inside libc, of which only sites see each one.
 * False: there are no sites, and the hook records what can be known from outside. */
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
