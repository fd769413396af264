/*
 * The connection to the aggregator: says which memory holds the records, and as a rule nothing
 * more. Nothing here raises a signal, touches a descriptor that is not surely ours, or waits, but
 * for 40 ms once in a process's life (session_flush).
 */
#ifndef FOOTPRINT_PRELOAD_SESSION_SESSION_H
#define FOOTPRINT_PRELOAD_SESSION_SESSION_H

#include <stdint.h>

#include "preload/session/memory.h"

/* Connects and says hello. memfd, root: descriptors that travel with it, -1: none. */
void session_start(struct segment *segment, int memfd, int root);

/* A further segment. */
void session_announce(struct segment *segment, int memfd);

/* After each new record: sees to it that someone has it or will have it. No system call while the
 * aggregator holds the memory, but for a look at the connection once in a while. */
void session_tend(struct segment *segment, const uint32_t *slot);

/* The same without a new record, which a process may not have for long. */
void session_look(void);

/* After the first records, which were not tended one by one. */
void session_tend_all(struct segment *segment);

/* A slot was taken back that may have been sent by value. */
void session_changed(const uint32_t *slot);

/* Asks the aggregator for a pool (pool.h). */
void session_ask_for_pool(uint64_t identity);

/* Sends what goes by value and has not been sent. Waits for the aggregator where it has to, once.
 */
void session_flush(void);

#endif
