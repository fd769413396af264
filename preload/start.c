/* Where the dynamic linker calls us: at the start of the process, and at a return from main or
 * exit. */
#include "preload/entry.h"
#include "preload/image.h"
#include "preload/programs/raw_calls.h"
#include "preload/record/recorder.h"
#include "preload/sites/sites.h"

extern int __cxa_atexit(void (*function)(void *), void *argument, void *object)
	__attribute__((weak));

/*
 * glibc runs what it was handed last first, and destructors are handed to it after our constructor
 * has run; so this comes after them. What another library's constructor has handed it for no object
 * (on_exit) comes later still. musl runs it before destructors, when nobody has said goodbye: then
 * the cell is kept until the pool is over.
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

	recorder_start();
	if (!image_segment())
		return;
	raw_calls_record(&entry);
	sites_install(entry.envp);
	if (image.cell && __cxa_atexit)
		__cxa_atexit(leave, NULL, NULL);
}

__attribute__((destructor)) static void stop(void)
{
	record_goodbye();
}
