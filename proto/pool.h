/*
 * The pool: memory that the aggregator lends to a process that starts programs, to hold the session
 * memories of those programs.
 *
 * For a short program, half of the cost of being watched is creating a session memory, connecting,
 * and saying hello. A pool saves it all three:
 *
 * - A process that has started several programs asks for a pool (Packet.pool).
 * - The aggregator answers with one message on that process's socket: a struct pool_offer, together
 *   with the pool's memfd. The process reads it with MSG_PEEK and leaves it in the socket's queue,
 *   for its children.
 * - Whoever is about to execute a program in this tree of processes takes a cell for it (which one
 *   follows from the pid), leaves a ticket for it, and lets the program inherit the socket.
 * - The new image peeks at the queue, reads the ticket, maps its cell, and keeps its session memory
 *   there. The layout is the same as in a memfd of its own: segment 0, of POOL_CELL_SIZE bytes.
 * - Most programs touch only the first page of their cell.
 * - Records that do not fit go into a segment 1, in a memfd of the image's own, which it announces
 *   on the inherited socket.
 *
 * The pool's layout:
 *
 *   0              struct pool_head
 *   POOL_TICKETS   a ticket for each cell
 *   POOL_CELLS_AT  cell 0, cell 1, ...
 *
 * The tickets stand together, apart from their cells. A process that starts one program after
 * another thus touches one page for 32 of them, and none of their cells.
 *
 * The state of a cell (pool_head.states) is changed by compare-and-swap:
 *
 *   FREE ── who is about to execute ──► TAKEN ── the aggregator, when it has read ──► CLOSED
 *     ▲ ◄── there was no exec ────────────┘      all, and cell_life.ended is set          │
 *     └─────────────────────── what it held is in a manifest on disk ─────────────────────┘
 *
 * A cell whose processes were killed stays TAKEN until the last process that holds the socket is
 * gone. Then the aggregator reads all cells to their end, and the pool is over.
 *
 * Of the tickets with a pid only the last one counts: whoever leaves one removes the others first.
 * It is valid while its cell begins with a zero, that is, from FREE until the image that took the
 * cell writes its session memory there. The aggregator clears the ticket before it clears the cell.
 *
 * An aggregator that is about to end sets pool_head.left, and then occupies the cells for which
 * there are tickets: their images find no cell, and have a connection of their own, if anybody
 * listens. Who has taken a cell looks at `left` afterwards, and gives it back.
 */
#ifndef FOOTPRINT_PROTO_POOL_H
#define FOOTPRINT_PROTO_POOL_H

#include <stdint.h>

#include "proto/session_memory.h"

#define POOL_MAGIC	 0x344c4f4f50505246ull /* "FRPPOOL4", little endian */
#define POOL_PAGE	 4096u
#define POOL_CELL_SIZE	 (8 * POOL_PAGE)
#define POOL_CELLS	 3072u
#define POOL_TICKETS	 POOL_PAGE
#define POOL_TICKET_SIZE 32u
#define POOL_CELLS_AT	 (POOL_TICKETS + POOL_TICKET_SIZE * POOL_CELLS)
#define POOL_SIZE	 (POOL_CELLS_AT + POOL_CELL_SIZE * POOL_CELLS)

enum cell_state { CELL_FREE, CELL_TAKEN, CELL_CLOSED };

/* The cells that a program with this pid may have: the further ones are for when the first is in
 * use, by an image that this process was before its last execs, or by another process. They stand
 * together, so whoever looks through their tickets and states touches one page of each. */
#define POOL_CHOICES 4u
#define POOL_CELL_OF(pid, choice)                                                                  \
	((unsigned)(pid) % (POOL_CELLS / POOL_CHOICES) * POOL_CHOICES + (choice))

/* The pool's first page. The aggregator writes it before it lends the pool, and `left` at its end;
 * processes change only `tickets` and `states`. */
struct pool_head {
	uint64_t magic;
	uint32_t size;
	uint32_t left;		    /* 1: the aggregator is about to end, and meets nobody more */
	uint64_t tickets;	    /* how many tickets were written so far */
	uint8_t states[POOL_CELLS]; /* enum cell_state */
};

_Static_assert(sizeof(struct pool_head) <= POOL_TICKETS, "the head is a page");

/* What a process that is about to exec leaves for the new image. */
struct pool_ticket {
	uint64_t magic;	   /* POOL_TICKET_MAGIC */
	uint64_t number;   /* counts the pool's tickets; part of the session's id */
	int32_t pid;	   /* the process that executes */
	int32_t guard;	   /* its parent, which keeps the records of its children when it ends */
	uint32_t previous; /* cell, counted from 1, of the image that this exec ends; 0: none */
	uint32_t spooled;  /* bytes of the cell's log that are already in the spool */
};

_Static_assert(sizeof(struct pool_ticket) == POOL_TICKET_SIZE, "those of 32 pids are a page");

#define POOL_TICKET_MAGIC 0x54454b4349545246ull /* "FRTICKET" */

/* What stands in the place of session_memory.magic while the image that has taken the cell fills
 * it, and where the aggregator lets no image in any more. */
#define POOL_OCCUPIED 1u

/* In a cell, behind struct session_memory. */
struct cell_life {
	/* How many processes of the image may still write in the cell. A process that has said
	 * goodbye still counts, since its exec may fail and destructors may follow; one that has
	 * left does not. */
	uint32_t inhabitants;
	/* 1: a relative that was about to end has looked for ended images, and found this one
	 * alive. If that was the parent, it keeps nothing more. */
	uint32_t given_up;
	uint32_t ended; /* fp_tick() when the last inhabitant left, or the image did not use the
			   cell; 0: not yet */
	uint32_t alone; /* 1: the aggregator is gone; the image keeps its records */
};

static inline struct cell_life *cell_life(const void *cell)
{
	return (struct cell_life *)((const struct session_memory *)cell + 1);
}

/* The aggregator's one message to a process; the pool's memfd comes with it. */
struct pool_offer {
	uint64_t magic;	   /* POOL_MAGIC */
	uint64_t identity; /* PoolRequest.identity; programs with other settings stay out */
	/* The root directory of the process that asked, as statx reports it. A program with another
	 * root, or in another mount namespace, does not use the pool. */
	uint64_t root_device, root_inode, root_mount;
	uint64_t root_birth_ns; /* for the hellos of those who use the pool */
	/* Random. With the number of its ticket it forms the id of a session in the pool. */
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
