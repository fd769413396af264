/*
 * Hooks that are called before this library is relocated. The dynamic linker relocates libraries
 * from the last to the first, and runs the resolvers of each one's IFUNCs as it does. If such a
 * resolver calls a function of libc that we have a hook for, that hook is called, and this library
 * is one of the last to be relocated. Until then, nothing that it imports is known.
 */
#ifndef FOOTPRINT_PRELOAD_HOOKS_EARLY_H
#define FOOTPRINT_PRELOAD_HOOKS_EARLY_H

#include <stdbool.h>

/* Relocates this library; the dynamic linker will do it again. False: it is relocated already, or
 * that is not possible. */
bool early_relocate(void);

#endif
