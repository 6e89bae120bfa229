/* scram.c - SCRAM-SHA-1: nonces, salted password, two proofs */
#include "xmpp/scram.h"
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "xmpp/codec.h"

enum {
	HASH = 20, BLOCK = 64, SALT_MAX = 128, NONCE_MAX = 512,
	ROUNDS_MAX = 100000     /* some 0.1 s; servers have 4096 to 10000 */
};

struct scram {
	char *user, *password, *nonce;
	uint8_t server[HASH];   /* what the server's own proof has to be */
	bool answered;
};

int scram_new(struct scram **out, const char *user, const char *password, const char *nonce)
{
	struct scram *s = calloc(1, sizeof(*s));

	*out = NULL;
	if (!s)
		return -ENOMEM;
	if (text_set(&s->user, user) || text_set(&s->password, password) || text_set(&s->nonce, nonce)) {
		scram_free(&s);
		return -ENOMEM;
	}
	*out = s;
	return 0;
}

void scram_free(struct scram **sp)
{
	struct scram *s = *sp;

	if (!s)
		return;
	text_forget(&s->password);
	free(s->user);
	free(s->nonce);
	text_wipe((char *)s->server, sizeof(s->server));
	free(s);
	*sp = NULL;
}

/* RFC 2104.  The message is in two parts, of which the second may be empty. */
static int hmac(const void *key, size_t key_len, const void *a, size_t alen, const void *b, size_t blen,
		uint8_t out[HASH])
{
	uint8_t k[BLOCK] = { 0 }, outer[BLOCK + HASH];
	uint8_t *inner = malloc(BLOCK + alen + blen);

	if (!inner)
		return -ENOMEM;
	if (key_len > BLOCK)
		codec_sha1(key, key_len, k);
	else
		memcpy(k, key, key_len);
	for (size_t i = 0; i < BLOCK; i++) {
		inner[i] = k[i] ^ 0x36;
		outer[i] = k[i] ^ 0x5c;
	}
	memcpy(inner + BLOCK, a, alen);
	if (blen)
		memcpy(inner + BLOCK + alen, b, blen);
	codec_sha1(inner, BLOCK + alen + blen, outer + BLOCK);
	codec_sha1(outer, sizeof(outer), out);
	text_wipe((char *)inner, BLOCK);
	text_wipe((char *)outer, sizeof(outer));
	text_wipe((char *)k, sizeof(k));
	free(inner);
	return 0;
}

/* RFC 5802, 2.2: Hi() is PBKDF2 with one block. */
static int salted(const char *password, const uint8_t *salt, size_t len, unsigned rounds, uint8_t out[HASH])
{
	static const uint8_t one[4] = { 0, 0, 0, 1 };
	size_t n = strlen(password);
	uint8_t u[HASH], next[HASH];
	int err = hmac(password, n, salt, len, one, sizeof(one), u);

	memcpy(out, u, HASH);
	for (unsigned i = 1; i < rounds && !err; i++) {
		err = hmac(password, n, u, HASH, NULL, 0, next);
		memcpy(u, next, HASH);
		for (int k = 0; k < HASH; k++)
			out[k] ^= u[k];
	}
	return err;
}

/* "=" and "," are the protocol's own (RFC 5802, 5.1). */
static void add_user(struct buf *b, const char *user)
{
	for (; *user; user++)
		if (*user == '=')
			buf_adds(b, "=3D");
		else if (*user == ',')
			buf_adds(b, "=2C");
		else
			buf_addc(b, *user);
}

static void add_bare(const struct scram *s, struct buf *b)
{
	buf_adds(b, "n=");
	add_user(b, s->user);
	buf_addf(b, ",r=%s", s->nonce);
}

int scram_first(const struct scram *s, struct buf *out)
{
	buf_adds(out, "n,,");
	add_bare(s, out);
	return buf_err(out);
}

/* The value of "k=..." in a list into out; false: none, or longer than it may be. */
static bool field(const char *text, char k, char *out, size_t size)
{
	while (*text) {
		size_t n = strcspn(text, ",");

		if (text[0] == k && text[1] == '=' && n - 2 < size) {
			memcpy(out, text + 2, n - 2);
			out[n - 2] = 0;
			return true;
		}
		text += n + (text[n] == ',');
	}
	return false;
}

static int proofs(struct scram *s, const uint8_t *salt, size_t salt_len, unsigned rounds, const char *auth,
		  uint8_t proof[HASH])
{
	uint8_t key[HASH], client[HASH], stored[HASH], server[HASH];
	size_t len = strlen(auth);
	int err = salted(s->password, salt, salt_len, rounds, key);

	if (!err)
		err = hmac(key, HASH, "Client Key", 10, NULL, 0, client);
	if (!err) {
		codec_sha1(client, HASH, stored);
		err = hmac(stored, HASH, auth, len, NULL, 0, proof);
	}
	for (int i = 0; i < HASH && !err; i++)
		proof[i] ^= client[i];
	if (!err)
		err = hmac(key, HASH, "Server Key", 10, NULL, 0, server);
	if (!err)
		err = hmac(server, HASH, auth, len, NULL, 0, s->server);
	text_wipe((char *)key, sizeof(key));
	text_wipe((char *)client, sizeof(client));
	return err;
}

static int answer(struct scram *s, const char *challenge, const char *nonce, const char *salt64,
		  unsigned rounds, struct buf *out)
{
	uint8_t salt[SALT_MAX], proof[HASH];
	long salt_len = codec_unbase64(salt64, salt, sizeof(salt));
	struct buf auth = { 0 };
	char *text;
	int err;

	if (salt_len <= 0)
		return -EINVAL;
	add_bare(s, &auth);
	buf_addf(&auth, ",%s,c=biws,r=%s", challenge, nonce);
	err = buf_err(&auth);
	if (!err)
		err = proofs(s, salt, (size_t)salt_len, rounds, buf_str(&auth), proof);
	buf_free(&auth);
	if (err)
		return err;
	text = codec_base64(proof, HASH);
	if (!text)
		return -ENOMEM;
	buf_addf(out, "c=biws,r=%s,p=%s", nonce, text);         /* biws: "n,," */
	free(text);
	s->answered = true;
	return buf_err(out);
}

int scram_answer(struct scram *s, const char *challenge, struct buf *out)
{
	char nonce[NONCE_MAX], salt[SALT_MAX * 2], i[12];
	uint64_t rounds;

	/* m=: an extension that has to be understood, and is not. */
	if (*challenge == 'm' || !field(challenge, 'r', nonce, sizeof(nonce)) ||
	    !field(challenge, 's', salt, sizeof(salt)) || !field(challenge, 'i', i, sizeof(i)) ||
	    !text_starts(nonce, s->nonce) || strlen(nonce) <= strlen(s->nonce) ||
	    text_u64(i, 1, ROUNDS_MAX, &rounds))
		return -EINVAL;
	return answer(s, challenge, nonce, salt, (unsigned)rounds, out);
}

bool scram_is_right(const struct scram *s, const char *last)
{
	char v[40];
	uint8_t got[HASH], differ = 0;

	if (!s->answered || !field(last, 'v', v, sizeof(v)) || codec_unbase64(v, got, sizeof(got)) != HASH)
		return false;
	for (int i = 0; i < HASH; i++)
		differ |= got[i] ^ s->server[i];
	return !differ;
}
