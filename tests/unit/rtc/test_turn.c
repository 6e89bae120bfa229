/* test_turn.c - what is seen of a relay's talk; TLS to one, over memory */
#include <errno.h>
#include <string.h>
#include <stun/stunagent.h>
#include "rtc/turn_msg.h"
#include "rtc/turn_six.h"
#include "rtc/turn_tls.h"
#include "rtc/wire.h"
#include "unit/unit.h"

extern const struct CMUnitTest test_turn[];

struct msg { uint8_t b[256]; size_t len; };

static void begin(struct msg *m, unsigned type)
{
	memset(m, 0, sizeof(*m));
	put16(m->b, (uint16_t)type);
	put32(m->b + 4, 0x2112A442);
	memcpy(m->b + 8, "0123456789ab", 12);
	m->len = 20;
}

static void attribute(struct msg *m, unsigned type, const void *v, size_t n)
{
	put16(m->b + m->len, (uint16_t)type);
	put16(m->b + m->len + 2, (uint16_t)n);
	memcpy(m->b + m->len + 4, v, n);
	m->len += 4 + (n + 3) / 4 * 4;
	put16(m->b + 2, (uint16_t)(m->len - 20));
}

static void messages_are_understood(void **state)
{
	static const uint8_t v4[8] = { 0, 1, 0xC0 ^ 0x21, 0x00 ^ 0x12, 192 ^ 0x21, 0 ^ 0x12, 2 ^ 0xA4, 1 ^ 0x42 };
	struct turn_msg t;
	struct msg m;

	(void)state;
	begin(&m, 0x003);
	attribute(&m, 0x0006, "willy", 5);
	assert_int_equal(turn_msg_parse(&t, m.b, m.len), 0);
	assert_true(t.kind == TURN_REQUEST && t.method == TURN_ALLOCATE && t.has_username && !t.gives_back);
	begin(&m, 0x113);
	attribute(&m, 0x0009, "\0\0\4\1Un\x1b[authorized", 18);
	assert_int_equal(turn_msg_parse(&t, m.b, m.len), 0);
	assert_true(t.kind == TURN_ERROR && t.method == TURN_ALLOCATE && t.error == 401);
	assert_string_equal(t.reason, "Un[authorized");         /* nothing for the terminal */
	begin(&m, 0x103);
	attribute(&m, 0x0016, v4, 8);
	assert_int_equal(turn_msg_parse(&t, m.b, m.len), 0);
	assert_string_equal(t.relayed, "192.0.2.1:49152");
	begin(&m, 0x004);
	attribute(&m, 0x000D, "\0\0\0\0", 4);
	assert_int_equal(turn_msg_parse(&t, m.b, m.len), 0);
	assert_true(t.method == TURN_REFRESH && t.gives_back);
	begin(&m, 0x017);
	assert_int_equal(turn_msg_parse(&t, m.b, m.len), 0);
	assert_true(t.kind == TURN_INDICATION && t.method == TURN_DATA);
	assert_int_equal(turn_msg_parse(&t, m.b, 19), -EBADMSG);
	assert_int_equal(turn_msg_parse(&t, (const uint8_t *)"\x40\1\0\3abc", 7), 0);
	assert_int_equal(t.kind, TURN_CHANNEL);
	assert_int_equal(turn_msg_parse(&t, (const uint8_t *)"\x40\1\0\4abc", 7), -EBADMSG);
	begin(&m, 0x113);
	attribute(&m, 0x0009, "\0\0\4\1", 4);
	put16(m.b + 22, 200);                                   /* longer than the message */
	assert_int_equal(turn_msg_parse(&t, m.b, m.len), -EBADMSG);
}

static void streams_are_cut_into_messages(void **state)
{
	uint8_t in[64] = "\x40\1\0\5hello\0\0\0";               /* padded in a stream */
	struct msg m;
	size_t len = 0;

	(void)state;
	for (size_t have = 0; have < 12; have++)
		assert_int_equal(turn_msg_frame(in, have, &len), 0);
	assert_int_equal(turn_msg_frame(in, sizeof(in), &len), 12);
	assert_int_equal(len, 9);
	begin(&m, 0x103);
	attribute(&m, 0x8022, "x", 1);
	assert_int_equal(turn_msg_frame(m.b, m.len - 1, &len), 0);
	assert_int_equal(turn_msg_frame(m.b, sizeof(m.b), &len), (int)m.len);
	assert_int_equal(turn_msg_frame((const uint8_t *)"HTTP", 4, &len), -EBADMSG);
	assert_int_equal(turn_msg_frame((const uint8_t *)"\x40\1\xFF\xFF", 4, &len), -EBADMSG);
	assert_int_equal(turn_msg_frame((const uint8_t *)"\0\1\0\2", 4, &len), -EBADMSG);
}

static bool give_password(StunAgent *agent, StunMessage *msg, uint8_t *name, uint16_t name_len,
			  uint8_t **key, size_t *key_len, void *ctx)
{
	(void)agent;
	(void)msg;
	assert_int_equal(name_len, 5);
	assert_memory_equal(name, "willy", 5);
	*key = ctx;
	*key_len = strlen(ctx);
	return true;
}

