/*
 * Pages of libc's code that are redirected already, kept in a file beside the library
 * (libfootprint.so.pages-BUILDID) and mapped over libc's own. A start then neither makes code
 * writable nor has copies of pages, which cost more than all else there.
 *
 * The distance from libc to this library differs from program to program, so a site in the file
 * does not jump to a stub. Its eight bytes are `mov $number, %cl; jmp *word(%rip)`: the kernel
 * would overwrite rcx as well, `word` is memory of libc's own data that belongs to no variable, and
 * each start writes the address of site_gate there, which does what the stub of that number would.
 * A site of seven bytes has no room for a number: one there may be, whose word is the next and
 * holds its stub.
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

/* So many pages without a site may go along between two with one: a fault maps sixteen at once, and
 * a mapping more is 5 us of a start. */
#define SITES_PAGES_BETWEEN 15

/* "FPTPAGE3"; other code in the pages, other stretches, or other numbers of stubs, need another. */
#define SITES_PAGES_MAGIC 0x3345474150545046ull

/* The end of the file. Before it stand its pages, in ascending order: those with sites, and those
 * between. */
struct sites_pages {
	struct sites_head head; /* `count` of sites; 0: this libc has no room for the words */
	uint32_t word;		/* offset of the two words from libc's base */
	uint32_t witness;	/* offset of a `syscall` that libc has made before we come */
	uint32_t page_count, reserved;
	struct sites_pages_site {
		uint32_t offset; /* of the `syscall` from libc's base, ascending */
		uint8_t number;	 /* its stub's */
		uint8_t kind;	 /* enum site_kind */
		uint8_t size;	 /* bytes, to where the code goes on */
		uint8_t reserved;
	} sites[SITES_MAX];
	uint64_t checksum; /* of all before: against accidents */
};

/*
 * Redirects sites by mapping such a file, which is written first if there is none and one can be.
 * Leaves in `offsets` those that are still to be redirected and returns how many. `stubs`: none
 * taken yet.
 */
unsigned sites_pages_map(
	const struct sites_object *object, struct stubs *stubs, uint32_t *offsets, unsigned count);

/* Writes the file, if one can be. */
void sites_pages_make(const struct sites_object *object, const uint32_t *offsets, unsigned count);

/* Can sites of this kind stand in such a file, and how many bytes have they? */
static inline bool sites_pages_fits(enum site_kind kind)
{
	return kind == SITE_COMPARE || kind == SITE_COMPARE_FROM || kind == SITE_COMPARE_INT ||
	       kind == SITE_DEFERRED;
}

/* What a site is in the file. The bytes before the word's displacement, which ends the instruction.
 */
#define SITE_MOV_CL   0xb1
#define SITE_INDIRECT 0x25ff /* jmp *displacement(%rip) */
#define SITE_SIZE     8
#define SITE_SIZE_MAX 16 /* to where the code goes on */

/* The page of a site's last byte. */
static inline uint32_t sites_pages_last(uint32_t offset)
{
	return (offset + SITE_SIZE - 1) / SITES_PAGE;
}

/* Does a page belong to the stretch that ends before `end`? */
static inline bool sites_pages_belongs(uint32_t end, uint32_t page)
{
	return page <= end + SITES_PAGES_BETWEEN;
}

uint64_t sites_pages_checksum(const struct sites_pages *pages);

#endif
