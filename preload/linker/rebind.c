#define _GNU_SOURCE
#include "preload/linker/rebind.h"

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#include "preload/hooks/symbols.h"
#include "preload/image.h"
#include "preload/mapping.h"
#include "preload/rawcall.h"

static void *own_function(const char *name)
{
	const struct link_map *own = symbol_own_map();

	return own ? symbol_in(own, name) : NULL;
}

void *rebind_function(const char *name, void *found)
{
	void *hook = found ? own_function(name) : NULL;

	return hook && symbol_next(name) == found ? hook : found;
}

/* The parts of an object that are needed for its relocations. */
struct tables {
	uintptr_t base, end; /* where it is mapped */
	uintptr_t relro, relro_end;
	const char *strings;
	const ElfW(Sym) * symbols;
	struct {
		const ElfW(Rela) * first;
		size_t count;
	} relocations[2]; /* of data, and of calls */
	bool writable;	  /* the part that is read-only after relocation (RELRO) is writable for the
			     moment */
};

static void read_dynamic(struct tables *tables, const ElfW(Dyn) * dynamic)
{
	for (const ElfW(Dyn) *d = dynamic; d->d_tag != DT_NULL; d++) {
		const void *address = symbol_address(tables->base, d->d_un.d_ptr);

		switch (d->d_tag) {
		case DT_STRTAB:
			tables->strings = address;
			break;
		case DT_SYMTAB:
			tables->symbols = address;
			break;
		case DT_RELA:
			tables->relocations[0].first = address;
			break;
		case DT_RELASZ:
			tables->relocations[0].count = d->d_un.d_val / sizeof(ElfW(Rela));
			break;
		case DT_JMPREL:
			tables->relocations[1].first = address;
			break;
		case DT_PLTRELSZ:
			tables->relocations[1].count = d->d_un.d_val / sizeof(ElfW(Rela));
			break;
		default:
			break;
		}
	}
}

static bool find_tables(struct tables *tables, const struct dl_phdr_info *object)
{
	const ElfW(Dyn) *dynamic = NULL;

	*tables = (struct tables){ .base = object->dlpi_addr };
	for (int i = 0; i < object->dlpi_phnum; i++) {
		const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
		uintptr_t start = tables->base + segment->p_vaddr;
		uintptr_t end = start + segment->p_memsz;

		if (segment->p_type == PT_LOAD && end > tables->end)
			tables->end = end;
		if (segment->p_type == PT_DYNAMIC)
			dynamic = (const ElfW(Dyn) *)start;
		/* As the dynamic linker rounds it. */
		if (segment->p_type == PT_GNU_RELRO) {
			tables->relro = start & -PAGE;
			tables->relro_end = end & -PAGE;
		}
	}
	if (dynamic)
		read_dynamic(tables, dynamic);
	return tables->symbols && tables->strings;
}

static bool protect(const struct tables *tables, int protection)
{
	return rawcall3(SYS_mprotect, (long)tables->relro,
		       (long)(tables->relro_end - tables->relro), protection) == 0;
}

static bool make_writable(struct tables *tables, uintptr_t slot)
{
	if (slot < tables->relro || slot >= tables->relro_end || tables->writable)
		return true;
	tables->writable = !image.memory_only && protect(tables, PROT_READ | PROT_WRITE);
	return tables->writable;
}

/* The slot is not bound yet (lazy binding): it leads back into the object, which has the dynamic
 * linker look the function up. That will find the function behind our hook, if no other object has
 * one of that name. */
static bool will_be(
	const struct tables *tables, uintptr_t value, const char *name, const void *next)
{
	if (value < tables->base || value >= tables->end)
		return false;
	for (const struct link_map *map = symbol_link_map(); map; map = map->l_next) {
		const void *other = map == symbol_own_map() ? NULL : symbol_in(map, name);

		if (other && other != next)
			return false;
	}
	return true;
}

static bool leads_to_function(const ElfW(Rela) * relocation)
{
	switch (ELF64_R_TYPE(relocation->r_info)) {
	case R_X86_64_JUMP_SLOT:
	case R_X86_64_GLOB_DAT:
		return true;
	case R_X86_64_64:
		return relocation->r_addend == 0;
	default:
		return false;
	}
}

/* False: the slot should lead to our hook, but cannot. */
static bool rebind(struct tables *tables, const ElfW(Rela) * relocation)
{
	const ElfW(Sym) *symbol = &tables->symbols[ELF64_R_SYM(relocation->r_info)];
	uintptr_t *slot = (uintptr_t *)(tables->base + relocation->r_offset);
	const char *name = tables->strings + symbol->st_name;
	void *hook, *next;

	if (!leads_to_function(relocation) || symbol->st_shndx != SHN_UNDEF || !*name)
		return true;
	hook = own_function(name);
	next = hook ? symbol_next(name) : NULL;
	if (!next || (*slot != (uintptr_t)next && !will_be(tables, *slot, name, next)))
		return true;
	if (!make_writable(tables, (uintptr_t)slot))
		return false;
	/* At once: a constructor's thread may be calling. */
	__atomic_store_n(slot, (uintptr_t)hook, __ATOMIC_RELAXED);
	return true;
}

const char *rebind_object(const struct dl_phdr_info *object)
{
	struct tables tables;
	bool all = true;

	if (!find_tables(&tables, object))
		return NULL;
	for (unsigned i = 0; i < 2; i++)
		for (size_t j = 0; j < tables.relocations[i].count; j++)
			all &= rebind(&tables, &tables.relocations[i].first[j]);
	if (tables.writable && !protect(&tables, PROT_READ))
		return "its table of functions stays writable";
	return all ? NULL : "its calls pass by the library: RTLD_DEEPBIND";
}
