/* Writes the file of redirected pages. It is made from libc's file, not from memory, where a
 * debugger may have set breakpoints. */
#define _GNU_SOURCE
#include <elf.h>
#include <fcntl.h>
#include <stddef.h>

#include "preload/descriptor.h"
#include "preload/mapping.h"
#include "preload/rawcall.h"
#include "preload/sites/sites_pages.h"
#include "preload/sites/sites_pattern.h"
#include "preload/text.h"

#define SECTIONS_MAX  128
#define WORDS_SIZE    16 /* bytes: the addresses of the gate and of a stub */
#define ALIGN_WORD(n) (((n) + 7) & ~7ull)

static bool read_at(int fd, void *to, size_t size, uint64_t offset)
{
	return rawcall4(SYS_pread64, fd, (long)to, (long)size, (long)offset) == (long)size;
}

/* Opens libc's file. -1: it is not the one that is mapped any more. */
static int open_object(const struct sites_object *object)
{
	uint8_t build_id[BUILD_ID_SIZE];
	int fd = (int)rawcall4(SYS_openat, AT_FDCWD, (long)object->path,
		O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, 0);

	/* The note is in the first segment, which begins with the file. */
	if (fd >= 0 &&
		read_at(fd, build_id, sizeof(build_id),
			(uint64_t)(object->build_id - object->base)) &&
		!memcmp(build_id, object->build_id, sizeof(build_id)))
		return fd;
	fd_close(&fd);
	return -1;
}

/*
 * Finds two words of memory that nobody uses: between what comes from the file and .bss, which is
 * aligned; or behind .bss, up to the end of the page. glibc gives neither to malloc, as musl and
 * ld.so do. The first is better, because every start writes that page anyway. 0: there are none.
 */
static uint32_t find_words(const struct sites_object *object, int fd)
{
	ElfW(Ehdr) header;
	ElfW(Shdr) sections[SECTIONS_MAX];
	uint64_t word = ALIGN_WORD(object->data_end);

	if (!read_at(fd, &header, sizeof(header), 0) || header.e_shentsize != sizeof(sections[0]) ||
		!header.e_shnum || header.e_shnum > SECTIONS_MAX ||
		!read_at(fd, sections, header.e_shnum * sizeof(sections[0]), header.e_shoff))
		return 0;
	for (unsigned i = 0; i < header.e_shnum; i++) {
		const ElfW(Shdr) *section = &sections[i];

		if (!(section->sh_flags & SHF_ALLOC) || section->sh_flags & SHF_TLS ||
			!section->sh_size || section->sh_addr + section->sh_size <= word)
			continue;
		if (section->sh_addr < word + WORDS_SIZE)
			word = ALIGN_WORD(object->bss_end);
	}
	return word + WORDS_SIZE <= object->memory_end ? (uint32_t)word : 0;
}

/* Must each start redirect the sites of this page itself? True if one of them cannot stand in the
 * file. */
static bool is_excluded(
	const struct sites_object *object, const uint32_t *offsets, unsigned count, uint32_t page)
{
	bool seven = false;

	for (unsigned i = 0; i < count; i++) {
		enum site_kind kind = SITE_KINDS;
		uint32_t next;
		bool fits = site_at(object, offsets[i], &kind, &next) && sites_pages_fits(kind) &&
			    !(kind == SITE_COMPARE_INT && seven);

		seven = seven || kind == SITE_COMPARE_INT;
		if (!fits &&
			(offsets[i] / SITES_PAGE == page || sites_pages_last(offsets[i]) == page))
			return true;
	}
	return false;
}

/* Writes the code of a site in the file. */
static void write_site(
	uint8_t *code, const struct sites_pages_site *site, uint32_t word, bool seven)
{
	uint16_t jump = SITE_INDIRECT;
	uint8_t *at = code;
	int32_t distance;

	if (!seven) {
		*at++ = SITE_MOV_CL;
		*at++ = (uint8_t)site->number;
	}
	distance =
		(int32_t)(word + (seven ? sizeof(uint64_t) : 0) -
			  (site->offset + (uint32_t)(at - code) + sizeof(jump) + sizeof(distance)));
	__builtin_memcpy(at, &jump, sizeof(jump));
	__builtin_memcpy(at + sizeof(jump), &distance, sizeof(distance));
	if (seven)
		at[sizeof(jump) + sizeof(distance)] = 0x90; /* nop */
}

/* The file that is being made. */
struct making {
	struct sites_pages pages;
	uint8_t *content;
	struct stubs stubs;
	uint32_t page_end; /* number of the page behind the last one in `content` */
	int fd;		   /* libc's file */
};

