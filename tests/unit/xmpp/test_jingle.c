/* test_jingle.c - sessions: what peers offered, and what we write */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "unit/xmpp/frames.h"
#include "unit/unit.h"
#include "xmpp/jingle.h"
#include "xmpp/ns.h"

extern const struct CMUnitTest test_jingle[];

static void parse_line(struct jingle *j, const char *file, int line, const char *owner)
{
	struct xml *x = frame_xml(file, line);

	assert_int_equal(jingle_parse(j, xml_child(x, "jingle", NS_JINGLE), owner), 0);
	xml_free(&x);
}

static void parse_text(struct jingle *j, const char *inner)
{
	struct buf b = { 0 };
	struct xml *x;

	buf_addf(&b, "<jingle xmlns='" NS_JINGLE "' action='session-initiate' sid='s'>%s</jingle>", inner);
	x = xml_of(buf_str(&b));
	assert_int_equal(jingle_parse(j, x, "owner"), 0);
	xml_free(&x);
	buf_free(&b);
}

static const struct source *named(const struct jingle *j, const char *name)
{
	for (size_t i = 0; i < j->sources.count; i++)
		if (!strcmp(j->sources.v[i].name, name))
			return &j->sources.v[i];
	fail_msg("no source %s", name);
	return NULL;
}

static void an_offer_for_sound_and_pictures(void **state)
{
	const struct jingle_payload *p;
	struct jingle j;

	(void)state;
	parse_line(&j, "join3-ws-norewrite", 43, "");
	assert_string_equal(j.sid, "5mf2dgtbj5nfd");
	assert_string_equal(j.initiator, "focus@auth.meet.test/focus");
	assert_string_equal(j.bridge_session, "44a11624-5e55-44ed-b279-a18b337bc83e");
	assert_true(j.audio.present && j.video.present && !j.data);
	p = jingle_payload_by_name(&j.audio, "OPUS");
	assert_int_equal(p->id, 111);
	assert_int_equal(p->clockrate, 48000);
	assert_int_equal(p->channels, 2);
	assert_int_equal(p->params, 2);
	assert_string_equal(p->fb[0].type, "transport-cc");
	assert_int_equal(j.video.payloads, 8);
	assert_int_equal(jingle_payload_by_name(&j.video, "rtx")->apt, 41);
	assert_int_equal(jingle_ext_id(&j.audio, EXT_TRANSPORT_CC), 5);
	assert_int_equal(jingle_ext_id(&j.audio, EXT_ABS_SEND_TIME), 0);
	assert_int_equal(jingle_ext_id(&j.video, EXT_ABS_SEND_TIME), 3);
	assert_string_equal(j.transport.ufrag, "5fta71k83l0mt5");
	assert_string_equal(j.transport.pwd, "fg3ns65mfg5ikiqlrv24ilnba");
	assert_int_equal(strlen(j.transport.fingerprint), 95);
	assert_int_equal(j.transport.cands, 1);
	assert_string_equal(j.transport.cand[0].ip, "127.0.0.1");
	assert_int_equal(j.transport.cand[0].priority, 2130706431);
	assert_int_equal(j.transport.websockets, 1);
	assert_string_equal(j.transport.websocket[0], "ws://127.0.0.1:8080/colibri-ws/default-id/"
			    "3dd5b23643e816e0/06c289cd?pwd=1e1PEUUDIEH0TbNPDFAJF7y2");
	assert_int_equal(j.sources.count, 6);
	assert_int_equal(named(&j, "2baa2011-a0")->ssrc, 4190291613u);
	assert_string_equal(named(&j, "c0544b7b-a0")->owner, "c0544b7b");
	assert_true(named(&j, "c0544b7b-v0")->video);
	assert_string_equal(named(&j, "jvb-a0")->owner, "jvb");
	assert_int_equal(j.sources.groups, 1);
	assert_string_equal(j.sources.g[0].semantics, "FID");
	assert_int_equal(j.initial_last_n, -1);
	jingle_clear(&j);
}

