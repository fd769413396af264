#include "lib/manifest/find.h"

#include <string.h>

int compare_paths(const ProtobufCBinaryData *a, const ProtobufCBinaryData *b)
{
	size_t common = a->len < b->len ? a->len : b->len;
	int order = common ? memcmp(a->data, b->data, common) : 0;

	return order ? order : (a->len > b->len) - (a->len < b->len);
}

/* Finds an entry in the list `field`, which is sorted by path, by binary search. SIZE_MAX: there is
 * none. */
#define DEFINE_FIND(name, type, field)                                                             \
	static size_t place_in_##field(                                                            \
		const Footprint__Manifest *m, const ProtobufCBinaryData *path)                     \
	{                                                                                          \
		size_t low = 0, high = m->n_##field;                                               \
		while (low < high) {                                                               \
			size_t middle = low + (high - low) / 2;                                    \
			int order = compare_paths(&m->field[middle]->path, path);                  \
			if (!order)                                                                \
				return middle;                                                     \
			low = order < 0 ? middle + 1 : low;                                        \
			high = order < 0 ? high : middle;                                          \
		}                                                                                  \
		return SIZE_MAX;                                                                   \
	}                                                                                          \
	const type *name(const Footprint__Manifest *m, const ProtobufCBinaryData *path)            \
	{                                                                                          \
		size_t place = place_in_##field(m, path);                                          \
		return place == SIZE_MAX ? NULL : m->field[place];                                 \
	}

DEFINE_FIND(view_find_file, Footprint__File, files)
DEFINE_FIND(view_find_program, Footprint__Executable, executables)
DEFINE_FIND(view_find_library, Footprint__Library, libraries)
DEFINE_FIND(view_find_missing, Footprint__Missing, missing)

uint32_t view_program_index(const Footprint__Manifest *m, const Footprint__Executable *program)
{
	return (uint32_t)place_in_executables(m, &program->path);
}

uint32_t view_library_index(const Footprint__Manifest *m, const Footprint__Library *library)
{
	return (uint32_t)place_in_libraries(m, &library->path);
}
