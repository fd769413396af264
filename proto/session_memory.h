/*
 * The memory a watched process shares with the aggregator.
 *
 * A process image keeps its records in a sealed memfd, so that they outlive the process: when it is
 * killed, the aggregator still reads them. Forks share the mapping. The log is append-only: a full
 * segment is followed by a new one (Hello.segment), never reused, so a reader needs no locks.
 *
 *   0        struct session_memory           counters, sizes
 *   ...                                      the recorder's own tables; the aggregator skips them
 *   hello_offset, hello_size                 the Hello, in protobuf
 *   log_offset ... log_offset + log_size     slots
 *
 * Slot: a 32-bit word, (state << 24 | payload bytes), then a Record in protobuf, padded to
 * SLOT_ALIGN. A writer claims the slot at `tail` by compare-and-swap of its word from 0 to
 * CLAIMED | size, moves `tail` over it, fills it and stores READY | size (release). A writer killed
 * in between leaves a CLAIMED slot of known size, which readers step over; a writer that finds the
 * word taken moves `tail` on for the dead one. `tail` may thus lag: a reader walks words until 0.
 *
 * The reader trusts nothing here: it lets the kernel copy, and checks every size. The
 * memfd's seals (SHRINK, GROW, SEAL) make it safe for the writer to touch its mapping.
 */
#ifndef FOOTPRINT_PROTO_SESSION_MEMORY_H
#define FOOTPRINT_PROTO_SESSION_MEMORY_H

#include <stdint.h>

#define FP_PROTOCOL 1

#define SESSION_MEMORY_MAGIC 0x31474f4c54505246ull /* "FRPTLOG1", little endian */
#define SESSION_ID_SIZE	     16

/* Limits on what a peer may send; past one of them the session is dropped and counted. */
#define FP_PACKET_SIZE_MAX  (64u << 10)
#define FP_HELLO_SIZE_MAX   (16u << 10)
#define FP_RECORD_SIZE_MAX  (12u << 10) /* room for two paths of PATH_MAX */
#define FP_PATH_SIZE_MAX    4096u	/* PATH_MAX, with the NUL the kernel counts */
#define FP_ADDRESS_SIZE_MAX 128u	/* sizeof(struct sockaddr_storage) */
#define FP_NAME_SIZE_MAX    256u	/* application, version, host, gap kind */
#define FP_DETAIL_SIZE_MAX  1024u
#define FP_SEGMENT_SIZE_MAX (16u << 20) /* whole memfd */
#define FP_SEGMENTS_MAX	    1024u	/* of one session */

#define SLOT_ALIGN	    8u
#define SLOT_STATE(word)    ((word) >> 24)
#define SLOT_SIZE(word)	    ((word)&0xffffffu)
#define SLOT_WORD(st, size) ((uint32_t)(st) << 24 | (uint32_t)(size))

enum slot_state {
	SLOT_FREE = 0,	  /* the end of the log so far */
	SLOT_CLAIMED = 1, /* being written, or its writer died: step over */
	SLOT_READY = 2,
	/*
	 * An exec in progress or done: written before execve, set to SLOT_VOID if it returns. At
	 * the end of a session it counts as done; in a live one once it has stood for a second.
	 */
	SLOT_EXEC = 3,
	SLOT_VOID = 4,
};

/* Written by the process, but for `acknowledged`. That, `tail` and `processes` only grow. */
struct session_memory {
	uint64_t magic;
	uint32_t protocol;
	uint32_t memory_size; /* bytes, the whole memfd */
	uint32_t hello_offset;
	uint32_t hello_size;
	uint32_t log_offset; /* from the start of the memfd */
	uint32_t log_size;
	uint64_t tail;	       /* bytes of the log claimed, at least */
	uint64_t acknowledged; /* bytes of the log that are in a manifest on disk: written by the
				  aggregator */
	uint64_t lost;	       /* records that could be kept nowhere: a gap */
	uint32_t processes;    /* processes that ever shared this image: 1 + forks */
	uint32_t users;	       /* of them, those that have not said goodbye */
};

#define FP_DIRECTORY_UNKNOWABLE UINT64_MAX /* as a directory's id: nobody can tell, a gap */

/*
 * Directory ids: FNV-1a, 64 bit, over the parent's id (8 bytes, little endian) and the path's
 * bytes. 0 stands for "absolute", and a path that begins with '/' is hashed with parent 0.
 */
static inline uint64_t fp_directory_id(uint64_t parent, const char *path, uint64_t size)
{
	uint64_t hash = 0xcbf29ce484222325ull;

	for (int i = 0; i < 8; i++)
		hash = (hash ^ (parent >> (8 * i) & 0xff)) * 0x100000001b3ull;
	for (uint64_t i = 0; i < size; i++)
		hash = (hash ^ (unsigned char)path[i]) * 0x100000001b3ull;
	return hash ? hash : 1;
}

