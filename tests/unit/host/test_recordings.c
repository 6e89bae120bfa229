/* test_recordings.c - clients' sides of real calls, played against the host
 *
 * The recorded lines go out as they were; ids that a server had made are
 * replaced by ours, and somebody else is in the room.  Whatever the client
 * asked is answered, nothing that it did closes its stream, and its media
 * session comes about.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "unit/host/house.h"
#include "xmpp/ns.h"

enum { REQUESTS = 400 };

struct play {
	const char *file;
	struct house *w;
	struct guest *me, *other;
	json_t *lines;
	char asked[REQUESTS][160];      /* ids of the client's requests, "" once answered */
	size_t requests;
	char accept[160];               /* id of its session-accept */
	char invite[64], caps[64];      /* ids of what the host waits for */
	char focus[200];
	unsigned offers, accepted;
	bool moderator;                 /* the other comes later */
	bool joined;
	bool tells;                     /* the recording has an answer about abilities */
};

/* ---- lines ---- */

static void load(struct play *p)
{
	char path[128], *text, *at, *end;

	snprintf(path, sizeof(path), "recorded/%s.jsonl", p->file);
	text = unit_data(path, NULL);
	p->lines = json_array();
	for (at = text; (end = strchr(at, '\n')); at = end + 1)
		json_array_append_new(p->lines, json_loadb(at, (size_t)(end - at), 0, NULL));
	free(text);
}

static const char *field(const json_t *line, const char *name)
{
	const char *s = json_string_value(json_object_get(line, name));

	return s ? s : "";
}

static bool is_line(const json_t *line, const char *dir, const char *ch)
{
	return !strcmp(field(line, "dir"), dir) && !strcmp(field(line, "ch"), ch);
}

static struct xml *read_line(const json_t *line)
{
	const char *data = field(line, "data");
	struct xml *x;

	return xml_parse(&x, data, strlen(data), NULL, NULL) ? NULL : x;
}

static bool type_is(const struct xml *x, const char *a, const char *b)
{
	const char *type = xml_attr(x, "type");

	return xml_is(x, "iq", NULL) && type && (!strcmp(type, a) || !strcmp(type, b));
}

static bool is_action(const struct xml *iq, const char *action)
{
	const char *a = xml_attr(xml_child(iq, "jingle", NS_JINGLE), "action");

	return a && !strcmp(a, action);
}

/* What the recorded server had asked under this id: 'i'nvitation, 'd'isco,
 * anything else 0. */
static char asked_then(const struct play *p, const char *id)
{
	const json_t *line;
	char kind = 0;
	size_t i;

	json_array_foreach(p->lines, i, line) {
		struct xml *x = is_line(line, "in", "xmpp") ? read_line(line) : NULL;
		const char *have = xml_attr(x, "id");

		if (have && !strcmp(have, id))
			kind = is_action(x, "session-initiate") ? 'i' : xml_child(x, "query", NS_DISCO_INFO)
				? 'd' : 0;
		xml_free(&x);
		if (kind)
			break;
	}
	return kind;
}

static bool tells_abilities(const struct play *p)
{
	const json_t *line;
	bool tells = false;
	size_t i;

	json_array_foreach(p->lines, i, line) {
		struct xml *x = is_line(line, "out", "xmpp") ? read_line(line) : NULL;

		tells |= type_is(x, "result", "result") && asked_then(p, xml_attr(x, "id")) == 'd';
		xml_free(&x);
	}
	return tells;
}

/* ---- what came ---- */

static void note_answer(struct play *p, const struct xml *x)
{
	const char *id = xml_attr(x, "id");

	for (size_t i = 0; id && i < p->requests; i++)
		if (!strcmp(p->asked[i], id)) {
			p->asked[i][0] = 0;
			if (!strcmp(p->accept, id))
				p->accepted += type_is(x, "result", "result");
			return;
		}
	fail_msg("%s: an answer to nothing: %s", p->file, id ? id : "");
}

static void note_request(struct play *p, const struct xml *x)
{
	const struct xml *j = xml_child(x, "jingle", NS_JINGLE);

	if (is_action(x, "session-initiate")) {
		p->offers++;
		snprintf(p->invite, sizeof(p->invite), "%s", xml_attr(x, "id"));
		snprintf(p->me->sid, sizeof(p->me->sid), "%s", xml_attr(j, "sid"));
		snprintf(p->me->bridge_session, sizeof(p->me->bridge_session), "%s",
			 xml_attr(xml_child(j, "bridge-session", NULL), "id"));
	} else if (xml_child(x, "query", NS_DISCO_INFO)) {
		snprintf(p->caps, sizeof(p->caps), "%s", xml_attr(x, "id"));
		snprintf(p->focus, sizeof(p->focus), "%s", xml_attr(x, "from"));
	}
}

