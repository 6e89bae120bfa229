/* ogg_opus.h - Opus packets into an Ogg file, as they are (RFC 7845)
 *
 * Nothing is encoded: what came from the network or a file goes into pages.
 * Each second ends a page and reaches the disk, so that a file whose writer
 * died plays up to there.  Touches the disk: not on loop or media.
 */
#ifndef AUDIO_OGG_OPUS_H
#define AUDIO_OGG_OPUS_H
#include <stdint.h>
#include <stddef.h>

struct ogg_opus;

/* Takes fd.  tags: "TITLE=…", …, NULL at the end.  0, -ENOMEM, -ENOSPC, … */
int ogg_opus_new(struct ogg_opus **out, int fd, unsigned channels, const char *const *tags);
/* One packet of so many samples of 48 kHz. */
int ogg_opus_packet(struct ogg_opus *o, const uint8_t *packet, size_t len, unsigned samples);
/* Silence, in packets of 20 ms: what is shorter is left for the next time. */
int ogg_opus_silence(struct ogg_opus *o, int64_t samples);
int64_t ogg_opus_position(const struct ogg_opus *o);    /* samples written */
/* Ends the stream.  The error of the last write. */
int ogg_opus_close(struct ogg_opus **o);

#endif
