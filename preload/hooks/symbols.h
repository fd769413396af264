/*
 * The real functions, found without dlsym: it moved between libraries, allocates, takes locks, and
 * deadlocks when an allocator is preloaded. The link map is walked from glibc's _r_debug or
 * musl's _dl_debug_addr, and each object's GNU or SysV hash table is searched.
 */
#ifndef FOOTPRINT_PRELOAD_HOOKS_SYMBOLS_H
#define FOOTPRINT_PRELOAD_HOOKS_SYMBOLS_H

#include <link.h>
#include <stdbool.h>
#include <stddef.h>

/* The next definition of `name` after our own library in the global scope, preferring the default
 * version; NULL: none. No allocation, no locks, callable before our constructor. IFUNCs are
 * resolved. */
void *symbol_next(const char *name);

/* The definition of `name` in this object; NULL: it has none. */
void *symbol_in(const struct link_map *map, const char *name);

/* The bytes of code of this function, which symbol_next() found under this name; 0: not known. */
size_t symbol_next_size(const char *name, const void *function);

/* First entry of the main program's link map, NULL where it cannot be found. */
struct link_map *symbol_link_map(void);

/* Where the dynamic linker itself is mapped, also where it was executed as a program; 0: unknown.
 */
ElfW(Addr) symbol_linker_base(void);

/* Our own object's entry in it. */
struct link_map *symbol_own_map(void);

/* The strings that its dynamic section names things by, NULL: it has none (yet). */
const char *symbol_strings(const struct link_map *map);

/* What an address in an object's dynamic section leads to. glibc relocates these, musl and the
 * vdso's leave them as they are. base: l_addr. */
static inline const void *symbol_address(ElfW(Addr) base, ElfW(Addr) address)
{
	return (const void *)(address < base ? base + address : address);
}

/* The kernel's vdso, which glibc lists as an object: no file. */
bool symbol_is_vdso(const struct link_map *map);

/* Can the eight aligned bytes around `address` be read? One system call. */
bool symbol_readable(const void *address);

/* Can a text be read up to its end, or as far as `limit` bytes go? One system call for each page.
 */
bool symbol_text_readable(const char *text, size_t limit);

#endif
