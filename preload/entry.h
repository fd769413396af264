/*
 * What the kernel handed the program: arguments, environment, auxiliary vector. glibc passes the
 * first two to constructors, musl does not, and hooks may need them before any constructor ran; so
 * they are found on the stack, through variables that the two libcs export.
 */
#ifndef FOOTPRINT_PRELOAD_ENTRY_H
#define FOOTPRINT_PRELOAD_ENTRY_H

#include <elf.h>

struct entry {
	char **argv;	   /* NULL-terminated, or NULL: not found */
	char **envp;	   /* NULL-terminated, or NULL: not found */
	Elf64_auxv_t *aux; /* ends with AT_NULL, or NULL: not found */
};

/* Finds all three. Cheap enough to be called wherever it is needed. Each part may be missing. */
struct entry entry_find(void);

/* Value of an entry of the auxiliary vector, 0: not there. */
unsigned long entry_auxiliary(const struct entry *entry, unsigned long type);

#endif
