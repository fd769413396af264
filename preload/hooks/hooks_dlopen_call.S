/*
 * void *hook_call_through(long first, long second, long third, const void *function,
 *			   const void *through)
 *
 * The stack that `function` is entered with:
 *
 *	through		its return address: a `ret` somewhere, which pops
 *	back		the address of the last instruction below, which pops
 *	...		our own return address
 */
	.text
	.globl	hook_call_through
	.hidden	hook_call_through
	.type	hook_call_through, @function
hook_call_through:
	.cfi_startproc
	leaq	back(%rip), %rax
	pushq	%rax
	.cfi_adjust_cfa_offset 8
	pushq	%r8
	.cfi_adjust_cfa_offset 8
	jmp	*%rcx
	.cfi_def_cfa_offset 8
	nop				/* unwinders look at the byte before a return address */
back:	ret
	.cfi_endproc
	.size	hook_call_through, . - hook_call_through

	.section .note.GNU-stack, "", @progbits
