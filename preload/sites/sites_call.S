/*
 * Trampolines. The first five bytes of a site (its `syscall`, and the beginning of what follows)
 * become a jump to a stub of its own. When the trampoline goes on behind the site, everything is as
 * after the `syscall` and the instructions that the jump overwrote: all registers but rax, rcx and
 * r11, the red zone below the stack pointer, and the flags. Vector registers are not touched, since
 * the library is built for general registers only.
 *
 * To an unwinder (a cancelled thread, a C++ exception out of a handler, backtrace) a trampoline looks
 * like a function that the site has called. The unwind information below says that the caller goes on
 * behind the site, with its stack pointer where it was.
 *
 * The frame (CFA, the canonical frame address, is the stack pointer at the site):
 *
 *	CFA - 128	the site's red zone
 *	    - 136	the address where the site goes on
 *	    - 144	the saved rbx
 *	    - 152	the address of the overwritten instructions (finish_...)
 *	    - 224	struct site_frame			<- rbx
 */
#include "preload/sites/sites_call.h"

#define FRAME_TO_CFA 224
#define FRAME_RBX    80
#define FRAME_FINISH 72
#define FRAME_RETURN 88

/* DWARF for what an instruction with a displacement of 32 bits names: p + at + 4 + *(uint32_t *)(p + at),
 * where p is the program counter rounded down to code that begins at a multiple of `size`. It takes p
 * twice and reads eight bytes for four, because valgrind knows no DW_OP_dup and no DW_OP_deref_size. */
#define ROUNDED_DOWN(size) 0x80, 0, 0x09, 256 - (size), 0x1a
#define NAMED(size, at)                                                                            \
	ROUNDED_DOWN(size), 0x23, at, 0x06, 0x0c, 0xff, 0xff, 0xff, 0xff, 0x1a,                    \
		ROUNDED_DOWN(size), 0x22, 0x23, (at) + 4
#define NAMED_SIZE 22

	.text

/* The stubs. They differ only in the place of their return address and in their kind. Before a stub has
 * pushed its return address, an unwinder finds it by the operand of that push: DWARF for *NAMED. */
	.balign SITE_STUB_SIZE
	.globl	site_stubs
	.hidden	site_stubs
	.type	site_stubs, @object
	.cfi_startproc
	.cfi_def_cfa rsp, 0
	.cfi_escape 0x16, 16, NAMED_SIZE + 1, NAMED(SITE_STUB_SIZE, 7), 0x06
site_stubs:
	.set	stub, 0

.macro stubs enter, count
	.rept	\count
	.cfi_remember_state
	lea	-128(%rsp), %rsp
	.cfi_def_cfa_offset 128
	push	site_returns + 8 * stub(%rip)
	.cfi_def_cfa_offset 136
	.cfi_offset rip, -136
	jmp	\enter
	.cfi_restore_state
	.set	stub, stub + 1
	.endr
.endm

	stubs	enter_COMPARE, STUBS_COMPARE
	stubs	enter_COMPARE_FROM, STUBS_COMPARE_FROM
	stubs	enter_COMPARE_INT, STUBS_COMPARE_INT
	stubs	enter_TO_ARGUMENT, STUBS_TO_ARGUMENT
	stubs	enter_TO_R10, STUBS_TO_R10
	stubs	enter_TO_RDX_TEST, STUBS_TO_RDX_TEST
	stubs	enter_RETURN, STUBS_RETURN
	stubs	enter_ADD_STACK, STUBS_ADD_STACK
	stubs	enter_DEFERRED, STUBS_DEFERRED
	.cfi_endproc
	.size	site_stubs, . - site_stubs

	.section .data.hot, "aw", @progbits
	.balign 8
	.globl	site_returns
	.hidden	site_returns
	.type	site_returns, @object
site_returns:
	.zero	8 * stub
	.size	site_returns, . - site_returns

/* The sites of mapped pages jump here (sites_pages.h): does what the stub with the number in cl does. It
 * uses comparisons, because the processor more often than not mispredicts an indirect jump after a system
 * call. Until the push, an unwinder takes the return address from its place in site_returns, which it finds
 * by the operand of `lea`: DWARF for NAMED + 8 * (uint8_t)rcx. */
#define GATE_SIZE 64
	.text
	.balign GATE_SIZE
	.globl	site_gate
	.hidden	site_gate
	.type	site_gate, @function
	.cfi_startproc
	.cfi_def_cfa rsp, 0
	.cfi_escape 0x10, 16, NAMED_SIZE + 8, NAMED(GATE_SIZE, 6), 0x72, 0, 0x08, 0xff, 0x1a, 0x33, \
		0x24, 0x22
site_gate:
	movzbl	%cl, %ecx
	lea	site_returns(%rip), %r11
	lea	-128(%rsp), %rsp
	.cfi_def_cfa_offset 128
	push	(%r11, %rcx, 8)
	.cfi_def_cfa_offset 136
	.cfi_offset rip, -136
	cmp	$STUBS_COMPARE, %ecx
	jb	enter_COMPARE
	cmp	$STUBS_COMPARE + STUBS_COMPARE_FROM, %ecx
	jb	enter_COMPARE_FROM
	cmp	$STUBS_BEFORE_DEFERRED, %ecx
	jae	enter_DEFERRED
	/* The only other kind that may stand in a mapped page (sites_pages_fits). */
	jmp	enter_COMPARE_INT
	.cfi_endproc
	.size	site_gate, . - site_gate

	.text
	.type	site_common, @function
	.cfi_startproc
	.cfi_def_cfa rsp, 136
	.cfi_offset rip, -136

