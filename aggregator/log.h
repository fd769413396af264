/* What the daemon says on stderr: `footprintd: what: why`, one line a message, never torn. */
#ifndef FOOTPRINT_AGGREGATOR_LOG_H
#define FOOTPRINT_AGGREGATOR_LOG_H

#include <stdbool.h>

#include "lib/base/error.h"

/* FOOTPRINT_LOG: also say what is merely worth knowing. */
void log_verbose(bool on);

/* Trouble that a person should hear of. */
void log_trouble(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* "doing: why" of an error that somebody else described. */
void log_error(const char *doing, const struct error *err);
/* Said under FOOTPRINT_LOG alone. */
void log_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
