/* rooms: base rtc */
/* What comes while an answer is waited for, with the question's number in it. */
#include <stdlib.h>
#include <string.h>
#include "rtc/ice_ask.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The first byte says where the number stands. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *buf;
	struct ice_ask *a;
	const uint8_t *p;
	size_t len, at;

	if (size < 2 || ice_ask_new(&a, "aaaa", "bbbb", "0123456789abcdefghijkl"))
		return 0;
	len = ice_ask_tick(a, true, false, &p, 1000000);
	at = data[0];
	if (len && size - 1 >= at + 12 && (buf = malloc(size - 1))) {
		memcpy(buf, data + 1, size - 1);
		memcpy(buf + at, p + 8, 12);
		ice_ask_look(a, buf, size - 1, 1000000);
		/* Nobody knows the password: it was not answered. */
		if (!ice_ask_tick(a, true, false, &p, 2000000))
			abort();
		free(buf);
	}
	ice_ask_free(&a);
	return 0;
}
