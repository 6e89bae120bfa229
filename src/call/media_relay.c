/* media_relay.c - relays in a session: what is wrong with them, their credentials
 *
 *	refused   others are asked for (services.c), and tried when they come;
 *	          people hear of it in a call that had sound only if that did not help
 *	lost      a way that led there is dead at once
 *	renewed   the way in use has the credentials before: another one beside it,
 *	          by an ICE restart, while it still works
 */
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/text.h"
#include "call/media_priv.h"

enum { RELAYS_TOLD = 4 };       /* complaints of relays until there is sound again */

static void tell(struct media *m, enum relay_news news, const char *words)
{
	struct buf b = { 0 };

	m->relay_told++;
	m->relay_why_told = true;
	buf_addf(&b, "the relay %s", words);
	if (news == RELAY_REFUSED && m->state == PEER_INTERRUPTED)
		buf_adds(&b, m->relay_renewed ? ", and so it does new ones from the server"
			 : ", and the server gives no new ones");
	media_tell(m, PEER_CONNECTING, buf_str(&b));
	buf_free(&b);
}

/* From the agent's own work: what follows is the timer's. */
void media_relay_news(void *ctx, enum relay_news news, const char *words)
{
	struct media *m = ctx;
	bool first;

	if (news == RELAY_UP) {
		log_info("call", "relay: %s", words);
		return;
	}
	log_warn("call", "relay: %s", words);
	if (!m->relay_why || strcmp(m->relay_why, words))
		m->relay_why_told = false;
	if (text_set(&m->relay_why, words))
		abort();
	if (news == RELAY_LOST)
		loop_timer_set(m->path_tick, clock_now_us());
	m->relay_lost |= news == RELAY_LOST;
	if (news == RELAY_REFUSED || news == RELAY_LOST)
		media_want(m, CALL_WANT_SERVERS, words);
	first = news == RELAY_REFUSED && m->relay_refusals++ == 0 && m->state == PEER_INTERRUPTED;
	if (news != RELAY_LOST && !first && !m->relay_why_told && m->state != PEER_UP &&
	    m->relay_told < RELAYS_TOLD)
		tell(m, news, words);
}

void media_relay_leave(struct media *m)
{
	m->relay_lost = false;
	if (transport_nice_relay(peer_transport(m->peer)))
		peer_path_dead(m->peer, "the relay (TURN server) is gone");
}

void media_relay_servers(struct media *m, const struct media_servers *fresh)
{
	const char *name = m->peer ? transport_nice_relay(peer_transport(m->peer)) : NULL;

	m->relay_renewed = media_servers_changed(&m->session->servers, fresh, NULL);
	m->relay_renew = name && media_servers_changed(&m->session->servers, fresh, name);
}

/* Not before there is an address to go to. */
void media_relay_renew(struct media *m)
{
	if (m->session->servers.waiting || !media_servers_relays(&m->session->servers, m->trust))
		return;
	m->relay_renew = false;
	if (transport_nice_relay(peer_transport(m->peer)))
		media_want(m, CALL_WANT_RESTART, "the relay's credentials end");
}

void media_relay_up(struct media *m)
{
	m->relay_told = m->relay_refusals = 0;
	m->relay_why_told = m->relay_renewed = false;
}
