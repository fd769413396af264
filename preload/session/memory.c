#define _GNU_SOURCE
#include "preload/session/memory.h"

#include <fcntl.h>
#include <stdbool.h>

#include "preload/descriptor.h"
#include "preload/image.h"
#include "preload/mapping.h"
#include "preload/rawcall.h"
#include "preload/session/file_limit.h"
#include "preload/session/layout.h"
#include "preload/text.h"

#define MEMFD_NAME "footprint"
#define SEALS	   (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW)
#define PAGE_MASK  (PAGE - 1)
#define PIECE_SIZE (64ul << 10) /* bytes of a log whose pages are made at once */

/* Linux 5.14: newer than the oldest headers that this is built with. */
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

static int memfd_of(uint32_t size)
{
	long fd;

	if (!file_may_reach(size))
		return -1;
	fd = rawcall3(SYS_memfd_create, (long)MEMFD_NAME, MFD_CLOEXEC | MFD_ALLOW_SEALING, 0);
	if (fd < 0)
		return -1;
	if (rawcall3(SYS_ftruncate, fd, size, 0) < 0 ||
		rawcall3(SYS_fcntl, fd, F_ADD_SEALS, SEALS) < 0) {
		rawcall3(SYS_close, fd, 0, 0);
		return -1;
	}
	return (int)fd;
}

static void *map(uint32_t size, int memfd)
{
	return memfd < 0 ? map_shared(size) : map_with(size, MAP_SHARED, memfd, 0);
}

/* --- layouts ---------------------------------------------------------------------------------- */

static __attribute__((noinline)) struct layout *map_layout(void)
{
	return map_private(sizeof(struct layout));
}

/* Of several threads that begin an image at once, one has the usual layout. NULL: there is no
 * memory. */
static struct layout *layout_new(struct segment *segment)
{
	struct layout *usual = &image.layouts.usual;
	struct segment *nobody = NULL;

	if (__atomic_compare_exchange_n(
		    &usual->segment, &nobody, segment, false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED))
		return usual;
	return map_layout();
}

static void add(struct layout *layout)
{
	struct layouts *layouts = &image.layouts;

	layout->next = __atomic_load_n(&layouts->list, __ATOMIC_ACQUIRE);
	while (!__atomic_compare_exchange_n(
		&layouts->list, &layout->next, layout, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE))
		;
}

const struct layout *segment_layout(const struct segment *segment)
{
	static const struct layout none;
	const struct layout *layout = __atomic_load_n(&image.layouts.list, __ATOMIC_ACQUIRE);

	while (layout && layout->segment != segment)
		layout = layout->next;
	return layout ? layout : &none;
}

struct segment *image_oldest(struct segment *segment)
{
	struct segment *previous;

	while ((previous = segment_previous(segment)))
		segment = previous;
	return segment;
}

/* Its hello and its log are not there yet. False: there is no memory. */
static bool lay_out(struct segment *segment, struct segment *previous, uint32_t size, bool cell)
{
	struct layout *layout = layout_new(segment);

	if (!layout)
		return false;
	layout->segment = segment;
	layout->previous = previous;
	layout->first = previous && !segment_is_cell(previous) ? segment_first(previous) : segment;
	layout->size = size;
	layout->cell = cell;
	add(layout);
	return true;
}

/* --- segments --------------------------------------------------------------------------------- */

static void begin(struct segment *segment, uint32_t size)
{
	segment->head.memory_size = size;
	segment->head.protocol = FP_PROTOCOL;
	segment->head.processes = 1;
	segment->head.users = 1;
}

struct segment *segment_new(uint32_t size, struct segment *previous, int *ret_memfd)
{
	int memfd = memfd_of(size);
	struct segment *segment = map(size, memfd);

	if (segment && !lay_out(segment, previous, size, false)) {
		unmap(segment, size);
		segment = NULL;
	}
	if (!segment) {
		fd_close(&memfd);
		return NULL;
	}
	begin(segment, size);
	*ret_memfd = memfd;
	return segment;
}

bool segment_begin_cell(struct segment *segment)
{
	unsigned char *from = (unsigned char *)&segment->head.protocol;
	unsigned char *given_up = (unsigned char *)&segment->life.given_up;
	unsigned char *behind = given_up + sizeof(segment->life.given_up);

	/* All but `magic`, by which others see that it is not free, and what the parent says if it
	 * looks for the last time before this image has begun. */
	memset(from, 0, (size_t)(given_up - from));
	memset(behind, 0, (size_t)((unsigned char *)segment + POOL_PAGE - behind));
	begin(segment, POOL_CELL_SIZE);
	segment->segments = 1;
	segment->way = SEGMENT_HELD;
	return lay_out(segment, NULL, POOL_CELL_SIZE, true);
}

void segment_discard(struct segment *segment)
{
	unmap(segment, segment_layout(segment)->size);
}

