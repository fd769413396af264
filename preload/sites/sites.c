#define _GNU_SOURCE
#include "preload/sites/sites.h"

#include <stddef.h>
#include <sys/mman.h>

#include "preload/hooks/symbols.h"
#include "preload/image.h"
#include "preload/linker/linker.h"
#include "preload/mapping.h"
#include "preload/rawcall.h"
#include "preload/record/calls.h"
#include "preload/record/calls_table.h"
#include "preload/record/recorder.h"
#include "preload/signals.h"
#include "preload/sites/sites_cache.h"
#include "preload/sites/sites_call.h"
#include "preload/sites/sites_go.h"
#include "preload/sites/sites_object.h"
#include "preload/sites/sites_pages.h"
#include "preload/sites/sites_pattern.h"
#include "preload/sites/sites_search.h"
#include "preload/sites/sites_stubs.h"
#include "preload/text.h"

#define JUMP	  0xe9
#define CALL	  0xe8
#define HEAD_SIZE 24 /* bytes of a wrapper that are looked at: they load the number, and jump */

bool sites_active DATA_OF_START;
uint64_t site_cancellable_real DATA_OF_START;

/* A jump or call that is to be written: the address, and the eight bytes that will stand there. */
struct patch {
	uint8_t *code;
	uint64_t bytes;
};

struct plan {
	struct patch patches[SITES_MAX];
	unsigned count;
	const char *missed; /* why some site was left alone; NULL: none was */
};

/* Pages of an object's code. */
struct pages {
	uint64_t first, end;
};

/* A thread that may be cancelled at any instruction must not be cancelled while it records: the
 * record would stay half-written. So signals are blocked, unless there is nothing to record, as is
 * the rule. No site of ld.so is of this kind. */
static __attribute__((noinline)) void before_deferred(struct site_frame *frame)
{
	uint64_t mask = signals_hold();

	frame->ticket = call_before(frame->number, frame->arguments);
	signals_release(mask);
}

void site_before(struct site_frame *frame)
{
	const struct call *call = call_of(frame->number);

	if (call->means < BEFOREHAND && call->room == NONE)
		return;
	if (frame->deferred && !image.memory_only)
		before_deferred(frame);
	else
		frame->ticket = call_before(frame->number, frame->arguments);
}

static __attribute__((noinline)) void after_deferred(struct site_frame *frame, long result)
{
	uint64_t mask;

	if (call_is_known(frame->number, frame->arguments, result))
		return;
	mask = signals_hold();
	call_after(frame->number, frame->arguments, result, frame->ticket);
	signals_release(mask);
}

long site_after(struct site_frame *frame, long result, uint64_t next)
{
	if (frame->deferred && !image.memory_only) {
		after_deferred(frame, result);
		return result;
	}
	call_after(frame->number, frame->arguments, result, frame->ticket);
	if (linker_holds(next))
		linker_called(frame->number, frame->arguments, result);
	return result;
}

/* Is this a redirected site: a jump to a stub, or the code of a mapped page? */
static bool is_redirected(const uint8_t *code)
{
	const uint8_t *next = code + SITE_JUMP_SIZE;
	uint16_t indirect;
	int32_t distance;

	if (*code == JUMP) {
		__builtin_memcpy(&distance, code + 1, sizeof(distance));
		return stub_is_at((uint64_t)(uintptr_t)(next + distance));
	}
	__builtin_memcpy(&indirect, code + 2, sizeof(indirect));
	return *code == SITE_MOV_CL && indirect == SITE_INDIRECT && code[1] < STUBS_IN_ALL &&
	       site_returns[code[1]] == (uint64_t)(uintptr_t)(code + SITE_SIZE);
}

bool sites_begin(const void *function)
{
	const uint8_t *code = function;

	for (unsigned at = 0; sites_active && at + SITE_JUMP_SIZE <= HEAD_SIZE; at++)
		if (is_redirected(code + at))
			return true;
	return false;
}

/* Does the function end in a jump to another function that begins with a site, as stat does to
 * fstatat? */
static bool goes_on_to_site(const uint8_t *code, size_t size)
{
	const uint8_t *jump = code + size - SITE_JUMP_SIZE;
	int32_t distance;

	if (size < SITE_JUMP_SIZE || *jump != JUMP)
		return false;
	__builtin_memcpy(&distance, jump + 1, sizeof(distance));
	return stub_returns_into(jump + SITE_JUMP_SIZE + distance, HEAD_SIZE);
}

