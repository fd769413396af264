/*
 * The memory that a watched process shares with the aggregator: its layout, and the layout of the
 * spool file that stands in for it.
 *
 * A process image (one execve's worth of a process, with its forks) keeps its records in a sealed
 * memfd. The aggregator holds a descriptor of it too, so it can still read the records after the
 * process was killed. Forks share the mapping. The log is append-only: a full segment is followed
 * by a new one (Hello.segment) and is never overwritten, so a reader needs no lock.
 *
 *   0        struct session_memory           counters, sizes
 *   ...                                      the recorder's own tables; the aggregator skips them
 *   hello_offset, hello_size                 the Hello, in protobuf
 *   log_offset ... log_offset + log_size     slots
 *
 * A slot is a 32-bit word (state << 24 | bytes of the payload), then a Record in protobuf, padded
 * to a multiple of SLOT_ALIGN. To append, a writer:
 *
 *   1. claims the slot at `tail`: compare-and-swap of its word from 0 to CLAIMED | size;
 *   2. moves `tail` behind it;
 *   3. fills in the payload;
 *   4. stores READY | size, with release ordering.
 *
 * A writer that is killed between 1 and 4 leaves a CLAIMED slot of known size, and readers step
 * over it. If it is killed between 1 and 2, the next writer finds the word taken and moves `tail`
 * on in its place. So `tail` may lag behind the real end of the log, and a reader walks from word
 * to word until it finds a 0.
 *
 * The reader trusts nothing that it finds here. It checks every size, and lets the kernel copy the
 * bytes (pread, process_vm_readv), so that a missing page is an error and not a SIGBUS. The writer
 * may touch its mapping, because the memfd is sealed against changes of its size (F_SEAL_SHRINK,
 * F_SEAL_GROW, F_SEAL_SEAL).
 */
#ifndef FOOTPRINT_PROTO_SESSION_MEMORY_H
#define FOOTPRINT_PROTO_SESSION_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

/* What this version writes. A reader knows all from the oldest on. */
#define FP_PROTOCOL	   2
#define FP_PROTOCOL_OLDEST 1 /* without Record.prefix */

static inline bool fp_protocol_is_known(uint32_t protocol)
{
	return protocol >= FP_PROTOCOL_OLDEST && protocol <= FP_PROTOCOL;
}

#define SESSION_MEMORY_MAGIC 0x31474f4c54505246ull /* "FRPTLOG1", little endian */
#define SESSION_ID_SIZE	     16

/* Limits, in bytes unless noted, on what a peer may send. A session that exceeds one is dropped,
 * and counted. */
#define FP_PACKET_SIZE_MAX  (64u << 10)
#define FP_HELLO_SIZE_MAX   (16u << 10)
#define FP_RECORD_SIZE_MAX  (12u << 10) /* room for two paths of PATH_MAX */
#define FP_PATH_SIZE_MAX    4096u	/* PATH_MAX, with the NUL the kernel counts */
#define FP_ADDRESS_SIZE_MAX 128u	/* sizeof(struct sockaddr_storage) */
#define FP_NAME_SIZE_MAX    256u	/* application, version, host, gap kind */
#define FP_DETAIL_SIZE_MAX  1024u
#define FP_SEGMENT_SIZE_MAX (16u << 20)	 /* whole memfd */
#define FP_MOUNTS_SIZE_MAX  (512u << 10) /* tables of mounts that come with an Entered */
#define FP_SEGMENTS_MAX	    1024u	 /* of one session */
#define FP_PREFIXES_MAX	    4096u	 /* numbers of directories in one session; below 2^16 */

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

/* In `acknowledged`: the aggregator is about to end. It reads the memory once more, and then no
 * more; whoever records something and sees this bit appends it to the spool at once. */
#define SESSION_MEMORY_LEFT (1ull << 63)

/* Written by the process, except for `acknowledged`, which the aggregator writes. `acknowledged`
 * and `processes` only ever grow. */
struct session_memory {
	uint64_t magic;
	uint32_t protocol;
	uint32_t memory_size; /* bytes, the whole memfd */
	uint32_t hello_offset;
	uint32_t hello_size;
	uint32_t log_offset; /* from the start of the memfd */
	uint32_t log_size;
	uint64_t tail;	       /* bytes of the log that are claimed; may lag */
	uint64_t acknowledged; /* bytes of the log that a manifest on disk holds;
				  SESSION_MEMORY_LEFT */
	uint64_t lost;	       /* records that could be kept nowhere: a gap */
	uint32_t processes;    /* processes that ever shared this image: 1 + forks */
	uint32_t users;	       /* of them, those that have not said goodbye */
};

