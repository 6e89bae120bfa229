/* test_source.c - sources in JSON and XML, and the conference request */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "unit/xmpp/frames.h"
#include "unit/unit.h"
#include "xmpp/focus.h"
#include "xmpp/ns.h"
#include "xmpp/source.h"

extern const struct CMUnitTest test_source[];

static int load(struct source_set *s, const char *json, unsigned *bad)
{
	*bad = 0;
	return source_set_parse_json(s, json, strlen(json), bad);
}

static void what_is_written_is_read_again(void **state)
{
	static const char json[] = "{\"sources\":{\"a\\\"\xc3\xa9\":[[{\"s\":4294967295,\"n\":\"n\\\\\",\"m\":\"m 1\",\"v\":\"d\"},{\"s\":2}],"
		"[[\"f\",4294967295,2]],[{\"s\":3,\"n\":\"a-a0\"}],[[\"s\",3,4]]],\"b\":[[],[],[{\"s\":5,\"n\":\"b-a0\"}]]}}";
	struct source_set s = { 0 }, t = { 0 };
	struct buf b = { 0 };
	unsigned bad;

	(void)state;
	assert_int_equal(load(&s, json, &bad), 0);
	assert_int_equal(bad, 0);
	assert_int_equal(s.count, 4);
	assert_int_equal(s.groups, 2);
	assert_true(s.v[0].desktop && !s.v[1].desktop);
	assert_int_equal(source_set_write_json(&s, &b), 0);
	assert_string_equal(buf_str(&b), json);
	assert_int_equal(load(&t, buf_str(&b), &bad), 0);
	assert_int_equal(t.count, 4);
	source_set_clear(&s);
	source_set_clear(&t);
	buf_free(&b);
}

static void what_is_malformed_is_left_out(void **state)
{
	static const char *const no[] = { "", "{", "[]", "{}", "{\"sources\":1}", "null", "{\"sources\":{}}x", "\"\xff\"" };
	struct source_set s = { 0 };
	unsigned bad;

	(void)state;
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		assert_int_equal(load(&s, no[i], &bad), -EINVAL);
	assert_int_equal(load(&s, "{\"sources\":{}}", &bad), 0);
	assert_int_equal(load(&s, "{\"sources\":{\"a\":[[{\"s\":0},{\"s\":-1},{\"s\":4294967296},{\"s\":1.5},{},7,"
			      "{\"s\":\"12\"}],[[\"f\",1],[\"x\",1,2],[],5],[],[]],\"b\":{},\"c\":[{\"s\":1},\"y\"]}}", &bad), 0);
	assert_int_equal(s.count, 1);
	assert_int_equal(s.v[0].ssrc, 12);
	assert_int_equal(s.groups, 0);
	assert_int_equal(bad, 11);
	source_set_clear(&s);
}

static void there_is_an_end_to_sources(void **state)
{
	struct source_set s = { 0 };
	struct buf b = { 0 };
	unsigned bad;

	(void)state;
	buf_adds(&b, "{\"sources\":{\"a\":[[],[],[{\"s\":1}");
	for (int i = 2; i <= SOURCE_MAX + 50; i++)
		buf_addf(&b, ",{\"s\":%d}", i);
	buf_adds(&b, "]]}}");
	assert_int_equal(load(&s, buf_str(&b), &bad), 0);
	assert_int_equal(s.count, SOURCE_MAX);
	assert_int_equal(bad, 50);
	source_set_clear(&s);
	buf_free(&b);
}

static void sources_are_told_twice_and_go_with_their_groups(void **state)
{
	struct source_set s = { 0 }, all = { 0 };
	unsigned bad;

	(void)state;
	load(&s, "{\"sources\":{\"a\":[[{\"s\":1},{\"s\":2}],[[\"f\",1,2]],[{\"s\":3}]],\"b\":[[],[],[{\"s\":4}]]}}", &bad);
	for (int i = 0; i < 3; i++)
		assert_int_equal(source_set_merge(&all, &s), 0);
	assert_int_equal(all.count, 4);
	assert_int_equal(all.groups, 1);
	source_set_remove(&all, 2);
	assert_int_equal(all.groups, 0);
	assert_null(source_set_find(&all, 2));
	source_set_remove(&all, 77);
	source_set_remove_owner(&all, all.v[0].owner);
	assert_int_equal(all.count, 1);
	assert_string_equal(all.v[0].owner, "b");
	for (uint32_t i = 100; i < 140; i++) {
		struct source n = { .ssrc = i };

		assert_int_equal(source_set_add(&all, &n), 0);
		if (i % 3)
			source_set_remove(&all, i);
	}
	assert_int_equal(all.count, 1 + 13);
	source_set_clear(&all);
	source_set_clear(&s);
}

