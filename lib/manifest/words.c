#include "lib/manifest/words.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define NANOSECONDS UINT64_C(1000000000)

const char *file_type_word(Footprint__FileType type)
{
	static const char *const words[] = {
		[FOOTPRINT__FILE_TYPE__TYPE_UNKNOWN] = "unknown",
		[FOOTPRINT__FILE_TYPE__TYPE_FILE] = "file",
		[FOOTPRINT__FILE_TYPE__TYPE_DIRECTORY] = "directory",
		[FOOTPRINT__FILE_TYPE__TYPE_SYMLINK] = "symlink",
		[FOOTPRINT__FILE_TYPE__TYPE_FIFO] = "fifo",
		[FOOTPRINT__FILE_TYPE__TYPE_SOCKET] = "socket",
		[FOOTPRINT__FILE_TYPE__TYPE_DEVICE] = "device",
	};

	return type < sizeof(words) / sizeof(words[0]) ? words[type] : "unknown";
}

const char *endpoint_word(Footprint__EndpointOperation operation)
{
	switch (operation) {
	case FOOTPRINT__ENDPOINT_OPERATION__OPERATION_CONNECT:
		return "connect";
	case FOOTPRINT__ENDPOINT_OPERATION__OPERATION_BIND:
		return "bind";
	case FOOTPRINT__ENDPOINT_OPERATION__OPERATION_SEND:
		return "send";
	default:
		return "unknown";
	}
}

const char *watched_word(Footprint__Watched watched)
{
	switch (watched) {
	case FOOTPRINT__WATCHED__WATCHED_PRELOAD:
		return "preload";
	case FOOTPRINT__WATCHED__WATCHED_SUPERVISED:
		return "supervised";
	default:
		return "none";
	}
}

const char *loaded_word(Footprint__Loaded loaded)
{
	switch (loaded) {
	case FOOTPRINT__LOADED__LOADED_DLOPEN:
		return "dlopen";
	case FOOTPRINT__LOADED__LOADED_UNOBSERVED:
		return "unobserved";
	default:
		return "needed";
	}
}

const char *loaded_phrase(Footprint__Loaded loaded)
{
	switch (loaded) {
	case FOOTPRINT__LOADED__LOADED_DLOPEN:
		return "dlopen by";
	case FOOTPRINT__LOADED__LOADED_UNOBSERVED:
		return "not observed, needed by";
	default:
		return "needed by";
	}
}

const char *access_next_word(uint32_t *access)
{
#define ACCESS(name, bit, word)                                                                    \
	if (*access & (bit)) {                                                                     \
		*access &= ~(uint32_t)(bit);                                                       \
		return (word);                                                                     \
	}
#include "lib/manifest/access.def"
#undef ACCESS
	*access = 0;
	return NULL;
}

void access_words(uint32_t access, char buffer[static ACCESS_WORDS_SIZE])
{
	size_t used = 0;
	const char *word;

	buffer[0] = '\0';
	while ((word = access_next_word(&access)))
		used += (size_t)snprintf(
			buffer + used, ACCESS_WORDS_SIZE - used, "%s%s", used ? " " : "", word);
}

uint32_t file_access(const Footprint__File *file)
{
	uint32_t access = 0;

	for (size_t i = 0; i < file->n_uses; i++)
		access |= file->uses[i]->access;
	return access;
}

bool program_is_script(const Footprint__Executable *program)
{
	const ProtobufCBinaryData *path = &program->interpreter;
	const uint8_t *slash = path->len ? memrchr(path->data, '/', path->len) : NULL;
	size_t left = slash ? (size_t)(path->data + path->len - slash) : 0;

	return path->len && (left < 4 || memcmp(slash, "/ld", 3));
}

bool view_is_complete(const Footprint__Manifest *m)
{
	return m->n_runs && !m->n_gaps;
}

/* The enum's values are ordered by strength. */
Footprint__Loaded library_loaded(const Footprint__Library *library)
{
	Footprint__Loaded strongest = FOOTPRINT__LOADED__LOADED_UNOBSERVED;

	for (size_t i = 0; i < library->n_loaders; i++)
		if (library->loaders[i]->loaded < strongest)
			strongest = library->loaders[i]->loaded;
	return library->n_loaders ? strongest : FOOTPRINT__LOADED__LOADED_DLOPEN;
}

bool loader_is_programs_first(const Footprint__Library *library, size_t i)
{
	return !i || library->loaders[i]->by != library->loaders[i - 1]->by;
}

void time_text(uint64_t nanoseconds, char buffer[static TIME_TEXT_SIZE])
{
	time_t seconds = (time_t)(nanoseconds / NANOSECONDS);
	struct tm broken_down;
	char date[24];

	gmtime_r(&seconds, &broken_down);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &broken_down);
	snprintf(buffer, TIME_TEXT_SIZE, "%s.%09" PRIu64 "Z", date, nanoseconds % NANOSECONDS);
}