static void listen(struct play *p)
{
	for (size_t i = 0; i < p->me->gots; i++) {
		const char *text = p->me->got[i], *jid;
		struct xml *x;

		assert_int_equal(xml_parse(&x, text, strlen(text), NULL, NULL), 0);
		jid = xml_child_text(xml_child(x, "bind", NULL), "jid", NULL);
		if (jid)
			snprintf(p->me->jid, sizeof(p->me->jid), "%s", jid);
		if (xml_attr(x, "to"))
			assert_string_equal(xml_attr(x, "to"), p->me->jid);
		if (type_is(x, "result", "error"))
			note_answer(p, x);
		else if (type_is(x, "get", "set"))
			note_request(p, x);
		xml_free(&x);
	}
	forget(p->me);
	/* Recorded focuses knew some clients' abilities from before. */
	if (*p->caps && !p->tells) {
		char id[64];

		snprintf(id, sizeof(id), "%s", p->caps);
		p->caps[0] = 0;
		say(p->me, "<iq xmlns='jabber:client' type='result' id='%s' to='%s'><query xmlns='%s'>"
		    "<feature var='%s'/><feature var='%s'/><feature var='%s'/></query></iq>", id, p->focus,
		    NS_DISCO_INFO, NS_RTP_AUDIO, NS_RTP_VIDEO, NS_JSON_SOURCES);
		listen(p);
	}
}

/* ---- what goes ---- */

static void other_comes(struct play *p, const char *room)
{
	p->other = guest_login(p->w);
	enter(p->other, room, "0decade0", NULL);
	want(p->other, "110");
}

/* Ids of sessions are ours, and stanzas are counted. false: this line has no
 * place here. */
static bool adapt(struct play *p, struct xml *x)
{
	struct xml *j = xml_child_mut(x, "jingle", NS_JINGLE), *b;
	const char *to = xml_attr(x, "to");

	if (xml_is(x, NULL, NS_SM) && xml_attr(x, "h"))
		xml_setf(x, "h", "%u", p->me->stanzas);
	if (xml_is(x, "resume", NULL))
		xml_set(x, "previd", p->me->sm_id);

	if (type_is(x, "result", "error")) {
		char kind = asked_then(p, xml_attr(x, "id"));
		char *ours = kind == 'i' ? p->invite : kind == 'd' ? p->caps : NULL;

		if (!ours || !*ours)
			return false;
		xml_set(x, "id", ours);
		*ours = 0;
		return true;
	}
	if (!j || !to || !strstr(to, "/focus"))
		return true;
	if (!*p->me->sid)
		return false;
	xml_set(j, "sid", p->me->sid);
	b = xml_child_mut(j, "bridge-session", NULL);
	if (b)
		xml_set(b, "id", p->me->bridge_session);
	return true;
}

static void send_line(struct play *p, const struct xml *x)
{
	struct buf b = { 0 };

	if (type_is(x, "get", "set")) {
		snprintf(p->asked[p->requests], sizeof(p->asked[0]), "%s", xml_attr(x, "id"));
		if (is_action(x, "session-accept") && strstr(xml_attr(x, "to"), "@conference.") &&
		    strstr(xml_attr(x, "to"), "/focus"))
			snprintf(p->accept, sizeof(p->accept), "%s", xml_attr(x, "id"));
		assert_true(++p->requests < REQUESTS);
	}
	assert_int_equal(xml_write(x, &b), 0);
	say(p->me, "%s", buf_str(&b));
	buf_free(&b);
	listen(p);
}

static void out_line(struct play *p, const json_t *line)
{
	struct xml *x = read_line(line);
	const char *to = xml_attr(x, "to");
	bool join = xml_is(x, "presence", NULL) && xml_child(x, "x", NS_MUC) && to && strstr(to, "@conference.");
	char *room = join ? strndup(to, strcspn(to, "/")) : NULL;

	if (join && !p->joined && !p->moderator)
		other_comes(p, room);
	if (join)
		p->me->sid[0] = 0;      /* another session comes with it */
	if (adapt(p, x))
		send_line(p, x);
	if (join && !p->joined) {
		if (p->moderator)
			other_comes(p, room);
		p->joined = true;
		listen(p);
	}
	free(room);
	xml_free(&x);
}

