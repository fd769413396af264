/*
 * dlsym with a handle finds libc's functions instead of our hooks (rebind.h). For RTLD_NEXT and
 * RTLD_DEFAULT, the result depends on the caller, so for these the hook jumps to the real dlsym
 * (hooks_dlsym_call.S).
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>

#include "preload/hooks/hooks.h"
#include "preload/linker/rebind.h"

typedef void *dlsym_function(void *handle, const char *name);

/* What dlsym jumps to, with its own arguments. */
dlsym_function *hook_dlsym_target(void *handle) __attribute__((visibility("hidden")));

static void *missing(void *handle, const char *name)
{
	(void)handle;
	(void)name;
	hook_missing();
	return NULL;
}

static void *of_handle(void *handle, const char *name)
{
	REAL(dlsym);

	return rebind_function(name, real_dlsym(handle, name));
}

dlsym_function *hook_dlsym_target(void *handle)
{
	REAL(dlsym);

	if (!real_dlsym)
		return missing;
	return handle == RTLD_DEFAULT || handle == RTLD_NEXT ? real_dlsym : of_handle;
}
