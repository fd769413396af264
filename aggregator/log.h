/*
 * The daemon's messages on stderr: `footprintd: what: why`. Each is one line, written at once.
 *
 * Peers can be the cause of most of them, so none may come without end: of each kind (which is a
 * format), some are printed at once, and then one a minute. It says how many were left out.
 */
#ifndef FOOTPRINT_AGGREGATOR_LOG_H
#define FOOTPRINT_AGGREGATOR_LOG_H

#include <stdbool.h>

#include "lib/base/error.h"

/* FOOTPRINT_LOG: also print messages that are only for information. */
void log_verbose(bool on);

/* Something is wrong that a person should know of. Says what, where, and what follows from it. */
void log_trouble(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Prints "doing: why" for an error that another function has described. */
void log_error(const char *doing, const struct error *err);
/* Something that a person has asked for: always printed. */
void log_answer(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Printed only with FOOTPRINT_LOG. */
void log_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
