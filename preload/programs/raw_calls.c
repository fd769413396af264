#define _GNU_SOURCE
#include "preload/programs/raw_calls.h"

#include <link.h>
#include <linux/limits.h>
#include <stdbool.h>

#include "preload/hooks/symbols.h"
#include "preload/linker/loaded.h"
#include "preload/rawcall.h"
#include "preload/record/recorder.h"
#include "preload/text.h"

/* Every program that Go's linker has made has a note with this owner, even if another linker
 * finished the work: cmd/link/internal/ld/elf.go. */
static const char GO_OWNER[4] = "Go";

static size_t padded(size_t size, size_t alignment)
{
	return (size + alignment - 1) & ~(alignment - 1);
}

static bool has_go_note(const unsigned char *notes, size_t size, size_t alignment)
{
	while (size >= sizeof(ElfW(Nhdr))) {
		const ElfW(Nhdr) *note = (const void *)notes;
		size_t total = padded(sizeof(*note) + note->n_namesz, alignment) +
			       padded(note->n_descsz, alignment);

		if (total > size)
			return false;
		if (note->n_namesz == sizeof(GO_OWNER) &&
			!memcmp(note + 1, GO_OWNER, sizeof(GO_OWNER)))
			return true;
		notes += total;
		size -= total;
	}
	return false;
}

static bool is_go(const struct entry *entry, const struct link_map *program)
{
	const ElfW(Phdr) *header = (const ElfW(Phdr) *)entry_auxiliary(entry, AT_PHDR);
	unsigned long count = entry_auxiliary(entry, AT_PHNUM);

	for (; header && count; header++, count--)
		if (header->p_type == PT_NOTE &&
			has_go_note((const unsigned char *)program->l_addr + header->p_vaddr,
				header->p_filesz, header->p_align == 8 ? 8 : 4))
			return true;
	return false;
}

void raw_calls_record(const struct entry *entry)
{
	const struct link_map *program = symbol_link_map();
	char path[PATH_MAX];
	long size;

	/* For `ld.so program`, the kernel's auxiliary vector describes ld.so. */
	if (!entry->aux || !program || loaded_program() || !is_go(entry, program))
		return;
	size = rawcall3(SYS_readlink, (long)"/proc/self/exe", (long)path, sizeof(path) - 1);
	path[size > 0 ? size : 0] = '\0';
	record_gap("raw-syscall", path, "a Go program makes system calls past libc");
}
