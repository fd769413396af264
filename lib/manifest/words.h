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

/* The words of access bits, one for each call: returns the word of a bit in *access, and clears
 * that bit. NULL: no bit is left. */
const char *access_next_word(uint32_t *access);

#define ACCESS_WORDS_SIZE 96
/* "read write", all words with spaces between. */
void access_words(uint32_t access, char buffer[static ACCESS_WORDS_SIZE]);

/* The accesses of all programs to the file. */
uint32_t file_access(const Footprint__File *file);

/* Is the program a script? Then its interpreter is one that the kernel executed, and not a dynamic
 * linker (all of which are called "ld…"), which the program itself has loaded. */
bool program_is_script(const Footprint__Executable *program);

/* Is the manifest complete: was there a run, and is there no gap? */
bool view_is_complete(const Footprint__Manifest *m);

/* The strongest reason why the library is there: `needed` if one program needs it and another
 * dlopens it. What was seen is stronger than what was not. */
Footprint__Loaded library_loaded(const Footprint__Library *library);

/* Is loaders[i] the first one of its program? So each program of a library can be counted once.
 * Loaders are sorted by program and by the strength of the reason, so the first is the
 * strongest. */
bool loader_is_programs_first(const Footprint__Library *library, size_t i);

/* "2026-11-22T02:31:38.123456789Z": nanoseconds since the epoch. */
#define TIME_TEXT_SIZE 40
void time_text(uint64_t nanoseconds, char buffer[static TIME_TEXT_SIZE]);

#endif
