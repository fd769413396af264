/*
 * The objects that hold sites: libc and the dynamic linker, as they are mapped.
 */
#ifndef FOOTPRINT_PRELOAD_SITES_SITES_OBJECT_H
#define FOOTPRINT_PRELOAD_SITES_SITES_OBJECT_H

#include <link.h>
#include <stdbool.h>
#include <stdint.h>

#define BUILD_ID_SIZE 20

struct sites_object {
	const char *path;
	uint8_t *base;		 /* of its first segment, where the ELF header stands */
	uint32_t text, text_end; /* its code, from the base */
	uint32_t text_file;	 /* where that is in its file */
	/* Its writable segment: the end of what comes from the file, of all, and of the last page.
	 */
	uint32_t data_end, bss_end, memory_end;
	const uint8_t *build_id; /* of BUILD_ID_SIZE, NULL: it has none */
};

/* Is it libc or the dynamic linker (by its file name), and mapped as they are? */
bool sites_object_open(const struct link_map *map, struct sites_object *ret);
bool sites_object_expected(const struct link_map *map);
/* Is it libc (with musl: which is the dynamic linker too)? */
bool sites_object_is_libc(const struct link_map *map);
/* Is it glibc's dynamic linker, which is an object of its own? */
bool sites_object_is_linker(const struct sites_object *object);

/* Is it glibc's libc itself? */
bool sites_object_is_glibc(const struct sites_object *object);

/* Are the sixteen bytes at this offset its code? */
static inline bool sites_object_holds(const struct sites_object *object, uint32_t offset)
{
	return offset >= object->text && offset < object->text_end &&
	       object->text_end - offset >= 16;
}

#endif
