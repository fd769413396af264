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
/* "access" and "by": what anybody did with a file, and who. */
void json_put_users(struct json *j, const Footprint__Manifest *m, const Footprint__File *file);
/* "size" and "sha256", as far as they are known. */
void json_put_content(struct json *j, const Footprint__File *file);
/* "mode", "uid" and "gid", of a file that was there to look at. */
void json_put_attributes(struct json *j, const Footprint__File *file);

/* "soname", "needed" and "build_id". */
void json_put_library_info(struct json *j, const Footprint__Library *library);
/* "by": the programs that load it. */
void json_put_loading(
	struct json *j, const Footprint__Manifest *m, const Footprint__Library *library);

#endif
