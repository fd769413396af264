#define _GNU_SOURCE
#include "preload/hooks/symbols.h"

#include <errno.h>
#include <stdint.h>

#include "preload/image.h"
#include "preload/mapping.h"
#include "preload/rawcall.h"
#include "preload/signals.h"
#include "preload/text.h"

/* Weak and without a version: glibc's ld.so exports the first, musl the second. */
extern struct r_debug _r_debug __attribute__((weak));
extern struct r_debug *_dl_debug_addr __attribute__((weak));

extern ElfW(Dyn) _DYNAMIC[] __attribute__((visibility("hidden")));

#define VERSION_HIDDEN 0x8000u /* in DT_VERSYM: not the default version of its name */

static const struct r_debug *debugger_interface(void)
{
	if (&_r_debug && _r_debug.r_map)
		return &_r_debug;
	return &_dl_debug_addr ? _dl_debug_addr : NULL;
}

struct link_map *symbol_link_map(void)
{
	const struct r_debug *debug = debugger_interface();

	return debug ? debug->r_map : NULL;
}

ElfW(Addr) symbol_linker_base(void)
{
	const struct r_debug *debug = debugger_interface();

	return debug ? debug->r_ldbase : 0;
}

struct link_map *symbol_own_map(void)
{
	static struct link_map *own DATA_OF_START;
	struct link_map *map = __atomic_load_n(&own, __ATOMIC_RELAXED);

	if (map)
		return map;
	for (map = symbol_link_map(); map; map = map->l_next)
		if (map->l_ld == _DYNAMIC)
			break;
	__atomic_store_n(&own, map, __ATOMIC_RELAXED);
	return map;
}

/* What a lookup needs of an object's dynamic section. */
struct object {
	const ElfW(Sym) * symbols;
	const char *strings;
	const ElfW(Half) * versions; /* NULL: none */
	const uint32_t *gnu_hash;
	const uint32_t *sysv_hash;
};

const char *symbol_strings(const struct link_map *map)
{
	for (const ElfW(Dyn) *d = map->l_ld; d && d->d_tag != DT_NULL; d++)
		if (d->d_tag == DT_STRTAB)
			return symbol_address(map->l_addr, d->d_un.d_ptr);
	return NULL;
}

static bool object_open(const struct link_map *map, struct object *object)
{
	*object = (struct object){ 0 };
	if (!map->l_ld)
		return false;
	for (const ElfW(Dyn) *d = map->l_ld; d->d_tag != DT_NULL; d++) {
		const void *address = symbol_address(map->l_addr, d->d_un.d_ptr);

		switch (d->d_tag) {
		case DT_SYMTAB:
			object->symbols = address;
			break;
		case DT_STRTAB:
			object->strings = address;
			break;
		case DT_VERSYM:
			object->versions = address;
			break;
		case DT_GNU_HASH:
			object->gnu_hash = address;
			break;
		case DT_HASH:
			object->sysv_hash = address;
			break;
		default:
			break;
		}
	}
	return object->symbols && object->strings && (object->gnu_hash || object->sysv_hash);
}

/* The best definition of a name met so far. */
struct search {
	const char *name;
	uint32_t gnu_hash;
	uint32_t sysv_hash;
	const ElfW(Sym) * best;
	bool best_is_default;
};

/* Looks at one definition. True: the search of this object can stop. */
static bool consider(struct search *search, const struct object *object, uint32_t index)
{
	const ElfW(Sym) *symbol = &object->symbols[index];
	unsigned type = ELF64_ST_TYPE(symbol->st_info);

	if (symbol->st_shndx == SHN_UNDEF || type == STT_TLS ||
		ELF64_ST_BIND(symbol->st_info) == STB_LOCAL ||
		!text_equal(object->strings + symbol->st_name, search->name))
		return false;
	search->best_is_default = !object->versions || !(object->versions[index] & VERSION_HIDDEN);
	/* Of several versions that are not the default, the first is taken: most such symbols have
	 * only one. */
	if (search->best_is_default || !search->best)
		search->best = symbol;
	return search->best_is_default;
}

