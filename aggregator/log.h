/* The daemon's messages on stderr: `footprintd: what: why`. Each is one line, written at once. */
#ifndef FOOTPRINT_AGGREGATOR_LOG_H
#define FOOTPRINT_AGGREGATOR_LOG_H

#include <stdbool.h>

#include "lib/base/error.h"

/* FOOTPRINT_LOG: also print messages that are only for information. */
void log_verbose(bool on);

/* Something is wrong that a person should know of. */
void log_trouble(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Prints "doing: why" for an error that another function has described. */
void log_error(const char *doing, const struct error *err);
/* Printed only with FOOTPRINT_LOG. */
void log_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
