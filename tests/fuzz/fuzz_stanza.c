/* rooms: base xmpp */
/* fuzz_stanza.c - stanzas of strangers, by themselves and within a stream
 *
 * Messages are separated by NUL.  Each is read as whatever it could be, and
 * then told to a stream, which after the first is logged in or not as the
 * first byte says.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "xmpp/chat.h"
#include "xmpp/disco.h"
#include "xmpp/jid.h"
#include "xmpp/muc.h"
#include "xmpp/ns.h"
#include "xmpp/stream.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void on_send(void *ctx, const char *text, size_t len)
{
	struct xml *x;

	/* Whatever we say must be XML. */
	if (xml_parse(&x, text, len, NULL, NULL))
		abort();
	snprintf(ctx, 64, "%s", xml_attr(x, "id") ? xml_attr(x, "id") : "");
	xml_free(&x);
}

static void on_ready(void *ctx, const char *jid, const struct xml *features)
{
	(void)ctx;
	if (!*jid_resource(jid) || !features)
		abort();
}

static bool on_stanza(void *ctx, const struct xml *x)
{
	(void)ctx;
	return strlen(xml_name(x)) & 1;
}

static void on_failed(void *ctx, enum xmpp_error why, const char *text)
{
	(void)ctx;
	(void)why;
	if (!text)
		abort();
}

static void on_answer(void *ctx, const struct xml *answer)
{
	(void)ctx;
	(void)answer;
}

static void read_all(const struct xml *x)
{
	struct ext_service *v = NULL;
	struct muc_presence p;
	struct chat_message m;
	const char *text, *lobby;
	size_t n = 0;

	if (!muc_presence_parse(&p, x)) {
		muc_presence_audio_muted(&p);
		muc_property(p.properties, "bridge-count");
	}
	muc_join_error_parse(x, &text, &lobby);
	chat_parse(&m, x);
	if (strlen(m.from) + strlen(m.nick) + strlen(m.id) + strlen(m.text) + strlen(m.json) +
	    strlen(m.ref) > 1 << 24)
		abort();
	disco_component(x, "polls");
	disco_field(x, "muc#roominfo_lobbyroom");
	ext_services_parse(&v, &n, x);
	ext_services_free(&v, &n);
}

static void on_resumed(void *ctx)
{
	(void)ctx;
}

static void on_not_resumed(void *ctx, bool exact)
{
	(void)ctx;
	(void)exact;
}

static void log_in(struct xmpp_stream *s, const char *id)
{
	static const char *const lines[] = {
		"<features xmlns='" NS_STREAM "'><mechanisms xmlns='" NS_SASL "'><mechanism>ANONYMOUS</mechanism></mechanisms></features>",
		"<success xmlns='" NS_SASL "'/>", "<features xmlns='" NS_STREAM "'><bind xmlns='" NS_BIND "'/></features>",
	};
	struct xml *iq = xmpp_iq_new("get", "r@c/focus");
	char text[256];

	for (size_t i = 0; i < 3; i++)
		xmpp_stream_input(s, lines[i], strlen(lines[i]), 1);
	snprintf(text, sizeof(text), "<iq type='result' id='%s'><bind xmlns='" NS_BIND "'><jid>a@b/c</jid></bind></iq>", id);
	xmpp_stream_input(s, text, strlen(text), 1);
	xmpp_stream_iq(s, &iq, 1000000, 1, on_answer, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct xmpp_events ev = { .send = on_send, .ready = on_ready, .stanza = on_stanza,
		.failed = on_failed, .resumed = on_resumed, .not_resumed = on_not_resumed };
	struct xmpp_config c = { .domain = "b" };
	const char *at = (const char *)data, *end = at + size;
	struct xmpp_stream *s;
	int64_t now = 1;
	char id[64] = "";

	if (!size || xmpp_stream_new(&s, &c, &ev, id))
		return 0;
	xmpp_stream_open(s, now);
	if (*at++ & 1)
		log_in(s, id);
	while (at < end) {
		const char *nul = memchr(at, 0, (size_t)(end - at));
		size_t len = (size_t)((nul ? nul : end) - at);
		struct xml *x;

		if (!xml_parse(&x, at, len, NULL, NULL)) {
			read_all(x);
			xml_free(&x);
		}
		xmpp_stream_input(s, at, len, now);
		now += 3000000;
		xmpp_stream_tick(s, now);
		at += len + 1;
	}
	xmpp_stream_free(&s);
	return 0;
}
