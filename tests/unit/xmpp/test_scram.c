/* test_scram.c - the proof of a password, against RFC 5802 and against OpenSSL as the server */
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "unit/unit.h"
#include "unit/xmpp/frames.h"
#include "xmpp/codec.h"
#include "xmpp/ns.h"
#include "xmpp/scram.h"
#include "xmpp/stream.h"

extern const struct CMUnitTest test_scram[];

#define FEATURES(inner) "<stream:features xmlns:stream='" NS_STREAM "'><mechanisms xmlns='" NS_SASL "'>" inner \
	"</mechanisms></stream:features>"
#define SCRAM "<mechanism>SCRAM-SHA-1</mechanism>"
#define PLAIN "<mechanism>PLAIN</mechanism>"

/* RFC 5802, 5 */
static void the_rfc_s_example(void **state)
{
	static const char first[] = "r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,s=QSXCR+Q6sek8bf92,i=4096";
	struct scram *s;
	struct buf b = { 0 };

	(void)state;
	assert_int_equal(scram_new(&s, "user", "pencil", "fyko+d2lbbFgONRv9qkxdawL"), 0);
	assert_int_equal(scram_first(s, &b), 0);
	assert_string_equal(buf_str(&b), "n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL");
	buf_clear(&b);
	assert_false(scram_is_right(s, "v=rmF9pqV8S7suAoZWja4dJRkFsKQ="));      /* before its turn */
	assert_int_equal(scram_answer(s, first, &b), 0);
	assert_string_equal(buf_str(&b), "c=biws,r=fyko+d2lbbFgONRv9qkxdawL3rfcNHYJY1ZVvWVs7j,"
			    "p=v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=");
	assert_true(scram_is_right(s, "v=rmF9pqV8S7suAoZWja4dJRkFsKQ="));
	assert_false(scram_is_right(s, "v=rmF9pqV8S7suAoZWja4dJRkFsKA="));
	assert_false(scram_is_right(s, "e=other-error"));
	assert_false(scram_is_right(s, "v=AAAA"));
	assert_false(scram_is_right(s, ""));
	buf_free(&b);
	scram_free(&s);
}

static void odd_challenges_are_refused(void **state)
{
	static const char *const bad[] = {
		"", "r=abc", "r=abcX,s=QSXC", "r=abcX,i=1", "s=QSXC,i=1", "r=abc,s=QSXC,i=1", "r=xbcX,s=QSXC,i=1",
		"r=abcX,s=QSXC,i=0", "r=abcX,s=QSXC,i=100001", "r=abcX,s=QSXC,i=-1", "r=abcX,s=QSXC,i=9999999999999999999999",
		"r=abcX,s=,i=1", "r=abcX,s=Q*XC,i=1", "r=abcX,s=QSX,i=1", "m=x,r=abcX,s=QSXC,i=1", ",,,", "r=abcX;s=QSXC;i=1",
	};
	struct buf b = { 0 };
	struct scram *s;

	(void)state;
	assert_int_equal(scram_new(&s, "a=b,c", "pw", "abc"), 0);
	scram_first(s, &b);
	assert_string_equal(buf_str(&b), "n,,n=a=3Db=2Cc,r=abc");
	buf_clear(&b);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(scram_answer(s, bad[i], &b), -EINVAL);
		assert_int_equal(b.len, 0);
		assert_false(scram_is_right(s, "v=AAAAAAAAAAAAAAAAAAAAAAAAAAA="));
	}
	assert_int_equal(scram_answer(s, "r=abcX,s=QSXC,i=1,x=later", &b), 0);
	buf_free(&b);
	scram_free(&s);
}