static void channels_are_found_in_any_content(void **state)
{
	struct jingle j;

	(void)state;
	parse_line(&j, "bridge-sctp-only", 45, "");
	assert_true(j.data);
	assert_int_equal(j.transport.sctp_port, 5000);
	assert_int_equal(j.transport.websockets, 0);
	jingle_clear(&j);
	parse_line(&j, "join2-sctp-rewrite", 43, "");
	assert_true(j.data);
	assert_int_equal(j.transport.sctp_port, 5000);
	assert_int_equal(j.transport.websockets, 1);
	jingle_clear(&j);
	parse_text(&j, "<content name='audio'><transport xmlns='" NS_ICE_UDP "' ufrag='u' pwd='p'/></content>"
		   "<content name='video'><transport xmlns='" NS_ICE_UDP "'>"
		   "<web-socket xmlns='" NS_COLIBRI "' url='wss://a/'/>"
		   "<web-socket xmlns='" NS_COLIBRI "' url='wss://b/'/></transport></content>");
	assert_int_equal(j.transport.websockets, 2);
	assert_string_equal(j.transport.websocket[1], "wss://b/");
	jingle_clear(&j);
}

static void browsers_answers_and_restarts(void **state)
{
	struct jingle j;

	(void)state;
	parse_line(&j, "video-vp8-rewrite", 45, "fc338df4");
	assert_int_equal(j.action, JINGLE_ACCEPT);
	assert_string_equal(j.transport.setup, "active");
	assert_int_equal(j.transport.cands, 0);
	assert_int_equal(j.sources.count, 7);
	assert_int_equal(j.sources.groups, 4);
	for (size_t i = 0; i < j.sources.count; i++)
		assert_string_equal(j.sources.v[i].owner, "fc338df4");
	for (size_t i = 0; i < j.sources.groups; i++)
		assert_string_equal(j.sources.g[i].owner, "fc338df4");
	jingle_clear(&j);
	parse_line(&j, "native-video-switch", 49, "");
	assert_int_equal(j.action, JINGLE_TERMINATE);
	assert_string_equal(j.reason, "success");
	assert_string_equal(j.reason_text, "restart required");
	assert_true(j.restart && !j.ice_restart);
	jingle_clear(&j);
	parse_line(&j, "ice-restart-crash", 74, "");
	assert_int_equal(j.action, JINGLE_TRANSPORT_INFO);
	assert_int_equal(j.transport.ice_generation, 1);
	assert_int_equal(j.transport.cand[0].port, 10001);
	jingle_clear(&j);
	/* Trickled by a browser: four of UDP, IPv6 among them, none of TCP. */
	parse_line(&j, "p2p-declined", 56, "");
	assert_int_equal(j.transport.cands, 4);
	assert_string_equal(j.transport.cand[2].ip, "::1");
	jingle_clear(&j);
}

static void owners_by_occupant_and_by_id(void **state)
{
	struct jingle j;

	(void)state;
	parse_text(&j, "<content name='audio'><description xmlns='" NS_RTP "' media='audio'>"
		   "<source xmlns='" NS_SSMA "' ssrc='1'><ssrc-info xmlns='" NS_JITMEET "' owner='r@c/ada'/></source>"
		   "<source xmlns='" NS_SSMA "' ssrc='2'><ssrc-info xmlns='" NS_JITMEET "' owner='ben'/></source>"
		   "<source xmlns='" NS_SSMA "' ssrc='3'/><source xmlns='" NS_SSMA "' ssrc='0'/>"
		   "<source xmlns='" NS_SSMA "' ssrc='4294967296'/><source xmlns='" NS_SSMA "' ssrc='-1'/>"
		   "</description></content>");
	assert_int_equal(j.sources.count, 3);
	assert_int_equal(j.bad_sources, 3);
	assert_string_equal(j.sources.v[0].owner, "ada");
	assert_string_equal(j.sources.v[1].owner, "ben");
	assert_string_equal(j.sources.v[2].owner, "owner");
	jingle_clear(&j);
}

