/* json_text.c - JSON read by jansson, written through struct buf */
#include "xmpp/json_text.h"
#include <errno.h>
#include <string.h>
#include "base/text.h"

static int load(json_t **out, const char *s, size_t len)
{
	json_error_t e = { 0 };

	*out = json_loadb(s, len, 0, &e);
	if (*out)
		return 0;
	switch (json_error_code(&e)) {
	case json_error_unknown:        /* what a failed allocation leaves behind */
	case json_error_out_of_memory:
		return -ENOMEM;
	default:
		return -EINVAL;
	}
}

int json_text_load(json_t **out, const char *s, size_t len)
{
	int err;

	*out = NULL;
	if (!s || len > JSON_TEXT_MAX)
		return -EINVAL;
	err = load(out, s, len);
	/* A string that found no memory is an "invalid token" to jansson.  What
	 * is really malformed is so a second time; where memory has run out,
	 * the second try says that. */
	return err == -EINVAL ? load(out, s, len) : err;
}

void json_text_string(struct buf *out, const char *s)
{
	size_t len = strlen(s), n;
	char utf8[4];
	uint32_t cp;

	buf_addc(out, '"');
	for (size_t i = 0; i < len; i += n) {
		n = text_utf8_next(s + i, len - i, &cp);
		if (cp == '"' || cp == '\\')
			buf_addc(out, '\\');
		if (cp < 0x20)          /* RFC 8259, section 7 */
			buf_addf(out, "\\u%04x", (unsigned)cp);
		else
			buf_add(out, utf8, text_utf8_put(utf8, cp));
	}
	buf_addc(out, '"');
}
