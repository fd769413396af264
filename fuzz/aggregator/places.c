/* Where processes put it: into their memories, the cells of a pool, and the spool. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fuzz/aggregator/parts.h"
#include "lib/base/cleanup.h"

void step_memory(void)
{
	unsigned session = input_who();
	size_t place = LOG_AT + processes[session].tail;

	if (piece.size <= MEMORY_SIZE - place &&
		pwrite(processes[session].memory, piece.bytes, piece.size, (off_t)place) ==
			(ssize_t)piece.size)
		processes[session].tail += piece.size;
	piece.size = 0;
}

void step_poke_memory(void)
{
	unsigned session = input_who();
	off_t place = (off_t)input_number(2);
	ProtobufCBinaryData raw = input_bytes((size_t)input_number(1));

	if (pwrite(processes[session].memory, raw.data, raw.len, place) < 0)
		perror("memfd");
}

/* A program whose memory is a cell. */
static void fill_cell(uint8_t *pool, unsigned index, unsigned session, bool ended)
{
	uint8_t *cell = pool + pool_cell_offset(index);

	memset(cell + sizeof(struct session_memory), 0, sizeof(struct cell_life));
	memory_begin(cell, session, POOL_CELL_SIZE);
	memcpy(cell + LOG_AT, piece.bytes, piece.size);
	cell_life(cell)->ended = ended;
	((struct pool_head *)pool)->states[index] = CELL_TAKEN;
}

void step_cell(void)
{
	unsigned peer = input_who(), session = input_who(), index = (unsigned)input_number(1);
	bool ended = input_number(1) % 2;

	if (processes[peer].pool)
		fill_cell(processes[peer].pool, index, session, ended);
	piece.size = 0;
}

void step_poke_pool(void)
{
	unsigned peer = input_who();
	/* Its head and tickets, or one of the first cells. */
	size_t place = input_number(1) % 2 ? POOL_CELLS_AT : 0;
	ProtobufCBinaryData raw;

	place += (size_t)input_number(2);
	raw = input_bytes((size_t)input_number(1));
	if (processes[peer].pool)
		memcpy(processes[peer].pool + place, raw.data, raw.len);
}

static void spool_bytes(const void *content, size_t size)
{
	autoclose int fd = open(world_spool_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

	must(fd >= 0 && write(fd, content, size) == (ssize_t)size, world_spool_file);
}

void step_spool(void)
{
	uint8_t whole[sizeof(struct spool_entry) + FP_HELLO_SIZE_MAX + PIECE_MAX];
	uint8_t *hello = whole + sizeof(struct spool_entry);
	unsigned session = input_who();
	struct spool_entry entry = { .magic = input_number(1) % 2 ? SPOOL_ENTRY_MAGIC
								  : SPOOL_ENTRY_MAKING_MAGIC,
		.log_size = (uint32_t)piece.size,
		.log_offset = input_number(1) * SLOT_ALIGN,
		.lost = input_number(1) % 2,
		.processes = (uint32_t)input_number(1) };

	entry.hello_size = (uint32_t)hello_pack(session, (uint32_t)input_number(1) % 3, hello);
	memcpy(hello + entry.hello_size, piece.bytes, piece.size);
	entry.checksum = fp_entry_checksum(&entry, hello, piece.bytes);
	memcpy(whole, &entry, sizeof(entry));
	spool_bytes(whole, sizeof(entry) + entry.hello_size + piece.size);
	piece.size = 0;
}

void step_raw_spool(void)
{
	ProtobufCBinaryData raw = input_bytes((size_t)input_number(1));

	spool_bytes(raw.data, raw.len);
}
