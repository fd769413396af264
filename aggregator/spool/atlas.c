#include "aggregator/spool/atlas.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "aggregator/aggregator.h"
#include "aggregator/log.h"
#include "aggregator/sessions/ingest.h"
#include "aggregator/spool/own_file.h"
#include "lib/base/cleanup.h"

#define ATLAS_NEW_NAME	 "directories.new"
#define ATLAS_GROWTH_MAX (8u << 20)
#define ENTRY_LOG_MAX	 (256u << 10)

/* --- the file --------------------------------------------------------------------------------- */

/* Where the directories of a session stand in `before`. */
struct atlas_entry {
	uint8_t session[SESSION_ID_SIZE];
	uint32_t log, size; /* offset and bytes of the entry's log */
};

static int compare_entries(const void *a, const void *b)
{
	const struct atlas_entry *one = a, *other = b;
	int by_session = memcmp(one->session, other->session, SESSION_ID_SIZE);

	return by_session ? by_session : (one->log > other->log) - (one->log < other->log);
}

/* The hello of an entry in the atlas only has the session's id. False: it has none. */
static bool find_session(const struct spool_view *view, uint8_t ret[static SESSION_ID_SIZE])
{
	Footprint__Hello *hello =
		footprint__hello__unpack(NULL, view->entry.hello_size, view->hello);
	bool found = hello && hello->session.len == SESSION_ID_SIZE;

	if (found)
		memcpy(ret, hello->session.data, SESSION_ID_SIZE);
	if (hello)
		footprint__hello__free_unpacked(hello, NULL);
	return found;
}

static int add_entry(struct atlas *atlas, const struct spool_view *view)
{
	struct atlas_entry entry = { .log = (uint32_t)(view->log - atlas->before),
		.size = view->entry.log_size };
	struct atlas_entry *more;

	if (!find_session(view, entry.session))
		return 0;
	if (atlas->n_entries == atlas->room) {
		size_t room = atlas->room ? 2 * atlas->room : 64;

		more = reallocarray(atlas->entries, room, sizeof(*more));
		if (!more)
			return -ENOMEM;
		atlas->entries = more;
		atlas->room = room;
	}
	atlas->entries[atlas->n_entries++] = entry;
	return 0;
}

/* Makes the list of entries, so that a session that is new to us is looked up without reading all.
 * Without memory, it has only the first ones. */
static int index_before(struct atlas *atlas)
{
	struct spool_reader reader = { .bytes = atlas->before, .size = atlas->before_size };
	struct spool_view view;
	enum spool_found found;
	int r = 0;

	while (r == 0 && (found = spool_next(&reader, &view)) != SPOOL_END)
		if (found == SPOOL_ENTRY)
			r = add_entry(atlas, &view);
	if (atlas->n_entries)
		qsort(atlas->entries, atlas->n_entries, sizeof(*atlas->entries), compare_entries);
	return r;
}

static void forget_before(struct atlas *atlas)
{
	free(atlas->before);
	free(atlas->entries);
	atlas->before = NULL;
	atlas->entries = NULL;
	atlas->before_size = atlas->n_entries = atlas->room = 0;
}

static int read_before(struct atlas *atlas)
{
	struct stat status;
	ssize_t n;

	if (fstat(atlas->fd, &status) < 0)
		return -errno;
	atlas->size = (uint64_t)status.st_size;
	if (!atlas->size)
		return 0;
	atlas->before_size = atlas->size < ATLAS_SIZE_MAX ? atlas->size : ATLAS_SIZE_MAX;
	atlas->before = malloc(atlas->before_size);
	if (!atlas->before)
		return -ENOMEM;
	n = pread(atlas->fd, atlas->before, atlas->before_size, 0);
	atlas->before_size = n < 0 ? 0 : (size_t)n;
	return n < 0 ? -errno : index_before(atlas);
}

void atlas_init(struct aggregator *daemon)
{
	struct atlas *atlas = &daemon->atlas;
	int r;

	*atlas = (struct atlas){ .fd = -1, .since_ms = uv_now(&daemon->loop) };
	r = own_file_open(daemon->spool.directory, ATLAS_NAME, O_RDWR | O_APPEND);
	if (r >= 0) {
		atlas->fd = r;
		r = read_before(atlas);
	}
	if (r < 0)
		log_trouble("%s/%s: cannot be used: %s: spool files stay, and processes keep their "
			    "records, until footprintd is restarted",
			daemon->options.spool, ATLAS_NAME, strerror(-r));
}