static void our_muted_state(void **state)
{
	struct source_info i;
	struct buf b = { 0 };

	(void)state;
	source_info_write(&b, "5c-a0", true);
	assert_string_equal(buf_str(&b), "{\"5c-a0\":{\"muted\":true}}");
	source_info_parse(&i, b.p, b.len, "5c");
	assert_true(i.present && i.audio_known && i.audio_muted);
	source_info_parse(&i, b.p, b.len, "5");
	assert_true(i.present && !i.audio_known);
	buf_clear(&b);
	source_info_write(&b, NULL, false);
	assert_string_equal(buf_str(&b), "{}");
	buf_free(&b);
}

/* ---- the conference request ---- */

static void play_http(void *ctx, const struct frame *f)
{
	int *seen = ctx;

	if (strcmp(f->ch, "http"))
		return;
	if (!strcmp(f->dir, "out")) {
		struct focus_request r;
		int err = focus_request_parse_json(&r, f->data, strlen(f->data));

		/* 11 has no room, 15 is cut off. */
		assert_int_equal(err, f->line == 11 || f->line == 15 ? -EINVAL : 0);
		if (!err)
			assert_string_equal(r.machine_uid, f->line == 13 ? "" : "00112233445566778899aabbccddeeff");
		focus_request_clear(&r);
	} else {
		struct focus_answer a;

		assert_int_equal(focus_answer_parse_json(&a, f->status, f->data, strlen(f->data)), 0);
		assert_int_equal(a.error, f->status == 200 ? FOCUS_OK : FOCUS_FAILED);
		seen[0] += a.ready;
		seen[1] += a.error == FOCUS_OK && !a.ready;
		seen[2] += a.error != FOCUS_OK;
		if (a.error == FOCUS_OK)
			assert_string_equal(a.focus_jid, "focus@auth.meet.test");
		else
			assert_non_null(strstr(a.text, "HTTP 400: Bad request"));
		focus_answer_clear(&a);
	}
}

static void a_focus_that_is_not_ready(void **state)
{
	int seen[3] = { 0 };

	(void)state;
	frames_of("focus-not-ready-http", play_http, seen);
	assert_int_equal(seen[0], 7);
	assert_int_equal(seen[1], 2);
	assert_int_equal(seen[2], 3);
}

static void the_request_as_iq(void **state)
{
	struct focus_request r, s = { .room = (char *)"r@c", .machine_uid = (char *)"u", .start_audio_muted = 9, .start_video_muted = -1 };
	struct xml *x = frame_xml("focus-over-xmpp", 18);
	struct focus_answer a;
	struct buf b = { 0 };

	(void)state;
	assert_int_equal(focus_request_parse_iq(&r, x), 0);
	assert_string_equal(r.room, "race1@conference.meet.test");
	assert_int_equal(r.start_audio_muted, 10);
	focus_request_clear(&r);
	xml_free(&x);
	x = frame_xml("focus-over-xmpp", 23);
	assert_int_equal(focus_answer_parse_iq(&a, x), 0);
	assert_true(a.ready && !a.authentication);
	assert_string_equal(a.focus_jid, "focus@auth.meet.test");
	focus_answer_clear(&a);
	xml_free(&x);
	x = focus_request_iq(&s, "focus.meet.test");
	assert_int_equal(focus_request_parse_iq(&r, x), 0);
	assert_int_equal(r.start_audio_muted, 9);
	assert_int_equal(r.start_video_muted, -1);
	/* Nobody may send us to a node for visitors. */
	char *text = text_of(x);
	assert_null(strstr(text, "visitors-version"));
	free(text);
	focus_request_clear(&r);
	xml_free(&x);
	assert_int_equal(focus_request_json(&s, &b), 0);
	assert_string_equal(buf_str(&b), "{\"room\":\"r@c\",\"machineUid\":\"u\",\"properties\":{\"rtcstatsEnabled\":false,\"startAudioMuted\":9}}");
	assert_int_equal(focus_request_parse_json(&r, b.p, b.len), 0);
	assert_int_equal(r.start_audio_muted, 9);
	focus_request_clear(&r);
	buf_free(&b);
}

