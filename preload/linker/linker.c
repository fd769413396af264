#define _GNU_SOURCE
#include "preload/linker/linker.h"

#include <stddef.h>
#include <sys/mman.h>

#include "preload/hooks/symbols.h"
#include "preload/image.h"
#include "preload/rawcall.h"
#include "preload/record/recorder.h"
#include "preload/text.h"
#include "proto/session_memory.h"

struct linker_code linker_code DATA_OF_START;

static struct {
	const char *libc; /* path, NULL: its sites are not redirected */
	int dlopens;	  /* in progress */
} linker DATA_OF_START;

/* The file that the dynamic linker opened last, under its own lock. What it maps next is this
 * file. */
static struct {
	int fd;
	char path[FP_PATH_SIZE_MAX];
} opened DATA_SELDOM = { .fd = -1 };

void linker_know(const struct sites_object *object)
{
	if (!sites_object_is_linker(object)) {
		linker.libc = object->path;
		return;
	}
	linker_code.begin = (uint64_t)(uintptr_t)object->base + object->text;
	linker_code.end = (uint64_t)(uintptr_t)object->base + object->text_end;
}

void linker_dlopen_begin(void)
{
	__atomic_add_fetch(&linker.dlopens, 1, __ATOMIC_RELAXED);
}

void linker_dlopen_end(void)
{
	__atomic_sub_fetch(&linker.dlopens, 1, __ATOMIC_RELAXED);
}

/* Would the dynamic linker find this path for the name in a DT_NEEDED entry? */
static bool is_named(const char *path, const char *needed)
{
	size_t size = text_length(path), tail = text_length(needed);

	return size >= tail && text_equal(path + size - tail, needed) &&
	       (size == tail || path[size - tail - 1] == '/');
}

static bool needs(const struct link_map *object, const char *path)
{
	const char *strings = symbol_strings(object);

	for (const ElfW(Dyn) *d = object->l_ld; strings && d->d_tag != DT_NULL; d++)
		if (d->d_tag == DT_NEEDED && is_named(path, strings + d->d_un.d_val))
			return true;
	return false;
}

/* Does a DT_NEEDED entry of an object in the list name it? An object whose loading is complete has
 * all that it needs. So an object that needs what is being mapped is itself being loaded, and both
 * come together. */
static bool comes_along(const char *path)
{
	for (const struct link_map *object = symbol_link_map(); object; object = object->l_next)
		if (!symbol_is_vdso(object) && needs(object, path))
			return true;
	return false;
}

static void loaded(const char *path)
{
	if (__atomic_load_n(&linker.dlopens, __ATOMIC_RELAXED) || comes_along(path))
		record_load(LOADED_BY_NEEDED, path, NULL);
	else
		record_load(LOADED_BY_DLOPEN, path, linker.libc);
}

static void remember(const char *path, int fd)
{
	size_t size = text_length_limited(path, sizeof(opened.path));

	opened.fd = size < sizeof(opened.path) ? fd : -1;
	if (opened.fd >= 0)
		memcpy(opened.path, path, size + 1);
}

/* The dynamic linker maps segments of objects with this flag, which the kernel ignores, and nothing
 * else. It does not matter whether the object has code. */
static bool maps_object(const long arguments[6])
{
	return arguments[3] & MAP_DENYWRITE && !(arguments[3] & MAP_ANONYMOUS) &&
	       (int)arguments[4] == opened.fd;
}

/* The dynamic linker opens candidates to read their headers. Only what it maps was loaded. */
void linker_called(long number, const long arguments[6], long result)
{
	if (rawcall_failed(result))
		return;
	if (number == SYS_openat) {
		remember((const char *)arguments[1], (int)result);
	} else if (number == SYS_open) {
		remember((const char *)arguments[0], (int)result);
	} else if (number == SYS_mmap && maps_object(arguments)) {
		opened.fd = -1; /* the other segments say the same */
		loaded(opened.path);
	}
}