bool sites_cover(const void *function, size_t size)
{
	const uint8_t *code = function;

	if (!sites_active)
		return false;
	for (size_t at = 0; at + 1 < size; at++)
		if (code[at] == 0x0f && code[at + 1] == 0x05)
			return false;
	return stub_returns_into(code, size) || goes_on_to_site(code, size);
}

static const char *add_patch(
	struct plan *plan, uint8_t *code, uint8_t operation, const char *target)
{
	int64_t distance = target - (const char *)(code + SITE_JUMP_SIZE);
	struct patch *patch = &plan->patches[plan->count];

	if (distance != (int32_t)distance)
		return "too far from the library for a jump";
	patch->code = code;
	memcpy(&patch->bytes, code, sizeof(patch->bytes));
	patch->bytes =
		(patch->bytes & ~0xffffffffffull) | operation | (uint64_t)(uint32_t)distance << 8;
	plan->count++;
	return NULL;
}

/* NULL, or why this one is left alone. */
static const char *plan_site(
	struct plan *plan, struct stubs *stubs, const struct sites_object *object, uint32_t offset)
{
	uint8_t *code = object->base + offset;
	enum site_kind kind;
	uint32_t next;
	int stub;

	if (site_cancellable_call(object, offset, &next)) {
		uint64_t real = (uint64_t)(uintptr_t)(object->base + next);

		if (site_cancellable_real && site_cancellable_real != real)
			return "two functions make its cancellable calls";
		site_cancellable_real = real;
		return add_patch(plan, code, CALL, site_cancellable);
	}
	if (!site_at(object, offset, &kind, &next))
		return "its code is not what its build-id says";
	stub = stub_take(stubs, kind);
	if (stub < 0)
		return "it has more system calls than expected";
	site_returns[stub] =
		(uint64_t)(uintptr_t)(object->base + (kind == SITE_RETURN ? offset + 2 : next));
	return add_patch(plan, code, JUMP, stub_at((unsigned)stub));
}

/* The pages that hold these sites, one stretch; none: `end` is 0. */
static struct pages pages_of(
	const struct sites_object *object, const uint32_t *offsets, unsigned count)
{
	struct pages pages = { UINT64_MAX, 0 };

	for (unsigned i = 0; i < count; i++) {
		uint64_t at = (uint64_t)(uintptr_t)(object->base + offsets[i]);
		uint64_t end = (at + sizeof(uint64_t) + PAGE - 1) & -PAGE;

		if (!sites_object_holds(object, offsets[i]))
			continue;
		pages.first = (at & -PAGE) < pages.first ? at & -PAGE : pages.first;
		pages.end = end > pages.end ? end : pages.end;
	}
	return pages;
}

static bool protect(const struct pages *pages, int protection)
{
	return rawcall3(SYS_mprotect, (long)pages->first, (long)(pages->end - pages->first),
		       protection) == 0;
}

/* Makes the pages private by writes that change nothing. If they were read first, the kernel would
 * map them, with their neighbours, only to copy them afterwards. */
static void touch(const struct sites_object *object, const uint32_t *offsets, unsigned count)
{
	uint32_t page = 0;

	for (unsigned i = 0; i < count; i++) {
		if (offsets[i] / PAGE == page || !sites_object_holds(object, offsets[i]))
			continue;
		__asm__ volatile("lock orb $0, %0" : "+m"(object->base[offsets[i]]));
		page = (uint32_t)(offsets[i] / PAGE);
	}
}

/* Redirects the sites; each changes by a single store. NULL, or why not all of them are
 * redirected. */
static const char *redirect(struct stubs *stubs, const struct sites_object *object,
	const uint32_t *offsets, unsigned count)
{
	struct plan plan;

	plan.count = 0;
	plan.missed = NULL;
	touch(object, offsets, count);
	for (unsigned i = 0; i < count; i++) {
		const char *why = plan_site(&plan, stubs, object, offsets[i]);

		if (why)
			plan.missed = why;
	}
	for (unsigned i = 0; i < plan.count; i++)
		__builtin_memcpy(plan.patches[i].code, &plan.patches[i].bytes,
			sizeof(plan.patches[i].bytes));
	return plan.missed;
}

