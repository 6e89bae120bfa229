/* test_oom.c - memory that runs out at any one place
 *
 * Each job is run for n = 0, 1, 2 ... until it gets through: it must
 * give the same as ever or say -ENOMEM, and keep nothing.  Sanitizers have an
 * allocator of their own; there the jobs just run.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "unit/xmpp/frames.h"
#include "unit/fail_alloc.h"
#include "unit/unit.h"
#include "xmpp/disco.h"
#include "xmpp/focus.h"
#include "xmpp/jingle.h"
#include "xmpp/muc.h"
#include "xmpp/ns.h"
#include "xmpp/scram.h"
#include "xmpp/stream.h"

extern const struct CMUnitTest test_oom[];

/* Leaves its result as text in out; nothing else that it allocates stays. */
typedef int job_fn(const void *in, struct buf *out);

static void run(const char *name, job_fn *job, const void *in)
{
	struct buf want = { 0 };
	long n;

	assert_int_equal(job(in, &want), 0);
	for (n = 0; n < 100000; n++) {
		struct buf got = { 0 };
		int err;

		fail_alloc_at(n);
		err = job(in, &got);
		fail_alloc_at(-1);
		if (!err && strcmp(buf_str(&got), buf_str(&want)))
			fail_msg("%s: allocation %ld failed, and it says all went well", name, n);
		if (err && err != -ENOMEM)
			fail_msg("%s: allocation %ld failed, and it says %d", name, n, err);
		if (fail_alloc_works() && fail_alloc_kept() != (got.p != NULL))
			fail_msg("%s: allocation %ld failed, and %ld blocks stay", name, n, fail_alloc_kept());
		buf_free(&got);
		if (!fail_alloc_came())
			break;
	}
	/* Or else the hook was not there, and nothing was tried. */
	assert_true(n < 100000 && (!fail_alloc_works() || n > 0));
	buf_free(&want);
}

/* ---- jobs ---- */

static int read_and_write(const void *in, struct buf *out)
{
	struct xml *x = NULL, *y = NULL;
	int err = xml_parse(&x, in, strlen(in), NULL, NULL);

	if (!err)
		err = xml_dup(&y, x);
	if (!err)
		err = xml_write(y, out);
	xml_free(&x);
	xml_free(&y);
	return err;
}

static int read_jingle(const void *in, struct buf *out)
{
	struct jingle *j = calloc(1, sizeof(*j));
	struct xml *x = NULL;
	int err = j ? xml_parse(&x, in, strlen(in), NULL, NULL) : -ENOMEM;

	if (!err) {
		err = jingle_parse(j, xml_child(x, "jingle", NULL), "me");
		if (!err)
			buf_addf(out, "%s %zu %u %zu", j->sid, j->sources.count, j->bad_sources, j->transport.websockets);
		jingle_clear(j);
	}
	xml_free(&x);
	free(j);
	return err ? err : buf_err(out);
}

static int write_jingle(const void *in, struct buf *out)
{
	for (int json = 0; json < 2; json++) {
		struct xml *x = jingle_write(in, "r@c/focus", "initiator", json, true);
		int err = xml_write(x, out);

		xml_free(&x);
		if (err)
			return err;
	}
	return 0;
}

static int write_presence(const void *in, struct buf *out)
{
	struct xml *x = muc_presence_new(in);
	int err = xml_write(x, out);

	xml_free(&x);
	return err;
}

static int hash(const void *in, struct buf *out)
{
	static const char *const features[] = { "b", "a", "c" };
	char ver[29] = "";
	int err = disco_caps_hash(in, 1, features, 3, ver);

	if (!err)
		buf_adds(out, ver);
	return err ? err : buf_err(out);
}

static int read_services(const void *in, struct buf *out)
{
	struct ext_service *v = NULL;
	struct xml *x = NULL;
	size_t n = 0;
	int err = xml_parse(&x, in, strlen(in), NULL, NULL);

	if (!err)
		err = ext_services_parse(&v, &n, x);
	if (!err)
		buf_addf(out, "%zu %s", n, v[0].host);
	ext_services_free(&v, &n);
	xml_free(&x);
	return err ? err : buf_err(out);
}

static int conference(const void *in, struct buf *out)
{
	struct focus_request r = { 0 };
	struct focus_answer a = { 0 };
	struct buf b = { 0 };
	int err = focus_request_json(in, &b);

	if (!err)
		err = focus_request_parse_json(&r, b.p, b.len);
	if (!err)
		err = focus_answer_parse_json(&a, 200, "{\"ready\":true,\"room\":\"r\",\"focusJid\":\"f\"}", 41);
	if (!err)
		buf_addf(out, "%s %d %d %s %s", r.room, r.start_audio_muted, a.ready, a.room, a.focus_jid);
	focus_answer_clear(&a);
	if (!err)
		err = focus_answer_parse_json(&a, 500, "no bridge", 9);
	if (!err)
		buf_adds(out, a.text);
	focus_answer_clear(&a);
	focus_request_clear(&r);
	buf_free(&b);
	return err ? err : buf_err(out);
}

