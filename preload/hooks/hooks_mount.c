/* mount: the source has a name only where it exists already (bind, move); the target always has
 * one. */
#define _GNU_SOURCE

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/syscall.h>

#include "preload/hooks/hooks.h"
#include "preload/record/recorder.h"

FP_EXPORT int mount(const char *source, const char *target, const char *type, unsigned long flags,
	const void *data)
{
	REAL(mount);
	bool named = flags & (MS_BIND | MS_MOVE) && !(flags & MS_REMOUNT);
	int result =
		real_mount ? real_mount(source, target, type, flags, data) : (int)hook_missing();

	if (named && hook_given(source))
		record_path(ACCESS_CHECK, AT_FDCWD, source, hook_error(result == -1));
	hook_called(SYS_mount, result, WORDS(0, target));
	return result;
}
