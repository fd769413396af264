#include "preload/sites/sites_search.h"

#include <stddef.h>

#include "preload/sites/sites_pattern.h"
#include "preload/text.h"
#include "proto/system_calls.h"

struct known {
	uint8_t build_id[BUILD_ID_SIZE];
	uint32_t offsets[SITES_MAX + 1];
};

/* Written by sites_known.py. */
static const struct known known[] = {
#define ID(...)                                                                                    \
	{                                                                                          \
		__VA_ARGS__                                                                        \
	}
#define SITES(id, ...) { id, { __VA_ARGS__ } },
#include "preload/sites/sites_known.def"
#undef SITES
#undef ID
};

const uint32_t *sites_known(const struct sites_object *object)
{
	for (unsigned i = 0; object->build_id && i < sizeof(known) / sizeof(known[0]); i++)
		if (!memcmp(known[i].build_id, object->build_id, BUILD_ID_SIZE))
			return known[i].offsets;
	return NULL;
}

/* The calls that libc makes inside itself and that name a file, a program or an address. */
static bool is_wanted(uint32_t number)
{
	switch (number) {
	case SYS_open:
	case SYS_openat:
	case SYS_stat:
	case SYS_lstat:
	case SYS_newfstatat:
	case SYS_statx:
	case SYS_statfs:
	case SYS_access:
	case SYS_faccessat:
	case SYS_faccessat2:
	case SYS_readlink:
	case SYS_readlinkat:
	case SYS_execve:
	case SYS_connect:
	case SYS_link: /* sem_open's, of a temporary name */
	case SYS_unlink:
	case SYS_unlinkat:
	case SYS_rmdir:
	case SYS_mkdir:
	case SYS_chdir:
	case SYS_fchdir:
		return true;
	default:
		return false;
	}
}

/* How many bytes before its `syscall` a number may be loaded: other registers may be set in
 * between. */
#define NUMBER_DISTANCE_MAX 64

/* The dynamic linker's mmap tells which objects are loaded. That includes those for libc itself,
 * which loads NSS and gconv modules without calling a dlopen that could be hooked. libc's own mmaps
 * are malloc's. */
static bool is_wanted_in(const struct sites_object *object, uint32_t number)
{
	return is_wanted(number) || (number == SYS_mmap && sites_object_is_linker(object));
}

/* Is a wanted number loaded before this `syscall`? A wrong guess is harmless, because the
 * trampoline looks at the register. */
static bool number_is_wanted(const struct sites_object *object, uint32_t offset)
{
	for (uint32_t back = SITE_JUMP_SIZE; back <= NUMBER_DISTANCE_MAX; back++) {
		const uint8_t *code = object->base + offset - back;

		if (offset - object->text < back)
			return false;
		/* mov $number, to eax or (with a prefix before it) to r8d...r15d */
		if (code[0] >= 0xb8 && code[0] <= 0xbf && (code[0] == 0xb8 || code[-1] == 0x41) &&
			is_wanted_in(object, site_word(object, offset - back + 1)))
			return true;
	}
	return false;
}

/* The offset as a search returns it. 0: this is no site. */
static uint32_t site_found(const struct sites_object *object, uint32_t offset)
{
	enum site_kind kind;
	uint32_t end;

	if (!site_at(object, offset, &kind, &end) ||
		(!site_is_general(kind) && !number_is_wanted(object, offset)))
		return 0;
	return site_is_jumped_into(object, offset, end) ? offset | SITE_REFUSED : offset;
}

bool sites_search_takes(const struct sites_object *object, uint32_t offset)
{
	uint32_t function;

	return offset && (site_found(object, offset & ~SITE_REFUSED) == offset ||
				 site_cancellable_call(object, offset, &function));
}

/* The calls of a function, by their displacement: its callers are in the same object. */
static unsigned search_calls(
	const struct sites_object *object, uint32_t function, uint32_t *ret_offsets, unsigned room)
{
	unsigned count = 0;
	uint32_t called;

	for (uint32_t at = object->text; at + 16 < object->text_end && count < room; at++)
		if (object->base[at] == 0xe8 &&
			at + SITE_JUMP_SIZE + site_word(object, at + 1) == function &&
			site_cancellable_call(object, at, &called))
			ret_offsets[count++] = at;
	return count;
}

unsigned sites_search(const struct sites_object *object, uint32_t ret_offsets[SITES_MAX])
{
	unsigned count = 0;
	uint32_t function = 0, at = object->text, site;

	while (at + 16 < object->text_end && count < SITES_MAX) {
		if (!site_may_begin(object->base + at)) {
			at += sizeof(uint64_t);
			continue;
		}
		for (uint32_t end = at + sizeof(uint64_t); at < end && count < SITES_MAX; at++) {
			if (object->base[at] != 0x0f || object->base[at + 1] != 0x05)
				continue;
			site = site_found(object, at);
			if (site)
				ret_offsets[count++] = site;
			else if (!function)
				site_in_cancellable(object, at, &function);
		}
	}
	if (function)
		count += search_calls(object, function, ret_offsets + count, SITES_MAX - count);
	return count;
}
