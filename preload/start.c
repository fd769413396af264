/* Where the dynamic linker calls us: at the start of the process, and at a return from main or
 * exit. */
#include "preload/entry.h"
#include "preload/image.h"
#include "preload/raw_calls.h"
#include "preload/recorder.h"
#include "preload/sites.h"

/* musl hands constructors no arguments, so none are taken. */
__attribute__((constructor)) static void start(void)
{
	struct entry entry = entry_find();

	recorder_start(entry.envp);
	if (!image_segment())
		return;
	raw_calls_record(&entry);
	sites_install(entry.envp);
}

__attribute__((destructor)) static void stop(void)
{
	record_goodbye();
}
