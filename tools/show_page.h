/* The sections that `footprint show` prints for people. One that would be empty is left out. Those
 * of packages and files are in show_files.c. */
#ifndef FOOTPRINT_TOOLS_SHOW_PAGE_H
#define FOOTPRINT_TOOLS_SHOW_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/manifest.pb-c.h"

/* The manifest on the screen, which is standard output. */
struct page {
	const Footprint__Manifest *m;
	bool colour;
};

void page_gaps(const struct page *p);
void page_programs(const struct page *p);
void page_libraries(const struct page *p);
/* Packages with their sizes, and the files of none, by folders if they are many. */
void page_packages(const struct page *p);
/* All files, each below its package. */
void page_files(const struct page *p);
void page_endpoints(const struct page *p);
void page_missing(const struct page *p);

/* --- what they have in common --- */

#define ACCESS_COLUMN 60

void page_heading(const struct page *p, const char *word);
/* "a, b, c +2": the programs that use a thing are given one by one, with their places in the list,
 * and then how many they were. */
void page_user(const struct page *p, size_t place, uint32_t by);
void page_more(size_t n);

#endif
