/*
 * Finds the real functions without dlsym. That has moved between libraries, allocates, takes locks,
 * and deadlocks when an allocator is preloaded. Instead, the link map is walked from glibc's
 * _r_debug or musl's _dl_debug_addr, and the GNU or SysV hash table of each object is searched.
 */
#ifndef FOOTPRINT_PRELOAD_HOOKS_SYMBOLS_H
#define FOOTPRINT_PRELOAD_HOOKS_SYMBOLS_H

#include <link.h>
#include <stdbool.h>
#include <stddef.h>

/* The next definition of `name` after our own library in the global scope, by preference the
 * default version. NULL: there is none. Neither allocates nor locks; may be called before our
 * constructor. IFUNCs are resolved. */
void *symbol_next(const char *name);

/* The definition of `name` in this object; NULL: it has none. */
void *symbol_in(const struct link_map *map, const char *name);

/* The size in bytes of this function, which symbol_next() has found under this name. 0: not
 * known. */
size_t symbol_next_size(const char *name, const void *function);

/* The first entry of the program's link map. NULL: it cannot be found. */
struct link_map *symbol_link_map(void);

/* The address where the dynamic linker is mapped, even if it was executed as a program. 0: not
 * known. */
ElfW(Addr) symbol_linker_base(void);

/* Our own object's entry in it. */
struct link_map *symbol_own_map(void);

/* The string table of an object's dynamic section. NULL: it has none (yet). */
const char *symbol_strings(const struct link_map *map);

/* What an address in an object's dynamic section means. glibc relocates these; musl, and the vdso,
 * leave them relative to the base. base: l_addr. */
static inline const void *symbol_address(ElfW(Addr) base, ElfW(Addr) address)
{
	return (const void *)(address < base ? base + address : address);
}

/* Is it the kernel's vdso? glibc lists it as an object, but it is no file. */
bool symbol_is_vdso(const struct link_map *map);

/* Can the aligned eight bytes that hold `address` be read? Makes one system call. */
bool symbol_readable(const void *address);

/* Can a text be read up to its end, or up to `limit` bytes? Makes one system call for each page. */
bool symbol_text_readable(const char *text, size_t limit);

#endif
