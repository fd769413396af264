/*
 * Called before we are relocated. The dynamic linker relocates libraries from the last to the
 * first, and with each one runs the resolvers of its IFUNCs; what such a resolver calls of libc is
 * a hook of ours, and we come nearly last. Nothing that we import is known to us then.
 */
#ifndef FOOTPRINT_PRELOAD_HOOKS_EARLY_H
#define FOOTPRINT_PRELOAD_HOOKS_EARLY_H

#include <stdbool.h>

/* Relocates us, as the dynamic linker will do again. False: it has done so, or that cannot be. */
bool early_relocate(void);

#endif
