#include "lib/package/rpm_header.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

#include "lib/base/cleanup.h"

#define INDEX_ENTRY_SIZE  16u
#define INDEX_ENTRIES_MAX 65535u /* rpm's own limit (headerMaxTags) */

enum tag {
	TAG_NAME = 1000,
	TAG_VERSION = 1001,
	TAG_RELEASE = 1002,
	TAG_EPOCH = 1003,
	TAG_ARCH = 1022,
	TAG_FILESTATES = 1029,
	TAG_DIRINDEXES = 1116,
	TAG_BASENAMES = 1117,
	TAG_DIRNAMES = 1118,
};

enum type { TYPE_CHAR = 1, TYPE_INT32 = 4, TYPE_STRING = 6, TYPE_STRING_ARRAY = 8 };

enum {
	FILE_STATE_NORMAL = 0
}; /* files with other states were not installed, or were replaced by another package */

struct header {
	const uint8_t *index;
	uint32_t n_entries;
	const uint8_t *store;
	uint32_t store_size;
};

/* The values of one tag, and the rest of the store from there on (`size` bytes). */
struct values {
	const uint8_t *bytes;
	size_t size;
	uint32_t count; /* 0: there is no such tag */
};

static uint32_t be32(const uint8_t *bytes)
{
	uint32_t value;

	memcpy(&value, bytes, sizeof(value));
	return be32toh(value);
}

static int open_header(const uint8_t *bytes, size_t size, struct header *ret)
{
	uint32_t n, store;

	if (size < 8)
		return -EBADMSG;
	n = be32(bytes);
	store = be32(bytes + 4);
	if (n > INDEX_ENTRIES_MAX || store > size - 8 || n * INDEX_ENTRY_SIZE > size - 8 - store)
		return -EBADMSG;
	*ret = (struct header){ bytes + 8, n, bytes + 8 + n * INDEX_ENTRY_SIZE, store };
	return 0;
}

static struct values find(const struct header *header, enum tag tag, enum type type)
{
	for (uint32_t i = 0; i < header->n_entries; i++) {
		const uint8_t *entry = header->index + i * INDEX_ENTRY_SIZE;
		uint32_t offset = be32(entry + 8);

		if (be32(entry) != tag || be32(entry + 4) != type || offset >= header->store_size)
			continue;
		return (struct values){ header->store + offset, header->store_size - offset,
			be32(entry + 12) };
	}
	return (struct values){ 0 };
}

/* Takes the next string of an array. False: it does not end within the store. */
static bool next_string(struct values *values, struct span *ret)
{
	const uint8_t *end = values->count ? memchr(values->bytes, '\0', values->size) : NULL;

	if (!end)
		return false;
	*ret = (struct span){ (const char *)values->bytes, (size_t)(end - values->bytes) };
	values->size -= ret->size + 1;
	values->bytes = end + 1;
	values->count--;
	return true;
}

static struct span string(const struct header *header, enum tag tag)
{
	struct values values = find(header, tag, TYPE_STRING);
	struct span text = { "", 0 };

	next_string(&values, &text);
	return text;
}

/* "1:2.3-4.fc39": epoch, version and release, as rpm prints them. */
static int version_text(const struct header *header, char **ret)
{
	struct values epoch = find(header, TAG_EPOCH, TYPE_INT32);
	struct span version = string(header, TAG_VERSION), release = string(header, TAG_RELEASE);
	char before[16] = "";

	if (version.size > PACKAGE_FIELD_MAX || release.size > PACKAGE_FIELD_MAX)
		return -EBADMSG;
	if (epoch.count && epoch.size >= sizeof(uint32_t) && be32(epoch.bytes))
		snprintf(before, sizeof(before), "%u:", be32(epoch.bytes));
	if (asprintf(ret, "%s%.*s%s%.*s", before, (int)version.size, version.bytes,
		    release.size ? "-" : "", (int)release.size, release.bytes) < 0)
		return -ENOMEM;
	return 0;
}

/* Splits the values into an array of strings. */
static int split(struct values values, struct span **ret)
{
	uint32_t count = values.count;
	autofree struct span *list = NULL;

	if (count > values.size) /* each string has at least its NUL */
		return -EBADMSG;
	list = calloc(count ? count : 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	for (uint32_t i = 0; i < count; i++)
		if (!next_string(&values, &list[i]))
			return -EBADMSG;
	*ret = steal_pointer(list);
	return 0;
}

static bool is_installed(const struct values *states, uint32_t i)
{
	return i >= states->count || i >= states->size || states->bytes[i] == FILE_STATE_NORMAL;
}

/* Files are listed by name and the number of their directory. */
static int add_files(struct package_loader *loader, const struct header *header)
{
	struct values names = find(header, TAG_BASENAMES, TYPE_STRING_ARRAY);
	struct values directories = find(header, TAG_DIRNAMES, TYPE_STRING_ARRAY);
	struct values indexes = find(header, TAG_DIRINDEXES, TYPE_INT32);
	struct values states = find(header, TAG_FILESTATES, TYPE_CHAR);
	uint32_t n = names.count, n_directories = directories.count;
	autofree struct span *list = NULL;
	int code;

	if (indexes.count != n || indexes.size / sizeof(uint32_t) < n)
		return -EBADMSG;
	code = split(directories, &list);
	for (uint32_t i = 0; i < n && code == 0; i++) {
		uint32_t directory = be32(indexes.bytes + i * sizeof(uint32_t));
		struct span name;

		if (!next_string(&names, &name) || directory >= n_directories)
			return -EBADMSG;
		if (is_installed(&states, i))
			code = loader_add_file(loader, list[directory], name);
	}
	return code;
}

int rpm_header_load(struct package_loader *loader, const uint8_t *bytes, size_t size)
{
	autofree char *version = NULL;
	struct header header;
	struct span name;
	int code = open_header(bytes, size, &header);

	if (code < 0)
		return code;
	name = string(&header, TAG_NAME);
	if (!name.size)
		return -EBADMSG;
	code = version_text(&header, &version);
	if (code < 0) {
		version = NULL;
		return code;
	}
	code = loader_add_package(loader, "rpm", name, (struct span){ version, strlen(version) },
		string(&header, TAG_ARCH));
	return code < 0 ? code : add_files(loader, &header);
}
