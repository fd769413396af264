/*
 * Facts: what records say, on their way to a manifest.
 *
 * fact_apply() puts doc/facts.md into effect. It runs when every path of the fact has been looked
 * at. Applying a fact twice has the same result as once.
 */
#ifndef FOOTPRINT_AGGREGATOR_MANIFESTS_FACT_H
#define FOOTPRINT_AGGREGATOR_MANIFESTS_FACT_H

#include "aggregator/roots/root.h"

struct session;

enum fact_kind {
	FACT_IMAGE,   /* path: the session's executable; other: its dynamic linker, or NULL */
	FACT_INVOKED, /* path: what the image was invoked as, argv[0] */
	FACT_SCRIPT,  /* path: what the session's executable is probably the interpreter of */
	FACT_PATH,
	FACT_EXECUTE,
	FACT_LOAD,     /* other: the requester, or NULL */
	FACT_ENDPOINT, /* text: the address; path: of a unix socket that has one, or NULL */
	FACT_GAP,      /* text: its kind; detail; path: NULL: the session's executable */
	/* path: of a library; text: a program that nobody watched and that needs it; detail: the
	 * object of the program that asks for it */
	FACT_UNOBSERVED,
};

struct fact {
	STAILQ_ENTRY(fact) link;
	uint64_t serial;
	uint64_t created_ms;
	struct session *session; /* referenced */
	enum fact_kind kind;
	uint32_t access;
	uint32_t error;
	uint32_t what;	/* LoadedBy, EndpointUse; for an image: is its linker what was executed? */
	uint64_t times; /* for a gap: how often it happened */
	const char *guess;  /* why its looks are old, or only text (look.h); NULL: they are not */
	uint64_t directory; /* id of `path`, if later records may be relative to it; 0: none */
	struct path *path;
	struct path *other;
	char *text;
	char *detail;
};

/* NULL: no memory. */
struct fact *fact_new(struct session *session, enum fact_kind kind);
void fact_free(struct fact *fact);

/* How many units its paths have together: at least one. */
uint32_t fact_units(const struct fact *fact);

/* How deep a look this fact needs at `path`, one of its two. */
enum look_depth fact_depth(const struct fact *fact, const struct path *path);

/* Applies a fact whose looks are all there. 0 or -ENOMEM: to be tried again. */
int fact_apply(struct fact *fact);

#endif
