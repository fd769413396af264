/* SipHash-1-3 with a key of this process, so that peers who choose the keys of a hash table cannot
 * fill it with collisions. (Aumasson and Bernstein, "SipHash: a fast short-input PRF".) */
#ifndef FOOTPRINT_BASE_HASH_H
#define FOOTPRINT_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

/* A hash that is different in each process, so nothing that is stored may depend on it.
 * Thread-safe. */
uint32_t hash_bytes(const void *bytes, size_t size);

/* The function itself, with the caller's key. */
uint64_t hash_siphash13(const uint64_t key[static 2], const void *bytes, size_t size);

#endif
