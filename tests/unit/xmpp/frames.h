/* frames.h - the XMPP frames of the recordings in tests/data/recorded */
#ifndef UNIT_XMPP_FRAMES_H
#define UNIT_XMPP_FRAMES_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "xmpp/xml.h"

struct frame {
	const char *file;
	int line, status;       /* status: of http, else 0 */
	int64_t t_ms;
	const char *dir, *ch, *data;
};
typedef void frame_fn(void *ctx, const struct frame *f);

/* Each line of one recording, or of all; name without ".jsonl". */
void frames_of(const char *name, frame_fn *fn, void *ctx);
void frames_of_all(frame_fn *fn, void *ctx);

/* One line, as it was (free()) or parsed (xml_free()); ends the test if it is not there. */
char *frame_text(const char *name, int line);
struct xml *frame_xml(const char *name, int line);
/* Parses a stanza of the test's own. */
struct xml *xml_of(const char *text);
/* Written; free(). */
char *text_of(const struct xml *x);

#endif