static void request_line(struct play *p, const json_t *line)
{
	const char *data = field(line, "data");
	struct buf b = { 0 };

	house_begin(p->w);
	server_conference(p->w->s, "192.0.2.7", data, strlen(data), &b, p->w->now);
	buf_free(&b);
}

/* Another socket of the same client, which may want its old stream back. */
static void open_line(struct play *p)
{
	struct guest *old = p->me;

	if (old && old->conn)
		guest_die(old);
	p->me = guest_connect(p->w);
	if (!old)
		return;
	p->me->stanzas = old->stanzas;
	memcpy(p->me->jid, old->jid, sizeof(old->jid));
	memcpy(p->me->sm_id, old->sm_id, sizeof(old->sm_id));
	memcpy(p->me->sid, old->sid, sizeof(old->sid));
	memcpy(p->me->bridge_session, old->bridge_session, sizeof(old->bridge_session));
}

static bool play_line(struct play *p, const json_t *line)
{
	int64_t at = 1000000 + json_integer_value(json_object_get(line, "t_ms")) * 1000;

	if (p->w->s && at > p->w->now)
		house_pass(p->w, at - p->w->now);
	if (p->me)
		listen(p);
	if (is_line(line, "out", "http")) {
		request_line(p, line);
	} else if (is_line(line, "open", "xmpp")) {
		open_line(p);
	} else if (is_line(line, "close", "xmpp") && p->me && p->me->conn) {
		guest_die(p->me);
	} else if (is_line(line, "out", "xmpp")) {
		if (!p->me->conn)
			return false;
		out_line(p, line);
		if (!p->me->conn && !strstr(field(line, "data"), "<close"))
			fail_msg("%s: the stream was closed (%s) after %s", p->file, p->me->reason, field(line, "data"));
	}
	return true;
}

static void play(const char *file, bool moderator)
{
	struct play p = { .file = file, .moderator = moderator, .w = house_new() };
	const json_t *line;
	size_t i;

	load(&p);
	p.tells = tells_abilities(&p);
	json_array_foreach(p.lines, i, line)
		if (!play_line(&p, line))
			break;
	for (i = 0; i < p.requests; i++)
		if (*p.asked[i])
			fail_msg("%s: no answer to %s", file, p.asked[i]);
	if (p.joined && !p.offers)
		fail_msg("%s: no invitation came", file);
	if (*p.accept && !p.accepted)
		fail_msg("%s: no session-accept was taken", file);
	json_decref(p.lines);
	house_free(p.w);
}

static const char *const all[] = {
	"audio-only-caps", "avmod-resume-bridge-moderator", "avmod-resume-bridge-participant",
	"breakout-moderator", "breakout-participant", "bridge-sctp-only", "bridge-ws-only",
	"features-moderator", "features-participant", "focus-not-ready-http", "focus-over-xmpp",
	"focus-restart", "ice-restart-crash", "join2-sctp-rewrite", "join3-sctp-norewrite",
	"join3-sctp-rewrite", "join3-ws-norewrite", "late-norewrite", "lobby-admitted", "lobby-denied",
	"lobby-moderator", "lobby-opened", "native-audio-only", "native-bridge-crash",
	"native-bridge-stopped", "native-focus-restart", "native-late-moderated", "native-mute-avmod",
	"native-p2p-declined", "native-resume", "native-video-switch", "old-client-2021",
	"p2p-declined-by-peer", "p2p-declined", "password-kicked", "password-wrong-right",
	"people-moderator", "people-participant", "tenant-dots", "tenant-unicode", "turn-relay",
	"video-av1-rewrite", "video-av1-sender", "video-vp8-receiver", "video-vp8-rewrite",
	"video-vp8-sender",
};

static void a_second_one_is_answered_and_invited(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		play(all[i], false);
}

static void a_first_one_is_answered_and_invited(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		play(all[i], true);
}

const struct CMUnitTest test_recordings[] = {
	cmocka_unit_test(a_second_one_is_answered_and_invited),
	cmocka_unit_test(a_first_one_is_answered_and_invited),
	{ 0 }
};
