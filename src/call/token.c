/* token.c - what a JSON web token says of its own end
 *
 * Nothing is verified here, that is the server's affair: only who holds an
 * expired token need not ask with it again and again.
 */
#include "call/token.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "base/text.h"
#include "xmpp/codec.h"

enum { TOKEN_BYTES = 65536 };

/* RFC 4648, 5, without padding: the other alphabet's digits, and padded. */
static long decode(uint8_t *out, size_t size, const char *s, size_t len)
{
	struct buf b = { 0 };
	long n;

	buf_add(&b, s, len);
	for (size_t i = 0; i < b.len; i++)
		b.p[i] = b.p[i] == '-' ? '+' : b.p[i] == '_' ? '/' : b.p[i];
	while (b.len % 4)
		buf_addc(&b, '=');
	n = codec_unbase64(buf_str(&b), out, size);
	text_wipe(b.p, b.len);
	buf_free(&b);
	return n;
}

int64_t token_expires_s(const char *jwt)
{
	const char *dot = strchr(jwt, '.');
	size_t len = dot ? strcspn(dot + 1, ".") : 0;
	int64_t exp = 0;
	uint8_t *text;
	long n;
	json_t *j;

	if (!len || len > TOKEN_BYTES)
		return 0;
	text = malloc(len);
	if (!text)
		return 0;
	n = decode(text, len, dot + 1, len);
	j = n > 0 ? json_loadb((char *)text, (size_t)n, 0, NULL) : NULL;
	if (json_is_number(json_object_get(j, "exp"))) {
		double d = json_number_value(json_object_get(j, "exp"));

		exp = d > 0 && d < 1e15 ? (int64_t)d : 0;
	}
	json_decref(j);
	text_wipe(text, len);
	free(text);
	return exp;
}
