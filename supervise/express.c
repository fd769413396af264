#define _GNU_SOURCE
#include "supervise/express.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>

#include "preload/image.h"
#include "preload/rawcall.h"
#include "preload/record/calls_table.h"
#include "preload/record/held.h"
#include "preload/text.h"
#include "proto/session_memory.h"
#include "supervise/express_code.h"
#include "supervise/express_plan.h"
#include "supervise/target.h"
#include "supervise/work.h"

#define STAT_THREADS  20 /* field of /proc/PID/stat */
#define STATUS_SIZE   2048
#define REPEATS	      3u /* calls that are nothing new, after which the road is opened */
#define FAILURES_MAX  8u
#define ROAD_DISTANCE (16ull << 32) /* bytes below the stack; a multiple of 4 GiB */
#define NOWHERE	      (~0ull)	    /* stands for the path's address in a report */
#define JUMP	      0xe9
#define JUMP_SIZE     5u
#define GATE_SIZE     4096u

#define GATE_HEAD_SIZE ((size_t)(express_gate_end - express_gate))

static uint64_t road_of(const struct express *express)
{
	return (express->stack & ~0xffffffffull) - ROAD_DISTANCE + SUPERVISED_EXPRESS_LOW;
}

/* --- the gate --------------------------------------------------------------------------------- */

static void put_address(uint8_t *to, uint64_t address)
{
	memcpy(to, &address, sizeof(address));
}

/* Writes the 32-bit distance that ends an instruction; `at` points behind it. */
static void put_distance(uint8_t *at, uint64_t from, uint64_t to)
{
	uint32_t distance = (uint32_t)(to - from);

	memcpy(at - sizeof(distance), &distance, sizeof(distance));
}

/* Makes the stub of a site, for `address`. */
static void make_stub(uint8_t *stub, uint64_t address, uint64_t gate, uint64_t place,
	const struct express_site *site)
{
	static const uint8_t head[] = { 0x48, 0x8d, 0x0d, 5, 0, 0, 0, JUMP, 0, 0, 0, 0, 0x0f,
		0x05 };
	unsigned kept = site->size - SITE_CALL_SIZE;
	unsigned end = sizeof(head) + kept + JUMP_SIZE;

	memcpy(stub, head, sizeof(head));
	put_distance(stub + 12, address + 12, gate + GATE_ENTER);
	memcpy(stub + sizeof(head), site->bytes + SITE_CALL_SIZE, kept);
	stub[sizeof(head) + kept] = JUMP;
	put_distance(stub + end, address + end, place + site->size);
}

/* The distance by which the program was moved when it was loaded. False: not known. */
static bool find_shift(int pid, const struct express_plan *plan, uint64_t *ret)
{
	uint64_t entry;

	*ret = 0;
	if (!plan->moves)
		return true;
	entry = target_auxiliary(pid, AT_ENTRY);
	*ret = entry - plan->entry;
	return entry != 0;
}

static bool is_as_planned(int pid, const struct express_site *site, uint64_t shift)
{
	uint8_t bytes[EXPRESS_SITE_SIZE];

	return !target_bytes(pid, site->address + shift, bytes, sizeof(bytes)) &&
	       !memcmp(bytes, site->bytes, sizeof(bytes));
}

/* Writes the gate, and then the jumps to it. The program is right after each of the writes. */
static void redirect(struct express *express, int pid, const struct express_plan *plan,
	uint64_t shift, unsigned count)
{
	static uint8_t gate[GATE_SIZE];
	uint64_t address = plan->room + shift;
	size_t size = GATE_HEAD_SIZE + (size_t)count * GATE_STUB_SIZE;

	memcpy(gate, express_gate, GATE_HEAD_SIZE);
	put_address(gate + GATE_ROAD, road_of(express) + ROAD_ENTER);
	put_address(gate + GATE_BASE, road_of(express));
	for (unsigned i = 0; i < count; i++)
		make_stub(gate + GATE_HEAD_SIZE + i * GATE_STUB_SIZE,
			address + GATE_HEAD_SIZE + i * GATE_STUB_SIZE, address,
			plan->sites[i].address + shift, &plan->sites[i]);
	if (!work_stands() || target_write(pid, address, gate, size) < 0)
		return;
	express->gate = address;
	express->gate_end = address + size;
	for (unsigned i = 0; i < count; i++) {
		uint64_t place = plan->sites[i].address + shift;
		uint8_t jump[JUMP_SIZE] = { JUMP };

		put_distance(jump + JUMP_SIZE, place + JUMP_SIZE,
			address + GATE_HEAD_SIZE + i * GATE_STUB_SIZE);
		target_write(pid, place, jump, sizeof(jump));
	}
}

/* Under how many filters a process is that was started by none which has installed one. 0: nobody
 * has installed any. */
static uint64_t usual_filters;

