/* Where the parts of a segment are: what its private layout says (memory.h). */
#ifndef FOOTPRINT_PRELOAD_SESSION_LAYOUT_H
#define FOOTPRINT_PRELOAD_SESSION_LAYOUT_H

#include "preload/image.h"

/* Never NULL: a segment that is not known has a layout of zeros. */
const struct layout *segment_layout(const struct segment *segment);

/* The same, for what each call runs: as a rule it is the latest. */
static inline const struct layout *segment_layout_inline(const struct segment *segment)
{
	const struct layout *latest = __atomic_load_n(&image.layouts.list, __ATOMIC_ACQUIRE);

	return latest && latest->segment == segment ? latest : segment_layout(segment);
}

static inline unsigned char *segment_log(struct segment *segment)
{
	return (unsigned char *)segment + segment_layout(segment)->log_offset;
}

static inline struct segment *segment_first(const struct segment *segment)
{
	return segment_layout(segment)->first;
}

static inline struct segment *segment_previous(const struct segment *segment)
{
	return segment_layout(segment)->previous;
}

static inline bool segment_is_cell(const struct segment *segment)
{
	return segment_layout(segment)->cell;
}

/* Segment 0 of an image. */
struct segment *image_oldest(struct segment *segment);

#endif