/*
 * Spool: where records go that no aggregator has acknowledged when their process ends. A file is a
 * run of entries, each appended with one write; several processes of one user share a file, under
 * flock(LOCK_SH). `spool/records.UID`; the aggregator renames it before it reads.
 */
#define SPOOL_ENTRY_MAGIC	 0x33474f4c54505246ull /* "FRPTLOG3" */
#define SPOOL_ENTRY_MAKING_MAGIC 0x33474f4c5450526dull /* "mRPTLOG3" */

/*
 * A process that is killed in the middle of a write leaves an entry cut short. What that means
 * depends on what it held, which the first byte of its magic says, since nothing more need be
 * there:
 *
 *   'm'  Records in the making: the calls that they tell of had not returned to the application, or
 *        the image was still being started. Killed a moment earlier it would have left nothing: no
 *        loss. So are counts alone.
 *   'F'  Other records. Where nobody else has them it is a loss.
 *
 * A process that lives on after a short write (no space) makes an 'F' of the 'm', so that nobody
 * takes it for a killed one.
 */

struct spool_entry {
	uint64_t magic;
	uint32_t hello_size; /* the Hello follows, then the log bytes */
	uint32_t log_size;
	uint64_t log_offset; /* where in the segment's log these bytes stand */
	uint64_t written_ns; /* CLOCK_REALTIME: the image lived until then, at least */
	uint64_t lost;
	uint32_t processes;
	uint32_t checksum; /* fp_entry_checksum(): a torn write is found and stepped over */
};

/*
 * The reserve: `spool/reserve`, a file of slots that the aggregator allocates beforehand and that
 * all may write in place, which needs no space, no quota and no right to make files. A process
 * whose records nobody takes, not even as an entry without a log, puts such an entry into a slot
 * whose first eight bytes are 0, under an open file description lock of the slot's bytes. The first
 * slot begins with a number instead: how often somebody found no slot for it.
 */
#define RESERVE_SLOT_SIZE 4096u
#define RESERVE_SLOTS	  32u

/*
 * Checksum of an entry: of its header with `checksum` as 0, of the Hello and of the log. Each of
 * the three is taken as 64-bit words, little endian, the last one filled up with zero bytes. With
 *
 *   step(sum, word) = rotate_left(sum ^ word, 29) * FP_CHECKSUM_FACTOR
 *
 * word i of a part goes into lane i % 4, each of which begins as FP_CHECKSUM_START; then the four
 * lanes go into the sum, which begins so too:
 *
 *   lane[i % 4] = step(lane[i % 4], word)		sum = step(sum, lane[0..3])
 *   checksum = (sum ^ sum >> 32) & 0xffffffff
 *
 * The factor is odd, so each step is a bijection of the word: one changed word always changes sum.
 * Lanes, because a step waits for the one before. It guards against accidents, not against people.
 */
#define FP_CHECKSUM_START  0xcbf29ce484222325ull
#define FP_CHECKSUM_FACTOR 0x9e3779b97f4a7c15ull
#define FP_CHECKSUM_LANES  4

static inline uint64_t fp_checksum_step(uint64_t sum, uint64_t word)
{
	sum ^= word;
	return (sum << 29 | sum >> 35) * FP_CHECKSUM_FACTOR;
}

static inline uint64_t fp_checksum_add(uint64_t sum, const void *bytes, uint64_t size)
{
	uint64_t lanes[FP_CHECKSUM_LANES] = { FP_CHECKSUM_START, FP_CHECKSUM_START,
		FP_CHECKSUM_START, FP_CHECKSUM_START };
	const unsigned char *p = bytes;
	uint64_t words[FP_CHECKSUM_LANES];

	for (; size >= sizeof(words); p += sizeof(words), size -= sizeof(words)) {
		__builtin_memcpy(words, p, sizeof(words));
#pragma GCC unroll 4
		for (int i = 0; i < FP_CHECKSUM_LANES; i++)
			lanes[i] = fp_checksum_step(lanes[i], words[i]);
	}
	for (int i = 0; size; i++) {
		uint64_t part = size < sizeof(uint64_t) ? size : sizeof(uint64_t), word = 0;

		for (uint64_t byte = 0; byte < part; byte++)
			word |= (uint64_t)p[byte] << (8 * byte);
		lanes[i] = fp_checksum_step(lanes[i], word);
		p += part;
		size -= part;
	}
#pragma GCC unroll 4
	for (int i = 0; i < FP_CHECKSUM_LANES; i++)
		sum = fp_checksum_step(sum, lanes[i]);
	return sum;
}

static inline uint32_t fp_entry_checksum(
	const struct spool_entry *entry, const void *hello, const void *log)
{
	struct spool_entry head = *entry;
	uint64_t sum;

	head.checksum = 0;
	sum = fp_checksum_add(FP_CHECKSUM_START, &head, sizeof(head));
	sum = fp_checksum_add(sum, hello, head.hello_size);
	sum = fp_checksum_add(sum, log, head.log_size);
	return (uint32_t)(sum ^ sum >> 32);
}

#endif
