/*
 * Guardian and worker. Only a supervisor answers a filtered call: if no process holds the listener
 * any more, all such calls fail with ENOSYS for the rest of the program's life. So two processes
 * hold it. The worker does the work. When it dies, or hangs for too long (in a file system that the
 * watched program itself serves), the guardian answers for it and starts another worker. When the
 * guardian dies, the worker takes its place. Only killing both at once breaks the program.
 */
#ifndef FOOTPRINT_SUPERVISE_GUARD_H
#define FOOTPRINT_SUPERVISE_GUARD_H

/* Supervises until no process is left to watch. asked: a socket to which a message is sent when all
 * is ready, and which is closed then. Does not return. */
void guard(int listener, int asked) __attribute__((noreturn));

#endif
