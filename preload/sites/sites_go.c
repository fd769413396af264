#define _GNU_SOURCE
#include "preload/sites/sites_go.h"

#include <linux/limits.h>

#include "preload/linker/loaded.h"
#include "preload/mapping.h"
#include "preload/record/calls_table.h"
#include "preload/record/recorder.h"
#include "preload/sites/sites_go_call.h"
#include "preload/sites/sites_go_search.h"
#include "preload/sites/sites_pattern.h"
#include "preload/text.h"

/* The page of stubs begins with the address of the gate, through which all of them jump. */
#define STUB_SIZE 32
#define STUB_CALL 16 /* offset of the stub's own `syscall` */

_Static_assert((SITES_MAX + 1) * STUB_SIZE <= PAGE, "the stubs of all sites are in one page");
_Static_assert(CALL_COUNT <= GO_NUMBERS, "each call has a bit");

/* Where stubs go: the page below the program or, if that is not free, one that is not in the way of
 * its heap, which begins behind it and grows. */
static uint8_t *map_stubs(const struct sites_object *object)
{
	static const int64_t distances[] = { -(1l << 12), -(1l << 24), -(1l << 28), 1l << 30 };

	for (unsigned i = 0; i < sizeof(distances) / sizeof(distances[0]); i++) {
		uint8_t *wish = (uint8_t *)((uintptr_t)object->base & -PAGE) + distances[i];
		long got = rawcall6(SYS_mmap, (long)wish, PAGE, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (got == (long)wish)
			return wish;
		if (!rawcall_failed(got))
			unmap((void *)got, PAGE);
	}
	return NULL;
}

static void put_distance(uint8_t *at, const uint8_t *from, const uint8_t *to)
{
	int32_t distance = (int32_t)(to - from);

	memcpy(at, &distance, sizeof(distance));
}

/* gate: where the gate's address stands. back: where the program goes on. */
static void write_stub(uint8_t *stub, const uint8_t *gate, const uint8_t *back)
{
	static const uint8_t code[STUB_SIZE] = { /* lea STUB_CALL(stub), %rcx */
		0x48, 0x8d, 0x0d, 0, 0, 0, 0,
		/* jmp *gate */
		0xff, 0x25, 0, 0, 0, 0, 0xcc, 0xcc, 0xcc,
		/* STUB_CALL: syscall; cmp $-4095, %rax */
		0x0f, 0x05, 0x48, 0x3d, 0x01, 0xf0, 0xff, 0xff,
		/* jmp back */
		0xe9, 0, 0, 0, 0, 0xcc, 0xcc, 0xcc
	};

	memcpy(stub, code, sizeof(code));
	put_distance(stub + 3, stub + 7, stub + STUB_CALL);
	put_distance(stub + 9, stub + 13, gate);
	put_distance(stub + 25, stub + 29, back);
}

/* A page of stubs, one for each site in their order. NULL: there can be none. */
static uint8_t *make_stubs(
	const struct sites_object *object, const uint32_t *offsets, unsigned count)
{
	uint64_t gate = (uint64_t)(uintptr_t)site_go_gate;
	uint8_t *page = map_stubs(object);

	if (!page)
		return NULL;
	memcpy(page, &gate, sizeof(gate));
	for (unsigned i = 0; i < count; i++)
		write_stub(
			page + (i + 1) * STUB_SIZE, page, object->base + offsets[i] + GO_SITE_SIZE);
	if (rawcall3(SYS_mprotect, (long)page, PAGE, PROT_READ | PROT_EXEC) == 0)
		return page;
	unmap(page, PAGE);
	return NULL;
}

/* Changes the site by a single store. False: its code may not be written. */
static bool redirect(uint8_t *code, const uint8_t *stub)
{
	uint64_t first = (uint64_t)(uintptr_t)code & -PAGE, bytes;
	uint64_t end = ((uint64_t)(uintptr_t)(code + sizeof(bytes)) + PAGE - 1) & -PAGE;
	uint8_t jump[sizeof(bytes)];

	if (rawcall3(SYS_mprotect, (long)first, (long)(end - first),
		    PROT_READ | PROT_WRITE | PROT_EXEC) < 0)
		return false;
	memcpy(jump, code, sizeof(jump));
	jump[0] = 0xe9;
	put_distance(jump + 1, code + SITE_JUMP_SIZE, stub);
	memcpy(&bytes, jump, sizeof(bytes));
	__builtin_memcpy(code, &bytes, sizeof(bytes));
	return rawcall3(SYS_mprotect, (long)first, (long)(end - first), PROT_READ | PROT_EXEC) == 0;
}

static bool make_stacks(void)
{
	uint8_t *stacks = map_private((size_t)GO_STACKS * GO_STACK_SIZE);

	if (!stacks)
		return false;
	site_go_stacks = (uint64_t)(uintptr_t)(stacks + GO_STACK_OWNER);
	site_go_stacks_end = site_go_stacks + (uint64_t)GO_STACKS * GO_STACK_SIZE;
	return true;
}

static void choose_calls(void)
{
	for (unsigned number = 0; number < CALL_COUNT; number++) {
		uint64_t bit = 1ull << number % 64;

		if (call_table[number].means != NOTHING)
			site_go_watched[number / 64] |= bit;
		if (call_table[number].means >= BEFOREHAND)
			site_go_whole[number / 64] |= bit;
	}
}

/* Go does not, but C code in the program might share a comparison. */
static bool is_jumped_into(const struct sites_object *program, uint32_t offset)
{
	uint32_t comparison = offset + SITE_SYSCALL_SIZE;

	return site_is_jumped_into(program, comparison - 1, comparison + 1);
}

/* NULL, or why not all system calls of the program are redirected. Not inlined: other programs do
 * not come here. */
static __attribute__((noinline)) const char *install(
	const struct entry *entry, const struct go_note *note)
{
	uint32_t offsets[SITES_MAX];
	struct sites_object program;
	unsigned count;
	uint8_t *stubs;

	if (!sites_object_open_program(entry, &program))
		return "a Go program whose code is in several pieces";
	count = sites_go_find(&program, note, offsets);
	if (!count)
		return "a Go program that makes system calls in an unknown way";
	if (count == SITES_MAX)
		return "a Go program that makes system calls in too many places";
	for (unsigned i = 0; i < count; i++)
		if (is_jumped_into(&program, offsets[i]))
			return "a Go program whose code seems to jump into a system call";
	choose_calls();
	stubs = make_stacks() ? make_stubs(&program, offsets, count) : NULL;
	if (!stubs)
		return "a Go program, for whose system calls there is no memory";
	for (unsigned i = 0; i < count; i++)
		if (!redirect(program.base + offsets[i], stubs + (i + 1) * STUB_SIZE))
			return "a Go program whose code may not be written";
	return NULL;
}

/* Not inlined, so that other programs do not pay for its buffers. */
static __attribute__((noinline)) void say_missed(const char *why)
{
	char path[PATH_MAX];
	const char *program = loaded_program();
	long size = rawcall3(SYS_readlink, (long)"/proc/self/exe", (long)path, sizeof(path) - 1);

	path[size > 0 ? size : 0] = '\0';
	record_gap("raw-syscall", program ? program : path, why);
}

void sites_go_install(const struct entry *entry, const char *refused)
{
	struct go_note note;
	const char *missed;

	if (!sites_go_is_program(entry, &note))
		return;
	missed = refused ? "a Go program makes system calls past libc" : install(entry, &note);
	if (missed)
		say_missed(missed);
}
