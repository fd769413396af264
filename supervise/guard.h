/*
 * Guardian and worker. A filtered call has no other answer than the supervisor's: if nobody holds
 * the listener any more, all of them fail with ENOSYS, for the rest of the program's life. So two
 * processes hold it. The worker does the work; when it dies, or hangs for longer than it should (in
 * a file system that is served by whom it watches), the guardian answers for it and starts another.
 * When the guardian dies the worker takes its place. Only who kills both at once breaks the
 * program.
 */
#ifndef FOOTPRINT_SUPERVISE_GUARD_H
#define FOOTPRINT_SUPERVISE_GUARD_H

/* Until nobody is watched any more. `asked`: a socket on which the word is sent that all is ready,
 * and which is closed then. Does not return. */
void guard(int listener, int asked) __attribute__((noreturn));

#endif
