/* rooms: base rtc */
/* fuzz_colibri.c - messages of the bridge channel */
#include <stdlib.h>
#include <string.h>
#include "rtc/colibri.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct colibri c;
	struct buf b = {0};
	char *s;

	if (!colibri_parse(&c, (const char *)data, size)) {
		/* What came out can be written again. */
		if (c.payload && colibri_write_endpoint_message(&b, c.to, c.payload))
			abort();
		colibri_write_dominant(&b, c.endpoint, NULL, 0);
		colibri_clear(&c);
	}
	s = colibri_with_from((const char *)data, size, "5b0c9e17");
	if (s) {
		if (!colibri_parse(&c, s, strlen(s)))
			colibri_clear(&c);
		free(s);
	}
	buf_free(&b);
	return 0;
}