static void hostile_values_are_dropped_not_cut(void **state)
{
	struct buf b = { 0 };
	struct jingle j;

	(void)state;
	buf_adds(&b, "<content name='audio'><transport xmlns='" NS_ICE_UDP "' pwd='p' ufrag='");
	for (int i = 0; i < 257; i++)
		buf_addc(&b, 'u');
	buf_adds(&b, "'><fingerprint xmlns='" NS_DTLS "' hash='sha-256' setup='actpass'>\n AA:BB \n</fingerprint>"
		 "<fingerprint xmlns='" NS_DTLS "' hash='sha-1' setup='actpass'>CC</fingerprint>"
		 "<fingerprint xmlns='" NS_DTLS "' hash='sha-256'>not hex</fingerprint>");
	for (int i = 0; i < 50; i++)
		buf_adds(&b, "<candidate ip='2001:db8::1' port='9' protocol='UDP' type='host' priority='7'/>"
			 "<candidate ip='1.2' port='9' protocol='udp' type='host' priority='7'/>"
			 "<candidate ip='x.local' port='9' protocol='udp' type='host' priority='7'/>"
			 "<candidate ip='10.0.0.1' port='9' protocol='tcp' type='host' priority='7'/>"
			 "<candidate ip='10.0.0.1' port='65536' protocol='udp' type='host' priority='7'/>"
			 "<candidate ip='10.0.0.1' port='9' protocol='udp' type='magic' priority='7'/>");
	buf_adds(&b, "</transport></content><content name='video'>"
		 "<initial-last-n xmlns='" NS_COLIBRI2 "' value='-1'/></content>");
	parse_text(&j, buf_str(&b));
	assert_string_equal(j.transport.ufrag, "");
	assert_string_equal(j.transport.hash, "sha-256");
	assert_string_equal(j.transport.fingerprint, "AA:BB");
	assert_int_equal(j.transport.cands, JINGLE_CANDIDATES);
	for (size_t i = 0; i < j.transport.cands; i++)
		assert_string_equal(j.transport.cand[i].ip, "2001:db8::1");
	assert_int_equal(j.initial_last_n, -1);
	jingle_clear(&j);
	buf_free(&b);
}

static void no_action_or_session_is_refused(void **state)
{
	static const char *const texts[] = {
		"<jingle xmlns='" NS_JINGLE "'/>", "<jingle xmlns='" NS_JINGLE "' sid='s'/>",
		"<jingle xmlns='" NS_JINGLE "' action='session-initiate'/>",
	};
	struct jingle j;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct xml *x = xml_of(texts[i]);

		assert_int_equal(jingle_parse(&j, x, ""), -EINVAL);
		xml_free(&x);
	}
	assert_int_equal(jingle_parse(&j, NULL, ""), -EINVAL);
}

/* ---- writing ---- */

static void put_payload(struct jingle_media *m, uint8_t id, const char *name, uint32_t rate, unsigned channels)
{
	struct jingle_payload *p = &m->payload[m->payloads++];

	m->present = true;
	p->id = id;
	snprintf(p->name, sizeof(p->name), "%s", name);
	p->clockrate = rate;
	p->channels = channels;
}

static void put_ext(struct jingle_media *m, uint8_t id, const char *uri)
{
	m->ext[m->exts].id = id;
	snprintf(m->ext[m->exts++].uri, sizeof(m->ext[0].uri), "%s", uri);
}

static void put_source(struct jingle *j, uint32_t ssrc, bool video, const char *owner)
{
	char name[32], msid[64];
	struct source s = { .ssrc = ssrc, .video = video, .owner = (char *)(uintptr_t)owner,
			    .name = name, .msid = msid };

	snprintf(name, sizeof(name), "%s-%c0", owner, video ? 'v' : 'a');
	snprintf(msid, sizeof(msid), "%s-%s-0-1 u-1", owner, video ? "video" : "audio");
	assert_int_equal(source_set_add(&j->sources, &s), 0);
}

static void put_transport(struct jingle_transport *t, const char *setup)
{
	t->present = true;
	snprintf(t->ufrag, sizeof(t->ufrag), "Wx1f");
	snprintf(t->pwd, sizeof(t->pwd), "0Jr9sS3kUQn1bqWm0aX7Zc2e");
	snprintf(t->hash, sizeof(t->hash), "sha-256");
	snprintf(t->fingerprint, sizeof(t->fingerprint), "3E:91");
	snprintf(t->setup, sizeof(t->setup), "%s", setup);
}

