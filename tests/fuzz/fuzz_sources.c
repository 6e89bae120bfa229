/* rooms: base xmpp */
/* fuzz_sources.c - sources in compact JSON, and the SourceInfo of a presence */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "xmpp/source.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An owner may be an address; what stands behind its first slash counts, so
 * that one with more of them is shorter with each reading. */
static bool has_plain_owners(const struct source_set *s)
{
	for (size_t i = 0; i < s->count; i++)
		if (strchr(s->v[i].owner, '/'))
			return false;
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct source_set s = { 0 }, t = { 0 };
	struct buf a = { 0 }, b = { 0 };
	struct source_info info;
	unsigned bad = 0;

	source_info_parse(&info, (const char *)data, size, "5c1f0a9e");
	source_info_write(&b, info.audio_name, info.audio_muted);
	buf_clear(&b);
	if (!source_set_parse_json(&s, (const char *)data, size, &bad)) {
		if (s.count > SOURCE_MAX || s.groups > SOURCE_GROUP_MAX)
			abort();
		/* One writing settles the order of owners; the next is the same. */
		if (source_set_write_json(&s, &a) || source_set_parse_json(&t, a.p, a.len, &bad) ||
		    t.count != s.count || source_set_write_json(&t, &b) ||
		    (has_plain_owners(&s) && strcmp(a.p, b.p)))
			abort();
		source_set_merge(&t, &s);
		while (t.count) {
			source_set_remove(&t, t.v[0].ssrc);
			if (t.count)
				source_set_remove_owner(&t, t.v[0].owner);
		}
	}
	source_set_clear(&s);
	source_set_clear(&t);
	buf_free(&a);
	buf_free(&b);
	return 0;
}
