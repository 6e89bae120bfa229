/* source.h - who sends which stream: sources and their wire formats
 *
 * A source is one SSRC of an endpoint, with a name ("5c1f0a9e-a0") and a
 * msid.  It travels as compact JSON from today's focus, as XML both ways, and
 * its muted state as the JSON text of the presence's SourceInfo.
 */
#ifndef XMPP_SOURCE_H
#define XMPP_SOURCE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/buf.h"
#include "xmpp/xml.h"

enum { SOURCE_MAX = 2000, SOURCE_GROUP_MAX = 2000, SOURCE_GROUP_SSRCS = 8 };

struct source {
	uint32_t ssrc;          /* 1 to 2^32 - 1 */
	bool video;             /* else audio */
	bool desktop;           /* video of a screen */
	char *owner;            /* endpoint id, "jvb" for the bridge's own; "" unknown */
	char *name;             /* "" where the sender gave none */
	char *msid;             /* "" likewise */
};

struct source_group {
	char semantics[8];      /* "SIM", "FID" */
	bool video;
	char *owner;
	uint32_t ssrc[SOURCE_GROUP_SSRCS];
	size_t count;
};

struct source_set {
	struct source *v;       size_t count;
	struct source_group *g; size_t groups;
};

void source_set_clear(struct source_set *s);
/* Copies.  0, -ENOMEM, -E2BIG. */
int source_set_add(struct source_set *s, const struct source *src);
int source_set_add_group(struct source_set *s, const struct source_group *g);
int source_set_merge(struct source_set *s, const struct source_set *other);
/* By SSRC; groups that hold a removed SSRC go with it. */
void source_set_remove(struct source_set *s, uint32_t ssrc);
void source_set_remove_owner(struct source_set *s, const char *owner); /* may be lent from s */
const struct source *source_set_find(const struct source_set *s, uint32_t ssrc);

/* {"sources":{owner:[[video],[video groups],[audio],[audio groups]]}}
 * Appends.  Entries that are malformed are left out and counted in *bad (may
 * be NULL); -EINVAL: no such object at all. */
int source_set_parse_json(struct source_set *s, const char *json, size_t len, unsigned *bad);
int source_set_write_json(const struct source_set *s, struct buf *out);

/* <source/> and <ssrc-group/> inside a <description/>.  default_owner is
 * for sources without <ssrc-info/> ("" if unknown). */
int source_set_parse_xml(struct source_set *s, const struct xml *description,
			 bool video, const char *default_owner, unsigned *bad);
/* Adds those of one kind; with_owner writes <ssrc-info/>. */
void source_set_write_xml(const struct source_set *s, struct xml *description,
			  bool video, bool with_owner);

/* SourceInfo of one presence.  Entries of other endpoints are ignored. */
struct source_info {
	bool present;           /* there was a well-formed SourceInfo */
	bool audio_known, audio_muted;  /* any audio source; muted if all are */
	bool video_on, desktop_on;      /* an unmuted one */
	char audio_name[64];    /* the first audio source, "" if none */
};
void source_info_parse(struct source_info *out, const char *json, size_t len, const char *endpoint);
/* {"<id>-a0":{"muted":true}}; no audio source: {}. */
int source_info_write(struct buf *out, const char *audio_name, bool muted);

#endif
