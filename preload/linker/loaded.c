#define _GNU_SOURCE
#include "preload/linker/loaded.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>

#include "preload/hooks/symbols.h"
#include "preload/image.h"
#include "preload/linker/library_search.h"
#include "preload/rawcall.h"
#include "preload/record/recorder.h"
#include "preload/text.h"

#define GLIBC_CACHE   "/etc/ld.so.cache"
#define GLIBC_PRELOAD "/etc/ld.so.preload"
#define MUSL_PATHS    "/etc/ld-musl-x86_64.path"

extern void *__libc_stack_end __attribute__((weak)); /* glibc's */

static bool is_glibc(void)
{
	return &__libc_stack_end != NULL;
}

static struct link_map *object_at(ElfW(Addr) address)
{
	for (struct link_map *map = symbol_link_map(); map; map = map->l_next)
		if (map->l_addr == address && !symbol_is_vdso(map))
			return map;
	return NULL;
}

/* The kernel maps an interpreter only for a program that names one. */
static ElfW(Addr) linker_base(void)
{
	struct entry entry = entry_find();

	return entry_auxiliary(&entry, AT_BASE);
}

const char *loaded_program(void)
{
	struct link_map *program = symbol_link_map();
	struct entry entry = entry_find();

	if (!program || !entry.aux || entry_auxiliary(&entry, AT_BASE))
		return NULL;
	/* musl has the program's name in its list of objects; glibc puts it into the auxiliary
	 * vector, in the place of the kernel's. */
	if (program->l_name && program->l_name[0])
		return program->l_name;
	return (const char *)entry_auxiliary(&entry, AT_EXECFN);
}

const char *loaded_interpreter(void)
{
	ElfW(Addr) base = linker_base();
	struct link_map *linker = base ? object_at(base) : NULL;

	return linker ? linker->l_name : NULL;
}

static int existence_of(const char *path)
{
	return (int)-rawcall4(SYS_faccessat, AT_FDCWD, (long)path, 4 /* R_OK */, 0);
}

static void record_linker_files(bool searched)
{
	int error;

	if (is_glibc()) {
		error = existence_of(GLIBC_PRELOAD);
		record_path(ACCESS_CHECK, AT_FDCWD, GLIBC_PRELOAD, error);
		if (!error)
			record_path(ACCESS_READ, AT_FDCWD, GLIBC_PRELOAD, 0);
	}
	if (searched) {
		const char *path = is_glibc() ? GLIBC_CACHE : MUSL_PATHS;

		record_path(ACCESS_READ, AT_FDCWD, path, existence_of(path));
	}
}

void loaded_record(const struct entry *entry)
{
	struct link_map *program = symbol_link_map(), *own = symbol_own_map();
	ElfW(Addr) linker = symbol_linker_base();
	struct library_search search;
	bool searched = false;

	library_search_init(&search, entry, is_glibc(), loaded_program() != NULL);

	for (struct link_map *map = program ? program->l_next : NULL; map; map = map->l_next) {
		if (map == own || symbol_is_vdso(map) || !map->l_name[0])
			continue;
		record_load(LOADED_BY_START, map->l_name, NULL);
		if (!searched && map->l_addr != linker)
			searched = library_search_used(&search, map);
	}
	record_linker_files(searched);
	if (search.audited)
		record_gap("sites", NULL, "LD_AUDIT: what auditors use, in a libc of their own");
}