/* The first page that a site adds. */
static uint32_t first_new(const struct making *making, uint32_t offset)
{
	uint32_t page = offset / SITES_PAGE;

	return making->page_end && sites_pages_belongs(making->page_end, page) ? making->page_end
									       : page;
}

/* Adds the pages of a site that are not there yet, and those between them and the ones before, if
 * they are in the same mapping. */
static bool add_pages(struct making *making, const struct sites_object *object, uint32_t offset)
{
	for (uint32_t page = first_new(making, offset); page <= sites_pages_last(offset); page++) {
		uint8_t *to = making->content + (size_t)making->pages.page_count * SITES_PAGE;

		if (making->pages.page_count == SITES_PAGES_MAX ||
			!read_at(making->fd, to, SITES_PAGE,
				(uint64_t)page * SITES_PAGE - object->text + object->text_file))
			return false;
		making->pages.page_count++;
		making->page_end = page + 1;
	}
	return true;
}

/* False: the site cannot be added, and so the file cannot be made. */
static bool add_site(struct making *making, const struct sites_object *object, uint32_t offset)
{
	struct sites_pages *pages = &making->pages;
	struct sites_pages_site *site = &pages->sites[pages->head.count];
	enum site_kind kind;
	uint32_t next;
	uint8_t *code;
	int number;

	if (!site_at(object, offset, &kind, &next) || !add_pages(making, object, offset))
		return false;
	code = making->content +
	       (size_t)(pages->page_count - (making->page_end - offset / SITES_PAGE)) * SITES_PAGE +
	       offset % SITES_PAGE;
	number = stub_take(&making->stubs, kind);
	if (number < 0 || memcmp(code, object->base + offset, SITE_SIZE))
		return false;
	*site = (struct sites_pages_site){ .offset = offset,
		.number = (uint8_t)number,
		.kind = (uint8_t)kind,
		.size = (uint8_t)(next - offset) };
	write_site(code, site, pages->word, kind == SITE_COMPARE_INT);
	pages->head.count++;
	return true;
}

/*
 * libc asks for RLIMIT_STACK when it starts, so its getrlimit is mapped when we come, and looking
 * at it costs nothing: mov $302, %eax; xor %edi, %edi; syscall. If there is no such code, the first
 * site serves.
 */
static uint32_t find_witness(const struct sites_object *object, uint32_t first_site)
{
	static const uint8_t code[] = { 0xb8, 0x2e, 0x01, 0x00, 0x00, 0x31, 0xff, 0x0f, 0x05 };

	for (uint32_t at = object->text; at + sizeof(code) <= object->text_end; at++)
		if (!memcmp(object->base + at, code, sizeof(code)))
			return at + (uint32_t)sizeof(code) - SITE_SYSCALL_SIZE;
	return first_site;
}

/* Makes everything except the checksum. False: something is not as expected. */
static bool fill(struct making *making, const struct sites_object *object, const uint32_t *offsets,
	unsigned count)
{
	uint32_t before = 0;

	sites_head_fill(&making->pages.head, object, SITES_PAGES_MAGIC);
	making->pages.word = find_words(object, making->fd);
	for (unsigned i = 0; i < count && making->pages.word; i++) {
		/* A search returns the calls of the function for cancellable calls last. */
		if (offsets[i] <= before ||
			is_excluded(object, offsets, count, offsets[i] / SITES_PAGE) ||
			is_excluded(object, offsets, count, sites_pages_last(offsets[i])))
			continue;
		if (!add_site(making, object, offsets[i]))
			return false;
		before = offsets[i];
	}
	making->pages.witness = find_witness(object, making->pages.sites[0].offset);
	return true;
}

void sites_pages_make(const struct sites_object *object, const uint32_t *offsets, unsigned count)
{
	size_t room = (size_t)SITES_PAGES_MAX * SITES_PAGE + sizeof(struct sites_pages), size = 0;
	struct making making = { .fd = -1 };
	struct sites_unfinished file;

	/* First, because most processes that find no file may not write one either. */
	if (!sites_file_begin(&file, object, SITES_PAGES_KIND, room))
		return;
	making.content = map_private(room);
	if (!making.content) {
		sites_file_end(&file, NULL, 0);
		return;
	}
	making.fd = open_object(object);
	if (making.fd >= 0 && fill(&making, object, offsets, count)) {
		size = (size_t)making.pages.page_count * SITES_PAGE;
		making.pages.checksum = sites_pages_checksum(&making.pages);
		memcpy(making.content + size, &making.pages, sizeof(making.pages));
		size += sizeof(making.pages);
	}
	fd_close(&making.fd);
	sites_file_end(&file, size ? making.content : NULL, size);
	unmap(making.content, room);
}
