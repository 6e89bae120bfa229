/* stanza.c - IQs and errors, as both ends write and read them (RFC 6120, 8) */
#include <stdlib.h>
#include <string.h>
#include "xmpp/ns.h"
#include "xmpp/stream.h"

struct xml *xmpp_iq_new(const char *type, const char *to)
{
	struct xml *iq = xml_new("iq", NS_CLIENT);

	xml_set(iq, "type", type);
	if (to)
		xml_set(iq, "to", to);
	return iq;
}

struct xml *xmpp_iq_answer(const struct xml *iq, const char *type)
{
	struct xml *a = xmpp_iq_new(type, xml_attr(iq, "from"));

	xml_set(a, "from", xml_attr(iq, "to"));
	xml_set(a, "id", xml_attr(iq, "id"));
	return a;
}

struct xml *xmpp_error_add(struct xml *stanza, const char *type, const char *condition,
			   const char *text)
{
	struct xml *e = xml_add(stanza, "error", NULL);

	xml_set(e, "type", type);
	xml_add(e, condition, NS_STANZAS);
	if (text && *text)
		xml_add_text(e, "text", NS_STANZAS, text);
	return e;
}

const char *xmpp_error_condition(const struct xml *stanza)
{
	const struct xml *c = xml_first(xml_child(stanza, "error", NULL));

	for (; c; c = xml_next(c))
		if (xml_is(c, NULL, NS_STANZAS) && !xml_is(c, "text", NULL))
			return xml_name(c);
	return "undefined-condition";
}

const char *xmpp_error_text(const struct xml *stanza)
{
	const char *t = xml_child_text(xml_child(stanza, "error", NULL), "text", NULL);

	return t ? t : "";
}
