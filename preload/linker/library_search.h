/*
 * How the dynamic linker came to an object at the start of the program: by a path that someone
 * gave, or by its own configuration (glibc's ld.so.cache, musl's path file), which it reads for the
 * first object that nothing else leads to. ld.so(8) has the order.
 */
#ifndef FOOTPRINT_PRELOAD_LINKER_LIBRARY_SEARCH_H
#define FOOTPRINT_PRELOAD_LINKER_LIBRARY_SEARCH_H

#include <link.h>
#include <stdbool.h>

#include "preload/entry.h"

/* What the search of every object depends on. */
struct library_search {
	const char *directories; /* LD_LIBRARY_PATH or its option's, NULL: none */
	const char *preloads;	 /* LD_PRELOAD, NULL: none */
	bool audited;		 /* objects of LD_AUDIT are there, each with libraries of its own */
	const char *program;	 /* its path as $ORIGIN has it, NULL: not asked for yet */
	bool is_glibc;
	bool never; /* the configuration is not to be used */
};

/* `linker_is_program`: it was executed itself, with options of its own perhaps. */
void library_search_init(struct library_search *search, const struct entry *entry, bool is_glibc,
	bool linker_is_program);

/* Did the linker read its configuration to find this object? */
bool library_search_used(struct library_search *search, const struct link_map *object);

#endif
