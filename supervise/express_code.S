/*
 * The express lane: what a redirected site of a watched program runs (express.h). It is copied into
 * that program, and stands on nothing but its own bytes.
 *
 * A site's `syscall` and what follows it became a jump to a stub:
 *
 *	lea	plain(%rip), %rcx
 *	jmp	gate_enter
 * plain:
 *	syscall				announced, as the site's own would be
 *	the instruction that the jump overwrote
 *	jmp	behind it
 *
 * rcx, r11 and the flags are what a system call changes anyhow. Any other number goes on at `plain`,
 * and no stack is used for it: it may make a process that shares ours. The rest uses a few words below
 * the red zone.
 *
 * A call is made first, by the one instruction that the filter lets pass. Its path is looked at only
 * where the kernel's answer shows that it read it too, so that a bad pointer is answered by EFAULT, as
 * ever. What is in the table was recorded; the rest is reported: the same call again with an address
 * for its path that every kernel refuses, so that nothing happens should nobody listen.
 */
#include <asm/unistd.h>
#include <linux/errno.h>

#include "preload/programs/supervised_filter.h"
#include "supervise/express_code.h"

#define RED_ZONE 128
#define AT_CALLS __NR_openat /* from here on: directory first, path second */
#define AT_FDCWD -100

/* PROT_READ | PROT_EXEC; MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE */
#define ROAD_PROTECTION 5
#define ROAD_FLAGS	0x104022

	.section .rodata.express, "a", @progbits
	.balign	8

/* --- the gate -------------------------------------------------------------------------------- */

	.globl	express_gate, express_gate_end, express_gate_opened
	.hidden	express_gate, express_gate_end, express_gate_opened
express_gate:
gate_state:
	.byte	0
	.org	express_gate + GATE_ROAD
gate_road:
	.quad	0
	.org	express_gate + GATE_BASE
gate_base:
	.quad	0

/* eax: the number; rcx: the stub's plain call. */
	.org	express_gate + GATE_ENTER
	cmp	$__NR_openat, %eax
	je	express
	jb	old_calls
	cmp	$__NR_newfstatat, %eax
	je	express
	cmp	$__NR_readlinkat, %eax
	je	express
	cmp	$__NR_faccessat, %eax
	je	express
	cmp	$__NR_statx, %eax
	je	express
	cmp	$__NR_faccessat2, %eax
	je	express
plain:
	jmp	*%rcx
old_calls:
	cmp	$__NR_readlink, %eax
	je	express
	cmp	$__NR_access, %eax
	ja	plain
	mov	$(1 << __NR_open | 1 << __NR_stat | 1 << __NR_lstat | 1 << __NR_access), %r11d
	bt	%eax, %r11d
	jnc	plain
express:
	cmpb	$1, gate_state(%rip)
	jb	plain
	je	open_gate
	jmp	*gate_road(%rip)

/* Maps the road, and says so, whatever came of it; this call is made as ever. */
open_gate:
	lea	-RED_ZONE(%rsp), %rsp
	push	%rcx
	push	%rdi
	push	%rsi
	push	%rdx
	push	%r10
	push	%r8
	push	%r9
	push	%rax
	mov	gate_base(%rip), %rdi
	mov	$ROAD_SIZE, %esi
	mov	$ROAD_PROTECTION, %edx
	mov	$ROAD_FLAGS, %r10d
	or	$-1, %r8
	xor	%r9d, %r9d
	mov	$__NR_mmap, %eax
	syscall
	mov	%rax, %r8
	movabs	$GATE_OPENED, %r9
	or	$-1, %rdi
	or	$-1, %rsi
	mov	(%rsp), %rax
	syscall
express_gate_opened:
	pop	%rax
	pop	%r9
	pop	%r8
	pop	%r10
	pop	%rdx
	pop	%rsi
	pop	%rdi
	pop	%rcx
	lea	RED_ZONE(%rsp), %rsp
	jmp	*%rcx
	.balign	4
express_gate_end:

/* --- the road -------------------------------------------------------------------------------- */

	.balign	64
	.globl	express_road, express_road_end, express_road_reported
	.hidden	express_road, express_road_end, express_road_reported
express_road:
	.org	express_road + ROAD_DIRECTORY
road_directory:
	.quad	0
	.org	express_road + ROAD_CLOSED
road_closed:
	.byte	0
	.org	express_road + ROAD_FACTOR
road_factor:
	.quad	0x9e3779b97f4a7c15 /* FP_CHECKSUM_FACTOR */
	.org	express_road + ROAD_ONES
road_ones:
	.quad	0x0101010101010101
	.org	express_road + ROAD_HIGHS
road_highs:
	.quad	0x8080808080808080

not_here:
	jmp	*%rcx

	.org	express_road + ROAD_ENTER
	cmpb	$0, road_closed(%rip)
	jne	not_here
	lea	-RED_ZONE(%rsp), %rsp
	push	%rcx
	push	%rax
	.org	express_road + SUPERVISED_EXPRESS_RETURN - 2, 0x90
	syscall

