/*
 * footprint-supervise: watches programs that cannot load the library.
 *
 * The kernel holds each call that the filter announces (preload/programs/supervised_filter.c) until
 * it is answered. The answer is always "continue". Before that, the supervisor reads from the
 * caller's memory what the call is about, predicts its outcome, and records the fact as the preload
 * library would, in a session of the process image that has called.
 *
 *   main.c      attach to a process that is about to execute, or execute a program itself
 *   nursery.c   one waits for those who ask, and has a guardian begin for each
 *   prefix.c    the program that stands before another: supervises it, or says why not
 *   guard.c     two processes hold the listener: a guardian, and the worker it stands in for
 *   work.c      receives announcements and answers them
 *   wake.c      what ends its wait
 *   turns.c     whether caller and worker share a processor
 *   images.c    which process image a caller belongs to, and the recorder's state of each
 *   roots.c     whose root directory is another one
 *   greet.c     the hello of an image
 *   loads.c     what is mapped into dynamic programs without the library
 *   vigil.c     what tells the aggregator that all of us were killed
 *   express*    calls that are made again, and need not be announced
 *   call.c      a call's arguments, copied from the caller, become a fact
 *   outcome.c   what the kernel will answer
 *   interp.c    what else a file needs to be executed
 *   target.c    reads a caller: its memory and what /proc says
 *
 * The recorder is that of the preload library (preload/record/recorder.h). There, `image` is the
 * state of the process's own image; here, it is that of the caller that is being served. This
 * program has no libc.
 */
#ifndef FOOTPRINT_SUPERVISE_SUPERVISE_H
#define FOOTPRINT_SUPERVISE_SUPERVISE_H

#include <stdbool.h>
#include <stdint.h>

/* Set at the start, and never changed. */
struct supervisor {
	char *const *envp;
	/* Path of libfootprint.so, to recognise it in LD_PRELOAD; NULL: by name. */
	const char *library;
	int root; /* O_PATH of "/", -1: none */
	/* images_identify() of the process that started us, which has the library; 0: none. */
	uint64_t first;
};

extern struct supervisor supervisor;

/* Supervises the process that sends a greeting on the socket. asker: the pid that it must have; 0:
 * any. Returns the exit status. */
int supervise_on(int socket, int asker);

#endif
