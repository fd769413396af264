#include "lib/elf/ldcache.h"

#include <byteswap.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#define OLD_MAGIC	 "ld.so-1.7.0"
#define OLD_HEADER_SIZE	 16u
#define OLD_ENTRY_SIZE	 12u /* flags, key, value */
#define NEW_MAGIC	 "glibc-ld.so.cache1.1"
#define NEW_HEADER_SIZE	 48u
#define NEW_ENTRY_SIZE	 24u /* flags, key, value, osversion, 64-bit hwcap */
#define NEW_ALIGNMENT	 8u
#define EXTENSION_MAGIC	 0xeaa42174u
#define EXTENSION_HWCAPS 1u
#define EXTENSIONS_MAX	 64u
#define HWCAP_IS_NAMED	 (1ull << 62) /* the low word is an index into the hwcaps names */
#define FLAG_ELF	 1u
#define FLAG_ELF_LIBC6	 3u

enum { NO_MATCH = -1 };

static uint32_t u32(const struct ld_cache *cache, size_t offset)
{
	uint32_t value;

	if (cache->size < sizeof(value) || offset > cache->size - sizeof(value))
		return 0;
	memcpy(&value, cache->bytes + offset, sizeof(value));
	return cache->big_endian != (__BYTE_ORDER == __BIG_ENDIAN) ? bswap_32(value) : value;
}

static uint64_t u64(const struct ld_cache *cache, size_t offset)
{
	uint64_t first = u32(cache, offset), second = u32(cache, offset + 4);

	return cache->big_endian ? first << 32 | second : second << 32 | first;
}

/* Every string is terminated, because the buffer has a NUL behind the file. */
static const char *string(const struct ld_cache *cache, size_t offset)
{
	if (offset > cache->size - cache->base)
		return "";
	return (const char *)cache->bytes + cache->base + offset;
}

static bool begins_with(const struct ld_cache *cache, size_t at, const char *magic)
{
	return at <= cache->size && cache->size - at >= strlen(magic) &&
	       !memcmp(cache->bytes + at, magic, strlen(magic));
}

/* The names of hwcaps subdirectories are in an extension. Its offset counts from the start of the
 * file. */
static void find_hwcaps(struct ld_cache *cache, size_t header)
{
	size_t extension = u32(cache, header + 32), n;

	if (!extension || u32(cache, extension) != EXTENSION_MAGIC)
		return;
	n = u32(cache, extension + 4);
	for (size_t i = 0; i < n && i < EXTENSIONS_MAX; i++) {
		size_t section = extension + 8 + 16 * i;

		if (u32(cache, section) != EXTENSION_HWCAPS)
			continue;
		cache->hwcaps = u32(cache, section + 8);
		cache->n_hwcaps = u32(cache, section + 12) / sizeof(uint32_t);
	}
}

static void set_entries(struct ld_cache *cache, size_t start, size_t n, size_t size)
{
	size_t room = start < cache->size ? (cache->size - start) / size : 0;

	cache->entries = start;
	cache->entry_size = size;
	cache->n_entries = n < room ? n : room;
}

static void parse(struct ld_cache *cache)
{
	size_t header = 0;

	if (begins_with(cache, 0, OLD_MAGIC)) {
		size_t n = u32(cache, 12);

		set_entries(cache, OLD_HEADER_SIZE, n, OLD_ENTRY_SIZE);
		cache->base = OLD_HEADER_SIZE + cache->n_entries * OLD_ENTRY_SIZE;
		header = (cache->base + NEW_ALIGNMENT - 1) & ~(size_t)(NEW_ALIGNMENT - 1);
	}
	if (!begins_with(cache, header, NEW_MAGIC))
		return;
	cache->base = header;
	set_entries(cache, header + NEW_HEADER_SIZE, u32(cache, header + 20), NEW_ENTRY_SIZE);
	find_hwcaps(cache, header);
}

void ld_cache_init(struct ld_cache *cache, uint8_t *bytes, size_t size, bool big_endian)
{
	*cache = (struct ld_cache){ .bytes = bytes, .size = size, .big_endian = big_endian };
	parse(cache);
}

void ld_cache_deinit(struct ld_cache *cache)
{
	free(cache->bytes);
	*cache = (struct ld_cache){ 0 };
}

/* The N of "x86-64-vN"; 0 for any other name. */
static int hwcaps_level(const struct ld_cache *cache, uint64_t hwcap)
{
	const char *name;
	size_t index = (uint32_t)hwcap;

	if (index >= cache->n_hwcaps)
		return 0;
	name = string(cache, u32(cache, cache->hwcaps + index * sizeof(uint32_t)));
	if (strncmp(name, "x86-64-v", 8) || name[8] < '2' || name[8] > '9' || name[9])
		return 0;
	return name[8] - '0';
}

/*
 * How ld.so ranks an entry: subdirectories for this processor are best, the newer its level the
 * better, then plain entries. Those of the older hwcap scheme (TLS, platform) come last.
 */
static int rank(const struct ld_cache *cache, size_t entry, int level)
{
	uint64_t hwcap = cache->entry_size == NEW_ENTRY_SIZE ? u64(cache, entry + 16) : 0;
	int named;

	if (!hwcap)
		return 1;
	if (!(hwcap & HWCAP_IS_NAMED))
		return 0;
	named = hwcaps_level(cache, hwcap);
	return named && named <= level ? named : NO_MATCH;
}

const char *ld_cache_find(const struct ld_cache *cache, const char *name, uint32_t flags, int level)
{
	const char *best = NULL;
	int best_rank = NO_MATCH;

	for (size_t i = 0; i < cache->n_entries; i++) {
		size_t entry = cache->entries + i * cache->entry_size;
		uint32_t has = u32(cache, entry);
		int liked;

		if (strcmp(string(cache, u32(cache, entry + 4)), name))
			continue;
		if (flags && has != flags && !(has == FLAG_ELF && flags == FLAG_ELF_LIBC6))
			continue;
		liked = rank(cache, entry, level);
		if (liked > best_rank) {
			best_rank = liked;
			best = string(cache, u32(cache, entry + 8));
		}
	}
	return best;
}