void segments_discard(void)
{
	struct layouts *layouts = &image.layouts;

	while (layouts->list) {
		struct layout *layout = layouts->list;

		layouts->list = layout->next;
		unmap(layout->segment, layout->size);
		if (layout != &layouts->usual)
			unmap(layout, sizeof(*layout));
	}
	layouts->usual = (struct layout){ 0 };
}

struct segment_tail *segment_tail(struct segment *segment)
{
	unsigned char *end = (unsigned char *)segment + segment_layout(segment)->size;

	return (struct segment_tail *)end - 1;
}

struct first_tail *segment_first_tail(struct segment *first)
{
	unsigned char *end = (unsigned char *)first + SEGMENT_FIRST_SIZE;

	return (struct first_tail *)((struct segment_tail *)end - 1) - 1;
}

struct cell_tail *segment_cell_tail(struct segment *cell)
{
	return (struct cell_tail *)((unsigned char *)cell + POOL_CELL_SIZE) - 1;
}

/* Where the log ends, as an offset in the segment: at its tables. */
static uint32_t end_of_log(const struct layout *layout)
{
	if (layout->cell)
		return POOL_CELL_SIZE - sizeof(struct cell_tail);
	return layout->size - (uint32_t)sizeof(struct segment_tail) -
	       (layout->first == layout->segment ? (uint32_t)sizeof(struct first_tail) : 0);
}

void segment_open_log(struct segment *segment, uint32_t hello_offset, uint32_t hello_size)
{
	struct session_memory *head = &segment->head;
	struct layout *layout = (struct layout *)segment_layout(segment);

	layout->hello_offset = hello_offset;
	layout->hello_size = hello_size;
	layout->log_offset = (hello_offset + hello_size + SLOT_ALIGN - 1) & ~(SLOT_ALIGN - 1);
	layout->log_size = end_of_log(layout) - layout->log_offset;
	/* The same for those who read it. */
	head->hello_offset = hello_offset;
	head->hello_size = hello_size;
	head->log_offset = layout->log_offset;
	head->log_size = layout->log_size;
	__atomic_store_n(&head->magic, SESSION_MEMORY_MAGIC, __ATOMIC_RELEASE);
}

/* Moves `tail` to `to`, unless it is there already, or further. Of two writers that do so at once,
 * the one that is behind may come last: the next writer walks over the slots that were taken, so a
 * locked instruction would gain nothing. */
static void advance_tail(struct session_memory *head, uint64_t to)
{
	if (__atomic_load_n(&head->tail, __ATOMIC_RELAXED) < to)
		__atomic_store_n(&head->tail, to, __ATOMIC_RELEASE);
}

static uint32_t *slot_at(const struct layout *layout, uint64_t offset)
{
	return (uint32_t *)(void *)((unsigned char *)layout->segment + layout->log_offset + offset);
}

/* An offset that was found in the segment: one that may be, whoever has written it. */
static uint64_t checked(const struct layout *layout, uint64_t offset)
{
	return offset < layout->log_size ? offset & ~(uint64_t)(SLOT_ALIGN - 1) : layout->log_size;
}

/*
 * Once a log has become long, its pages are made PIECE_SIZE at a time: on some virtual machines, a
 * page fault for each costs twice as much. Whoever claims the first slot of a piece has the next
 * piece made. Where that fails (before Linux 5.14), pages are made as they are touched.
 */
static void make_pages(const struct layout *layout, uint64_t from, uint64_t to)
{
	unsigned char *log = (unsigned char *)layout->segment + layout->log_offset;
	uintptr_t end = (uintptr_t)layout->segment + layout->size;
	uintptr_t piece = ((uintptr_t)log + from + PIECE_SIZE - 1) & ~(PIECE_SIZE - 1);

	if ((uintptr_t)log + to > piece && piece + PIECE_SIZE <= end && !image.memory_only)
		rawcall3(SYS_madvise, (long)piece, PIECE_SIZE, MADV_POPULATE_WRITE);
}

/* Was the log's memory given back after `tail` was read? take_back() sets `released` and then looks
 * for claims; claim() claims and then looks at `released`. So at least one of the two sees the
 * other. */
static bool was_released(const struct segment *segment)
{
	return __atomic_load_n(&segment->released, __ATOMIC_SEQ_CST) != 0;
}

/* Claims a slot for `size` bytes of payload. NULL: the segment is full. */
static uint32_t *claim(struct segment *segment, uint32_t size)
{
	struct session_memory *head = &segment->head;
	const struct layout *layout = segment_layout_inline(segment);
	uint32_t total = slot_total(size);
	uint64_t at = checked(layout, __atomic_load_n(&head->tail, __ATOMIC_ACQUIRE));

	while (at + total <= layout->log_size) {
		uint32_t *word = slot_at(layout, at);
		uint32_t found = SLOT_FREE;

		if (__atomic_compare_exchange_n(word, &found, SLOT_WORD(SLOT_CLAIMED, size), false,
			    __ATOMIC_SEQ_CST, __ATOMIC_ACQUIRE)) {
			if (was_released(segment)) {
				__atomic_store_n(
					word, SLOT_WORD(SLOT_VOID, size), __ATOMIC_RELEASE);
				return NULL;
			}
			advance_tail(head, at + total);
			make_pages(layout, at, at + total);
			return word;
		}
		/* Taken by another writer, which is about to move `tail`, or was killed before it
		 * could. */
		at += slot_total(found);
		advance_tail(head, at);
	}
	return NULL;
}

