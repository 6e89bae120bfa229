/* rooms: base xmpp */
/* fuzz_jingle.c - sessions as strangers offer them, and as we write them again */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "xmpp/jingle.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_again(const struct jingle *j, bool json)
{
	struct xml *x = jingle_write(j, "r@c/focus", "initiator", json, true), *y;
	struct jingle *k = calloc(1, sizeof(*k));
	struct buf b = { 0 };

	if (xml_write(x, &b) || !k)
		abort();
	/* What holds within the limits of one stanza is read as it was meant. */
	if (!xml_parse(&y, b.p, b.len, NULL, NULL)) {
		if (jingle_parse(k, xml_child(y, "jingle", NULL), "") || k->action != j->action ||
		    strcmp(k->sid, j->sid))
			abort();
		jingle_clear(k);
		xml_free(&y);
	}
	buf_free(&b);
	free(k);
	xml_free(&x);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct jingle *j = calloc(1, sizeof(*j));
	const struct xml *in;
	struct xml *x;

	if (!j)
		return 0;
	if (!xml_parse(&x, (const char *)data, size, NULL, NULL)) {
		in = xml_is(x, "iq", NULL) ? xml_child(x, "jingle", NULL) : x;
		if (!jingle_parse(j, in, "me")) {
			if (j->sources.count > SOURCE_MAX || j->transport.cands > JINGLE_CANDIDATES)
				abort();
			jingle_payload_by_name(&j->audio, "opus");
			jingle_ext_id(&j->audio, EXT_AUDIO_LEVEL);
			write_again(j, true);
			write_again(j, false);
			jingle_clear(j);
		}
		xml_free(&x);
	}
	free(j);
	return 0;
}