/* 0: not known (before Linux 5.9). */
static uint64_t filters_of(int pid)
{
	char status[STATUS_SIZE];

	return target_file(pid, "status", status, sizeof(status)) <= 0
		       ? 0
		       : target_status(status, "Seccomp_filters", 0);
}

void express_filter(int pid)
{
	if (usual_filters)
		return;
	usual_filters = filters_of(pid);
	if (!usual_filters)
		usual_filters = 1;
}

/* May it be under a filter that another program of its tree has installed, before it was executed?
 * That may not let pass what is needed for the road. */
static bool is_filtered(int pid)
{
	uint64_t filters;

	if (!usual_filters)
		return false;
	filters = filters_of(pid);
	return !filters || filters > usual_filters;
}

void express_begin(struct express *express, int pid)
{
	const struct express_plan *plan;
	unsigned count;
	uint64_t shift;

	if (express->closed || !express->stack || target_stat(pid, STAT_THREADS) != 1 ||
		is_filtered(pid))
		return;
	plan = express_plan(pid);
	if (!plan || plan->room_size < GATE_HEAD_SIZE + GATE_STUB_SIZE ||
		!find_shift(pid, plan, &shift))
		return;
	count = (unsigned)((plan->room_size - GATE_HEAD_SIZE) / GATE_STUB_SIZE);
	if (count > plan->count)
		count = plan->count;
	target_renew(pid);
	for (unsigned i = 0; i < count; i++)
		if (!is_as_planned(pid, &plan->sites[i], shift))
			return;
	express->owner = pid;
	if (count)
		redirect(express, pid, plan, shift, count);
}

/* --- the road --------------------------------------------------------------------------------- */

static void set_gate(const struct express *express, int pid, uint8_t state)
{
	if (express->gate)
		target_write(pid, express->gate + GATE_STATE, &state, sizeof(state));
}

static uint8_t gate_of(const struct express *express, int pid)
{
	uint8_t state = GATE_OPEN;

	target_bytes(pid, express->gate + GATE_STATE, &state, sizeof(state));
	return state;
}

void express_repeated(struct express *express, int pid)
{
	if (express->closed || ++express->repeats < REPEATS)
		return;
	if (gate_of(express, pid) == GATE_SHUT)
		set_gate(express, pid, GATE_OPENS);
}

static int process_of(int pid)
{
	char status[STATUS_SIZE];

	if (target_file(pid, "status", status, sizeof(status)) < 0)
		return -1;
	return (int)target_status(status, "Tgid", 0);
}

/* A new name for the working directory, different from all that it had before. */
static int64_t name_directory(const struct express *express, int pid)
{
	if (express->directories_differ || process_of(pid) != express->owner)
		return -1;
	return express->leaving ? 0 : (int64_t)image_time();
}

static void set_directory(const struct express *express, int pid, int64_t name)
{
	target_write(pid, road_of(express) + ROAD_DIRECTORY, &name, sizeof(name));
}

static bool fill_road(const struct express *express, int pid)
{
	static uint8_t page[ROAD_PAGE];
	int64_t directory = name_directory(express, pid);

	memcpy(page, express_road, (size_t)(express_road_end - express_road));
	memcpy(page + ROAD_DIRECTORY, &directory, sizeof(directory));
	return work_stands() && target_write(pid, road_of(express), page, sizeof(page)) == 0;
}

void express_opened(struct express *express, const struct announced *announced, uint64_t next)
{
	bool mapped = announced->arguments[REPORT_PATH] == road_of(express);

	/* That was made by another supervisor, which is dead. */
	if (!express->gate)
		express->gate = next - (uint64_t)(express_gate_opened - express_gate);
	if (mapped && !express->closed && fill_road(express, announced->pid)) {
		set_gate(express, announced->pid, GATE_OPEN);
		return;
	}
	/* If two threads map the road, the second one comes too late. */
	if (gate_of(express, announced->pid) == GATE_OPEN)
		return;
	if (mapped || ++express->failures == FAILURES_MAX)
		express->closed = true;
	if (express->closed)
		set_gate(express, announced->pid, GATE_SHUT);
}

/* --- what is known ---------------------------------------------------------------------------- */

/* The key of a fact, as in express_code.S: a hash of what the fact depends on, and of nothing else.
 * 0: it cannot be known. */
static uint64_t key_of(const struct announced *announced, const char *path, int64_t directory)
{
	const uint64_t *arguments = announced->arguments;
	uint64_t outcome = announced->result < 0 ? (uint64_t)-announced->result : 0;
	uint64_t hash = outcome << 16 | (uint64_t)announced->number;
	size_t size = text_length(path);
	uint64_t word;

	switch (announced->number) {
	case SYS_open:
		hash |= arguments[1] << 32;
		break;
	case SYS_openat:
	case SYS_statx:
		hash |= arguments[2] << 32;
		break;
	case SYS_newfstatat:
	case SYS_faccessat2:
		hash |= arguments[3] << 32;
		break;
	default:
		break;
	}
	if (*path != '/')
		hash = fp_checksum_step(hash, (uint64_t)directory);
	for (size_t at = 0; at <= size; at += sizeof(word)) {
		word = 0;
		memcpy(&word, path + at, size - at < sizeof(word) ? size - at : sizeof(word));
		hash = fp_checksum_step(hash, word);
	}
	return hash | 1;
}

