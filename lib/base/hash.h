/* SipHash-1-3 with a key of this process: hash tables whose keys come from others must not be
 * theirs to fill with collisions. (Aumasson and Bernstein, "SipHash: a fast short-input PRF".) */
#ifndef FOOTPRINT_BASE_HASH_H
#define FOOTPRINT_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* Differs from process to process: nothing that lasts may depend on it. Thread-safe. */
uint32_t hash_bytes(const void *bytes, size_t size);

/* The function itself, with a key of the caller's. */
uint64_t hash_siphash13(const uint64_t key[static 2], const void *bytes, size_t size);

#endif
