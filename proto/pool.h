/*
 * The pool: memory that the aggregator lends to a process that starts programs, for the session
 * memories of those programs.
 *
 * Making a memory of its own, connecting and saying hello is half of what being watched costs a
 * short program. So a process that has started several asks for a pool (Packet.pool). The
 * aggregator answers with one message on the process's socket, struct pool_offer with the pool's
 * memfd, and the process leaves it there, in the socket's queue. Whoever is about to execute a
 * program in this process's tree takes the cell of its pid, leaves a ticket in it, and lets the
 * socket be inherited. The program's image looks into the queue (MSG_PEEK), maps that one page, and
 * keeps its session memory there: the same layout as in a memfd of its own, POOL_CELL_SIZE bytes,
 * segment 0. What does not fit goes into a segment 1 with a memfd of its own, announced on the
 * inherited socket.
 *
 *   0                struct pool_head
 *   POOL_CELL_SIZE   cell 0, cell 1, ...
 *
 * A cell's state (pool_head.states), changed by compare-and-swap:
 *
 *   FREE ── who is about to execute ──► TAKEN ── the aggregator, when it has read ──► CLOSED
 *     ▲ ◄── the exec failed ──────────────┘      all, and pool_tail.ended is set          │
 *     └─────────────────────── what it held is in a manifest on disk ─────────────────────┘
 *
 * A cell whose processes were killed stays TAKEN until the last process that holds the socket is
 * gone: then the aggregator reads all cells to their end, and the pool is over.
 */
#ifndef FOOTPRINT_PROTO_POOL_H
#define FOOTPRINT_PROTO_POOL_H

#include <stdint.h>

#include "proto/session_memory.h"

#define POOL_MAGIC     0x314c4f4f50505246ull /* "FRPPOOL1", little endian */
#define POOL_CELL_SIZE 4096u
#define POOL_CELLS     3072u
#define POOL_SIZE      (POOL_CELL_SIZE * (1u + POOL_CELLS))

enum cell_state { CELL_FREE, CELL_TAKEN, CELL_CLOSED };

/* The cells that the program of a pid may have: the second where the first is its own from before
 * the exec, or still another's. */
#define POOL_CHOICES		  2u
#define POOL_CELL_OF(pid, choice) (((unsigned)(pid) + (choice) * (POOL_CELLS / 2)) % POOL_CELLS)

/* The pool's first page. Written by the aggregator before it lends the pool, but for the states. */
struct pool_head {
	uint64_t magic;
	uint32_t size;
	uint32_t reserved;
	uint64_t identity; /* PoolRequest.identity: programs with other settings stay out */
	/* The root of the process that asked, as statx says. A program with another one, or in
	 * another mount namespace, stays out. */
	uint64_t root_device, root_inode, root_mount;
	uint8_t states[POOL_CELLS]; /* enum cell_state */
};

_Static_assert(sizeof(struct pool_head) <= POOL_CELL_SIZE, "the head is a page");

/* At the beginning of a cell, until the image writes its session memory over it. */
struct pool_ticket {
	uint64_t magic; /* POOL_TICKET_MAGIC; not a session memory's, so that no reader takes it for
			   one */
	int32_t pid;	/* who executes */
	int32_t guard;	/* its parent, which keeps the records of its children when it ends */
	uint64_t identity, root_device, root_inode, root_mount; /* the head's */
	uint32_t previous; /* cell of the image that ends with this exec, counted from 1; 0: none */
	uint32_t reserved;
};

#define POOL_TICKET_MAGIC 0x54454b4349545246ull /* "FRTICKET" */

/* At the end of a cell, behind the session memory. */
struct pool_tail {
	uint32_t ended; /* no process of the image is there any more; or it wanted no cell */
	uint32_t alone; /* the aggregator was gone: its image keeps its records itself from then on
			 */
};

#define POOL_TAIL(cell)                                                                            \
	((struct pool_tail *)(void *)((char *)(cell) + POOL_CELL_SIZE - sizeof(struct pool_tail)))

/* The aggregator's one message to a process; the pool's memfd comes with it. */
struct pool_offer {
	uint64_t magic; /* POOL_MAGIC */
};

#endif
