/* token.c - what a JSON web token says of its own end
 *
 * Nothing is verified here, that is the server's affair: only who holds an
 * expired token need not ask with it again and again.
 */
#include "call/token.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"

enum { TOKEN_BYTES = 65536 };

static int value_of(char c)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	const char *at = c ? strchr(digits, c) : NULL;

	return at ? (int)(at - digits) : -1;
}

/* RFC 4648, 5, without padding; the length in bytes, 0 if it is none. */
static size_t decode(char *out, const char *s, size_t len)
{
	unsigned bits = 0, have = 0;
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		int v = value_of(s[i]);

		if (v < 0)
			return 0;
		bits = bits << 6 | (unsigned)v;
		have += 6;
		if (have >= 8) {
			have -= 8;
			out[n++] = (char)(bits >> have & 0xff);
		}
	}
	return n;
}

int64_t token_expires_s(const char *jwt)
{
	const char *dot = strchr(jwt, '.');
	size_t len = dot ? strcspn(dot + 1, ".") : 0, n;
	int64_t exp = 0;
	char *text;
	json_t *j;

	if (!len || len > TOKEN_BYTES)
		return 0;
	text = malloc(len);
	if (!text)
		return 0;
	n = decode(text, dot + 1, len);
	j = json_loadb(text, n, 0, NULL);
	if (json_is_number(json_object_get(j, "exp"))) {
		double d = json_number_value(json_object_get(j, "exp"));

		exp = d > 0 && d < 1e15 ? (int64_t)d : 0;
	}
	json_decref(j);
	text_wipe(text, len);
	free(text);
	return exp;
}
