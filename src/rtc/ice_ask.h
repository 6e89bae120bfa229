/* ice_ask.h - asks the other side whether it hears us, when nothing else tells
 *
 * A check of our own (STUN, the agent's credentials) on the way in use, every
 * 4 s; it is repeated each second until the answer comes.  For when hardly
 * anything is sent: else the other side's reports tell.  All on the media
 * thread.
 */
#ifndef RTC_ICE_ASK_H
#define RTC_ICE_ASK_H
#include <glib.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ice_ask;

/* Strings are copied. */
int ice_ask_new(struct ice_ask **out, const char *local_ufrag, const char *remote_ufrag,
		const char *remote_pwd);
void ice_ask_free(struct ice_ask **a);

/* To be called every second.  Returns how many bytes there are to send now,
 * *p: lent until the next call. */
size_t ice_ask_tick(struct ice_ask *a, bool quiet, bool controlling, const uint8_t **p,
		    int64_t now_us);
/* A datagram that came, at least its beginning: is the answer in it?  That may
 * lie behind a relay's header. */
void ice_ask_look(struct ice_ask *a, const uint8_t *p, size_t len, int64_t now_us);
/* Nothing was answered for 9 s, until something is. */
bool ice_ask_unheard(const struct ice_ask *a);

/* libnice keeps the answers to itself: while one is waited for, what lies next
 * in this socket is looked at before it is read.  -1: not any more. */
void ice_ask_watch(struct ice_ask *a, GMainContext *context, int fd);

#endif
