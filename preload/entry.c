#include "preload/entry.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Weak and without a version: what a libc does not have is NULL. */
extern void *__libc_stack_end __attribute__((weak)); /* glibc's ld.so: where argc stands */
extern char **environ __attribute__((weak));

/* How far above us the kernel's block may lie: far more than a stack's depth at start. */
#define STACK_DEPTH_MAX (64ul << 20)
#define AUX_ENTRIES_MAX 64

static Elf64_auxv_t *after_environment(char **envp)
{
	while (*envp)
		envp++;
	return (Elf64_auxv_t *)(void *)(envp + 1);
}

/* A vector without a page size is none: then environ was not the kernel's any more. */
static Elf64_auxv_t *verified(Elf64_auxv_t *aux)
{
	for (unsigned i = 0; i < AUX_ENTRIES_MAX && aux[i].a_type != AT_NULL; i++)
		if (aux[i].a_type == AT_PAGESZ)
			return aux;
	return NULL;
}

/* argc stands before argv, argv's NULL before envp. */
static char **arguments_before(char **envp)
{
	char **p = envp - 1;

	for (uintptr_t count = 0; count < STACK_DEPTH_MAX / sizeof(*p); count++)
		if ((uintptr_t)p[-1 - (intptr_t)count] == count)
			return p - count;
	return NULL;
}

/* Before 2.36 a glibc that is run as a program (ld.so PROGRAM) drops its own arguments by moving the
 * stack's beginning over them, and its frames grow over what stood there. */
static bool still_stands(const uintptr_t *start)
{
	uintptr_t count = 0;

	while (start[1 + count])
		count++;
	return count == *start;
}

struct entry entry_find(void)
{
	struct entry entry = { NULL, NULL, NULL };
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);

	if (&__libc_stack_end && __libc_stack_end && still_stands(__libc_stack_end)) {
		uintptr_t *start = __libc_stack_end;

		entry.argv = (char **)(start + 1);
		entry.envp = entry.argv + *start + 1;
		entry.aux = verified(after_environment(entry.envp));
		return entry;
	}
	if (!&environ || !environ)
		return entry;
	entry.envp = environ;
	/* An earlier constructor's setenv may have moved it to the heap. */
	if ((uintptr_t)environ - here > STACK_DEPTH_MAX)
		return entry;
	entry.aux = verified(after_environment(entry.envp));
	if (entry.aux)
		entry.argv = arguments_before(entry.envp);
	return entry;
}

unsigned long entry_auxiliary(const struct entry *entry, unsigned long type)
{
	for (const Elf64_auxv_t *aux = entry->aux; aux && aux->a_type != AT_NULL; aux++)
		if (aux->a_type == type)
			return aux->a_un.a_val;
	return 0;
}