static void search_gnu(struct search *search, const struct object *object)
{
	const uint32_t *table = object->gnu_hash;
	uint32_t buckets = table[0], offset = table[1], words = table[2], shift = table[3];
	const uint64_t *bloom = (const uint64_t *)(const void *)(table + 4);
	const uint32_t *bucket = (const uint32_t *)(const void *)(bloom + words);
	const uint32_t *chain = bucket + buckets;
	uint32_t hash = search->gnu_hash;
	uint64_t word = bloom[hash / 64 & (words - 1)];

	if (!buckets || !(word >> hash % 64 & word >> (hash >> shift) % 64 & 1))
		return;
	for (uint32_t i = bucket[hash % buckets]; i >= offset && i; i++) {
		if ((chain[i - offset] ^ hash) >> 1 == 0 && consider(search, object, i))
			return;
		if (chain[i - offset] & 1)
			return;
	}
}

static void search_sysv(struct search *search, const struct object *object)
{
	uint32_t buckets = object->sysv_hash[0];
	const uint32_t *bucket = object->sysv_hash + 2;
	const uint32_t *chain = bucket + buckets;

	if (!buckets)
		return;
	for (uint32_t i = bucket[search->sysv_hash % buckets]; i; i = chain[i])
		if (consider(search, object, i))
			return;
}

static void hash_name(struct search *search)
{
	uint32_t gnu = 5381, sysv = 0;

	for (const unsigned char *p = (const unsigned char *)search->name; *p; p++) {
		gnu = gnu * 33 + *p;
		sysv = (sysv << 4) + *p;
		sysv ^= sysv >> 24 & 0xf0;
	}
	search->gnu_hash = gnu;
	search->sysv_hash = sysv & 0x0fffffff;
}

static void *definition(const struct link_map *map, const ElfW(Sym) * symbol)
{
	void *address = (void *)(map->l_addr + symbol->st_value);

	if (ELF64_ST_TYPE(symbol->st_info) == STT_GNU_IFUNC)
		return ((void *(*)(void))address)();
	return address;
}

bool symbol_is_vdso(const struct link_map *map)
{
	return !map->l_name || text_equal(map->l_name, "linux-vdso.so.1") ||
	       (map != symbol_link_map() && !map->l_name[0]);
}

/* Searches one object. search->best stays NULL if it does not define the name. */
static void search_object(struct search *search, const struct link_map *map)
{
	struct object object;

	if (symbol_is_vdso(map) || !object_open(map, &object))
		return;
	if (object.gnu_hash)
		search_gnu(search, &object);
	else
		search_sysv(search, &object);
}

static const ElfW(Sym) * find_next(const char *name, const struct link_map **ret_map)
{
	struct link_map *own = symbol_own_map();
	struct search search = { .name = name };

	hash_name(&search);
	for (struct link_map *map = own ? own->l_next : NULL; map; map = map->l_next) {
		search_object(&search, map);
		*ret_map = map;
		if (search.best)
			return search.best;
	}
	return NULL;
}

void *symbol_next(const char *name)
{
	const struct link_map *map;
	const ElfW(Sym) *symbol = find_next(name, &map);

	return symbol ? definition(map, symbol) : NULL;
}

void *symbol_in(const struct link_map *map, const char *name)
{
	struct search search = { .name = name };

	hash_name(&search);
	search_object(&search, map);
	return search.best ? definition(map, search.best) : NULL;
}

size_t symbol_next_size(const char *name, const void *function)
{
	const struct link_map *map;
	const ElfW(Sym) *symbol = find_next(name, &map);

	return symbol && map->l_addr + symbol->st_value == (uintptr_t)function ? symbol->st_size
									       : 0;
}

/* Uses a system call that reads from the address first, and then refuses its first argument. */
bool symbol_readable(const void *address)
{
	uintptr_t word = (uintptr_t)address & ~(uintptr_t)(KERNEL_SIGSET - 1);

	return rawcall4(SYS_rt_sigprocmask, -1, (long)word, 0, KERNEL_SIGSET) == -EINVAL;
}

bool symbol_text_readable(const char *text, size_t limit)
{
	for (size_t i = 0; i < limit; i++) {
		if ((!i || (uintptr_t)(text + i) % PAGE == 0) && !symbol_readable(text + i))
			return false;
		if (!text[i])
			return true;
	}
	return true;
}
