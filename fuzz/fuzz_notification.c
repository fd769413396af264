/*
 * What the supervisor makes of an announced call, when the caller lies: the "caller" is this
 * process, and the arguments point into, before and behind the input.
 *
 * Input: a call's number (2 bytes), its address size (1), offsets of six arguments (2 each), then
 * the memory they point to. The sources are included, so that they are built with the sanitizers.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "preload/image.h"
#include "supervise/supervise.h"

#undef _GNU_SOURCE /* each source defines it */
#include "supervise/call.c"
#undef _GNU_SOURCE
#include "supervise/directories.c"
#undef _GNU_SOURCE
#include "supervise/interp.c"
#undef _GNU_SOURCE
#include "supervise/outcome.c"
#undef _GNU_SOURCE
#include "supervise/rights.c"
#undef _GNU_SOURCE
#include "supervise/target.c"

#define HEAD_SIZE  15
#define MEMORY_MAX 16384

struct supervisor supervisor = { .root = -1 };

int images_root(int pid)
{
	(void)pid;
	return 0;
}

void images_root_changed(void)
{
}

bool images_rights_differ(void)
{
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Records go to memory that nobody reads, and that starts again before it is full. */
static void renew_segment(void)
{
	static unsigned runs;
	int memfd = -1;

	if (image.segment && ++runs % 64)
		return;
	segments_discard();
	image.descriptor = -1;
	image.starting = true;
	image.segment = segment_new(SEGMENT_FIRST_SIZE, NULL, &memfd);
	if (!image.segment)
		abort();
	if (memfd >= 0)
		close(memfd);
	segment_open_log(image.segment, sizeof(*image.segment), 0);
}

/* A readable page, followed by one that is not. */
static uint8_t *input_memory(void)
{
	static uint8_t *memory;

	if (memory)
		return memory;
	memory = mmap(NULL, MEMORY_MAX + 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		-1, 0);
	if (memory == MAP_FAILED || mprotect(memory + MEMORY_MAX, 4096, PROT_NONE) < 0)
		abort();
	return memory;
}

static uint16_t word_at(const uint8_t *data)
{
	return (uint16_t)(data[0] | data[1] << 8);
}

/* Small numbers are used as they are, for descriptors, flags and sizes; the rest become
 * pointers. */
static uint64_t argument_of(uint16_t word, uint8_t *start)
{
	return word < 256 ? word : (uint64_t)(uintptr_t)(start + word - 256);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct announced announced = { .pid = getpid() };
	uint8_t *start;
	int error;

	if (size < HEAD_SIZE || size - HEAD_SIZE > MEMORY_MAX)
		return 0;
	renew_segment();
	/* At the end of the page, so that a read beyond the input fails. */
	start = input_memory() + MEMORY_MAX - (size - HEAD_SIZE);
	memcpy(start, data + HEAD_SIZE, size - HEAD_SIZE);
	announced.number = word_at(data) % CALL_COUNT;
	for (int i = 0; i < 6; i++)
		announced.arguments[i] = argument_of(word_at(data + 3 + 2 * i), start);
	if (call_of(announced.number)->means == ADDRESS)
		announced.arguments[2] = data[2];
	if (call_of(announced.number)->means == SEND)
		announced.arguments[5] = data[2];
	if (call_read(&announced, &error))
		call_record();
	return 0;
}
