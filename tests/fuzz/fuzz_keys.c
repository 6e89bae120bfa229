/* rooms: base io xmpp rtc audio video call session ui
 *
 * Bytes of a terminal through the decoder into the line editor, and the line
 * through the wrapping of the chat: no byte may hang it, no control come out.
 */
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"
#include "ui/bindings.h"
#include "ui/input.h"
#include "ui/width.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char **complete(void *ctx, const char *line, size_t at, size_t *start)
{
	char **v = calloc(3, sizeof(*v));

	(void)ctx;
	*start = at ? at - 1 : 0;
	while (*start && ((unsigned char)line[*start] & 0xC0) == 0x80)
		--*start;
	if (!v)
		abort();
	v[0] = strdup("Anna: ");
	v[1] = strdup("anton \xE6\x9D\x8E");
	return v;
}

static void one_key(struct input *in, struct keys *k, struct key key)
{
	const struct binding *b = binding_find(key, !*input_text(in));
	char utf8[4];
	size_t len;
	const char *p;

	if (key.code == K_PASTE) {
		p = keys_pasted(k, &len);
		input_insert(in, p, len);
	} else if (b && b->action == ACT_EDIT) {
		input_do(in, (enum input_action)b->arg);
	} else if (b && b->action == ACT_SUBMIT) {
		free(input_take(in, true));
	} else if (b && (b->action == ACT_COMPLETE || b->action == ACT_COMPLETE_BACK)) {
		input_complete(in, b->action == ACT_COMPLETE_BACK, complete, NULL, NULL);
	} else if (!b && key.code < K_NONE) {
		input_insert(in, utf8, text_utf8_put(utf8, key.code));
	}
}

static void check_line(const char *text, int columns)
{
	struct wrap w;
	const char *row;
	size_t len, n = 0;

	if (!text_is_utf8(text, strlen(text)))
		abort();
	wrap_start(&w, true, text, columns);
	while (wrap_next(&w, &row, &len)) {
		struct glyph g;
		size_t used;

		if (width_of(true, row, len) + w.indent > (columns < 2 ? 2 : columns) ||
		    n++ > strlen(text))
			abort();
		for (; (used = glyph_next(true, row, len, &g)) > 0; row += used, len -= used)
			if (g.columns && (g.wc[0] < 32 || (g.wc[0] >= 127 && g.wc[0] < 160)))
				abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct keys *k;
	struct input *in;
	struct key key;
	int64_t now = 1000000;
	size_t step = size ? data[0] % 7 + 1u : 1;

	setlocale(LC_ALL, "C.UTF-8");
	if (keys_new(&k) || input_new(&in))
		abort();
	for (size_t at = 1; at < size; at += step) {
		size_t n = size - at < step ? size - at : step;

		keys_input(k, (const char *)data + at, n, now);
		now += data[at] == 0x1B ? 60000 : 1000;
		while (keys_next(k, now, &key))
			one_key(in, k, key);
	}
	while (keys_next(k, now + 2000000, &key))
		one_key(in, k, key);
	if (input_cursor(in) > strlen(input_text(in)))
		abort();
	check_line(input_text(in), size ? data[0] : 0);
	input_free(&in);
	keys_free(&k);
	return 0;
}