/* What is pushed: rcx, the number, the answer, rdx, r8, r9. */
#define SAVED_RDX    16
#define SAVED_ANSWER 24
#define SAVED_NUMBER 32
	push	%rax
	push	%rdx
	push	%r8
	push	%r9
	mov	SAVED_NUMBER(%rsp), %r8d

	/* r9: the outcome, 0 or an errno with which the path was read. */
	xor	%r9d, %r9d
	test	%rax, %rax
	jns	find_path
	sub	%eax, %r9d
	cmp	$ENOENT, %r9d
	je	find_path
	cmp	$ENOTDIR, %r9d
	je	find_path
	/* A readlink that had room for an answer says of a file that it is no link. */
	cmp	$EINVAL, %r9d
	jne	report
	cmp	$__NR_readlink, %r8d
	je	1f
	cmp	$__NR_readlinkat, %r8d
	jne	report
	mov	%r10d, %edx
1:	test	%edx, %edx
	jle	report

	/* rcx: the path; r11: flags that facts depend on. */
find_path:
	mov	%rdi, %rcx
	xor	%r11d, %r11d
	cmp	$AT_CALLS, %r8d
	jae	1f
	cmp	$__NR_open, %r8d
	jne	3f
	mov	%esi, %r11d
	jmp	3f
1:	mov	%rsi, %rcx
	cmp	$__NR_openat, %r8d
	je	2f
	cmp	$__NR_statx, %r8d
	je	2f
	cmp	$__NR_readlinkat, %r8d
	je	3f
	cmp	$__NR_faccessat, %r8d
	je	3f
	mov	%r10d, %r11d
	jmp	3f
2:	mov	%edx, %r11d
3:	test	%rcx, %rcx
	jz	done /* with AT_EMPTY_PATH it names nothing */

	/* r9: the hash so far, as in key_of() of express.c. */
	shl	$16, %r9d
	or	%r8d, %r9d
	shl	$32, %r11
	or	%r11, %r9
	movzbl	(%rcx), %r11d
	cmp	$'/', %r11b
	je	next_word
	test	%r11b, %r11b
	jz	done
	cmp	$AT_CALLS, %r8d
	jb	1f
	cmp	$AT_FDCWD, %edi
	jne	report
1:	mov	road_directory(%rip), %r11
	test	%r11, %r11
	jle	report
	xor	%r11, %r9
	rol	$29, %r9
	imul	road_factor(%rip), %r9

next_word:
	/* Not beyond the page: the next one may not be there. */
	mov	%ecx, %edx
	and	$4095, %edx
	cmp	$4088, %edx
	ja	word_by_bytes
	mov	(%rcx), %r8
have_word:
	mov	road_ones(%rip), %r11
	mov	%r8, %rdx
	sub	%r11, %rdx
	mov	%r8, %r11
	not	%r11
	and	%r11, %rdx
	and	road_highs(%rip), %rdx
	jnz	last_word /* the lowest bit is that of the NUL */
	xor	%r8, %r9
	rol	$29, %r9
	imul	road_factor(%rip), %r9
	add	$8, %rcx
	jmp	next_word

word_by_bytes:
	mov	$8, %edx
	xor	%r8d, %r8d
1:	movzbl	(%rcx), %r11d
	inc	%rcx
2:	shl	$56, %r11
	shr	$8, %r8
	or	%r11, %r8
	dec	%edx
	jz	3f
	test	%r11, %r11
	jnz	1b
	jmp	2b /* zeroes behind the NUL */
3:	sub	$8, %rcx
	jmp	have_word

last_word:
	lea	-1(%rdx), %r11
	not	%rdx
	and	%rdx, %r11
	and	%r11, %r8
	xor	%r8, %r9
	rol	$29, %r9
	imul	road_factor(%rip), %r9
	or	$1, %r9

	mov	%r9, %rcx
	shr	$(64 - ROAD_LINE_BITS), %rcx
	shl	$6, %ecx
	lea	express_road + ROAD_PAGE(%rip), %rdx
	add	%rcx, %rdx
	.irp	place, 0, 8, 16, 24, 32, 40, 48, 56
	cmp	%r9, \place(%rdx)
	je	done
	.endr

report:
	cmpb	$2, road_closed(%rip)
	je	done
	push	%rdi
	push	%rsi
#define SAVED_BY_REPORT 16
	mov	SAVED_BY_REPORT + SAVED_NUMBER(%rsp), %eax
	mov	SAVED_BY_REPORT + SAVED_ANSWER(%rsp), %r9
	mov	SAVED_BY_REPORT + SAVED_RDX(%rsp), %rdx
	cmp	$AT_CALLS, %eax
	jae	1f
	mov	%rdi, %r8
	or	$-1, %rdi
	jmp	2f
1:	mov	%rsi, %r8
	or	$-1, %rsi
2:	syscall
express_road_reported:
	/* A signal has come before anybody had taken up the report. */
	cmp	$-EINTR, %eax
	mov	SAVED_BY_REPORT + SAVED_NUMBER(%rsp), %eax
	je	2b
	pop	%rsi
	pop	%rdi

done:
	pop	%r9
	pop	%r8
	pop	%rdx
	pop	%rax
	pop	%rcx /* the number */
	pop	%rcx
	lea	RED_ZONE(%rsp), %rsp
	add	$2, %rcx /* past the plain call */
	jmp	*%rcx
express_road_end:

	.section .note.GNU-stack, "", @progbits