/* The id of a directory whose path nobody can find out. What is relative to it is a gap. */
#define FP_DIRECTORY_UNKNOWABLE UINT64_MAX

/*
 * The id of a directory: FNV-1a (64 bit) over the id of the directory that its path is relative to
 * (8 bytes, little endian) and the bytes of that path. For an absolute path, which begins with '/',
 * the parent's id is 0. The result is never a number that Record.prefix may have.
 */
static inline uint64_t fp_directory_id(uint64_t parent, const char *path, uint64_t size)
{
	uint64_t hash = 0xcbf29ce484222325ull;

	for (int i = 0; i < 8; i++)
		hash = (hash ^ (parent >> (8 * i) & 0xff)) * 0x100000001b3ull;
	for (uint64_t i = 0; i < size; i++)
		hash = (hash ^ (unsigned char)path[i]) * 0x100000001b3ull;
	return hash > UINT32_MAX ? hash : hash + UINT32_MAX + 1;
}

/*
 * The spool: where a process puts the records that no aggregator has acknowledged by the time it
 * ends. A file, `spool/records.UID`, is a sequence of entries, each appended with one write. All
 * processes of a user append to the same file, under flock(LOCK_SH); the aggregator renames the
 * file before it reads it.
 */
#define SPOOL_ENTRY_MAGIC	 0x33474f4c54505246ull /* "FRPTLOG3" */
#define SPOOL_ENTRY_MAKING_MAGIC 0x33474f4c5450526dull /* "mRPTLOG3" */

/*
 * A process that is killed in the middle of a write leaves a truncated entry. Whether records were
 * lost with it depends on what the entry was to hold. The first byte of the magic says so, because
 * it is all that can be relied on to be there:
 *
 *   'm'  Records that were still being made: the calls that they describe had not returned to the
 *        application, or the image was still starting. A process killed a moment earlier would have
 *        left nothing at all, so nothing is lost. The same holds for an entry that has only counts.
 *   'F'  Other records. They are lost, unless the aggregator has them from elsewhere.
 *
 * A process that lives on after a short write (no space left) changes the 'm' to 'F', so that the
 * truncated entry is not mistaken for one of a killed process.
 */

struct spool_entry {
	uint64_t magic;
	uint32_t hello_size; /* the Hello follows, then the log bytes */
	uint32_t log_size;
	uint64_t log_offset; /* offset of these bytes in the segment's log */
	uint64_t written_ns; /* CLOCK_REALTIME in nanoseconds: the image still lived then */
	uint64_t lost;	     /* as in struct session_memory */
	uint32_t processes;  /* as in struct session_memory */
	uint32_t checksum;   /* fp_entry_checksum(); a reader skips an entry where it is wrong */
};

/*
 * The reserve: `spool/reserve`, a file of RESERVE_SLOTS slots that the aggregator allocates in
 * advance and that anybody may write in place. Writing there needs no free space, no quota and no
 * permission to create files. A process that can append nothing to the spool, not even an entry
 * without a log, writes such an entry into a slot whose first eight bytes are 0. While it does, it
 * holds an open file description lock on the bytes of the slot. Slot 0 takes no entry: it begins
 * with a 64-bit count of the processes that found no free slot.
 */
#define RESERVE_SLOT_SIZE 4096u
#define RESERVE_SLOTS	  32u

/* A clock that costs nothing: the processor's time stamp, in steps of about a millisecond. Never 0.
 * It begins anew after some weeks. */
static inline uint32_t fp_tick(void)
{
	return (uint32_t)(__builtin_ia32_rdtsc() >> 20) | 1;
}

static inline bool fp_tick_is_before(uint32_t one, uint32_t other)
{
	return (int32_t)(one - other) < 0;
}

/*
 * Checksum of an entry: over its header (with `checksum` as 0), the Hello and the log. Each of
 * these three parts is read as 64-bit words, little endian; zero bytes fill up the last word. With
 *
 *   step(sum, word) = rotate_left(sum ^ word, 29) * FP_CHECKSUM_FACTOR
 *
 * a part is added to the sum by way of four lanes, each of which starts as FP_CHECKSUM_START. Word
 * i of the part goes into lane i % 4, and then the four lanes go into the sum, in order. The sum
 * itself starts as FP_CHECKSUM_START before the first part:
 *
 *   lane[i % 4] = step(lane[i % 4], word)
 *   sum = step(sum, lane[0]), then lane[1], lane[2], lane[3]
 *   checksum = (sum ^ sum >> 32) & 0xffffffff
 *
 * The factor is odd, so each step is a bijection of the word: changing a single word always changes
 * the sum. There are four lanes because each step has to wait for the result of the one before it
 * in its lane. The checksum protects against accidents, not against attacks.
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
