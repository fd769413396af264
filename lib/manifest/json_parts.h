/* What `show`, `diff` and `why` say alike in JSON: keys with their values. */
#ifndef FOOTPRINT_MANIFEST_JSON_PARTS_H
#define FOOTPRINT_MANIFEST_JSON_PARTS_H

#include "lib/base/json.h"
#include "proto/manifest.pb-c.h"

void json_put_path(struct json *j, const char *key, const ProtobufCBinaryData *path);
/* Nothing where the text is empty. */
void json_put_if(struct json *j, const char *key, const char *text);
/* A list of paths, from indexes of executables. */
void json_put_programs(struct json *j, const Footprint__Manifest *m, const char *key, size_t n,
	const uint32_t *indexes);

/* "access": the words of ACCESS_ bits. */
void json_put_access(struct json *j, uint32_t access);
/* "uses": who did what with a file. */
void json_put_uses(struct json *j, const Footprint__Manifest *m, const Footprint__File *file);
/* "access", "by" and "uses": what anybody did with a file, who, and who did what. */
void json_put_users(struct json *j, const Footprint__Manifest *m, const Footprint__File *file);
/* "size" and "sha256", as far as they are known. */
void json_put_content(struct json *j, const Footprint__File *file);
/* "mode", "uid" and "gid", of a file that was there to look at. */
void json_put_attributes(struct json *j, const Footprint__File *file);

/* "package" and "package_version", where one owns it. */
void json_put_package(struct json *j, const Footprint__Manifest *m, const Footprint__File *file);

/* All keys of the entry of that index, without the braces. */
void json_put_gap(struct json *j, const Footprint__Manifest *m, size_t i);
void json_put_executable(struct json *j, const Footprint__Manifest *m, size_t i);
void json_put_library(struct json *j, const Footprint__Manifest *m, size_t i);
void json_put_endpoint(struct json *j, const Footprint__Manifest *m, size_t i);
void json_put_missing(struct json *j, const Footprint__Manifest *m, size_t i);

#endif