/* As libnice writes it, and as a server (libnice's codec again) reads it. */
static void an_ipv6_address_is_asked_for(void **state)
{
	uint8_t before[512], after[512], name[] = "willy", password[] = "nilly";
	static const StunAgentUsageFlags with[] = { STUN_AGENT_USAGE_LONG_TERM_CREDENTIALS,
		STUN_AGENT_USAGE_LONG_TERM_CREDENTIALS | STUN_AGENT_USAGE_USE_FINGERPRINT };
	StunAgent client, server;
	StunMessage msg;
	uint32_t family;

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		size_t len;
		int n;

		stun_agent_init(&client, STUN_ALL_KNOWN_ATTRIBUTES, STUN_COMPATIBILITY_RFC5389, with[i]);
		stun_agent_init(&server, STUN_ALL_KNOWN_ATTRIBUTES, STUN_COMPATIBILITY_RFC5389, with[i]);
		assert_true(stun_agent_init_request(&client, &msg, before, sizeof(before), STUN_ALLOCATE));
		stun_message_append32(&msg, STUN_ATTRIBUTE_REQUESTED_TRANSPORT, 17 << 24);
		stun_message_append_bytes(&msg, STUN_ATTRIBUTE_REALM, "test", 4);
		stun_message_append_bytes(&msg, STUN_ATTRIBUTE_NONCE, "once", 4);
		stun_message_append_bytes(&msg, STUN_ATTRIBUTE_USERNAME, name, 5);
		len = stun_agent_finish_message(&client, &msg, password, 5);
		assert_true(len > 0);
		n = turn_six_write(after, sizeof(after), before, len, "nilly");
		assert_int_equal(n, len + 8);
		assert_int_equal(stun_agent_validate(&server, &msg, after, (size_t)n, give_password, password),
				 STUN_VALIDATION_SUCCESS);
		assert_int_equal(stun_message_find32(&msg, (StunAttribute)0x0017, &family), STUN_MESSAGE_RETURN_SUCCESS);
		assert_int_equal(family, 0x02000000);
		assert_memory_equal(before + 4, after + 4, 16);
		n = turn_six_write(after, sizeof(after), before, len, "other");
		assert_int_equal(stun_agent_validate(&server, &msg, after, (size_t)n, give_password, password),
				 STUN_VALIDATION_UNAUTHORIZED);
		for (size_t cut = 0; cut < len; cut++)
			assert_int_equal(turn_six_write(after, sizeof(after), before, cut, "nilly"), -EBADMSG);
		for (size_t size = 0; size < len; size++)
			assert_true(turn_six_write(after, size, before, len, "nilly") < 0);
	}
}

struct wire { uint8_t b[4096]; size_t len; unsigned plain; };

static void on_wire(void *ctx, const uint8_t *p, size_t len)
{
	struct wire *w = ctx;

	assert_true(w->len + len <= sizeof(w->b));
	memcpy(w->b + w->len, p, len);
	w->len += len;
}

static void on_plain(void *ctx, const uint8_t *p, size_t len)
{
	(void)p;
	((struct wire *)ctx)->plain += (unsigned)len;
}

/* The whole of it is tried with coturn; here stands what needs no server. */
static void tls_says_what_is_wrong(void **state)
{
	static const struct turn_tls_events ev = { on_wire, on_plain };
	struct turn_trust *trust = NULL;
	struct turn_tls *t = NULL;
	struct wire w = { .len = 0 };
	const char *why = "";

	(void)state;
	assert_int_equal(turn_trust_new(&trust, "/nonexistent", false, &why), -EINVAL);
	assert_non_null(strstr(why, "cannot be read"));
	assert_int_equal(turn_trust_new(&trust, NULL, true, &why), 0);
	assert_int_equal(turn_tls_new(&t, trust, "turn.example.org", &ev, &w), 0);
	assert_int_equal(turn_tls_start(t), 0);
	assert_true(w.len > 100 && w.b[0] == 22);
	assert_non_null(memmem(w.b, w.len, "turn.example.org", 16));    /* SNI */
	assert_false(turn_tls_is_up(t));
	assert_int_equal(turn_tls_send(t, (const uint8_t *)"x", 1), -EAGAIN);
	assert_int_equal(turn_tls_input(t, (const uint8_t *)"HTTP/1.1 400 Bad Request\r\n\r\n", 28), -EACCES);
	assert_non_null(strstr(turn_tls_why(t), "TLS"));
	assert_int_equal(w.plain, 0);
	turn_tls_free(&t);
	turn_trust_free(&trust);
	turn_trust_free(&trust);
}

const struct CMUnitTest test_turn[] = {
	cmocka_unit_test(messages_are_understood), cmocka_unit_test(streams_are_cut_into_messages),
	cmocka_unit_test(an_ipv6_address_is_asked_for), cmocka_unit_test(tls_says_what_is_wrong), {0}
};
