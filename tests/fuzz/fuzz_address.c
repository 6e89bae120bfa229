/* rooms: base io xmpp rtc call */
/* fuzz_address.c - room addresses as people paste them */
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "call/address.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *s = strndup((const char *)data, size), *why = NULL, *again;
	struct address a;

	if (!s)
		return 0;
	if (!address_parse(&a, s, "https://meet.example.org", &why)) {
		/* A room's safe name is ASCII, and its title fit to show. */
		for (const char *p = a.room; *p; p++)
			if ((unsigned char)*p > 0x7e || *p <= ' ' || *p == '/' || *p == '@')
				abort();
		again = text_clean(a.title, strlen(a.title), 0, TEXT_TRIM);
		if (!again || strcmp(again, a.title))
			abort();
		free(again);
		address_clear(&a);
	} else if (!why) {
		abort();
	}
	free(why);
	free(s);
	return 0;
}
