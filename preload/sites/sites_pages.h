/*
 * Pages of libc's code in which the sites are redirected already, kept in a file beside the library
 * (libfootprint.so.pages-BUILDID) and mapped over libc's own pages. So a start need not make code
 * writable and get private copies of these pages, which would cost more than all the rest of
 * sites_install().
 *
 * The distance from libc to this library differs from program to program, so a site in the file
 * cannot jump to its stub directly. Its eight bytes are `mov $number, %cl; jmp *word(%rip)`:
 *
 * - The kernel overwrites rcx in a system call, so the site may use cl.
 * - `word` is memory in libc's own data segment that no variable uses. Each start writes the
 *   address of site_gate there, which does what the stub with this number would do.
 * - A site of seven bytes has no room for a number. There may be one such site: it jumps through
 *   the word after `word`, which holds the address of its stub.
 *
 * Start at sites_pages_map(). sites_pages_make.c writes the file.
 */
#ifndef FOOTPRINT_PRELOAD_SITES_SITES_PAGES_H
#define FOOTPRINT_PRELOAD_SITES_SITES_PAGES_H

#include "preload/sites/sites_file.h"
#include "preload/sites/sites_object.h"
#include "preload/sites/sites_search.h"
#include "preload/sites/sites_stubs.h"

#define SITES_PAGE	 4096u
#define SITES_PAGES_KIND ".pages-"
#define SITES_PAGES_MAX	 128

/* Two sites are in the same mapping if at most this many pages without a site are between their
 * pages. A page fault maps sixteen pages at once, and each further mapping costs 5 us of a
 * start. */
#define SITES_PAGES_BETWEEN 15

/* "FPTPAGE3". To be changed with the code in the pages, the rule for mappings, or the number of
 * stubs. */
#define SITES_PAGES_MAGIC 0x3345474150545046ull

/* The end of the file. Before it stand the pages, in ascending order: those with sites, and the
 * ones between them that are in the same mapping. */
struct sites_pages {
	struct sites_head
		head;	  /* head.count: number of sites; 0: this libc has no room for the words */
	uint32_t word;	  /* of the two words, as an offset from libc's base */
	uint32_t witness; /* offset of a `syscall` that libc has made before us */
	uint32_t page_count, reserved;
	struct sites_pages_site {
		uint32_t offset; /* of the `syscall` from libc's base, ascending */
		uint8_t number;	 /* its stub's */
		uint8_t kind;	 /* enum site_kind */
		uint8_t size;	 /* bytes, to where the code goes on */
		uint8_t reserved;
	} sites[SITES_MAX];
	uint64_t checksum; /* of all before it, against accidents */
};

/*
 * Redirects sites by mapping such a file. If there is none, it is written first, if that is
 * possible. Leaves in `offsets` the sites that are still to be redirected, and returns how many.
 * stubs: none of them may be taken yet.
 */
unsigned sites_pages_map(
	const struct sites_object *object, struct stubs *stubs, uint32_t *offsets, unsigned count);

/* Writes the file, if one can be. */
void sites_pages_make(const struct sites_object *object, const uint32_t *offsets, unsigned count);

/* Can sites of this kind stand in such a file? */
static inline bool sites_pages_fits(enum site_kind kind)
{
	return kind == SITE_COMPARE || kind == SITE_COMPARE_FROM || kind == SITE_COMPARE_INT ||
	       kind == SITE_DEFERRED;
}

/* The code of a site in the file: mov $number, %cl, and then a jmp that ends in its
 * displacement. */
#define SITE_MOV_CL   0xb1
#define SITE_INDIRECT 0x25ff /* jmp *displacement(%rip) */
#define SITE_SIZE     8
#define SITE_SIZE_MAX 16 /* bytes from `syscall` to where the code goes on, at most */

/* The page of a site's last byte. */
static inline uint32_t sites_pages_last(uint32_t offset)
{
	return (offset + SITE_SIZE - 1) / SITES_PAGE;
}

/* Does a page belong to the mapping whose last page is the one before `end`? */
static inline bool sites_pages_belongs(uint32_t end, uint32_t page)
{
	return page <= end + SITES_PAGES_BETWEEN;
}

uint64_t sites_pages_checksum(const struct sites_pages *pages);

#endif
