/*
 * footprint-supervise: the watcher of programs that no library can enter.
 *
 * The kernel holds each call that the filter announces (preload/programs/supervised_filter.c) until
 * it is answered; the answer is always "continue". Before it the supervisor reads what the call is
 * about in the caller's memory, foretells its outcome, and records the fact as the preload library
 * would have, in a session of the process image that called.
 *
 *   main.c      attach to a process that is about to execute, or execute a program itself
 *   nursery.c   one waits for those who ask, and has a guardian begin for each
 *   prefix.c    the program that stands before another: supervises it, or says why not
 *   guard.c     two processes hold the listener: a guardian, and the worker it stands in for
 *   work.c      receives announcements and answers them
 *   wake.c      what ends its wait
 *   turns.c     whether caller and worker share a processor
 *   images.c    which process image a caller belongs to, and the recorder's state of each
 *   greet.c     the hello of an image
 *   vigil.c     what tells the aggregator that all of us were killed
 *   express*    calls that are made again, and need not be announced
 *   call.c      a call's arguments, copied from the caller, become a fact
 *   outcome.c   what the kernel will answer
 *   target.c    reads a caller: its memory and what /proc says
 *
 * The recorder is the preload library's own (preload/record/recorder.h): `image` there is one
 * process image's state, and here that of whichever caller is being served. There is no libc in
 * this program.
 */
#ifndef FOOTPRINT_SUPERVISE_SUPERVISE_H
#define FOOTPRINT_SUPERVISE_SUPERVISE_H

#include <stdbool.h>
#include <stdint.h>

/* Given at the start, for good. */
struct supervisor {
	char *const *envp;
	const char
		*library; /* path of libfootprint.so, to know who has it; NULL: by its usual name */
	int root;	  /* O_PATH of "/", -1: none */
	uint64_t first; /* images_identify() of who asked for us, which has the library: 0: none */
};

extern struct supervisor supervisor;

/* Supervises the process that sends a greeting on the socket. asker: which it must be, 0: any. The
 * status to exit with. */
int supervise_on(int socket, int asker);

#endif
