/* test_recorded.c - the parsers read what real servers and browsers said */
#include "unit/unit.h"
#include <dirent.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "xmpp/chat.h"
#include "xmpp/disco.h"
#include "xmpp/focus.h"
#include "xmpp/jid.h"
#include "xmpp/jingle.h"
#include "xmpp/muc.h"
#include "xmpp/ns.h"

extern const struct CMUnitTest test_recorded[];

/* Calls fn for each XMPP frame of a recording, with its line number. */
static void each_frame(const char *name, void (*fn)(void *ctx, int line, bool in, const struct xml *x), void *ctx)
{
	char path[256];
	char *text, *at, *nl;
	int line = 0;

	snprintf(path, sizeof(path), "recorded/%s", name);
	text = unit_data(path, NULL);
	for (at = text; (nl = strchr(at, '\n')); at = nl + 1) {
		json_t *j = json_loadb(at, (size_t)(nl - at), 0, NULL);
		const char *ch = json_string_value(json_object_get(j, "ch"));
		const char *dir = json_string_value(json_object_get(j, "dir"));
		const char *data = json_string_value(json_object_get(j, "data")), *why;
		struct xml *x;

		line++;
		if (ch && data && !strcmp(ch, "xmpp") && *data == '<') {
			if (xml_parse(&x, data, strlen(data), NULL, &why))
				fail_msg("%s:%d: %s: %.200s", name, line, why, data);
			fn(ctx, line, !strcmp(dir, "in"), x);
			xml_free(&x);
		}
		json_decref(j);
	}
	free(text);
}

static void each_recording(void (*fn)(void *ctx, int line, bool in, const struct xml *x), void *ctx)
{
	DIR *d = opendir("tests/data/recorded");
	struct dirent *e;

	assert_non_null(d);
	while ((e = readdir(d)))
		if (text_ends(e->d_name, ".jsonl"))
			each_frame(e->d_name, fn, ctx);
	closedir(d);
}

static bool same(const struct xml *a, const struct xml *b)
{
	const struct xml *x = xml_first(a), *y = xml_first(b);

	if (strcmp(xml_name(a), xml_name(b)) || strcmp(xml_ns(a), xml_ns(b)) ||
	    strcmp(xml_text(a), xml_text(b)))
		return false;
	for (; x && y; x = xml_next(x), y = xml_next(y))
		if (!same(x, y))
			return false;
	return !x && !y;
}

static void round_trip(void *ctx, int line, bool in, const struct xml *x)
{
	struct buf b = { 0 };
	struct xml *again;
	int *n = ctx;

	(void)line;
	(void)in;
	assert_int_equal(xml_write(x, &b), 0);
	assert_int_equal(xml_parse(&again, b.p, b.len, NULL, NULL), 0);
	assert_true(same(x, again));
	xml_free(&again);
	buf_free(&b);
	++*n;
}

static void every_frame_survives_writing(void **state)
{
	int n = 0;

	(void)state;
	each_recording(round_trip, &n);
	assert_true(n > 3000);
}

struct tally { int presences, messages, jingles, offers, sources, bad, websockets, fingerprints; };

static void parse_all(void *ctx, int line, bool in, const struct xml *x)
{
	struct tally *t = ctx;
	const struct xml *j = xml_child(x, "jingle", NS_JINGLE);
	struct muc_presence p;
	struct chat_message m;
	struct jingle jingle;

	(void)line;
	(void)in;
	if (xml_is(x, "presence", NULL) && !muc_presence_parse(&p, x))
		t->presences++;
	if (xml_is(x, "message", NULL)) {
		chat_parse(&m, x);
		t->messages += m.kind != CHAT_NONE;
	}
	if (!j)
		return;
	assert_int_equal(jingle_parse(&jingle, j, "me"), 0);
	assert_int_not_equal(jingle.action, JINGLE_UNKNOWN);
	t->jingles++;
	if (jingle.action == JINGLE_INITIATE) {
		t->offers++;
		assert_true(jingle.transport.present);
		assert_true(*jingle.transport.ufrag && *jingle.transport.pwd);
		t->fingerprints += strlen(jingle.transport.fingerprint) == 95;
	}
	t->sources += (int)jingle.sources.count;
	t->bad += (int)jingle.bad_sources;
	t->websockets += (int)jingle.transport.websockets;
	jingle_clear(&jingle);
}

static void every_stanza_is_understood(void **state)
{
	struct tally t = { 0 };

	(void)state;
	each_recording(parse_all, &t);
	assert_true(t.presences > 500);
	assert_true(t.messages > 200);
	assert_true(t.offers >= 40);
	assert_int_equal(t.fingerprints, t.offers);
	assert_true(t.sources > 100);
	assert_int_equal(t.bad, 0);
	assert_true(t.websockets > 10);
}

struct want { int line; const struct xml *x; struct xml *copy; };

