/* caps.c - what a client can do, asked once (XEP-0115; server.md 4.4)
 *
 * A <c/> in the presence names a set of features by its hash.  The answer of
 * one client serves all that name the same hash, but only if it is the hash:
 * else one client could take video from all others.  Who does not answer in
 * time is taken for a browser.
 */
#include <stdlib.h>
#include <string.h>
#include "base/log.h"
#include "base/text.h"
#include "host/server_priv.h"
#include "xmpp/disco.h"
#include "xmpp/ns.h"
#include "xmpp/stream.h"

enum { FEATURES_MAX = 256, IDENTITIES_MAX = 16 };

static const struct { const char *var; unsigned bit; } known[] = {
	{ NS_RTP_AUDIO, FEATURE_AUDIO },
	{ NS_RTP_VIDEO, FEATURE_VIDEO },
	{ "urn:ietf:rfc:4588", FEATURE_RTX },
	{ NS_TCC, FEATURE_TCC },
	{ NS_JSON_SOURCES, FEATURE_JSON },
	{ NS_DTLS_SCTP, FEATURE_SCTP },
};

static const struct caps_entry *cached(const struct server *s, const char *key)
{
	for (size_t i = 0; *key && i < CAPS_CACHED; i++)
		if (!strcmp(s->caps[i].key, key))
			return &s->caps[i];
	return NULL;
}

/* The oldest makes way. */
static void cache(struct server *s, const char *key, unsigned features)
{
	struct caps_entry *e = &s->caps[s->caps_next];

	if (cached(s, key))
		return;
	text_copy(e->key, sizeof(e->key), key);
	e->features = features;
	s->caps_next = (s->caps_next + 1) % CAPS_CACHED;
}

static void read_key(struct session *s, const struct xml *presence)
{
	const struct xml *c = xml_child(presence, "c", NS_CAPS);
	const char *node = xml_attr(c, "node"), *ver = xml_attr(c, "ver");
	struct buf b = { 0 };

	s->caps_key[0] = 0;
	if (!node || !ver)
		return;
	buf_addf(&b, "%s#%s", node, ver);
	if (!text_copy(s->caps_key, sizeof(s->caps_key), buf_str(&b)))
		s->caps_key[0] = 0;
	buf_free(&b);
}

void caps_begin(struct occupant *o)
{
	struct server *srv = o->room->server;
	struct session *s = &o->session;
	const struct caps_entry *e;
	struct xml *iq, *q;

	read_key(s, o->presence);
	e = cached(srv, s->caps_key);
	if (e) {
		s->features = e->features;
		s->features_known = true;
		return;
	}
	iq = xmpp_iq_new("get", NULL);
	q = xml_add(iq, "query", NS_DISCO_INFO);
	if (*s->caps_key)
		xml_set(q, "node", s->caps_key);
	focus_send(o, iq, s->caps_id);
	s->caps_until_us = srv->now_us + CAPS_WAIT_US;
	server_due_at(srv, s->caps_until_us);
}

static unsigned features_of(const struct xml *query)
{
	unsigned f = 0;

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (disco_has_feature(query, known[i].var))
			f |= known[i].bit;
	return f;
}

/* XEP-0115, 5.4.  Forms would be part of the hash; the answers of conference
 * clients have none. */
static bool hash_is_true(const struct xml *query, const char *ver)
{
	struct disco_identity ids[IDENTITIES_MAX];
	const char *features[FEATURES_MAX], *category, *type;
	size_t ni = 0, nf = 0;
	const struct xml *x;
	char hash[29];

	for (x = xml_first(query); x; x = xml_next(x)) {
		if (xml_is(x, "identity", NULL) && ni < IDENTITIES_MAX) {
			category = xml_attr(x, "category");
			type = xml_attr(x, "type");
			ids[ni++] = (struct disco_identity){ category ? category : "", type ? type : "",
							     xml_attr(x, "xml:lang"), xml_attr(x, "name") };
		} else if (xml_is(x, "feature", NULL) && xml_attr(x, "var") && nf < FEATURES_MAX) {
			features[nf++] = xml_attr(x, "var");
		} else {
			return false;
		}
	}
	return !disco_caps_hash(ids, ni, features, nf, hash) && !strcmp(hash, ver);
}

static void learn(struct occupant *o, unsigned features)
{
	struct session *s = &o->session;

	s->caps_id[0] = 0;
	s->features = features;
	s->features_known = true;
	focus_invite_all(o->room);
}

bool caps_answer(struct occupant *o, const struct xml *iq)
{
	struct session *s = &o->session;
	const struct xml *q = xml_child(iq, "query", NS_DISCO_INFO);
	const char *type = xml_attr(iq, "type"), *ver = strrchr(s->caps_key, '#');
	unsigned f;

	if (!*s->caps_id || strcmp(xml_attr(iq, "id"), s->caps_id))
		return false;
	if (strcmp(type, "result") || !q) {
		caps_give_up(o);
		return true;
	}
	f = features_of(q);
	if (ver && hash_is_true(q, ver + 1))
		cache(o->room->server, s->caps_key, f);
	learn(o, f);
	return true;
}

void caps_give_up(struct occupant *o)
{
	log_debug("host", "%s does not say what it can do", o->jid);
	learn(o, FEATURE_DEFAULT);
}
