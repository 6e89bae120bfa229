/* rooms: base io xmpp rtc call */
/* fuzz_config_js.c - a deployment's config.js */
#include <stdlib.h>
#include <string.h>
#include "call/config_js.h"
#include "io/url.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct deployment d;
	struct address a;
	struct url u;
	const char *why;

	if (address_parse(&a, "https://meet.example.org/Team.A/room", NULL, NULL))
		abort();
	if (!deployment_parse(&d, (const char *)data, size, &a, &why)) {
		/* Whatever it says, what follows is complete and can be dialled. */
		if (!d.domain || !d.muc || !d.focus || url_parse(&u, d.websocket))
			abort();
		url_clear(&u);
		deployment_clear(&d);
	}
	address_clear(&a);
	return 0;
}
