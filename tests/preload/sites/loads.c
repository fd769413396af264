/* Loads objects: `cancel` has libc load libgcc_s, to unwind; `open FILE` calls dlopen. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

static void *wait_for_ever(void *unused)
{
	(void)unused;
	for (;;)
		pause();
}

static int cancel(void)
{
	pthread_t thread;
	void *result = NULL;

	if (pthread_create(&thread, NULL, wait_for_ever, NULL) || pthread_cancel(thread) ||
		pthread_join(thread, &result))
		return 2;
	return result == PTHREAD_CANCELED ? 0 : 3;
}

int main(int count, char **arguments)
{
	if (count == 2 && !strcmp(arguments[1], "cancel"))
		return cancel();
	if (count == 3 && !strcmp(arguments[1], "open"))
		return dlopen(arguments[2], RTLD_NOW) ? 0 : 4;
	return 1;
}
