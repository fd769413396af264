#include "preload/sites/sites_go_search.h"

#include "preload/hooks/symbols.h"
#include "preload/sites/sites_cache.h"
#include "preload/sites/sites_pattern.h"
#include "preload/text.h"

/* Every program that Go's linker has made has notes with this owner, even if another linker
 * finished the work: cmd/link/internal/ld/elf.go. */
static const char OWNER[4] = "Go";
#define GO_BUILD_ID 4 /* the type of that whose text ends in a hash of the program */

static size_t padded(size_t size, size_t alignment)
{
	return (size + alignment - 1) & ~(alignment - 1);
}

/* Is one of these notes Go's? */
static bool look_at_notes(
	const uint8_t *notes, size_t size, size_t alignment, struct go_note *ret_note)
{
	bool found = false;

	while (size >= sizeof(ElfW(Nhdr))) {
		const ElfW(Nhdr) *note = (const void *)notes;
		size_t head = padded(sizeof(*note) + note->n_namesz, alignment);
		size_t total = head + padded(note->n_descsz, alignment);

		if (total > size)
			break;
		if (note->n_namesz == sizeof(OWNER) && !memcmp(note + 1, OWNER, sizeof(OWNER))) {
			found = true;
			if (note->n_type == GO_BUILD_ID)
				*ret_note = (struct go_note){ notes + head, note->n_descsz };
		}
		notes += total;
		size -= total;
	}
	return found;
}

bool sites_go_is_program(const struct entry *entry, struct go_note *ret_note)
{
	const ElfW(Phdr) *header = (const ElfW(Phdr) *)entry_auxiliary(entry, AT_PHDR);
	unsigned long count = entry_auxiliary(entry, AT_PHNUM);
	const struct link_map *program = symbol_link_map();
	bool found = false;

	*ret_note = (struct go_note){ 0 };
	for (; program && header && count; header++, count--)
		if (header->p_type == PT_NOTE)
			found |= look_at_notes((const uint8_t *)program->l_addr + header->p_vaddr,
				header->p_filesz, header->p_align == 8 ? 8 : 4, ret_note);
	return found;
}

/* Whatever the function is that such code is in: it reports errors, as all do that name something.
 */
static bool is_site(const struct sites_object *object, uint32_t offset)
{
	enum site_kind kind;
	uint32_t next;

	return site_at(object, offset, &kind, &next) && kind == SITE_COMPARE_FROM &&
	       next - offset == GO_SITE_SIZE;
}

static unsigned search(const struct sites_object *object, uint32_t ret_offsets[SITES_MAX])
{
	unsigned count = 0;
	uint32_t at = object->text;

	while (at + 16 < object->text_end && count < SITES_MAX) {
		uint32_t end = at + sizeof(uint64_t);

		if (site_may_begin(object->base + at))
			for (; at < end && count < SITES_MAX; at++)
				if (is_site(object, at))
					ret_offsets[count++] = at;
		at = end;
	}
	return count;
}

unsigned sites_go_find(
	struct sites_object *object, const struct go_note *note, uint32_t ret_offsets[SITES_MAX])
{
	unsigned count;

	/* The text's last twenty letters are a hash of the program's content. */
	if (!object->build_id && note->size > BUILD_ID_SIZE)
		object->build_id = note->text + note->size - BUILD_ID_SIZE;
	count = sites_recall(object, is_site, ret_offsets);
	if (count)
		return count;
	count = search(object, ret_offsets);
	sites_keep(object, ret_offsets, count);
	return count;
}
