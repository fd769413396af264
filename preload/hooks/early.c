#define _GNU_SOURCE
#include "preload/hooks/early.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stddef.h>

#include "preload/descriptor.h"
#include "preload/hooks/hooks.h"
#include "preload/hooks/symbols.h"
#include "preload/rawcall.h"

#define AUX_ENTRIES_MAX 64

extern const ElfW(Ehdr) __ehdr_start __attribute__((visibility("hidden")));
extern ElfW(Dyn) _DYNAMIC[] __attribute__((visibility("hidden")));

/* Finds the program's headers in the auxiliary vector. False: that cannot be read. */
static bool find_program(const ElfW(Phdr) * *ret_headers, unsigned long *ret_count)
{
	ElfW(auxv_t) entries[AUX_ENTRIES_MAX];
	int fd CLEANUP_FD = (int)rawcall4(
		SYS_openat, AT_FDCWD, (long)"/proc/self/auxv", O_RDONLY | O_CLOEXEC, 0);
	long size = fd < 0 ? 0 : rawcall3(SYS_read, fd, (long)entries, sizeof(entries));

	*ret_headers = NULL;
	*ret_count = 0;
	for (long i = 0; i < size / (long)sizeof(entries[0]); i++) {
		if (entries[i].a_type == AT_PHDR)
			*ret_headers = (const ElfW(Phdr) *)entries[i].a_un.a_val;
		else if (entries[i].a_type == AT_PHNUM)
			*ret_count = entries[i].a_un.a_val;
	}
	return *ret_headers != NULL;
}

/* The list of objects, which the dynamic linker puts into the program for debuggers (DT_DEBUG).
 * NULL: not known. */
static const struct link_map *find_objects(void)
{
	const ElfW(Phdr) * headers;
	const ElfW(Dyn) *dynamic = NULL;
	unsigned long count;
	ElfW(Addr) base = 0;

	if (!find_program(&headers, &count))
		return NULL;
	for (unsigned long i = 0; i < count; i++)
		if (headers[i].p_type == PT_PHDR)
			base = (ElfW(Addr))headers - headers[i].p_vaddr;
	for (unsigned long i = 0; i < count; i++)
		if (headers[i].p_type == PT_DYNAMIC)
			dynamic = (const ElfW(Dyn) *)(base + headers[i].p_vaddr);
	for (; dynamic && dynamic->d_tag != DT_NULL; dynamic++)
		if (dynamic->d_tag == DT_DEBUG && dynamic->d_un.d_ptr)
			return ((const struct r_debug *)dynamic->d_un.d_ptr)->r_map;
	return NULL;
}

static ElfW(Addr) find_symbol(const struct link_map *objects, const char *name)
{
	void *found = NULL;

	for (; objects && !found; objects = objects->l_next)
		if (objects->l_ld != _DYNAMIC)
			found = symbol_in(objects, name);
	return (ElfW(Addr))found;
}

static const void *own_table(ElfW(Addr) base, ElfW(Sxword) tag)
{
	for (const ElfW(Dyn) *d = _DYNAMIC; d->d_tag != DT_NULL; d++)
		if (d->d_tag == tag)
			return symbol_address(base, d->d_un.d_ptr);
	return NULL;
}

static size_t own_relocations(void)
{
	for (const ElfW(Dyn) *d = _DYNAMIC; d->d_tag != DT_NULL; d++)
		if (d->d_tag == DT_RELASZ)
			return d->d_un.d_val / sizeof(ElfW(Rela));
	return 0;
}

bool early_relocate(void)
{
	ElfW(Addr) base = (ElfW(Addr)) & __ehdr_start;
	const struct link_map *objects = &__errno_location ? NULL : find_objects();
	const ElfW(Rela) *relocation = own_table(base, DT_RELA);
	const ElfW(Sym) *symbols = own_table(base, DT_SYMTAB);
	const char *strings = own_table(base, DT_STRTAB);

	if (!objects)
		return false;
	for (size_t left = own_relocations(); left; left--, relocation++) {
		ElfW(Addr) *slot = (ElfW(Addr) *)(base + relocation->r_offset);
		const ElfW(Sym) *symbol = &symbols[ELF64_R_SYM(relocation->r_info)];

		if (ELF64_R_TYPE(relocation->r_info) == R_X86_64_RELATIVE)
			*slot = base + (ElfW(Addr))relocation->r_addend;
		else if (ELF64_R_TYPE(relocation->r_info) == R_X86_64_GLOB_DAT)
			*slot = find_symbol(objects, strings + symbol->st_name);
	}
	return true;
}