struct login { char last[512]; bool ready, failed; enum xmpp_error why; };

static void on_send(void *ctx, const char *text, size_t len)
{
	struct login *l = ctx;

	snprintf(l->last, sizeof(l->last), "%.*s", (int)len, text);
}

static void on_ready(void *ctx, const char *jid, const struct xml *features)
{
	(void)jid;
	((struct login *)ctx)->ready = features != NULL;
}

static bool on_stanza(void *ctx, const struct xml *x)
{
	(void)ctx;
	(void)x;
	return false;
}

static void on_failed(void *ctx, enum xmpp_error why, const char *text)
{
	(void)text;
	((struct login *)ctx)->failed = true;
	((struct login *)ctx)->why = why;
}

static void say(struct xmpp_stream *s, const char *text)
{
	xmpp_stream_input(s, text, strlen(text), 1);
}

static int log_in(const void *in, struct buf *out)
{
	static const struct xmpp_events ev = { .send = on_send, .ready = on_ready, .stanza = on_stanza,
		.failed = on_failed };
	struct xmpp_config c = { .domain = "d", .user = in, .password = "p" };
	struct xmpp_stream *s = NULL;
	struct login l = { .ready = false };
	char bound[512], *id;
	int err = xmpp_stream_new(&s, &c, &ev, &l);

	if (err)
		return err;
	xmpp_stream_open(s, 1);
	say(s, "<features xmlns='" NS_STREAM "'><mechanisms xmlns='" NS_SASL "'><mechanism>PLAIN</mechanism></mechanisms></features>");
	say(s, "<success xmlns='" NS_SASL "'/>");
	say(s, "<features xmlns='" NS_STREAM "'><bind xmlns='" NS_BIND "'/></features>");
	id = strstr(l.last, "id=\"");
	snprintf(bound, sizeof(bound), "<iq type='result' id='%.*s'><bind xmlns='" NS_BIND "'><jid>a@b/c</jid></bind></iq>",
		 id ? (int)strcspn(id + 4, "\"") : 0, id ? id + 4 : "");
	say(s, bound);
	/* Either in, or told that memory ran out: never left hanging. */
	err = l.ready ? 0 : l.failed && l.why == XMPP_NO_MEMORY ? -ENOMEM : -EPROTO;
	xmpp_stream_free(&s);
	if (!err)
		buf_adds(out, "in");
	return err ? err : buf_err(out);
}

static int prove(const void *in, struct buf *out)
{
	struct scram *s;
	int err = scram_new(&s, "u", in, "abc");

	if (!err)
		err = scram_first(s, out);
	if (!err)
		err = scram_answer(s, "r=abcX,s=QSXC,i=2", out);
	scram_free(&s);
	return err;
}

/* ---- tests ---- */

static void stanzas(void **state)
{
	(void)state;
	run("xml", read_and_write, "<a xmlns='u' b='c&amp;'>t<d xmlns='v' e='f'/><g>&lt;</g></a>");
	run("login", log_in, "ada@d");
	run("proof", prove, "pw");
}

static void recorded_offers(void **state)
{
	char *json = frame_text("native-audio-only", 28), *xml = frame_text("video-vp8-rewrite", 45);

	(void)state;
	run("offer", read_jingle, json);
	run("answer", read_jingle, xml);
	run("offer's text", read_and_write, json);
	free(json);
	free(xml);
}

static void what_we_write(void **state)
{
	struct muc_self me = { .occupant = "r@c/n", .join = true, .password = "p", .caps_node = "n", .caps_ver = "v",
			       .display_name = "N", .source_info = "{}", .hand_ms = 7 };
	struct jingle *j = calloc(1, sizeof(*j));
	struct xml *x = frame_xml("join3-ws-norewrite", 43);

	(void)state;
	assert_int_equal(jingle_parse(j, xml_child(x, "jingle", NULL), ""), 0);
	run("offer", write_jingle, j);
	j->action = JINGLE_SOURCE_ADD;
	run("source-add", write_jingle, j);
	run("presence", write_presence, &me);
	jingle_clear(j);
	free(j);
	xml_free(&x);
}

static void discovery_and_requests(void **state)
{
	static const struct disco_identity id = { "client", "console", NULL, "x" };
	static const struct focus_request r = { .room = (char *)"r@c", .machine_uid = (char *)"u", .start_audio_muted = 3, .start_video_muted = 4 };

	(void)state;
	run("caps", hash, &id);
	run("services", read_services, "<services><service type='turn' host='h' username='u' password='p'/></services>");
	run("conference", conference, &r);
}

const struct CMUnitTest test_oom[] = {
	cmocka_unit_test(stanzas),
	cmocka_unit_test(recorded_offers),
	cmocka_unit_test(what_we_write),
	cmocka_unit_test(discovery_and_requests),
	{ 0 }
};