static void answers_of_a_host(void **state)
{
	struct focus_answer a = { .ready = true, .room = (char *)"r@c", .focus_jid = (char *)"f@a",
				  .session_id = (char *)"S", .authentication = true }, k;
	struct xml *iq = xml_new("iq", NS_CLIENT);
	struct buf b = { 0 };

	(void)state;
	xml_set(iq, "type", "result");
	xml_adopt(iq, focus_answer_child(&a));
	assert_int_equal(focus_answer_parse_iq(&k, iq), 0);
	assert_true(k.ready && k.authentication);
	assert_string_equal(k.session_id, "S");
	focus_answer_clear(&k);
	xml_free(&iq);
	assert_int_equal(focus_answer_json(&a, &b), 0);
	assert_int_equal(focus_answer_parse_json(&k, 200, b.p, b.len), 0);
	assert_true(k.ready && k.authentication);
	assert_string_equal(k.focus_jid, "f@a");
	assert_string_equal(k.session_id, "S");
	focus_answer_clear(&k);
	buf_free(&b);
}

static void refusals_tell_apart(void **state)
{
	static const struct { const char *inner; enum focus_error want; } cases[] = {
		{ "<not-authorized xmlns='" NS_STANZAS "'/>", FOCUS_NOT_AUTHORIZED },
		{ "<not-acceptable xmlns='" NS_STANZAS "'/><session-invalid xmlns='" NS_FOCUS "'/>", FOCUS_SESSION_INVALID },
		{ "<not-acceptable xmlns='" NS_STANZAS "'/>", FOCUS_SESSION_INVALID },
		{ "<service-unavailable xmlns='" NS_STANZAS "'/><reservation-error xmlns='" NS_FOCUS "' error-code='409'/>", FOCUS_RESERVATION },
		{ "<item-not-found xmlns='" NS_STANZAS "'/>", FOCUS_FAILED },
	};
	char *body = malloc(8);         /* no NUL behind it */
	struct focus_answer a;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char text[400];
		struct xml *x;

		snprintf(text, sizeof(text), "<iq type='error'><error type='cancel'>%s</error></iq>", cases[i].inner);
		x = xml_of(text);
		assert_int_equal(focus_answer_parse_iq(&a, x), 0);
		assert_int_equal(a.error, cases[i].want);
		assert_true(*a.text);
		focus_answer_clear(&a);
		xml_free(&x);
	}
	memcpy(body, "\x1b[31mno!", 8);
	assert_int_equal(focus_answer_parse_json(&a, 400, body, 8), 0);
	assert_null(strchr(a.text, 0x1b));
	focus_answer_clear(&a);
	free(body);
	assert_int_equal(focus_answer_parse_json(&a, 400, "x 400 invalid-session", 21), 0);
	assert_int_equal(a.error, FOCUS_SESSION_INVALID);
	focus_answer_clear(&a);
	assert_int_equal(focus_answer_parse_json(&a, 403, "", 0), 0);
	assert_int_equal(a.error, FOCUS_NOT_AUTHORIZED);
	focus_answer_clear(&a);
	assert_int_equal(focus_answer_parse_json(&a, 502, "<html>...", 9), 0);
	assert_string_equal(a.text, "HTTP 502");
	focus_answer_clear(&a);
	assert_int_equal(focus_answer_parse_json(&a, 0, NULL, 0), 0);
	assert_int_equal(a.error, FOCUS_FAILED);
	focus_answer_clear(&a);
}

const struct CMUnitTest test_source[] = {
	cmocka_unit_test(what_is_written_is_read_again),
	cmocka_unit_test(what_is_malformed_is_left_out),
	cmocka_unit_test(there_is_an_end_to_sources),
	cmocka_unit_test(sources_are_told_twice_and_go_with_their_groups),
	cmocka_unit_test(our_muted_state),
	cmocka_unit_test(a_focus_that_is_not_ready),
	cmocka_unit_test(the_request_as_iq),
	cmocka_unit_test(answers_of_a_host),
	cmocka_unit_test(refusals_tell_apart),
	{ 0 }
};
