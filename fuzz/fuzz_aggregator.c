/*
 * A whole aggregator, and what hostile processes may do to it: what they say on their connections,
 * write into the memories that they share and the pools that were lent to them, and leave in the
 * spool, in any order. An input is a sequence of steps, each a byte that chooses it, and its
 * arguments. Beside raw bytes there are steps that say something well-formed, so that a search gets
 * behind the first checks.
 *
 * There are WHO connections, and WHO sessions with a memory each. Records are put into the piece,
 * and the piece then somewhere. After each input all connections are closed, and all sessions read
 * to their end; the next one has other sessions. From time to time the aggregator is brought to its
 * end, by stop.c, and begun anew in the same folder.
 */
#include <stdint.h>
#include <unistd.h>

#include "fuzz/aggregator/parts.h"

#define STEPS_MAX      200u  /* of one input */
#define TURNS_MAX      20000 /* of the loop, until all is applied */
#define INPUTS_OF_ONE  2000u /* aggregator */
#define LONGEST_WAIT   20000 /* milliseconds */
#define DESCRIPTOR_MAX 512   /* that is ever needed */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool restarted; /* in this input */

static void step_tick(void)
{
	aggregator_tick(&world);
}

static void step_wait(void)
{
	world_wait(input_number(2) % LONGEST_WAIT);
}

static void step_snapshot(void)
{
	snapshot_start(&world);
}

/* Everybody is still connected. It takes so long that once is enough for an input. */
static void step_restart(void)
{
	if (!restarted)
		world_restart();
	restarted = true;
}

static void step(void)
{
	static void (*const steps[])(void) = { step_connect, step_record, step_memory, step_hello,
		step_batch, step_small, step_entered, step_raw_packet, step_raw_slot,
		step_raw_piece, step_poke_memory, step_pool, step_cell, step_poke_pool, step_spool,
		step_raw_spool, step_tick, step_wait, step_restart, step_snapshot, step_close };

	steps[input_number(1) % (sizeof(steps) / sizeof(steps[0]))]();
	uv_run(&world.loop, UV_RUN_NOWAIT);
}

/* What was said is taken up, whatever it was, and nothing of it stays open. */
static void settle(void)
{
	int fd, turns = 0;

	processes_end();
	piece.size = 0;
	aggregator_tick(&world);
	for (; turns < TURNS_MAX && (world.roots.n_queued || world_is_busy()); turns++) {
		uv_run(&world.loop, UV_RUN_NOWAIT);
		if (world_is_busy())
			usleep(100);
		else
			world_wait(LONGEST_WAIT);
	}
	must(turns < TURNS_MAX, "what was said is never applied");
	fd = dup(world_root);
	must(fd >= 0 && fd <= DESCRIPTOR_MAX, "descriptors stay open");
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static unsigned inputs;

	if (world_root < 0)
		world_make();
	if (++inputs % INPUTS_OF_ONE == 0)
		world_restart();
	restarted = false;
	input_begin(data, size);
	processes_begin((unsigned)input_number(1));
	for (unsigned i = 0; input_left() && i < STEPS_MAX; i++)
		step();
	settle();
	return 0;
}
