/* transport_nice_priv.h - what the files of the agent's transport share
 *
 *	transport_nice.c       the agent, the transport's operations
 *	transport_nice_look.c  is the way in use alive, is it the best
 */
#ifndef RTC_TRANSPORT_NICE_PRIV_H
#define RTC_TRANSPORT_NICE_PRIV_H
#include <nice/agent.h>
#include <sys/time.h>
#include "rtc/ice_ask.h"
#include "rtc/transport.h"
#include "rtc/turn_relay.h"

enum { COMPONENT = 1, RELAYS_MAX = 6 };

/* They outlive the transport until the agent has given its ports back. */
struct relays {
	struct turn_relay *relay[RELAYS_MAX];
	size_t relays;
	unsigned *closing;      /* the owner's count, or NULL */
};

struct nice_transport {
	struct transport base;
	NiceAgent *agent;
	GMainContext *context;
	guint stream;
	gulong handler, check_handler;  /* of the agent's signals; 0 */
	unsigned candidates;
	struct relays *ways;    /* the doors of the agent's relays */
	void (*relay_news)(void *ctx, enum relay_news news, const char *words);
	void *relay_ctx;
	void (*checked)(void *ctx);
	bool ready;             /* made; before that no handler may run */
	bool over;              /* the agent has taken back its own leave to send */
	enum transport_state state;
	GSource *look;          /* for silence, while connected */
	struct timeval heard;   /* the socket's own time of the last datagram */
	int64_t relay_heard_us;
	int64_t alive_us;       /* when one was noticed */
	struct ice_ask *ask;    /* does the other side hear us? */
	unsigned sent, came;    /* datagrams since the last look */
};

/* transport_nice.c */
void nice_tell(struct nice_transport *t, enum transport_state s);
int nice_send_now(struct nice_transport *t, const uint8_t *p, size_t len); /* in any state */
/* The relay whose port the pair uses; NULL: none. */
const struct turn_relay *nice_relay_of(const struct nice_transport *t, const NiceCandidate *local);
const struct turn_relay *nice_selected_relay(const struct nice_transport *t);

/* transport_nice_look.c */
void nice_begin_looking(struct nice_transport *t);

#endif