/* Pushes what differs between the kinds. */
.macro enter name, finish, deferred
enter_\name:
	.cfi_remember_state
	push	%rbx
	.cfi_adjust_cfa_offset 8
	.cfi_offset rbx, -144
	lea	finish_\finish(%rip), %rbx
	push	%rbx
	.cfi_adjust_cfa_offset 8
	push	$\deferred
	.cfi_adjust_cfa_offset 8
	jmp	site_common
	.cfi_restore_state
.endm

	enter	COMPARE, COMPARE, 0
	enter	COMPARE_FROM, COMPARE_FROM, 0
	enter	COMPARE_INT, COMPARE_INT, 0
	enter	TO_ARGUMENT, TO_ARGUMENT, 0
	enter	TO_R10, TO_R10, 0
	enter	TO_RDX_TEST, TO_RDX_TEST, 0
	enter	RETURN, RETURN, 0
	enter	ADD_STACK, ADD_STACK, 0
	enter	DEFERRED, COMPARE, 1

	.cfi_def_cfa rsp, 160
	.cfi_offset rbx, -144
site_common:
	push	%r9
	.cfi_adjust_cfa_offset 8
	push	%r8
	.cfi_adjust_cfa_offset 8
	push	%r10
	.cfi_adjust_cfa_offset 8
	push	%rdx
	.cfi_adjust_cfa_offset 8
	push	%rsi
	.cfi_adjust_cfa_offset 8
	push	%rdi
	.cfi_adjust_cfa_offset 8
	push	%rax
	.cfi_adjust_cfa_offset 8
	push	$0
	.cfi_adjust_cfa_offset 8
	mov	%rsp, %rbx
	.cfi_def_cfa_register rbx
	and	$-16, %rsp

	mov	%rbx, %rdi
	call	site_before

	mov	8(%rbx), %rax
	mov	16(%rbx), %rdi
	mov	24(%rbx), %rsi
	mov	32(%rbx), %rdx
	mov	40(%rbx), %r10
	mov	48(%rbx), %r8
	mov	56(%rbx), %r9
	syscall

	mov	%rbx, %rdi
	mov	%rax, %rsi
	mov	FRAME_RETURN(%rbx), %rdx
	call	site_after

	mov	16(%rbx), %rdi
	mov	24(%rbx), %rsi
	mov	32(%rbx), %rdx
	mov	40(%rbx), %r10
	mov	48(%rbx), %r8
	mov	56(%rbx), %r9
	mov	FRAME_FINISH(%rbx), %r11
	lea	finish_COMPARE(%rip), %rcx
	cmp	%rcx, %r11
	mov	FRAME_RETURN(%rbx), %rcx
	.cfi_register rip, rcx
	mov	%rbx, %rsp
	.cfi_def_cfa_register rsp
	mov	FRAME_RBX(%rbx), %rbx
	.cfi_same_value rbx
	lea	FRAME_TO_CFA(%rsp), %rsp
	.cfi_def_cfa_offset 0
	je	finish_COMPARE	/* nearly all, and no indirect jump */
	jmp	*%r11

finish_COMPARE:
	cmp	$-4096, %rax
	jmp	*%rcx
finish_COMPARE_FROM:
	cmp	$-4095, %rax
	jmp	*%rcx
finish_COMPARE_INT:
	cmp	$-4096, %eax
	jmp	*%rcx
finish_TO_ARGUMENT:
	mov	%rax, %rdi
	jmp	*%rcx
finish_TO_R10:
	mov	%eax, %r10d
	jmp	*%rcx
finish_TO_RDX_TEST:
	xor	%edx, %edx
	test	%eax, %eax
	jmp	*%rcx
finish_ADD_STACK:
	add	$8, %rsp
	jmp	*%rcx
/* The rest of the site's function: nothing else is behind the site. */
finish_RETURN:
	pop	%rbx
	.cfi_def_cfa_offset -8
	ret
	.cfi_endproc
	.size	site_common, . - site_common

/*
 * A cancellation point of glibc since 2.41 and of musl. The function that makes the system call must
 * not be changed, because the handler of a cancellation compares the program counter with it. So the
 * call of that function is redirected here, and the system call is recorded when it has returned.
 */
	.globl	site_cancellable
	.hidden	site_cancellable
	.type	site_cancellable, @function
	.cfi_startproc
site_cancellable:
	push	%rbp
	.cfi_adjust_cfa_offset 8
	.cfi_offset rbp, -16
	mov	%rsp, %rbp
	.cfi_def_cfa_register rbp
	push	$0
	push	24(%rbp)
	push	16(%rbp)
	push	%r9
	push	%r8
	push	%rcx
	push	%rdx
	push	%rsi
	push	$0
	sub	$8, %rsp
	push	24(%rbp)
	push	16(%rbp)
	call	*site_cancellable_real(%rip)
	lea	-72(%rbp), %rdi
	mov	%rax, %rsi
	xor	%edx, %edx
	call	site_after
	leave
	.cfi_def_cfa rsp, 8
	.cfi_restore rbp
	ret
	.cfi_endproc
	.size	site_cancellable, . - site_cancellable

	.section .note.GNU-stack, "", @progbits
