#include "preload/entry.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Weak and without a version: what a libc does not have is NULL. */
extern char **_dl_argv __attribute__((weak));	     /* glibc's ld.so, for its libc */
extern void *__libc_stack_end __attribute__((weak)); /* glibc's ld.so: where argc stood */
extern char **environ __attribute__((weak));

/* bytes that the kernel's block may lie above us: far more than a stack is deep at the start */
#define STACK_DEPTH_MAX (64ul << 20)
#define AUX_ENTRIES_MAX 64

static Elf64_auxv_t *after_environment(char **envp)
{
	while (*envp)
		envp++;
	return (Elf64_auxv_t *)(void *)(envp + 1);
}

/* An auxiliary vector always has a page size. If there is none, environ is not the kernel's any
 * more. */
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

/* Does an argument vector stand here, with its count before it and a NULL after so many entries? A
 * program may have overwritten it, to change its title. */
static bool is_counted(char **argv)
{
	uintptr_t count = 0;

	while (argv[count])
		count++;
	return count == (uintptr_t)argv[-1];
}

/*
 * The arguments that glibc knows. NULL: it is another libc, or they do not stand there any more.
 *
 * _dl_argv comes first, before the place where the kernel put the arguments. When ld.so is run as a
 * program (ld.so PROGRAM), glibc drops ld.so's own arguments; before 2.36 it does so by moving the
 * beginning of the stack over them, and then the kernel's place holds a new count and glibc's
 * frames.
 */
static char **glibc_arguments(void)
{
	if (&_dl_argv && _dl_argv && is_counted(_dl_argv))
		return _dl_argv;
	if (&__libc_stack_end && __libc_stack_end && is_counted((char **)__libc_stack_end + 1))
		return (char **)__libc_stack_end + 1;
	return NULL;
}

struct entry entry_find(void)
{
	struct entry entry = { NULL, NULL, NULL };
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);

	entry.argv = glibc_arguments();
	if (entry.argv) {
		entry.envp = entry.argv + (uintptr_t)entry.argv[-1] + 1;
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
