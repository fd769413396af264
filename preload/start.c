/* Where the dynamic linker calls us: at the start of the process, and at a return from main or
 * exit. */
#include "preload/entry.h"
#include "preload/hooks/symbols.h"
#include "preload/image.h"
#include "preload/record/recorder.h"
#include "preload/sites/sites.h"
#include "preload/sites/sites_object.h"

typedef int at_exit_function(void (*function)(void *), void *argument, void *object);

/* libc's own __cxa_atexit. A sanitizer may interpose one, which is not ready before the sanitizer's
 * own constructor has run. */
static at_exit_function *find_at_exit(void)
{
	for (const struct link_map *map = symbol_link_map(); map; map = map->l_next)
		if (sites_object_is_libc(map))
			return symbol_in(map, "__cxa_atexit");
	return NULL;
}

/*
 * Leaves the cell when everything else has ended. glibc runs what was registered last first. The
 * destructors are registered after our constructor has run, and so is what the constructors of
 * other libraries register, since they run after ours (module.mk: initfirst; not so before 2.34 if
 * libpthread is loaded). So this function runs after all of them. musl runs it before the
 * destructors, when nobody has said goodbye: then the cell is kept until the pool is over.
 */
static void leave(void *unused)
{
	(void)unused;
	record_leave();
}

/* musl hands constructors no arguments, so none are taken. */
__attribute__((constructor)) static void start(void)
{
	struct entry entry = entry_find();
	at_exit_function *at_exit;

	if (!image_segment())
		return;
	sites_install(&entry);
	at_exit = image.cell ? find_at_exit() : NULL;
	if (at_exit)
		at_exit(leave, NULL, NULL);
}

__attribute__((destructor)) static void stop(void)
{
	record_goodbye();
}