/* --- recalling -------------------------------------------------------------------------------- */

/* The atlas only holds directories: anything else was not put there by us. 0, -ENOMEM. */
static int recall_record(struct session *session, const struct slot *slot)
{
	Footprint__Record *record;
	struct error err;
	int r = record_unpack(slot->payload, slot->size, &record, &err);

	if (r < 0)
		return r == -ENOMEM ? r : 0;
	if (record->kind == FOOTPRINT__RECORD__KIND__DIRECTORY && record->path.len &&
		record->path.data[0] == '/')
		r = ingest_record(session, record);
	footprint__record__free_unpacked(record, NULL);
	return r == -ENOMEM ? r : 0;
}

static int recall_log(struct session *session, const struct atlas_entry *entry)
{
	struct slot_reader reader = { .log = session->daemon->atlas.before + entry->log,
		.size = entry->size };
	struct error err;
	struct slot slot;
	int r;

	while ((r = slot_next(&reader, &slot, &err)) > 0) {
		r = recall_record(session, &slot);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The first entry of the session, or where it would stand. */
static size_t first_entry(const struct atlas *atlas, const struct session *session)
{
	size_t from = 0, to = atlas->n_entries;

	while (from < to) {
		size_t middle = from + (to - from) / 2;

		if (memcmp(atlas->entries[middle].session, session->id, SESSION_ID_SIZE) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	return from;
}

int atlas_recall(struct session *session)
{
	const struct atlas *atlas = &session->daemon->atlas;

	for (size_t i = first_entry(atlas, session); i < atlas->n_entries; i++) {
		if (memcmp(atlas->entries[i].session, session->id, SESSION_ID_SIZE) != 0)
			break;
		if (recall_log(session, &atlas->entries[i]) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* --- keeping ---------------------------------------------------------------------------------- */

struct piece {
	uint8_t *log;
	size_t size;
};

/* Adds one DIRECTORY record as a slot. Paths beyond the limit of records cannot be kept. */
static void add_slot(struct piece *piece, const struct directory_slot *slot)
{
	Footprint__Record record = FOOTPRINT__RECORD__INIT;
	size_t size, span;
	uint32_t word;

	record.kind = FOOTPRINT__RECORD__KIND__DIRECTORY;
	record.id = slot->id;
	record.path.data = (uint8_t *)slot->path->raw;
	record.path.len = strlen(slot->path->raw);
	record.root = (uint32_t)slot->path->root_size;
	if (record.path.len >= FP_PATH_SIZE_MAX)
		return;
	size = footprint__record__get_packed_size(&record);
	span = (sizeof(word) + size + SLOT_ALIGN - 1) & ~(size_t)(SLOT_ALIGN - 1);
	word = SLOT_WORD(SLOT_READY, size);
	memset(piece->log + piece->size, 0, span);
	memcpy(piece->log + piece->size, &word, sizeof(word));
	footprint__record__pack(&record, piece->log + piece->size + sizeof(word));
	piece->size += span;
}

static int write_piece(struct session *session, const struct piece *piece)
{
	struct atlas *atlas = &session->daemon->atlas;
	Footprint__Hello hello = FOOTPRINT__HELLO__INIT;
	uint8_t packed[64];
	struct spool_entry entry = {
		.magic = SPOOL_ENTRY_MAGIC,
		.log_size = (uint32_t)piece->size,
	};
	struct iovec parts[] = { { &entry, sizeof(entry) }, { packed, 0 },
		{ piece->log, piece->size } };
	ssize_t n;

	hello.protocol = FP_PROTOCOL;
	hello.session.data = session->id;
	hello.session.len = SESSION_ID_SIZE;
	parts[1].iov_len = entry.hello_size = (uint32_t)footprint__hello__pack(&hello, packed);
	entry.checksum = fp_entry_checksum(&entry, packed, piece->log);
	n = writev(atlas->fd, parts, 3);
	if (n < 0)
		return -errno;
	atlas->size += (uint64_t)n;
	return (size_t)n == sizeof(entry) + entry.hello_size + piece->size ? 0 : -ENOSPC;
}

/* Writes what is not in the atlas yet, from `*at` on, as much as fits into one entry. */
static int keep_some(struct session *session, struct piece *piece, uint32_t *at)
{
	struct directories *directories = &session->directories;
	uint32_t first = *at;
	int r;

	piece->size = 0;
	for (; *at <= directories->mask; (*at)++) {
		const struct directory_slot *slot = &directories->slots[*at];

		/* A successor has no descriptor of an entered root. */
		if (!slot->id || slot->kept || slot->path->entered)
			continue;
		if (piece->size > ENTRY_LOG_MAX - FP_RECORD_SIZE_MAX)
			break;
		add_slot(piece, slot);
	}
	r = piece->size ? write_piece(session, piece) : 0;
	for (uint32_t i = first; r == 0 && i < *at; i++)
		directories->slots[i].kept = true;
	return r;
}

int atlas_keep(struct session *session)
{
	struct directories *directories = &session->directories;
	autofree uint8_t *log = NULL;
	struct piece piece;
	uint32_t at = 0;
	int r = 0;

	if (!directories->n_unkept)
		return 0;
	if (session->daemon->atlas.fd < 0)
		return -EBADF;
	log = malloc(ENTRY_LOG_MAX);
	if (!log)
		return -ENOMEM;
	piece = (struct piece){ .log = log };
	while (r == 0 && at <= directories->mask)
		r = keep_some(session, &piece, &at);
	if (r == 0)
		directories->n_unkept = 0;
	return r;
}

int atlas_keep_all(struct aggregator *daemon)
{
	struct sessions *sessions = &daemon->sessions;
	struct session_list *lists[] = { &sessions->live, &sessions->ending, &sessions->finished };
	struct session *session;
	int r = 0;

	for (size_t i = 0; i < 3; i++)
		TAILQ_FOREACH(session, lists[i], link)
			if (r == 0 && session_may_be_read(session))
				r = atlas_keep(session);
	return r;
}

/* --- beginning anew --------------------------------------------------------------------------- */

/* Keeps all in a file where nothing is kept yet. What cannot be written now is written before it is
 * acknowledged. 0 or a negative errno. */
static int keep_anew(struct aggregator *daemon)
{
	struct sessions *sessions = &daemon->sessions;
	struct session_list *lists[] = { &sessions->live, &sessions->ending, &sessions->finished };
	struct session *session;

	for (size_t i = 0; i < 3; i++)
		TAILQ_FOREACH(session, lists[i], link)
			directories_forget_kept(&session->directories);
	return atlas_keep_all(daemon);
}

/* What was kept before us, as long as its sessions may come back. 0 or a negative errno. */
static int keep_before(struct atlas *atlas)
{
	ssize_t n = atlas->before ? write(atlas->fd, atlas->before, atlas->before_size) : 0;

	if (n < 0)
		return -errno;
	atlas->size += (uint64_t)n;
	return (size_t)n == atlas->before_size ? 0 : -ENOSPC;
}

/* A new file with what the living named, in place of one that is full of the dead. */
static void begin_anew(struct aggregator *daemon)
{
	struct atlas *atlas = &daemon->atlas;
	int before = atlas->fd;
	int fd =
		own_file_open(daemon->spool.directory, ATLAS_NEW_NAME, O_RDWR | O_APPEND | O_TRUNC);

	if (fd < 0)
		return;
	atlas->fd = fd;
	atlas->size = 0;
	if (keep_before(atlas) < 0 || keep_anew(daemon) < 0 ||
		renameat(daemon->spool.directory, ATLAS_NEW_NAME, daemon->spool.directory,
			ATLAS_NAME) < 0) {
		close(fd);
		atlas->fd = before;
		keep_anew(daemon);
		return;
	}
	close(before);
	atlas->base = atlas->size;
}

void atlas_follow(struct aggregator *daemon)
{
	cleanup_close(&daemon->atlas.fd);
	forget_before(&daemon->atlas);
	atlas_init(daemon);
	keep_anew(daemon);
}

void atlas_tick(struct aggregator *daemon)
{
	struct atlas *atlas = &daemon->atlas;

	if (uv_now(&daemon->loop) - atlas->since_ms > SESSION_AWAY_MS_MAX)
		forget_before(atlas);
	if (atlas->fd >= 0 && atlas->size > 2 * atlas->base + ATLAS_GROWTH_MAX)
		begin_anew(daemon);
}

void atlas_deinit(struct aggregator *daemon)
{
	struct atlas *atlas = &daemon->atlas;

	if (atlas->fd >= 0) {
		if (stop_left_nothing(daemon))
			unlinkat(daemon->spool.directory, ATLAS_NAME, 0);
		close(atlas->fd);
	}
	forget_before(atlas);
}
