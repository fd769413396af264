/*
 * The pool: a short program's records go into memory that the aggregator has lent its parent
 * (proto/pool.h), so that it needs no memory, no connection and no spool file of its own.
 *
 * Two sides. A process that starts programs asks for a pool, maps it when it has come, and hands
 * the socket on to what it executes. A new image that finds such a socket takes a cell.
 *
 * Who keeps what: nobody acknowledges a cell before its short life is over, so its records would be
 * lost with a killed aggregator if nobody else held the pool. The parent does, being alive, and
 * appends the cells to the spool when it ends. A process whose parent is not known to do so is on
 * its own: it keeps its cell itself, and at its end those of its children.
 */
#ifndef FOOTPRINT_PRELOAD_SESSION_POOL_H
#define FOOTPRINT_PRELOAD_SESSION_POOL_H

#include <stdbool.h>

#include "preload/entry.h"
#include "preload/session/hello.h"
#include "preload/session/memory.h"

/* --- a new image ------------------------------------------------------------------------------ */

/* A cell as the first segment, its hello written, image.descriptor the inherited socket; NULL: the
 * image is on its own, and no descriptor was inherited from us that is still open. */
struct segment *pool_enter(const struct settings *settings, const struct entry *entry);

/* --- starting programs ------------------------------------------------------------------------ */

/* Before a fork: has it come? */
void pool_look(void);

/* Before the exec of a program that can load the library, in the process that executes it, with the
 * environment that it gets: lets the program have the socket. Asks for a pool where there is none.
 */
void pool_hand_on(char *const *envp);
/* The exec failed. */
void pool_take_back(void);

/* --- the end ---------------------------------------------------------------------------------- */

/* Would our parent keep what stands in our cell, and in those of our children? */
bool pool_kept_by_parent(void);
/* Appends to the spool what cells hold whose processes have ended; all cells where nobody reads
 * them any more. */
void pool_keep_at_end(void);
/* This process begins to live in the cell, as a fork, or does not after all. */
void pool_inhabit(bool does);
/* It is about to end, and touches the cell no more: what may still come is an image of its own.
 * Where there are threads, which could go on writing, it stays. */
void pool_leave(void);

/* The connection is gone: keeps what stands in the pool, which is over. fd: its socket, if that is
 * still ours; -1: it is not. */
void pool_forget(int fd);

#endif
