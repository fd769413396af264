/*
 * What express_code.S and C share: the code that is put into a watched program, and its layout.
 *
 * The gate stands in the room behind the program's code, in the last page of it; the road in memory
 * of its own, at an address whose low half the filter knows (preload/programs/supervised_filter.h).
 */
#ifndef FOOTPRINT_SUPERVISE_EXPRESS_CODE_H
#define FOOTPRINT_SUPERVISE_EXPRESS_CODE_H

#include "preload/programs/supervised_filter.h"

/* The gate: a head of data, code for all sites, then a stub for each site. */
#define GATE_STATE     0  /* one byte, enum gate_state */
#define GATE_ROAD      8  /* where the road is entered */
#define GATE_BASE      16 /* where its memory begins */
#define GATE_ENTER     24 /* code begins */
#define GATE_STUB_SIZE 28
#define SITE_CALL_SIZE 2

/* What the first announcement from a gate has in its sixth argument. */
#define GATE_OPENED 0x4f50454e47415445

/* The road: a page of data and code, then the table. */
#define ROAD_DIRECTORY	0 /* names the working directory; 0: unknown, negative: for ever */
#define ROAD_CLOSED	8 /* one byte, enum road_closed */
#define ROAD_FACTOR	16
#define ROAD_ONES	24
#define ROAD_HIGHS	32
#define ROAD_ENTER	SUPERVISED_EXPRESS_ENTER
#define ROAD_PAGE	4096
#define ROAD_LINE_BITS	11 /* lines of eight keys */
#define ROAD_LINE_SIZE	64
#define ROAD_TABLE_SIZE (ROAD_LINE_SIZE << ROAD_LINE_BITS)
#define ROAD_SIZE	(ROAD_PAGE + ROAD_TABLE_SIZE)

/* Arguments of a report, beside those of the call that was made: its path stands here, since where
 * it was is an address that the kernel refuses; and what the kernel answered. */
#define REPORT_PATH   4
#define REPORT_RESULT 5

#ifndef __ASSEMBLER__
#include <stdint.h>

enum gate_state {
	GATE_SHUT = 0,	/* sites make their calls as ever */
	GATE_OPENS = 1, /* whoever comes next maps the road */
	GATE_OPEN = 2,
};

enum road_closed {
	ROAD_IS_OPEN = 0,
	ROAD_CLOSED_TO_CALLS = 1,
	ROAD_SILENT = 2, /* nor are calls reported that are on it already */
};

extern const char express_gate[], express_gate_end[], express_gate_opened[];
extern const char express_road[], express_road_end[], express_road_reported[];
#endif

#endif