static bool is_kept(const struct announced *announced)
{
	switch (announced->result) {
	case -ENOENT:
	case -ENOTDIR:
		return true;
	case -EINVAL:
		return announced->number == SYS_readlink || announced->number == SYS_readlinkat;
	default:
		return announced->result >= 0;
	}
}

/* The name of the directory that a relative path of this call is relative to. 0 or less: not
 * known. */
static int64_t directory_of_call(struct express *express, const struct announced *announced)
{
	const struct call *call = call_of(announced->number);
	int64_t directory = -1;

	if (call->directory != NONE && (int)announced->arguments[call->directory - 1] != AT_FDCWD)
		return -1;
	if (target_bytes(announced->pid, road_of(express) + ROAD_DIRECTORY, &directory,
		    sizeof(directory)) < 0)
		return -1;
	if (directory)
		return directory;
	directory = name_directory(express, announced->pid);
	if (directory)
		set_directory(express, announced->pid, directory);
	return 0; /* the call may have been made in another one */
}

void express_remember(struct express *express, const struct announced *announced, const char *path)
{
	uint64_t line[ROAD_LINE_SIZE / sizeof(uint64_t)];
	int64_t directory = 0;
	uint64_t key, address;
	unsigned place = 0;
	struct held held;

	/* What a descriptor names may be another file the next time. */
	if (!path || !*path || !is_kept(announced) || express->closed || held_find(path, &held))
		return;
	if (*path != '/') {
		directory = directory_of_call(express, announced);
		if (directory <= 0)
			return;
	}
	key = key_of(announced, path, directory);
	address = road_of(express) + ROAD_PAGE + (key >> (64 - ROAD_LINE_BITS)) * ROAD_LINE_SIZE;
	if (target_bytes(announced->pid, address, line, sizeof(line)) < 0)
		return;
	while (place < sizeof(line) / sizeof(line[0]) && line[place])
		place++;
	if (place == sizeof(line) / sizeof(line[0]))
		place = image_time() / 64 %
			place; /* another key is overwritten, and will be reported again */
	target_write(announced->pid, address + place * sizeof(key), &key, sizeof(key));
}

/* --- announcements ---------------------------------------------------------------------------- */

/* For a report: restores the call as it was made. */
static void restore(struct announced *announced)
{
	const struct call *call = call_of(announced->number);

	announced->made = true;
	announced->result = (long)announced->arguments[REPORT_RESULT];
	if (call->path != NONE)
		announced->arguments[call->path - 1] = announced->arguments[REPORT_PATH];
}

static bool has_no_path(const struct announced *announced)
{
	const struct call *call = call_of(announced->number);

	return (call->means == PATH || call->means == OPEN) && call->path != NONE &&
	       announced->arguments[call->path - 1] == NOWHERE;
}

enum express_came express_came(
	const struct express *express, const struct seccomp_data *data, struct announced *announced)
{
	uint64_t next = data->instruction_pointer;
	uint64_t reported =
		SUPERVISED_EXPRESS_LOW + (uint64_t)(express_road_reported - express_road);

	if ((uint32_t)next == reported && has_no_path(announced)) {
		restore(announced);
		return EXPRESS_REPORTED;
	}
	if (announced->arguments[REPORT_RESULT] == GATE_OPENED && has_no_path(announced))
		return EXPRESS_OPENED;
	if (express && next > express->gate && next < express->gate_end)
		return EXPRESS_PLAIN;
	return EXPRESS_NO;
}

static void close_road(struct express *express, int pid, uint8_t how)
{
	express->closed = true;
	set_gate(express, pid, GATE_SHUT);
	target_write(pid, road_of(express) + ROAD_CLOSED, &how, sizeof(how));
}

/* The working directory of this process and its threads is about to change. */
static void leave_directory(struct express *express, int pid)
{
	if (process_of(pid) != express->owner || (express->leaving && express->leaving != pid))
		express->directories_differ = true;
	express->leaving = pid;
	set_directory(express, pid, express->directories_differ ? -1 : 0);
}

void express_attend(struct express *express, const struct announced *announced)
{
	switch (call_of(announced->number)->means) {
	case ROOT:
	case UNSHARE:
	case ENTER:
		express->directories_differ = true;
		close_road(express, announced->pid, ROAD_CLOSED_TO_CALLS);
		break;
	case FILTER:
		close_road(express, announced->pid, ROAD_SILENT);
		break;
	case DIRECTORY:
		leave_directory(express, announced->pid);
		break;
	default:
		/* It calls again, so the change is done. */
		if (express->leaving == announced->pid)
			express->leaving = 0;
	}
}
