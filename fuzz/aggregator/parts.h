/*
 * What the steps of fuzz_aggregator.c share: the input, the aggregator and its container, and the
 * processes.
 */
#ifndef FOOTPRINT_FUZZ_AGGREGATOR_PARTS_H
#define FOOTPRINT_FUZZ_AGGREGATOR_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "aggregator/aggregator.h"
#include "proto/pool.h"

#define WHO	    4		/* connections, and sessions */
#define MEMORY_SIZE (64u << 10) /* of a session */
#define HELLO_AT    256u	/* in a memory or a cell */
#define LOG_AT	    1024u
#define PIECE_MAX   (16u << 10)

/* --- input.c: what is left of it -------------------------------------------------------------- */

void input_begin(const uint8_t *data, size_t size);
bool input_left(void);
/* Little endian; behind the end there are zeros. */
uint64_t input_number(size_t bytes);
/* Points into the input; fewer at its end. */
ProtobufCBinaryData input_bytes(size_t size);
/* One of the connections, or of the sessions. */
unsigned input_who(void);

/* --- world.c ---------------------------------------------------------------------------------- */

extern struct aggregator world;
extern int world_root, world_other_root; /* the container's "/" and "/etc": O_PATH */
extern char world_spool_file[];

/* The container, in a folder that goes when we end, and an aggregator. */
void world_make(void);
/* Brings the aggregator to its end, and begins another one. */
void world_restart(void);
/* Is somebody at work, who will come to an end by himself? */
bool world_is_busy(void);
/* Lets time go by. */
void world_wait(uint64_t ms);
/* Ends everything unless it is so. */
void must(bool so, const char *what);

/* --- processes.c ------------------------------------------------------------------------------ */

struct process {
	int peer;      /* our end of the connection; -1: none */
	int memory;    /* a memfd */
	size_t tail;   /* bytes in its log */
	uint8_t *pool; /* what the aggregator has lent on that connection; NULL: none */
};

extern struct process processes[WHO];

/* Others than those of any input before. habits: bits, of all of them. */
void processes_begin(unsigned habits);
void processes_end(void);
ProtobufCBinaryData session_name(unsigned session);
/* Returns the size. */
size_t hello_pack(unsigned session, uint32_t segment, uint8_t ret[FP_HELLO_SIZE_MAX]);
/* What a memory, or a cell, of `size` bytes begins with. */
void memory_begin(uint8_t *memory, unsigned session, uint32_t size);

/* --- piece.c: slots of a log, for the next step that puts them somewhere ---------------------- */

struct piece {
	uint8_t bytes[PIECE_MAX];
	size_t size;
};

extern struct piece piece;

/* --- the steps -------------------------------------------------------------------------------- */

void step_record(void); /* piece.c */
void step_raw_slot(void);
void step_raw_piece(void);

void step_connect(void); /* packets.c */
void step_close(void);
void step_hello(void);
void step_batch(void);
void step_small(void);
void step_entered(void);
void step_raw_packet(void);
void step_pool(void);

void step_memory(void); /* places.c */
void step_poke_memory(void);
void step_cell(void);
void step_poke_pool(void);
void step_spool(void);
void step_raw_spool(void);

#endif
