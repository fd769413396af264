/* The words that a manifest's numbers have in JSON and on the screen. */
#ifndef FOOTPRINT_MANIFEST_WORDS_H
#define FOOTPRINT_MANIFEST_WORDS_H

#include <stdbool.h>

#include "proto/manifest.pb-c.h"

const char *file_type_word(Footprint__FileType type);		   /* "file", "directory", … */
const char *endpoint_word(Footprint__EndpointOperation operation); /* "connect", "bind", "send" */
const char *watched_word(Footprint__Watched watched); /* "none", "preload", "supervised" */
const char *loaded_word(Footprint__Loaded loaded);    /* "needed", "dlopen", "unobserved" */
/* What stands before the programs that load it so: "needed by", "dlopen by", "not observed, needed
 * by". */
const char *loaded_phrase(Footprint__Loaded loaded);

/* The words of the access bits, by repeated calls: the next word for what is left in *access, whose
 * bit is taken out; NULL when nothing is left. */
const char *access_next_word(uint32_t *access);

#define ACCESS_WORDS_SIZE 96
/* "read write", all words with spaces between. */
void access_words(uint32_t access, char buffer[static ACCESS_WORDS_SIZE]);

/* All that anybody does with the file. */
uint32_t file_access(const Footprint__File *file);

/* Whether its interpreter is that of a script, and no dynamic linker (all of which are called
 * "ld…"): those are loaded by the program itself, which has images of its own. */
bool program_is_script(const Footprint__Executable *program);

/* Whether it tells all of what it is about: there was a run, and no gap. */
bool view_is_complete(const Footprint__Manifest *m);

/* The strongest of the reasons why it is there: needed by one program and dlopened by another, it
 * is needed; what was seen is stronger than what was not. */
Footprint__Loaded library_loaded(const Footprint__Library *library);

/* Whether the program of loaders[i] has not been among the ones before: so all programs of a
 * library are counted once. Loaders are sorted by program and the strength of the reason, and what
 * stands first is the program's strongest. */
bool loader_is_programs_first(const Footprint__Library *library, size_t i);

/* "2026-11-22T02:31:38.123456789Z": nanoseconds since the epoch. */
#define TIME_TEXT_SIZE 40
void time_text(uint64_t nanoseconds, char buffer[static TIME_TEXT_SIZE]);

#endif