static void take_line(void *ctx, int line, bool in, const struct xml *x)
{
	struct want *w = ctx;

	(void)in;
	if (line == w->line)
		assert_int_equal(xml_dup(&w->copy, x), 0);
}

static struct xml *frame(const char *name, int line)
{
	struct want w = { .line = line };

	each_frame(name, take_line, &w);
	if (!w.copy)
		fail_msg("%s has no frame in line %d", name, line);
	return w.copy;
}

static void an_offer_with_two_others(void **state)
{
	struct xml *x = frame("join3-ws-norewrite.jsonl", 43);
	struct jingle j;
	int audio = 0;

	(void)state;
	assert_int_equal(jingle_parse(&j, xml_child(x, "jingle", NULL), ""), 0);
	assert_int_equal(j.action, JINGLE_INITIATE);
	assert_false(j.data);
	assert_int_equal(jingle_payload_by_name(&j.audio, "opus")->id, 111);
	assert_int_equal(jingle_ext_id(&j.audio, EXT_AUDIO_LEVEL), 1);
	assert_true(j.transport.cands >= 1);
	assert_int_equal(j.transport.cand[0].port, 10000);
	assert_string_equal(j.transport.setup, "actpass");
	assert_true(*j.bridge_session != 0);
	for (size_t i = 0; i < j.sources.count; i++)
		audio += !j.sources.v[i].video && strcmp(j.sources.v[i].owner, "jvb");
	assert_int_equal(audio, 2);
	jingle_clear(&j);
	xml_free(&x);
}

static void an_audio_only_offer(void **state)
{
	struct xml *x = frame("audio-only-caps.jsonl", 42);
	struct jingle j;

	(void)state;
	assert_int_equal(jingle_parse(&j, xml_child(x, "jingle", NULL), ""), 0);
	assert_true(j.audio.present);
	assert_false(j.video.present);
	assert_int_equal(j.transport.websockets, 1);
	jingle_clear(&j);
	xml_free(&x);
}

static void a_client_of_2021_has_nameless_sources(void **state)
{
	struct xml *x = frame("old-client-2021.jsonl", 45);
	struct jingle j;

	(void)state;
	assert_int_equal(jingle_parse(&j, xml_child(x, "jingle", NULL), "0ldc11en"), 0);
	assert_int_equal(j.action, JINGLE_ACCEPT);
	assert_true(j.sources.count >= 1);
	assert_string_equal(j.sources.v[0].name, "");
	assert_string_equal(j.sources.v[0].owner, "0ldc11en");
	jingle_clear(&j);
	xml_free(&x);
}

static void a_password_is_asked_for(void **state)
{
	struct xml *x = frame("password-wrong-right.jsonl", 25);
	const char *text, *lobby;

	(void)state;
	assert_int_equal(muc_join_error_parse(x, &text, &lobby), MUC_JOIN_PASSWORD);
	xml_free(&x);
	x = frame("lobby-denied.jsonl", 25);
	assert_int_equal(muc_join_error_parse(x, &text, &lobby), MUC_JOIN_LOBBY);
	assert_non_null(lobby);
	xml_free(&x);
}

static void a_kick_has_its_reason(void **state)
{
	struct xml *x = frame("password-kicked.jsonl", 52);
	struct muc_presence p;

	(void)state;
	assert_int_equal(muc_presence_parse(&p, x), 0);
	assert_true(p.kicked && p.self && !p.available);
	assert_non_null(p.actor);
	xml_free(&x);
}

/* The browser's own answer to the focus, hashed, is the ver of its presence. */
static void a_browsers_hash_is_ours(void **state)
{
	struct xml *x = frame("join3-ws-norewrite.jsonl", 37);
	const struct xml *q = xml_child(x, "query", NS_DISCO_INFO), *f;
	const char *features[64], *node = xml_attr(q, "node");
	char ver[29];
	size_t n = 0;

	(void)state;
	for (f = xml_child(q, "feature", NULL); f && n < 64; f = xml_next_like(f, "feature", NULL))
		features[n++] = xml_attr(f, "var");
	assert_int_equal(disco_caps_hash(NULL, 0, features, n, ver), 0);
	assert_non_null(strchr(node, '#'));
	assert_string_equal(strchr(node, '#') + 1, ver);
	xml_free(&x);
}

const struct CMUnitTest test_recorded[] = {
	cmocka_unit_test(every_frame_survives_writing),
	cmocka_unit_test(every_stanza_is_understood),
	cmocka_unit_test(an_offer_with_two_others),
	cmocka_unit_test(an_audio_only_offer),
	cmocka_unit_test(a_client_of_2021_has_nameless_sources),
	cmocka_unit_test(a_password_is_asked_for),
	cmocka_unit_test(a_kick_has_its_reason),
	cmocka_unit_test(a_browsers_hash_is_ours),
	{ 0 }
};
