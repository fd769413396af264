/*
 * One source, several objects (test_hooks_dlopen.py builds them): the program, a library whose
 * RUNPATH leads to a plugin, that plugin, and what it needs.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

void *load_from_library(const char *path, int mode);

#if defined(PROGRAM)

/* sub $8,%rsp; mov $dlopen,%rax; call *%rax; add $8,%rsp; ret */
static unsigned char code[] = { 0x48, 0x83, 0xec, 8, 0x48, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xd0,
	0x48, 0x83, 0xc4, 8, 0xc3 };

/* dlopen from code that no object holds. */
static void *load_from_nowhere(const char *path, int mode)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	void *(*function)(const char *, int) = dlopen;

	memcpy(code + 6, &function, sizeof(function));
	memcpy(page, code, sizeof(code));
	mprotect(page, 4096, PROT_READ | PROT_EXEC);
	return ((void *(*)(const char *, int))page)(path, mode);
}

static void say(const char *what, void *handle)
{
	printf("%s: %s\n", what, handle ? "loaded" : dlerror());
}

int main(int argc, char **argv)
{
	const char *absent = argc > 1 ? argv[1] : "/none.so";
	void *itself = dlopen(NULL, RTLD_NOW);

	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("itself: %d\n", dlsym(itself, "load_from_library") != NULL);
	say("from the program", dlopen("libplugin.so", RTLD_NOW));
	say("from the library", load_from_library("libplugin.so", RTLD_NOW));
	say("again", load_from_library("libplugin.so", RTLD_NOW | RTLD_GLOBAL));
	say("the program's", dlopen("libprogramplugin.so", RTLD_NOW));
	say("from nowhere", load_from_nowhere("libnowhereplugin.so", RTLD_NOW));
	say("not loaded", dlopen("libz-none.so.1", RTLD_NOW | RTLD_NOLOAD));
	say("absent", dlopen(absent, RTLD_NOW));
	say("absent name", dlopen("libfootprint-none.so", RTLD_NOW));
	say("bad mode", dlopen("libplugin.so", 0));
#ifdef LM_ID_NEWLM
	say("other namespace", dlmopen(LM_ID_NEWLM, "libprogramplugin.so", RTLD_NOW));
	say("same namespace", dlmopen(LM_ID_BASE, "libprogramplugin.so", RTLD_NOW));
#endif
	return 0;
}

#elif defined(LIBRARY)

void *load_from_library(const char *path, int mode)
{
	void *volatile handle = dlopen(path, mode); /* a tail call would be its caller's */

	return handle;
}

#elif defined(PLUGIN)

int needed(void);

__attribute__((constructor)) static void begin(void)
{
	printf("plugin begins, %d\n", needed());
}

#else

int needed(void)
{
	return 42;
}

#endif