uint32_t *segment_append(
	struct segment *segment, const struct record *record, enum slot_state state)
{
	size_t size = record_size(record);
	uint32_t *word = size <= FP_RECORD_SIZE_MAX ? claim(segment, (uint32_t)size) : NULL;

	if (!word)
		return NULL;
	size = write_record((unsigned char *)(word + 1), record);
	/* Before we look whether another thread says goodbye (session_tend), since it spools what
	 * is ready behind that. */
	__atomic_store_n(word, SLOT_WORD(state, size), __ATOMIC_SEQ_CST);
	return word;
}

struct segment *segment_following(struct segment *newest, const struct segment *before)
{
	struct segment *segment = newest == before ? NULL : newest, *previous;

	while (segment && (previous = segment_previous(segment)) != before)
		segment = previous;
	return segment;
}

/* The end of the log: walks from `tail` to the first free slot. */
static uint64_t walk_to_end(struct segment *segment)
{
	const struct layout *layout = segment_layout(segment);
	uint64_t at = checked(layout, __atomic_load_n(&segment->head.tail, __ATOMIC_ACQUIRE));

	while (at + SLOT_ALIGN <= layout->log_size) {
		uint32_t word = __atomic_load_n(slot_at(layout, at), __ATOMIC_ACQUIRE);

		if (SLOT_STATE(word) == SLOT_FREE)
			break;
		at = checked(layout, at + slot_total(word));
	}
	return at;
}

uint64_t segment_end(struct segment *segment)
{
	uint64_t released = __atomic_load_n(&segment->released, __ATOMIC_ACQUIRE);

	return released ? checked(segment_layout(segment), released) : walk_to_end(segment);
}

uint64_t segment_slot_end(struct segment *segment, const uint32_t *slot)
{
	uint64_t at = (uint64_t)((const unsigned char *)slot - segment_log(segment));

	return checked(segment_layout(segment), at + slot_total(*(const volatile uint32_t *)slot));
}

/* Is any slot before `end` claimed, but not ready? It is being written, or its writer was
 * killed. */
static bool has_claims(struct segment *segment, uint64_t end)
{
	const struct layout *layout = segment_layout(segment);

	for (uint64_t at = 0; at < end;) {
		uint32_t word = __atomic_load_n(slot_at(layout, at), __ATOMIC_ACQUIRE);

		if (SLOT_STATE(word) == SLOT_CLAIMED)
			return true;
		at += slot_total(word);
	}
	return false;
}

void segment_close(struct segment *segment)
{
	uint64_t end = segment_end(segment);

	__atomic_store_n(&segment->released, end, __ATOMIC_RELEASE);
	/* claim() starts at `tail`: there it finds the segment full. */
	advance_tail(&segment->head, segment_layout(segment)->log_size);
}

/* Up to which offset nobody needs the log any more: it is acknowledged, or it is spooled and no
 * aggregator holds it. */
static uint64_t kept_end(struct segment *segment)
{
	uint64_t acknowledged = segment_acknowledged(segment);
	uint64_t spooled = __atomic_load_n(&segment->spooled, __ATOMIC_ACQUIRE);

	return segment->way == SEGMENT_UNANNOUNCED && spooled > acknowledged ? spooled
									     : acknowledged;
}

/* Marks the log as released, unless somebody is appending to it. False: it is not released, because
 * another thread was faster, or because there are records behind `end` or unfinished ones before
 * it. */
static bool take_back(struct segment *segment, uint64_t end)
{
	uint64_t none = 0;

	if (!__atomic_compare_exchange_n(
		    &segment->released, &none, end, false, __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
		return false;
	if (walk_to_end(segment) == end && !has_claims(segment, end))
		return true;
	__atomic_store_n(&segment->released, 0, __ATOMIC_RELEASE);
	return false;
}

void segment_release(struct segment *segment)
{
	unsigned char *log = segment_log(segment);
	uintptr_t from = ((uintptr_t)log + PAGE_MASK) & ~PAGE_MASK;
	uintptr_t to = (uintptr_t)(log + segment_layout(segment)->log_size) & ~PAGE_MASK;
	uint64_t end = segment_end(segment);

	if (segment_is_cell(segment) || was_released(segment) || kept_end(segment) < end ||
		!take_back(segment, end))
		return;
	/* claim() starts at `tail`, and would take the zeros there for free slots. */
	advance_tail(&segment->head, segment_layout(segment)->log_size);
	if (from < to)
		rawcall3(SYS_madvise, (long)from, (long)(to - from), MADV_REMOVE);
}
