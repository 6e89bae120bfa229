/* dominant.h - who of a room is speaking (Volfin and Cohen, as the Jitsi
 * bridge has it)
 *
 * Levels come in, one a packet of sound; every 300 ms it is decided.  Reads
 * no clock.
 */
#ifndef HOST_DOMINANT_H
#define HOST_DOMINANT_H
#include <stdbool.h>
#include <stdint.h>

struct dominant;

struct dominant *dominant_new(void);
void dominant_free(struct dominant **d);

/* level: 0 (silence) to 127 (loudest), that is 127 minus what the packet
 * says.  The first one makes who a speaker; who is not looked into. */
void dominant_level(struct dominant *d, void *who, int level, int64_t now_us);
void dominant_remove(struct dominant *d, const void *who);

/* Does what is due; *changed: there is another dominant speaker.  Returns
 * when it wants to be called again, CLOCK_NEVER 15 s after the last level. */
int64_t dominant_tick(struct dominant *d, int64_t now_us, bool *changed);
void *dominant_who(const struct dominant *d);   /* NULL: nobody yet */

#endif
