/*
 * The sites of Go programs. Go makes its system calls past libc, by one function that ends in
 * `syscall; cmp $-4095, %rax` (several, before 1.19). A Go program that is linked with libc (cgo)
 * loads this library, so that function is redirected like those of libc, to a stub near the
 * program:
 *
 *   the program        stub (sites_go_stub.c)    sites_go_call.S
 *   jmp stub           lea  own_call, rcx
 *                      jmp  *gate ───────────►   is the number watched?
 *                                                 yes: call, recorded on a stack of ours
 *             ◄─────── own_call: syscall   ◄───   no, or it makes a process
 *                      cmp, jmp back     ◄─────   behind that syscall
 *
 * What the runtime does by other instructions names no files: threads, signals, memory, time. And
 * the vfork of os/exec is not seen, but all that its child does is.
 */
#ifndef FOOTPRINT_PRELOAD_SITES_SITES_GO_H
#define FOOTPRINT_PRELOAD_SITES_SITES_GO_H

#include "preload/entry.h"

/* If this is a Go program, redirects its sites. To be called by the constructor, before there are
 * threads. What cannot be redirected is a gap ("raw-syscall"). refused: why nothing may be
 * redirected, in words; else NULL. */
void sites_go_install(const struct entry *entry, const char *refused);

#endif
