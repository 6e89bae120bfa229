/* rooms: base
 *
 * fuzz_text.c - whatever comes, cleaned text is UTF-8 without controls, no
 * longer than asked for, and stays as it is when it is cleaned again.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_clean(const char *s, size_t len, size_t max, int flags)
{
	char *a = text_clean(s, len, max, flags), *b;
	size_t n = strlen(a), k;
	uint32_t cp;

	assert(text_is_utf8(a, n));
	assert(!max || n <= max);
	for (size_t i = 0; i < n; i += k) {
		k = text_utf8_next(a + i, n - i, &cp);
		assert(!text_is_unwanted(cp) || (cp == '\n' && flags & TEXT_LINES));
	}
	b = text_clean(a, n, 0, flags);
	assert(!strcmp(a, b));
	free(a);
	free(b);
}

static void check_percent(const char *s)
{
	char *coded = text_percent_encode(s, NULL), *back = text_percent_decode(coded, strlen(coded));

	assert(!strcmp(back, s));
	free(coded);
	free(back);
	back = text_percent_decode(s, strlen(s));
	assert(strlen(back) <= strlen(s));
	free(back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *s, copy[17];
	uint64_t n;
	int64_t us;

	if (size < 2)
		return 0;
	s = strndup((const char *)data + 2, size - 2);
	check_clean((const char *)data + 2, size - 2, data[0], data[1] & 3);
	check_clean((const char *)data + 2, size - 2, 0, data[1] & 3);
	check_percent(s);
	if (text_is_utf8(s, strlen(s)) && text_copy(copy, sizeof(copy), s) == false)
		assert(text_is_utf8(copy, strlen(copy)));
	text_u64(s, 0, UINT64_MAX, &n);
	if (!text_duration_us(s, &us))
		assert(us >= 0);
	free(s);
	return 0;
}