static void new_jingle(struct jingle *j, enum jingle_action action)
{
	memset(j, 0, sizeof(*j));
	j->action = action;
	j->initial_last_n = -1;
	j->sid = strdup("2s7k0v9m1q4ha");
	j->initiator = strdup("r@c/focus");
}

/* Writes, frees, and reads again as the peer would. */
static struct xml *written(struct jingle *j, const char *creator, bool json, bool with_owner)
{
	struct xml *x = jingle_write(j, "r@c/focus", creator, json, with_owner), *again;
	char *text = text_of(x);

	again = xml_of(text);
	free(text);
	xml_free(&x);
	return again;
}

static void assert_text(const struct xml *x, const char *want)
{
	char *text = text_of(x);

	if (!strstr(text, want))
		fail_msg("%s\nis not in\n%s", want, text);
	free(text);
}

static void assert_no_text(const struct xml *x, const char *unwanted)
{
	char *text = text_of(x);

	if (strstr(text, unwanted))
		fail_msg("%s\nis in\n%s", unwanted, text);
	free(text);
}

static void our_answer_for_sound_alone(void **state)
{
	struct jingle j, k;
	struct xml *x;

	(void)state;
	new_jingle(&j, JINGLE_ACCEPT);
	j.responder = strdup("5c1f0a9e@m/r");
	put_payload(&j.audio, 111, "opus", 48000, 2);
	put_ext(&j.audio, 1, EXT_AUDIO_LEVEL);
	put_source(&j, 2750113355u, false, "5c1f0a9e");
	put_transport(&j.transport, "active");
	x = written(&j, "responder", false, false);
	assert_string_equal(xml_attr(x, "type"), "set");
	assert_text(x, "<jingle xmlns=\"" NS_JINGLE "\" action=\"session-accept\" sid=\"2s7k0v9m1q4ha\" "
		    "initiator=\"r@c/focus\" responder=\"5c1f0a9e@m/r\">");
	assert_text(x, "<content creator=\"responder\" name=\"audio\" senders=\"both\">"
		    "<description xmlns=\"" NS_RTP "\" media=\"audio\">"
		    "<rtp-hdrext xmlns=\"" NS_RTP_HDREXT "\" id=\"1\" uri=\"" EXT_AUDIO_LEVEL "\"/>"
		    "<payload-type id=\"111\" name=\"opus\" clockrate=\"48000\" channels=\"2\"/>"
		    "<source xmlns=\"" NS_SSMA "\" ssrc=\"2750113355\" name=\"5c1f0a9e-a0\">"
		    "<parameter xmlns=\"" NS_SSMA "\" name=\"msid\" value=\"5c1f0a9e-audio-0-1 u-1\"/></source>"
		    "<rtcp-mux/></description>"
		    "<transport xmlns=\"" NS_ICE_UDP "\" ufrag=\"Wx1f\" pwd=\"0Jr9sS3kUQn1bqWm0aX7Zc2e\"><rtcp-mux/>"
		    "<fingerprint xmlns=\"" NS_DTLS "\" hash=\"sha-256\" setup=\"active\">3E:91</fingerprint>"
		    "</transport></content>"
		    "<group xmlns=\"" NS_GROUPING "\" semantics=\"BUNDLE\"><content name=\"audio\"/></group></jingle>");
	assert_int_equal(jingle_parse(&k, xml_child(x, "jingle", NULL), "5c1f0a9e"), 0);
	assert_int_equal(k.sources.count, 1);
	jingle_clear(&k);
	xml_free(&x);
	jingle_clear(&j);
}

static void new_offer(struct jingle *j)
{
	new_jingle(j, JINGLE_INITIATE);
	put_payload(&j->audio, 111, "opus", 48000, 2);
	put_payload(&j->video, 100, "VP8", 90000, 1);
	put_payload(&j->video, 96, "rtx", 90000, 1);
	j->video.payload[1].apt = 100;
	put_ext(&j->video, 3, EXT_ABS_SEND_TIME);
	put_transport(&j->transport, "actpass");
	j->transport.websocket[0] = strdup("wss://h/colibri-ws/d/c/77aa01c9?pwd=x&y");
	j->transport.websockets = 1;
	j->transport.cands = 1;
	j->transport.cand[0] = (struct jingle_candidate){
		.foundation = "1", .id = "c-0", .ip = "192.0.2.10", .port = 10000, .priority = 2130706431,
		.type = "host", .protocol = "udp", .component = 1 };
	j->bridge_session = strdup("46770626");
	put_source(j, 1827364509u, true, "5b0c9e17");
	put_source(j, 3141592653u, false, "5b0c9e17");
}

