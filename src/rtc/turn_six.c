/* turn_six.c - asks a relay for an IPv6 address
 *
 * What stands before the signature is kept, the wish comes behind it, then the
 * signature (RFC 8489 section 14.5) and the fingerprint (14.7) of what it is
 * now.  The key is of name, realm and password (9.2.2), the first two of which
 * stand in the request.
 */
#include "rtc/turn_six.h"
#include <errno.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdbool.h>
#include <string.h>
#include "base/text.h"
#include "rtc/wire.h"

enum {
	HEADER = 20, ATTRIBUTE = 4, SHA1 = 20, MD5 = 16,
	ATTR_USERNAME = 0x0006, ATTR_INTEGRITY = 0x0008, ATTR_REALM = 0x0014, ATTR_FAMILY = 0x0017,
	ATTR_FINGERPRINT = 0x8028,
	FAMILY_V6 = 2,
};

struct field { const uint8_t *p; size_t len; };
struct parts {
	size_t kept;            /* bytes before signature and fingerprint */
	bool integrity, fingerprint;
	struct field name, realm;
};

static int look(struct parts *x, const uint8_t *p, size_t len)
{
	size_t at = HEADER;

	memset(x, 0, sizeof(*x));
	if (len < HEADER || get16(p + 2) != len - HEADER)
		return -EBADMSG;
	while (at < len) {
		unsigned type = len - at < ATTRIBUTE ? 0 : get16(p + at);
		struct field f = { p + at + ATTRIBUTE, type ? get16(p + at + 2) : 0 };
		size_t padded = (f.len + 3) / 4 * 4;

		if (len - at < ATTRIBUTE || padded > len - at - ATTRIBUTE)
			return -EBADMSG;
		if (type == ATTR_USERNAME)
			x->name = f;
		else if (type == ATTR_REALM)
			x->realm = f;
		if (!x->kept && (type == ATTR_INTEGRITY || type == ATTR_FINGERPRINT))
			x->kept = at;
		x->integrity |= type == ATTR_INTEGRITY;
		x->fingerprint |= type == ATTR_FINGERPRINT;
		at += ATTRIBUTE + padded;
	}
	if (!x->kept)
		x->kept = len;
	return 0;
}

static bool make_key(uint8_t key[MD5], const struct parts *x, const char *password)
{
	EVP_MD_CTX *c = EVP_MD_CTX_new();
	bool ok = c && EVP_DigestInit_ex(c, EVP_md5(), NULL) &&
		EVP_DigestUpdate(c, x->name.p, x->name.len) && EVP_DigestUpdate(c, ":", 1) &&
		EVP_DigestUpdate(c, x->realm.p, x->realm.len) && EVP_DigestUpdate(c, ":", 1) &&
		EVP_DigestUpdate(c, password, strlen(password)) && EVP_DigestFinal_ex(c, key, NULL);

	EVP_MD_CTX_free(c);
	return ok;
}

static uint32_t crc32_of(const uint8_t *p, size_t len)
{
	uint32_t c = UINT32_MAX;

	for (size_t i = 0; i < len; i++) {
		c ^= p[i];
		for (int k = 0; k < 8; k++)
			c = c >> 1 ^ (c & 1 ? 0xEDB88320 : 0);
	}
	return ~c;
}

/* The header's length counts an attribute before what it covers is looked at. */
static uint8_t *attribute(uint8_t *out, size_t *len, unsigned type, size_t n)
{
	uint8_t *p = out + *len;

	put16(p, (uint16_t)type);
	put16(p + 2, (uint16_t)n);
	*len += ATTRIBUTE + n;
	put16(out + 2, (uint16_t)(*len - HEADER));
	return p + ATTRIBUTE;
}

int turn_six_write(uint8_t *out, size_t size, const uint8_t *p, size_t len, const char *password)
{
	uint8_t key[MD5], *v;
	struct parts x;
	size_t n;

	if (look(&x, p, len))
		return -EBADMSG;
	if (x.kept + 3 * ATTRIBUTE + 4 + SHA1 + 4 > size)
		return -EMSGSIZE;
	memcpy(out, p, x.kept);
	n = x.kept;
	v = attribute(out, &n, ATTR_FAMILY, 4);
	memcpy(v, (const uint8_t[]){ FAMILY_V6, 0, 0, 0 }, 4);
	if (x.integrity) {
		unsigned sha = SHA1;
		size_t covered = n;
		bool ok;

		v = attribute(out, &n, ATTR_INTEGRITY, SHA1);
		ok = make_key(key, &x, password) && HMAC(EVP_sha1(), key, MD5, out, covered, v, &sha);
		text_wipe((char *)key, sizeof(key));
		if (!ok)
			return -EIO;
	}
	if (x.fingerprint) {
		size_t covered = n;

		v = attribute(out, &n, ATTR_FINGERPRINT, 4);
		put32(v, crc32_of(out, covered) ^ 0x5354554E);
	}
	return (int)n;
}
