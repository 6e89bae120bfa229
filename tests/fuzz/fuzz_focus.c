/* rooms: base xmpp */
/* fuzz_focus.c - conference requests and their answers, as JSON and as IQ
 *
 * The first two bytes are the HTTP status; the rest stands in memory of just
 * its length, without a NUL.
 */
#include <stdlib.h>
#include <string.h>
#include "xmpp/focus.h"
#include "base/buf.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static void requests(const struct focus_request *r)
{
	struct focus_request again;
	struct buf b = { 0 };
	struct xml *x = focus_request_iq(r, "focus");

	if (focus_request_json(r, &b) || focus_request_parse_json(&again, b.p, b.len) ||
	    strcmp(again.room, r->room))
		abort();
	focus_request_clear(&again);
	if (focus_request_parse_iq(&again, x))
		abort();
	focus_request_clear(&again);
	xml_free(&x);
	buf_free(&b);
}

static void answers(const struct focus_answer *a)
{
	struct focus_answer again;
	struct buf b = { 0 };
	struct xml *x;

	if (!a->text || !a->room || !a->focus_jid)
		abort();
	x = focus_answer_child(a);
	if (focus_answer_json(a, &b) || focus_answer_parse_json(&again, 200, b.p, b.len) ||
	    strcmp(again.focus_jid, a->focus_jid) || again.ready != a->ready)
		abort();
	focus_answer_clear(&again);
	xml_free(&x);
	buf_free(&b);
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	struct focus_request r;
	struct focus_answer a;
	const char *text;
	struct xml *x;
	int status;

	if (size < 2)
		return 0;
	status = data[0] << 8 | data[1];
	text = (const char *)data + 2;
	size -= 2;
	if (!focus_request_parse_json(&r, text, size)) {
		requests(&r);
		focus_request_clear(&r);
	}
	if (!focus_answer_parse_json(&a, status, text, size)) {
		answers(&a);
		focus_answer_clear(&a);
	}
	if (xml_parse(&x, text, size, NULL, NULL))
		return 0;
	if (!focus_request_parse_iq(&r, x)) {
		requests(&r);
		focus_request_clear(&r);
	}
	if (!focus_answer_parse_iq(&a, x)) {
		answers(&a);
		focus_answer_clear(&a);
	}
	xml_free(&x);
	return 0;
}