/*
 * Makes the code writable as well as executable for the moment. If it were writable only, the
 * kernel might refuse to make it executable again (SELinux's execmod, MDWE), and there would be no
 * libc. As it is, a refusal comes first. And a signal handler that runs meanwhile finds its code
 * executable.
 */
static const char *install_at(struct stubs *stubs, const struct sites_object *object,
	const uint32_t *offsets, unsigned count)
{
	struct pages pages = pages_of(object, offsets, count);
	const char *missed;

	if (!pages.end)
		return "no system call that can be redirected was found";
	if (!protect(&pages, PROT_READ | PROT_WRITE | PROT_EXEC))
		return "its code may not be written";
	missed = redirect(stubs, object, offsets, count);
	return protect(&pages, PROT_READ | PROT_EXEC) ? missed : "its code stays writable";
}

/* Removes the sites that must be left alone; returns how many are left. */
static unsigned leave_refused(uint32_t *offsets, unsigned count)
{
	unsigned left = 0;

	for (unsigned i = 0; i < count; i++)
		if (!(offsets[i] & SITE_REFUSED))
			offsets[left++] = offsets[i];
	return left;
}

/* The sites of an object whose build-id is not compiled in; returns how many. */
static unsigned find_sites(const struct sites_object *object, uint32_t ret_offsets[SITES_MAX])
{
	unsigned count = sites_recall(object, sites_search_takes, ret_offsets);

	if (count)
		return count;
	count = sites_search(object, ret_offsets);
	sites_keep(object, ret_offsets, count);
	return count;
}

/* NULL, or why not all of the object's sites are redirected. */
static const char *install(const struct sites_object *object, struct stubs *stubs)
{
	uint32_t offsets[SITES_MAX];
	const uint32_t *known = sites_known(object);
	const char *refused = NULL, *missed;
	unsigned count = 0, found, left;

	linker_know(object);
	for (; known && known[count]; count++)
		offsets[count] = known[count];
	if (!known) {
		found = find_sites(object, offsets);
		count = leave_refused(offsets, found);
		if (count < found)
			refused = "code seems to jump into one of its system calls";
	}
	/* The numbers of stubs in the pages assume that no stub was taken before. */
	left = count;
	if (count && !stubs->taken && sites_object_is_glibc(object))
		left = sites_pages_map(object, stubs, offsets, count);
	stubs->taken = true;
	missed = left || !count ? install_at(stubs, object, offsets, left) : NULL;
	return missed ? missed : refused;
}

/* Redirects the sites of libc, or of the dynamic linker. Returns how many such objects there are,
 * and counts those where not all of it was possible. */
static unsigned install_in(struct stubs *stubs, bool linker, const char *why, unsigned *ret_missed)
{
	unsigned count = 0;

	for (const struct link_map *map = symbol_link_map(); map; map = map->l_next) {
		struct sites_object object = { .path = map->l_name };
		const char *missed = why;

		if (!sites_object_expected(map) || sites_object_is_linker(&object) != linker)
			continue;
		count += map != symbol_link_map();
		if (!missed)
			missed = sites_object_open(map, &object) ? install(&object, stubs)
								 : "its ELF header is not mapped";
		if (missed)
			record_gap("sites", map->l_name, missed);
		*ret_missed += missed != NULL;
	}
	return count;
}

void sites_install(const struct entry *entry)
{
	const char *wish = text_environment(entry->envp, "FOOTPRINT_SITES");
	struct stubs stubs = { .taken = false };
	unsigned count, missed = 0;
	/* A thread that another library's constructor has started may be executing the code that is
	 * changed. */
	const char *why = image_is_single_threaded()
				  ? NULL
				  : "threads were running before the library started";

	if (wish && text_equal(wish, "0")) {
		record_gap("sites", NULL, "turned off by FOOTPRINT_SITES=0");
		sites_go_install(entry, "turned off");
		return;
	}
	/* libc first: sites_pages_map() needs all stubs untaken. */
	count = install_in(&stubs, false, why, &missed);
	count += install_in(&stubs, true, why, &missed);
	if (!count)
		record_gap("sites", NULL, "no libc was found by its name");
	sites_active = count && !missed;
	sites_go_install(entry, why);
}