static void a_hosts_offer(void **state)
{
	static const char transport[] = "<web-socket xmlns=\"" NS_COLIBRI "\" url=\"wss://h/colibri-ws/d/c/77aa01c9?pwd=x&amp;y\"/>"
		"<rtcp-mux/><fingerprint xmlns=\"" NS_DTLS "\" hash=\"sha-256\" setup=\"actpass\" cryptex=\"false\" "
		"required=\"false\">3E:91</fingerprint><candidate component=\"1\"";
	const struct xml *c;
	struct jingle j, k;
	struct xml *x;

	(void)state;
	for (int json = 0; json < 2; json++) {
		new_offer(&j);
		j.startmuted_audio = true;
		x = written(&j, "initiator", json, true);
		for (c = xml_child(xml_child(x, "jingle", NULL), "content", NULL); c;
		     c = xml_next_like(c, "content", NULL)) {
			assert_text(c, transport);
			assert_text(c, "<extmap-allow-mixed xmlns=\"" NS_RTP_HDREXT "\"/><rtcp-mux/></description>");
		}
		assert_text(x, "media=\"audio\" maxptime=\"60\"");
		assert_text(x, "name=\"rtx\" clockrate=\"90000\"><parameter name=\"apt\" value=\"100\"/>");
		assert_text(x, "<content name=\"audio\"/><content name=\"video\"/></group>");
		assert_text(x, "<startmuted xmlns=\"" NS_START_MUTED "\" audio=\"true\" video=\"false\"/>");
		assert_text(x, "<bridge-session xmlns=\"" NS_FOCUS "\" id=\"46770626\"/>");
		if (json) {
			assert_text(x, "<json-message xmlns=\"" NS_JITMEET "\">{&quot;sources");
			assert_no_text(x, "<source ");
		} else {
			assert_text(x, "<ssrc-info xmlns=\"" NS_JITMEET "\" owner=\"5b0c9e17\"/>");
			assert_no_text(x, "json-message");
		}
		assert_int_equal(jingle_parse(&k, xml_child(x, "jingle", NULL), ""), 0);
		assert_int_equal(k.sources.count, 2);
		assert_string_equal(k.sources.v[0].owner, "5b0c9e17");
		assert_int_equal(k.transport.cand[0].port, 10000);
		assert_int_equal(k.video.payload[1].apt, 100);
		assert_true(k.startmuted_audio && !k.startmuted_video);
		jingle_clear(&k);
		xml_free(&x);
		jingle_clear(&j);
	}
}

static void data_channel_and_last_n(void **state)
{
	struct jingle j, k;
	struct xml *x;

	(void)state;
	new_offer(&j);
	j.data = true;
	x = written(&j, "initiator", true, false);
	assert_text(x, "<sctpmap xmlns=\"" NS_DTLS_SCTP "\" number=\"5000\" protocol=\"webrtc-datachannel\" streams=\"1024\"/>");
	assert_text(x, "<content name=\"data\"/></group>");
	assert_int_equal(jingle_parse(&k, xml_child(x, "jingle", NULL), ""), 0);
	assert_true(k.data && k.transport.sctp_port == 5000);
	jingle_clear(&k);
	xml_free(&x);
	j.data = false;
	j.action = JINGLE_ACCEPT;
	j.initial_last_n = 0;
	snprintf(j.video.senders, sizeof(j.video.senders), "initiator");
	x = written(&j, "responder", false, false);
	assert_text(x, "<content creator=\"responder\" name=\"video\" senders=\"initiator\">"
		    "<initial-last-n xmlns=\"" NS_COLIBRI2 "\" value=\"0\"/><description ");
	assert_int_equal(jingle_parse(&k, xml_child(x, "jingle", NULL), ""), 0);
	assert_int_equal(k.initial_last_n, 0);
	assert_string_equal(k.video.senders, "initiator");
	jingle_clear(&k);
	xml_free(&x);
	jingle_clear(&j);
}

