/*
 * Errors that say what and where. Functions return 0 or a negative errno; those that can fail in
 * ways a person must understand (parsers, files) also fill a struct error. Library code never
 * prints: the caller reports once.
 */
#ifndef FOOTPRINT_BASE_ERROR_H
#define FOOTPRINT_BASE_ERROR_H

struct error {
	int code;	/* negative errno; 0: none */
	char text[512]; /* "what: why", no newline, no program name */
};

/* Fills `err` (which may be NULL) and returns `code`, a negative errno, so that callers can
 * `return error_set(err, -EINVAL, "%s: not a manifest", path);` */
int error_set(struct error *err, int code, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
#ifdef __clang_analyzer__ /* it reads one file at a time, and must know that this returns an error \
			   */
#define error_set(err, code, ...) ((void)(err), (code))
#endif

/* Puts "context: " before the text that is already there; returns err->code. */
int error_prefix(struct error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
