/*
 * The objects that hold sites, as they are mapped: libc, the dynamic linker, and Go programs.
 */
#ifndef FOOTPRINT_PRELOAD_SITES_SITES_OBJECT_H
#define FOOTPRINT_PRELOAD_SITES_SITES_OBJECT_H

#include <link.h>
#include <stdbool.h>
#include <stdint.h>

#include "preload/entry.h"

#define BUILD_ID_SIZE 20

struct sites_object {
	const char *path;
	uint8_t *base;		 /* of its first segment, where the ELF header stands */
	uint32_t text, text_end; /* its code, as offsets from the base */
	uint32_t text_file;	 /* offset of the code in the file */
	/* Its writable segment, as offsets from the base: the end of what comes from the file, the
	 * end of .bss, and the end of its last page. */
	uint32_t data_end, bss_end, memory_end;
	const uint8_t *build_id; /* BUILD_ID_SIZE bytes; NULL: it has none */
};

/* sites_object_expected(): is it libc or the dynamic linker, by its file name? sites_object_open():
 * describes it. False: it is none of these, or is not mapped as expected. */
bool sites_object_open(const struct link_map *map, struct sites_object *ret);
bool sites_object_expected(const struct link_map *map);
/* Describes the program. False: its code is in several pieces, or its headers are not known. */
bool sites_object_open_program(const struct entry *entry, struct sites_object *ret);
/* Is it libc? (musl's is the dynamic linker as well.) */
bool sites_object_is_libc(const struct link_map *map);
/* Is it glibc's dynamic linker, which is an object of its own? */
bool sites_object_is_linker(const struct sites_object *object);

/* Is it glibc's libc itself? */
bool sites_object_is_glibc(const struct sites_object *object);

/* Are the sixteen bytes at this offset part of its code? */
static inline bool sites_object_holds(const struct sites_object *object, uint32_t offset)
{
	return offset >= object->text && offset < object->text_end &&
	       object->text_end - offset >= 16;
}

#endif
