/* turn_msg.h - what a relay and its client say to each other, looked at
 *
 * Just enough of TURN (RFC 8656, STUN: RFC 8489) to carry its messages from
 * datagrams to a stream and back, and to see whether the relay refuses.  The
 * talking itself is libnice's.
 */
#ifndef RTC_TURN_MSG_H
#define RTC_TURN_MSG_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { TURN_MESSAGE_MAX = 4096, TURN_ID = 12 };

enum turn_kind { TURN_REQUEST, TURN_INDICATION, TURN_SUCCESS, TURN_ERROR, TURN_CHANNEL };
enum turn_method {
	TURN_ALLOCATE = 3, TURN_REFRESH = 4, TURN_DATA = 7, TURN_PERMISSION = 8,
	TURN_CHANNEL_BIND = 9
};

struct turn_msg {
	enum turn_kind kind;
	unsigned method;        /* 0: channel data */
	uint8_t id[TURN_ID];
	bool has_username;      /* a request that names who asks */
	bool gives_back;        /* a refresh for no time at all */
	unsigned error;         /* 300 to 699; 0 none */
	char reason[64];        /* of the error, cleaned; "" */
	char relayed[64];       /* "192.0.2.1:49152", as the path writes it; "" none */
};

/* -EBADMSG: it is none. */
int turn_msg_parse(struct turn_msg *out, const uint8_t *p, size_t len);

/* The message that begins at p in a stream: returns how many bytes it takes
 * there, *len how many without padding.  0: more are needed; -EBADMSG: nothing
 * of the kind, the stream is lost. */
int turn_msg_frame(const uint8_t *p, size_t have, size_t *len);

#endif
