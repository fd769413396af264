/*
 * /etc/ld.so.cache: where glibc's dynamic linker looks before its default directories. Layouts:
 * glibc's sysdeps/generic/dl-cache.h, the old one (ld.so-1.7.0), the new one
 * (glibc-ld.so.cache1.1), and the new one inside the old.
 */
#ifndef FOOTPRINT_ELF_LDCACHE_H
#define FOOTPRINT_ELF_LDCACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LD_CACHE_SIZE_MAX (16u << 20)

struct ld_cache {
	uint8_t *bytes; /* NULL: there is no cache, or not one we know */
	size_t size;	/* a NUL stands behind */
	bool big_endian;
	size_t base; /* what offsets of strings are relative to */
	size_t entries, n_entries, entry_size;
	size_t hwcaps,
		n_hwcaps; /* names of glibc-hwcaps subdirectories: offsets of their strings */
};

/* Takes over `bytes`, `size` long with a NUL behind. What is damaged is as if it were not there. */
void ld_cache_init(struct ld_cache *cache, uint8_t *bytes, size_t size, bool big_endian);
void ld_cache_deinit(struct ld_cache *cache);

/*
 * The path for library `name`, or NULL. `flags`: what ld.so asks of an entry (FLAG_ELF_LIBC6 and
 * architecture), 0: anything. `level`: the best x86-64-vN subdirectory the processor can use.
 */
const char *ld_cache_find(
	const struct ld_cache *cache, const char *name, uint32_t flags, int level);

#endif
