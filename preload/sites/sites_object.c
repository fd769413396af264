#include "preload/sites/sites_object.h"

#include <elf.h>

#include "preload/hooks/symbols.h"
#include "preload/text.h"

#define PAGE_END(address) ((uint32_t)((address) + 4095) & ~4095u)
#define NOTE_ALIGN(size)  (((size) + 3u) & ~3u)

bool sites_object_expected(const struct link_map *map)
{
	/* glibc before 2.34 gave the files its version's name; Alpine has libc.musl-x86_64.so.1. */
	static const char names[][12] = { "libc.so.6", "libc-2.", "ld-linux-", "ld-2.", "ld-musl-",
		"libc.musl-" };
	const char *name = map->l_name ? text_file_name(map->l_name) : "";

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (text_begins(name, names[i]))
			return true;
	return text_equal(name, "libc.so"); /* musl's own file, told to run a program */
}

bool sites_object_is_libc(const struct link_map *map)
{
	const struct sites_object object = { .path = map->l_name };

	return sites_object_expected(map) && !sites_object_is_linker(&object);
}

bool sites_object_is_linker(const struct sites_object *object)
{
	const char *name = object->path ? text_file_name(object->path) : "";

	return text_begins(name, "ld-linux-") || text_begins(name, "ld-2.");
}

bool sites_object_is_glibc(const struct sites_object *object)
{
	const char *name = object->path ? text_file_name(object->path) : "";

	return text_begins(name, "libc.so.6") || text_begins(name, "libc-2.");
}

static const uint8_t *build_id_in(const uint8_t *note, const uint8_t *end)
{
	while ((uint64_t)(end - note) >= sizeof(ElfW(Nhdr))) {
		const ElfW(Nhdr) *header = (const ElfW(Nhdr) *)(const void *)note;
		const uint8_t *name = note + sizeof(*header);
		uint64_t size = NOTE_ALIGN((uint64_t)header->n_namesz) +
				NOTE_ALIGN((uint64_t)header->n_descsz);

		if (size > (uint64_t)(end - name))
			return NULL;
		if (header->n_type == NT_GNU_BUILD_ID && header->n_namesz == sizeof("GNU") &&
			header->n_descsz == BUILD_ID_SIZE && !memcmp(name, "GNU", sizeof("GNU")))
			return name + NOTE_ALIGN(sizeof("GNU"));
		note = name + size;
	}
	return NULL;
}

/* Describes an object by its segments. first: the address, before it was moved, of its first one.
 * False: it has no code, or its code is in several pieces. */
static bool describe(
	struct sites_object *object, const ElfW(Phdr) * segment, unsigned count, uint64_t first)
{
	unsigned pieces = 0;

	for (unsigned i = 0; i < count; i++, segment++) {
		uint64_t start = segment->p_vaddr - first, end = start + segment->p_memsz;

		if (segment->p_type == PT_LOAD && segment->p_flags & PF_X && end <= INT32_MAX) {
			object->text = (uint32_t)start;
			object->text_end = (uint32_t)end;
			object->text_file = (uint32_t)segment->p_offset;
			pieces++;
		} else if (segment->p_type == PT_LOAD && segment->p_flags & PF_W &&
			   end <= INT32_MAX) {
			object->data_end = (uint32_t)(start + segment->p_filesz);
			object->bss_end = (uint32_t)end;
			object->memory_end = PAGE_END(end);
		} else if (segment->p_type == PT_NOTE && !object->build_id) {
			object->build_id = build_id_in(object->base + start, object->base + end);
		}
	}
	return pieces == 1;
}

bool sites_object_open(const struct link_map *map, struct sites_object *ret)
{
	const ElfW(Ehdr) *header = (const ElfW(Ehdr) *)map->l_addr;
	struct sites_object object = { .path = map->l_name, .base = (uint8_t *)map->l_addr };

	/* A prelinked object has no bias, and its header is elsewhere. */
	if (!header || memcmp(header->e_ident, ELFMAG, SELFMAG) ||
		header->e_phentsize != sizeof(ElfW(Phdr)) ||
		!describe(
			&object, (const void *)(object.base + header->e_phoff), header->e_phnum, 0))
		return false;
	*ret = object;
	return true;
}

bool sites_object_open_program(const struct entry *entry, struct sites_object *ret)
{
	const struct link_map *program = symbol_link_map();
	const ElfW(Phdr) *segments = (const ElfW(Phdr) *)entry_auxiliary(entry, AT_PHDR);
	unsigned count = (unsigned)entry_auxiliary(entry, AT_PHNUM);
	uint64_t first = UINT64_MAX;
	struct sites_object object = { .path = "" };

	if (!program || !segments)
		return false;
	for (unsigned i = 0; i < count; i++)
		if (segments[i].p_type == PT_LOAD && segments[i].p_vaddr < first)
			first = segments[i].p_vaddr;
	object.base = (uint8_t *)(program->l_addr + first);
	if (!describe(&object, segments, count, first))
		return false;
	*ret = object;
	return true;
}
