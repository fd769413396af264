/*
 * vfork: the child runs on its parent's stack and returns through it before the parent does, so the
 * return address must wait in a register. It is the kernel's own call: a C function, or libc's
 * called from one, would leave a frame behind that the child tramples on.
 *
 * The parent goes on when the child has executed or ended; where the child stood by then is not
 * known, and its memory was ours.
 */
#include <sys/syscall.h>

	.text
	.globl	vfork
	.type	vfork, @function
	.globl	__vfork
	.type	__vfork, @function
vfork:
__vfork:
	.cfi_startproc
	popq	%rdi
	.cfi_adjust_cfa_offset -8
	.cfi_register %rip, %rdi
	movl	$SYS_vfork, %eax
	syscall
	pushq	%rdi
	.cfi_adjust_cfa_offset 8
	.cfi_offset %rip, -8
	testl	%eax, %eax
	jz	1f			/* the child */
	js	2f
	pushq	%rax
	.cfi_adjust_cfa_offset 8
	call	record_vfork_end
	popq	%rax
	.cfi_adjust_cfa_offset -8
1:	ret
2:	negl	%eax
	pushq	%rax
	.cfi_adjust_cfa_offset 8
	call	*__errno_location@GOTPCREL(%rip)
	popq	%rdx
	.cfi_adjust_cfa_offset -8
	movl	%edx, (%rax)
	movl	$-1, %eax
	ret
	.cfi_endproc
	.size	vfork, . - vfork
	.size	__vfork, . - __vfork

	.weak	__errno_location
	.section .note.GNU-stack, "", @progbits
