/* rooms: base xmpp */
/* fuzz_xml.c - what is read can be written, and is the same when read again */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "xmpp/xml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct xml_limits limits = { .max_depth = 16, .max_nodes = 500 };
	struct xml *x, *y = NULL, *z = NULL;
	struct buf a = { 0 }, b = { 0 };

	if (xml_parse(&x, (const char *)data, size, &limits, NULL))
		return 0;
	/* Escapes may make the text longer, never refused. */
	if (xml_write(x, &a) || xml_parse(&y, a.p, a.len, &limits, NULL) || xml_write(y, &b) ||
	    strcmp(a.p, b.p) || xml_dup(&z, y))
		abort();
	xml_add_copy(z, y);
	xml_remove(z, xml_first(z));
	buf_clear(&b);
	if (xml_write(z, &b))
		abort();
	buf_free(&a);
	buf_free(&b);
	xml_free(&x);
	xml_free(&y);
	xml_free(&z);
	return 0;
}
