/* rooms: base rtc */
/* What a relay sends: as one datagram, and as a stream that is cut into messages
 * wherever it happens to be cut. */
#include <stdlib.h>
#include <string.h>
#include "rtc/turn_msg.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void look(const uint8_t *p, size_t len)
{
	struct turn_msg m;

	if (turn_msg_parse(&m, p, len))
		return;
	if (strlen(m.reason) >= sizeof(m.reason) || strlen(m.relayed) >= sizeof(m.relayed) || m.error > 799)
		abort();
	for (const char *c = m.reason; *c; c++)
		if (*c < ' ' || *c > '~')
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t at = 0, len = 0;
	int n;

	look(data, size);
	while (at < size && (n = turn_msg_frame(data + at, size - at, &len)) > 0) {
		if ((size_t)n > size - at || (size_t)n > TURN_MESSAGE_MAX || len > (size_t)n || (size_t)n - len > 3)
			abort();
		look(data + at, len);
		at += (size_t)n;
	}
	return 0;
}