static void base64_both_ways(void **state)
{
	static const char *const bad[] = { "A", "AA", "AAA", "A===", "====", "AA=A", "A-AA", "AAAA\n" };
	uint8_t in[64] = { 0 }, out[64];

	(void)state;
	for (size_t n = 0; n < sizeof(in); n++) {
		char *text;

		for (size_t i = 0; i < n; i++)
			in[i] = (uint8_t)(i * 37 + n);
		text = codec_base64(in, n);
		assert_int_equal(codec_unbase64(text, out, sizeof(out)), n);
		assert_memory_equal(in, out, n);
		if (n)
			assert_int_equal(codec_unbase64(text, out, n - 1), -1);
		free(text);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(codec_unbase64(bad[i], out, sizeof(out)), -1);
}

/* ---- a whole login ---- */

struct peer { struct xmpp_stream *s; char *out; int failed; enum xmpp_error why; char text[200]; };

static void on_send(void *ctx, const char *text, size_t len)
{
	struct peer *p = ctx;

	free(p->out);
	p->out = strndup(text, len);
}

static void on_ready(void *ctx, const char *jid, const struct xml *features)
{
	(void)ctx;
	(void)jid;
	(void)features;
}

static bool on_stanza(void *ctx, const struct xml *x)
{
	(void)ctx;
	(void)x;
	return false;
}

static void on_failed(void *ctx, enum xmpp_error why, const char *text)
{
	struct peer *p = ctx;

	p->failed++;
	p->why = why;
	snprintf(p->text, sizeof(p->text), "%s", text);
}

static void say(struct peer *p, const char *text)
{
	xmpp_stream_input(p->s, text, strlen(text), 1);
}

/* What an element of ours holds, decoded; new string. */
static char *said(const struct peer *p)
{
	char *out = calloc(1, 1000);
	struct xml *x = xml_of(p->out);

	assert_true(codec_unbase64(xml_text(x), (uint8_t *)out, 999) > 0);
	xml_free(&x);
	return out;
}

static void start(struct peer *p)
{
	static const struct xmpp_events ev = { .send = on_send, .ready = on_ready, .stanza = on_stanza,
		.failed = on_failed };
	struct xmpp_config cfg = { .domain = "meet.test", .user = "ada@meet.test", .password = "s3cret, =pw" };

	memset(p, 0, sizeof(*p));
	assert_int_equal(xmpp_stream_new(&p->s, &cfg, &ev, p), 0);
	xmpp_stream_open(p->s, 1);
}

static void stop(struct peer *p)
{
	xmpp_stream_free(&p->s);
	free(p->out);
}

static void say64(struct peer *p, const char *element, const char *text)
{
	char *b64 = codec_base64(text, strlen(text));
	struct buf b = { 0 };

	buf_addf(&b, "<%s xmlns='" NS_SASL "'>%s</%s>", element, b64, element);
	say(p, buf_str(&b));
	buf_free(&b);
	free(b64);
}

/* The server of RFC 5802, by OpenSSL: checks our proof, gives its own. */
static void serve(struct peer *p, const char *password, bool *ours_is_right, char final[60])
{
	static const unsigned char salt[] = "saltsalt";
	unsigned char key[20], client[20], stored[20], server[20], mac[20], proof[20];
	char *first = said(p), *last, *bare = first + 3, challenge[200], *v;
	struct buf auth = { 0 };
	unsigned n = 20;

	snprintf(challenge, sizeof(challenge), "%sSERVER,s=c2FsdHNhbHQ=,i=4096", strstr(first, "r="));
	say64(p, "challenge", challenge);
	last = said(p);
	PKCS5_PBKDF2_HMAC_SHA1(password, (int)strlen(password), salt, 8, 4096, 20, key);
	HMAC(EVP_sha1(), key, 20, (const unsigned char *)"Client Key", 10, client, &n);
	HMAC(EVP_sha1(), key, 20, (const unsigned char *)"Server Key", 10, server, &n);
	EVP_Digest(client, 20, stored, NULL, EVP_sha1(), NULL);
	buf_addf(&auth, "%s,%s,", bare, challenge);
	buf_add(&auth, last, (size_t)(strstr(last, ",p=") - last));
	HMAC(EVP_sha1(), stored, 20, (const unsigned char *)auth.p, auth.len, mac, &n);
	assert_int_equal(codec_unbase64(strstr(last, ",p=") + 3, proof, 20), 20);
	for (int i = 0; i < 20; i++)
		proof[i] ^= mac[i];
	*ours_is_right = !memcmp(proof, client, 20);
	HMAC(EVP_sha1(), server, 20, (const unsigned char *)auth.p, auth.len, mac, &n);
	buf_free(&auth);
	v = codec_base64(mac, 20);
	snprintf(final, 60, "v=%s", v);
	free(v);
	free(first);
	free(last);
}

static void a_password_is_proved_not_sent(void **state)
{
	char final[60];
	bool right;
	struct peer p;

	(void)state;
	start(&p);
	say(&p, FEATURES(PLAIN SCRAM));
	assert_non_null(strstr(p.out, "mechanism=\"SCRAM-SHA-1\""));
	serve(&p, "s3cret, =pw", &right, final);
	assert_true(right);
	say64(&p, "success", final);
	assert_int_equal(p.failed, 0);
	assert_non_null(strstr(p.out, "<open "));
	stop(&p);
	/* Another server than ours: it does not know the password. */
	start(&p);
	say(&p, FEATURES(SCRAM));
	serve(&p, "guessed", &right, final);
	assert_false(right);
	say64(&p, "success", final);
	assert_int_equal(p.why, XMPP_LOGIN);
	assert_string_equal(p.text, "the server could not prove that it knows the password");
	stop(&p);
	start(&p);
	say(&p, FEATURES(SCRAM));
	say(&p, "<success xmlns='" NS_SASL "'/>");
	assert_int_equal(p.failed, 1);
	stop(&p);
	start(&p);
	say(&p, FEATURES(SCRAM));
	say(&p, "<challenge xmlns='" NS_SASL "'>!</challenge>");
	assert_int_equal(p.failed, 1);
	stop(&p);
	start(&p);
	say(&p, FEATURES(SCRAM));
	say(&p, "<failure xmlns='" NS_SASL "'><not-authorized/></failure>");
	assert_string_equal(p.text, "user or password is wrong");
	stop(&p);
	/* A server of old: in plain text, inside TLS. */
	start(&p);
	say(&p, FEATURES(PLAIN));
	assert_non_null(strstr(p.out, "mechanism=\"PLAIN\""));
	stop(&p);
}

const struct CMUnitTest test_scram[] = {
	cmocka_unit_test(the_rfc_s_example),
	cmocka_unit_test(odd_challenges_are_refused),
	cmocka_unit_test(base64_both_ways),
	cmocka_unit_test(a_password_is_proved_not_sent),
	{ 0 }
};
