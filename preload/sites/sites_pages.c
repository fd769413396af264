#define _GNU_SOURCE
#include "preload/sites/sites_pages.h"

#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>

#include "preload/descriptor.h"
#include "preload/rawcall.h"
#include "preload/sites/sites_pattern.h"
#include "preload/text.h"
#include "proto/session_memory.h"

_Static_assert(offsetof(struct sites_pages, checksum) % 8 == 0 &&
		       sizeof(struct sites_pages) == 80 + 8 * SITES_MAX,
	"the table has no padding");
_Static_assert(STUBS_IN_ALL <= UINT8_MAX, "a stub's number has its place in cl");

uint64_t sites_pages_checksum(const struct sites_pages *pages)
{
	return fp_checksum_add(FP_CHECKSUM_START, pages, offsetof(struct sites_pages, checksum));
}

static uint32_t page_of(const struct sites_pages *pages, unsigned site)
{
	return pages->sites[site].offset / SITES_PAGE;
}

/* Are the two words at this offset memory of libc's data that is not in its file? */
static bool holds_words(const struct sites_object *object, uint32_t word)
{
	return !(word % sizeof(uint64_t)) && word >= object->data_end &&
	       word + 2 * sizeof(uint64_t) <= object->memory_end;
}

static bool is_plausible(
	const struct sites_pages *pages, const struct sites_object *object, uint64_t size)
{
	return sites_head_fits(&pages->head, object, SITES_PAGES_MAGIC) &&
	       pages->head.count <= SITES_MAX && pages->page_count <= SITES_PAGES_MAX &&
	       size == (uint64_t)pages->page_count * SITES_PAGE + sizeof(*pages) &&
	       pages->checksum == sites_pages_checksum(pages) &&
	       (!pages->head.count || holds_words(object, pages->word));
}

/* Opens the file and reads its table. -1: there is none that can be trusted. */
static int open_pages(const struct sites_object *object, struct sites_pages *ret)
{
	uint64_t size = 0;
	int fd = sites_file_open(object, SITES_PAGES_KIND, &size);

	if (fd < 0)
		return -1;
	if (size >= sizeof(*ret) &&
		rawcall4(SYS_pread64, fd, (long)ret, sizeof(*ret), (long)(size - sizeof(*ret))) ==
			sizeof(*ret) &&
		is_plausible(ret, object, size))
		return fd;
	fd_close(&fd);
	return -1;
}

/*
 * Has nobody else changed a part of this code? A tool that hooks functions by writing into their
 * code makes that part writable, and expects what it wrote to stay: it must not vanish under a page
 * of ours. Such a part remains a mapping of its own. mremap tells: the kernel refuses to enlarge a
 * range with EFAULT if that is in more than one mapping. (If it is in one mapping the range cannot
 * grow either, since the code goes on behind it, but the error is another one.)
 */
static bool is_of_one_piece(const struct sites_object *object, const struct sites_pages *pages)
{
	uint32_t first = page_of(pages, 0) * SITES_PAGE;
	uint32_t end =
		(sites_pages_last(pages->sites[pages->head.count - 1].offset) + 1) * SITES_PAGE;

	return end < object->text_end &&
	       rawcall4(SYS_mremap, (long)(object->base + first), end - first,
		       end - first + SITES_PAGE, 0) != -EFAULT;
}

/*
 * Does libc still make its system calls itself? A tool that replaces them in all of libc's code may
 * make the code writable as a whole, which leaves one mapping. Only one instruction is looked at,
 * and none of the sites: looking at these would map the pages, with their neighbours, that are
 * about to be replaced, which would cost more than all the rest here.
 */
static bool is_untouched(const struct sites_object *object, const struct sites_pages *pages)
{
	const uint8_t *code = object->base + pages->witness;

	return sites_object_holds(object, pages->witness) && code[0] == 0x0f && code[1] == 0x05;
}

/* Takes the stubs for the file's sites. False: the file is not consistent, or has other numbers. */
static bool take_stubs(
	const struct sites_object *object, const struct sites_pages *pages, struct stubs *stubs)
{
	for (unsigned i = 0; i < pages->head.count; i++) {
		const struct sites_pages_site *site = &pages->sites[i];

		if ((i && site->offset <= site[-1].offset) ||
			!sites_object_holds(object, site->offset) || site->kind >= SITE_KINDS ||
			!sites_pages_fits(site->kind) || site->size < SITE_SIZE - 1 ||
			site->size > SITE_SIZE_MAX || stub_take(stubs, site->kind) != site->number)
			return false;
	}
	return true;
}

/* Sets where the sites lead. They are not mapped yet. */
static void lead(const struct sites_object *object, const struct sites_pages *pages)
{
	uint64_t words[2] = { (uint64_t)(uintptr_t)site_gate, 0 };

	for (unsigned i = 0; i < pages->head.count; i++) {
		const struct sites_pages_site *site = &pages->sites[i];

		site_returns[site->number] =
			(uint64_t)(uintptr_t)(object->base + site->offset + site->size);
		if (site->size < SITE_SIZE)
			words[1] = (uint64_t)(uintptr_t)stub_at(site->number);
	}
	__builtin_memcpy(object->base + pages->word, words, sizeof(words));
}

/* Maps the pages, as many at once as possible. Returns the first site that is not redirected, which
 * is head.count if nothing has failed. */
static unsigned map_over(const struct sites_object *object, const struct sites_pages *pages, int fd)
{
	unsigned site = 0, at = 0;

	while (site < pages->head.count) {
		uint32_t first = page_of(pages, site), end = first + 1;
		unsigned behind = site;
		long size;

		for (; behind < pages->head.count &&
			sites_pages_belongs(end, page_of(pages, behind));
			behind++)
			end = sites_pages_last(pages->sites[behind].offset) + 1;
		size = (long)(end - first) * SITES_PAGE;
		if (at + (end - first) > pages->page_count ||
			rawcall6(SYS_mmap, (long)(object->base + (size_t)first * SITES_PAGE), size,
				PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, fd,
				(long)at * SITES_PAGE) < 0)
			break;
		at += end - first;
		site = behind;
	}
	return site;
}

/* Removes the first `done` sites of the file from `offsets`; returns how many are left. */
static unsigned leave_out(
	uint32_t *offsets, unsigned count, const struct sites_pages *pages, unsigned done)
{
	unsigned left = 0;

	for (unsigned i = 0; i < count; i++) {
		unsigned site = 0;

		while (site < done && pages->sites[site].offset != offsets[i])
			site++;
		if (site == done)
			offsets[left++] = offsets[i];
	}
	return left;
}

unsigned sites_pages_map(
	const struct sites_object *object, struct stubs *stubs, uint32_t *offsets, unsigned count)
{
	struct sites_pages pages;
	struct stubs taken = *stubs;
	int fd CLEANUP_FD = open_pages(object, &pages);

	if (fd < 0) {
		sites_pages_make(object, offsets, count);
		fd = open_pages(object, &pages);
	}
	if (fd < 0 || !pages.head.count || !take_stubs(object, &pages, &taken) ||
		!is_of_one_piece(object, &pages) || !is_untouched(object, &pages))
		return count;
	lead(object, &pages);
	*stubs = taken;
	return leave_out(offsets, count, &pages, map_over(object, &pages, fd));
}
