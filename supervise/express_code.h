/*
 * What express_code.S and C share: the layout of the code that is put into a watched program.
 *
 * The gate stands in the free space behind the program's code, in the last page of that. The road
 * is in memory of its own, at an address whose low half the filter knows
 * (preload/programs/supervised_filter.h).
 */
#ifndef FOOTPRINT_SUPERVISE_EXPRESS_CODE_H
#define FOOTPRINT_SUPERVISE_EXPRESS_CODE_H

#include "preload/programs/supervised_filter.h"

/* The gate: data, code for all sites, and a stub for each site. Offsets in bytes. */
#define GATE_STATE     0  /* one byte, enum gate_state */
#define GATE_ROAD      8  /* address where the road is entered */
#define GATE_BASE      16 /* address where the road's memory begins */
#define GATE_ENTER     24 /* code begins */
#define GATE_STUB_SIZE 28
#define SITE_CALL_SIZE 2

/* The sixth argument of the call by which the gate says that it has mapped the road. */
#define GATE_OPENED 0x4f50454e47415445

/* The road: a page of data and code, and then the table. Offsets in bytes. */
/* Name of the working directory; 0: not known; negative: never known again. */
#define ROAD_DIRECTORY	0
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

/* The arguments of a report that differ from those of the call that was made. The path's address is
 * here, since in its own place is an address that the kernel refuses; and so is the kernel's
 * result. */
#define REPORT_PATH   4
#define REPORT_RESULT 5

#ifndef __ASSEMBLER__
#include <stdint.h>

enum gate_state {
	GATE_SHUT = 0,	/* sites make their calls as before */
	GATE_OPENS = 1, /* the next call maps the road */
	GATE_OPEN = 2,
};

enum road_closed {
	ROAD_IS_OPEN = 0,
	ROAD_CLOSED_TO_CALLS = 1,
	ROAD_SILENT = 2, /* and calls that are on it already are not reported */
};

extern const char express_gate[], express_gate_end[], express_gate_opened[];
extern const char express_road[], express_road_end[], express_road_reported[];
#endif

#endif
