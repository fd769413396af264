/*
 * The trampoline of a Go program's sites. A goroutine's stack may have a few hundred bytes left, so
 * calls are recorded on a stack of ours, which is claimed for that alone and not while the call waits
 * in the kernel. What is kept on the goroutine's stack meanwhile is below the red zone, for the C
 * code that such a program may contain:
 *
 *	rsp at the site - 128	red zone
 *	    - 136		the address of the stub's `syscall`
 *	    - 144		the number
 *
 * A call that makes a process keeps nothing there: the child runs on the same stack, and returns
 * through it before its parent does.
 *
 * All registers but rax, rcx and r11 are at the end as they were, as after a `syscall`; the flags
 * are set by the stub. Vector registers are not touched. Go's own unwinder does not come here: in
 * a system call it begins at what entersyscall() has noted. To another one, this is the first
 * function of the thread.
 */
#include "preload/sites/sites_go_call.h"

#define SYSCALL_SIZE 2

#define FRAME_RESULT 8
#define FRAME_SIZE   80 /* below the owner word */

	.section .data.cold, "aw", @progbits
	.balign 8
	.globl	site_go_watched, site_go_whole, site_go_stacks, site_go_stacks_end, site_go_missed
	.hidden	site_go_watched, site_go_whole, site_go_stacks, site_go_stacks_end, site_go_missed
site_go_watched:
	.zero	GO_NUMBERS / 8
site_go_whole:
	.zero	GO_NUMBERS / 8
site_go_stacks:
	.quad	0
site_go_stacks_end:
	.quad	0
site_go_missed:
	.byte	0

	.text
/* Claims a stack, using rcx and r11: rcx is the address of its owner word. Jumps to `none` if all are
 * in use. */
.macro claim none
	mov	site_go_stacks(%rip), %rcx
1:	cmpl	$0, (%rcx)
	jne	2f
	mov	$1, %r11d
	xchg	%r11d, (%rcx)
	test	%r11d, %r11d
	jz	3f
2:	add	$GO_STACK_SIZE, %rcx
	cmp	site_go_stacks_end(%rip), %rcx
	jb	1b
	movb	$1, site_go_missed(%rip)
	jmp	\none
3:
.endm

/* Goes over to the stack at rcx, where a struct go_frame is made: rax is its result, and the number is
 * on top of the goroutine's stack. */
.macro enter_frame
	mov	%rsp, %r11
	lea	-8(%rcx), %rsp
	push	%r11
	push	%r9
	push	%r8
	push	%r10
	push	%rdx
	push	%rsi
	push	%rdi
	push	%rax
	push	(%r11)
	mov	%rsp, %rdi
.endm

/* Back to the goroutine's stack, with the frame's result and arguments. */
.macro leave_frame
	pop	%rcx
	pop	%rax
	pop	%rdi
	pop	%rsi
	pop	%rdx
	pop	%r10
	pop	%r8
	pop	%r9
	mov	%rsp, %rcx
	mov	(%rcx), %rsp
	movl	$0, 16(%rcx)
.endm

	.balign 64
	.globl	site_go_gate
	.hidden	site_go_gate
	.type	site_go_gate, @function
	.cfi_startproc
	.cfi_undefined rip
site_go_gate:
	cmp	$GO_NUMBERS, %rax
	jae	plain
	bt	%rax, site_go_watched(%rip)
	jnc	plain
	lea	-128(%rsp), %rsp
	push	%rcx
	push	%rax
	bt	%rax, site_go_whole(%rip)
	jc	whole
	syscall
	claim	behind
	enter_frame
	call	sites_go_after
	leave_frame
behind:	pop	%rcx
	pop	%rcx
	lea	128(%rsp), %rsp
	add	$SYSCALL_SIZE, %rcx
	jmp	*%rcx

whole:	claim	before
	enter_frame
	call	sites_go_whole
	test	%al, %al
	jz	left
	leave_frame
	jmp	behind
left:	leave_frame
	pop	%rax
	pop	%rcx
	lea	128(%rsp), %rsp
plain:	jmp	*%rcx
before:	pop	%rax
	pop	%rcx
	lea	128(%rsp), %rsp
	jmp	*%rcx
	.cfi_endproc
	.size	site_go_gate, . - site_go_gate

	.section .note.GNU-stack, "", @progbits
