/*
 * The pool: a short program keeps its records in memory that the aggregator has lent its parent
 * (proto/pool.h), so that it needs no memfd, no connection and no spool file of its own.
 *
 * There are two sides. A process that starts programs asks for a pool, maps it when it has come,
 * and hands the socket on to the programs. A new image that finds such a socket takes a cell.
 *
 * Who puts a cell's records into the spool? The aggregator acknowledges no cell before the short
 * life of its image is over. So if the aggregator is killed, the records in the cell are lost
 * unless somebody else keeps them. The parent does: it holds the pool, too, lives on, and appends
 * the cells to the spool when it ends. A process whose parent is not known to do that keeps its own
 * cell, and at its end those of its children. So does one whose parent has looked already
 * (cell_life.given_up), and has only not come to its end.
 */
#ifndef FOOTPRINT_PRELOAD_SESSION_POOL_H
#define FOOTPRINT_PRELOAD_SESSION_POOL_H

#include <stdbool.h>

#include "preload/entry.h"
#include "preload/session/hello.h"
#include "preload/session/memory.h"

/* --- a new image ------------------------------------------------------------------------------ */

/* Takes a cell as the first segment of this image: writes its hello, and makes the inherited socket
 * image.descriptor. NULL: the image needs a memory of its own. A socket that it inherited from us
 * is closed then. */
struct segment *pool_enter(const struct settings *settings, const struct entry *entry);

/* --- starting programs ------------------------------------------------------------------------ */

/* To be called before a fork: maps the pool if it has come, so that the child has it, too. */
void pool_look(void);

/* To be called before an exec, in the process that executes, with the environment that the program
 * gets. If the program can load the library (`watched`), lets it use the pool; if there is none
 * yet, asks the aggregator for one. */
void pool_hand_on(bool watched, char *const *envp);
/* That exec failed. */
void pool_take_back(void);

/* --- the end ---------------------------------------------------------------------------------- */

/* For the other processes of the image: this one, which has not looked at what they leave yet, will
 * look now for the last time. */
void pool_say_gone(void);
/* It lives on after all, or `pid` was another process's. */
void pool_unsay_gone(int pid);
/* Will our parent keep all that we leave, because it is of the same image and lives on? */
bool pool_kept_by_kin(void);
/* Will our parent, another image, keep what stands in our cell, and in those of our children? */
bool pool_kept_by_parent(void);
/* Appends to the spool what stands in the cells of processes that have ended; in all cells, if no
 * aggregator reads them any more. */
void pool_keep_at_end(void);
/* A fork of this process is about to live in the cell, too. */
void pool_inhabit(void);
/* That fork failed. */
void pool_inhabit_undo(void);
/* This process is about to end, and does not touch the cell any more: what it may still record gets
 * a session of its own. Does nothing if there are threads, which might still be writing in the
 * cell. */
void pool_leave(void);

/* The connection is gone, and with it the pool: keeps what stands in its cells. fd: the socket, if
 * that is still ours; -1: it is not. */
void pool_forget(int fd);

#endif