static void sources_come_and_go(void **state)
{
	struct jingle j, k;
	struct xml *x;

	(void)state;
	for (int json = 0; json < 2; json++)
		for (int remove = 0; remove < 2; remove++) {
			new_jingle(&j, remove ? JINGLE_SOURCE_REMOVE : JINGLE_SOURCE_ADD);
			put_source(&j, 90210, false, "c0ffee11");
			x = written(&j, "initiator", json, true);
			assert_text(x, remove ? "action=\"source-remove\"" : "action=\"source-add\"");
			assert_no_text(x, "<transport");
			assert_no_text(x, "<group");
			if (json)
				assert_no_text(x, "<content");
			else
				assert_no_text(x, "name=\"video\"");
			assert_int_equal(jingle_parse(&k, xml_child(x, "jingle", NULL), ""), 0);
			assert_int_equal(k.sources.count, 1);
			assert_string_equal(k.sources.v[0].name, "c0ffee11-a0");
			assert_string_equal(k.sources.v[0].owner, "c0ffee11");
			jingle_clear(&k);
			xml_free(&x);
			jingle_clear(&j);
		}
}

static void endings(void **state)
{
	struct jingle j;
	struct xml *x;

	(void)state;
	new_jingle(&j, JINGLE_TERMINATE);
	snprintf(j.reason, sizeof(j.reason), "connectivity-error");
	j.reason_text = strdup("ICE FAILED");
	j.bridge_session = strdup("70d637c3");
	j.restart = true;
	x = written(&j, "initiator", false, false);
	assert_text(x, "<reason><connectivity-error/><text>ICE FAILED</text></reason>"
		    "<bridge-session xmlns=\"" NS_FOCUS "\" id=\"70d637c3\" restart=\"true\"/></jingle>");
	xml_free(&x);
	jingle_clear(&j);
	new_jingle(&j, JINGLE_TERMINATE);
	snprintf(j.reason, sizeof(j.reason), "decline");
	j.reason_text = strdup("P2P disabled");
	x = written(&j, "initiator", false, false);
	assert_text(x, "initiator=\"r@c/focus\"><reason><decline/><text>P2P disabled</text></reason></jingle>");
	xml_free(&x);
	jingle_clear(&j);
	new_jingle(&j, JINGLE_INFO);
	j.ice_failed = true;
	j.bridge_session = strdup("70d637c3");
	x = written(&j, "initiator", false, false);
	assert_text(x, "<ice-state xmlns=\"" NS_FOCUS "\">failed</ice-state>"
		    "<bridge-session xmlns=\"" NS_FOCUS "\" id=\"70d637c3\"/></jingle>");
	xml_free(&x);
	jingle_clear(&j);
}

static void a_transport_alone(void **state)
{
	struct jingle j, k;
	struct xml *x;

	(void)state;
	new_jingle(&j, JINGLE_TRANSPORT_INFO);
	put_transport(&j.transport, "passive");
	j.transport.ice_generation = 2;
	x = written(&j, "initiator", false, false);
	assert_text(x, "name=\"audio\"><transport xmlns=\"" NS_ICE_UDP "\"");
	assert_int_equal(jingle_parse(&k, xml_child(x, "jingle", NULL), ""), 0);
	assert_int_equal(k.transport.ice_generation, 2);
	assert_false(k.audio.present);
	jingle_clear(&k);
	xml_free(&x);
	jingle_clear(&j);
}

const struct CMUnitTest test_jingle[] = {
	cmocka_unit_test(an_offer_for_sound_and_pictures),
	cmocka_unit_test(channels_are_found_in_any_content),
	cmocka_unit_test(browsers_answers_and_restarts),
	cmocka_unit_test(owners_by_occupant_and_by_id),
	cmocka_unit_test(hostile_values_are_dropped_not_cut),
	cmocka_unit_test(no_action_or_session_is_refused),
	cmocka_unit_test(our_answer_for_sound_alone),
	cmocka_unit_test(a_hosts_offer),
	cmocka_unit_test(data_channel_and_last_n),
	cmocka_unit_test(sources_come_and_go),
	cmocka_unit_test(endings),
	cmocka_unit_test(a_transport_alone),
	{ 0 }
};
