/* Finding entries in a manifest's sorted lists. */
#ifndef FOOTPRINT_MANIFEST_FIND_H
#define FOOTPRINT_MANIFEST_FIND_H

#include "proto/manifest.pb-c.h"

/* Compares as memcmp does, and a prefix comes first: the order of all lists by path. */
int compare_paths(const ProtobufCBinaryData *a, const ProtobufCBinaryData *b);

/* The entry of a canonical path, or NULL. Programs and libraries have one among the files too. */
const Footprint__File *view_find_file(
	const Footprint__Manifest *m, const ProtobufCBinaryData *path);
const Footprint__Executable *view_find_program(
	const Footprint__Manifest *m, const ProtobufCBinaryData *path);
const Footprint__Library *view_find_library(
	const Footprint__Manifest *m, const ProtobufCBinaryData *path);
const Footprint__Missing *view_find_missing(
	const Footprint__Manifest *m, const ProtobufCBinaryData *path);

/* The indexes of entries in their lists. */
uint32_t view_program_index(const Footprint__Manifest *m, const Footprint__Executable *program);
uint32_t view_library_index(const Footprint__Manifest *m, const Footprint__Library *library);

#endif
