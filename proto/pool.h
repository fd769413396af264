/*
 * The pool: memory that the aggregator lends to a process that starts programs, for the session
 * memories of those programs.
 *
 * Making a memory of its own, connecting and saying hello is half of what being watched costs a
 * short program. So a process that has started several asks for a pool (Packet.pool). The
 * aggregator answers with one message on the process's socket, struct pool_offer with the pool's
 * memfd, and the process leaves it there, in the socket's queue. Whoever is about to execute a
 * program in this process's tree takes the cell of its pid, leaves a ticket for it, and lets the
 * socket be inherited. The program's image looks into the queue (MSG_PEEK), reads the ticket, maps
 * the cell's one page, and keeps its session memory there: the same layout as in a memfd of its
 * own, POOL_CELL_SIZE bytes, segment 0. What does not fit goes into a segment 1 with a memfd of its
 * own, announced on the inherited socket.
 *
 *   0              struct pool_head
 *   POOL_TICKETS   a ticket for each cell
 *   POOL_CELLS_AT  cell 0, cell 1, ...
 *
 * The tickets stand together, so that who starts programs one after another touches one page for
 * 128 of them, and none of their cells.
 *
 * A cell's state (pool_head.states), changed by compare-and-swap:
 *
 *   FREE ── who is about to execute ──► TAKEN ── the aggregator, when it has read ──► CLOSED
 *     ▲ ◄── the exec failed ──────────────┘      all, and pool_tail.ended is set          │
 *     └─────────────────────── what it held is in a manifest on disk ─────────────────────┘
 *
 * A cell whose processes were killed stays TAKEN until the last process that holds the socket is
 * gone: then the aggregator reads all cells to their end, and the pool is over.
 *
 * A ticket counts where its cell begins with a zero, which it does from FREE on until the image
 * that has taken the cell writes its session memory. The aggregator clears a ticket before it
 * clears the cell, so who has seen the zero first and then the ticket has seen both of one time.
 */
#ifndef FOOTPRINT_PROTO_POOL_H
#define FOOTPRINT_PROTO_POOL_H

#include <stdint.h>

#include "proto/session_memory.h"

#define POOL_MAGIC	 0x334c4f4f50505246ull /* "FRPPOOL3", little endian */
#define POOL_CELL_SIZE	 4096u
#define POOL_CELLS	 3072u
#define POOL_TICKETS	 4096u
#define POOL_TICKET_SIZE 32u
#define POOL_CELLS_AT	 (POOL_TICKETS + POOL_TICKET_SIZE * POOL_CELLS)
#define POOL_SIZE	 (POOL_CELLS_AT + POOL_CELL_SIZE * POOL_CELLS)

enum cell_state { CELL_FREE, CELL_TAKEN, CELL_CLOSED };

/* The cells that the program of a pid may have: the second where the first is its own from before
 * the exec, or still another's. */
#define POOL_CHOICES		  2u
#define POOL_CELL_OF(pid, choice) (((unsigned)(pid) + (choice) * (POOL_CELLS / 2)) % POOL_CELLS)

/* The pool's first page. Written by the aggregator before it lends the pool, but for `tickets` and
 * `states`. */
struct pool_head {
	uint64_t magic;
	uint32_t size;
	uint32_t reserved;
	uint64_t tickets;	    /* how many were left so far */
	uint8_t states[POOL_CELLS]; /* enum cell_state */
};

_Static_assert(sizeof(struct pool_head) <= POOL_TICKETS, "the head is a page");

/* What who executes leaves for the image. */
struct pool_ticket {
	uint64_t magic;	   /* POOL_TICKET_MAGIC */
	uint64_t number;   /* of all tickets of the pool; the image's session is named by it */
	int32_t pid;	   /* who executes */
	int32_t guard;	   /* its parent, which keeps the records of its children when it ends */
	uint32_t previous; /* cell of the image that ends with this exec, counted from 1; 0: none */
	uint32_t spooled;  /* bytes of the cell's log that a process of the pool has spooled */
};

_Static_assert(sizeof(struct pool_ticket) == POOL_TICKET_SIZE, "128 to a page");

#define POOL_TICKET_MAGIC 0x54454b4349545246ull /* "FRTICKET" */

/* At the end of a cell, behind the session memory. */
struct pool_tail {
	/* Processes of the image that may still write there. One that says goodbye may come back
	 * (its exec failed) or be followed by destructors; one that leaves does not. */
	uint32_t inhabitants;
	uint32_t reserved;
	uint32_t ended; /* the last inhabitant has left; or the image wanted no cell */
	uint32_t alone; /* the aggregator was gone: its image keeps its records itself from then on
			 */
};

#define POOL_TAIL(cell)                                                                            \
	((struct pool_tail *)(void *)((char *)(cell) + POOL_CELL_SIZE - sizeof(struct pool_tail)))

/* The aggregator's one message to a process; the pool's memfd comes with it. */
struct pool_offer {
	uint64_t magic;	   /* POOL_MAGIC */
	uint64_t identity; /* PoolRequest.identity: programs with other settings stay out */
	/* The root of the process that asked, as statx says. A program with another one, or in
	 * another mount namespace, stays out. */
	uint64_t root_device, root_inode, root_mount;
	uint64_t root_birth_ns; /* for the hellos of those who stay */
	/* Random: a session in the pool is named by it and the number of its ticket. */
	uint64_t name[2];
};

static inline uint64_t pool_ticket_offset(unsigned index)
{
	return POOL_TICKETS + (uint64_t)POOL_TICKET_SIZE * index;
}

static inline uint64_t pool_cell_offset(unsigned index)
{
	return POOL_CELLS_AT + (uint64_t)POOL_CELL_SIZE * index;
}

#endif
