/* policy.c - what moderators and the room want of our microphone
 *
 * By an IQ of the focus, which alone may mute us, and by messages of the
 * components that the server announced; the same words from anyone else are
 * dropped.
 */
#include "call/call_priv.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"

enum { JSON_BYTES = 65536 };

/* ---- the focus mutes us ---- */

bool policy_iq(struct call *c, const struct xml *iq)
{
	const struct xml *m = xml_child(iq, "mute", NS_MUTE_AUDIO);
	const char *actor = xml_attr(m, "actor");

	if (!m)
		return false;
	if (!roster_is_focus(c, xml_attr(iq, "from"))) {
		c->count.forged++;
		return true;    /* not even an error for who pretends */
	}
	xmpp_stream_result(c->stream, iq, NULL);
	if (strcmp(xml_text(m), "true"))
		return true;    /* nobody opens a microphone but its owner */
	c->muted_by_focus = true;
	call_muted_by(c, actor ? roster_find(c, jid_resource(actor)) : NULL, !actor && c->audio_full
		      ? "as many microphones are open as this server takes; try again when somebody is muted" : NULL);
	return true;
}

/* ---- AV moderation ---- */

static void on_switched(struct call *c, bool on)
{
	if (c->moderated == on)
		return;
	c->moderated = on;
	if (on && !c->self_moderator)
		call_notice(c, "the room is moderated: a moderator lets people speak; /hand asks for it");
	else if (!on)
		call_notice(c, "everybody may speak again");
}

static void on_moderation(struct call *c, const json_t *j)
{
	const char *media = json_string_value(json_object_get(j, "mediaType"));
	const json_t *enabled = json_object_get(j, "enabled");

	if (!media || strcmp(media, "audio"))
		return;
	if (json_is_boolean(enabled)) {
		on_switched(c, json_is_true(enabled));
	} else if (json_is_true(json_object_get(j, "approved"))) {
		call_notice(c, c->muted ? "you may speak now: /unmute" : "you may speak");
	} else if (json_is_true(json_object_get(j, "removed")) && !json_object_get(j, "whitelists")) {
		/* A request only: no mute follows, so it is on us. */
		c->muted_by_focus = true;
		call_muted_by(c, NULL, "a moderator does not let you speak any more");
	}
}

/* ---- room metadata ---- */

/* Relays come with the first push where servers do without XEP-0215. */
static void take_services(struct call *c, const json_t *list)
{
	struct xml *services = xml_new("services", NS_EXTDISCO);
	static const char *const keys[] = { "type", "host", "port", "transport", "username",
		"password", "expires" };
	struct ext_service *v = NULL;
	size_t n = 0, i;
	const json_t *s;

	json_array_foreach(list, i, s) {
		struct xml *x = xml_add(services, "service", NULL);

		for (size_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++)
			if (*json_text(s, keys[k]))
				xml_set(x, keys[k], json_text(s, keys[k]));
		if (json_is_integer(json_object_get(s, "port")))
			xml_setf(x, "port", "%d",
				 (int)(json_integer_value(json_object_get(s, "port")) & 0xffff));
	}
	if (!ext_services_parse(&v, &n, services) && n)
		services_take(c, v, n);
	else
		ext_services_free(&v, &n);
	xml_free(&services);
}

static void on_metadata(struct call *c, const json_t *j)
{
	const json_t *meta = json_object_get(j, "metadata");
	const json_t *services = json_object_get(meta, "services");

	if (json_is_array(services))
		take_services(c, services);
	c->want_start_muted = json_is_true(json_object_get(json_object_get(meta, "startMuted"), "audio"));
	policy_seated(c);
}

/* For newcomers that are no moderators. */
void policy_seated(struct call *c)
{
	if (c->want_start_muted && c->phase == PHASE_JOINED && !c->was_seated &&
	    !c->self_moderator && !c->no_mic)
		call_muted_by(c, NULL, "people start muted here");
}

/* ---- whose word it is ---- */

static void take_json(struct call *c, const char *from, const char *text)
{
	json_t *j = json_loads(text, 0, NULL);
	const char *type = json_text(j, "type");

	if (c->moderation_jid && !strcmp(from, c->moderation_jid) && !strcmp(type, "av_moderation"))
		on_moderation(c, j);
	else if (c->metadata_jid && !strcmp(from, c->metadata_jid) && !strcmp(type, "room_metadata"))
		on_metadata(c, j);
	else if (c->breakout_jid && !strcmp(from, c->breakout_jid) && !strcmp(type, "breakout_rooms"))
		breakout_json(c, j);
	else if (!strcmp(type, "av_moderation") || !strcmp(type, "room_metadata") || !strcmp(type, "breakout_rooms"))
		c->count.forged++;
	json_decref(j);
}

/* Until it is known who the components are, what might be theirs waits. */
void policy_json(struct call *c, const struct chat_message *m)
{
	if (m->group || *m->nick || strlen(m->json) > JSON_BYTES)
		return;
	if (c->disco_known) {
		take_json(c, m->from, m->json);
	} else if (c->earlies < EARLY_MAX) {
		c->early[c->earlies].from = c->early[c->earlies].json = NULL;
		call_set(&c->early[c->earlies].from, m->from);
		call_set(&c->early[c->earlies++].json, m->json);
	}
}

void policy_known(struct call *c)
{
	unsigned n = c->earlies;

	c->earlies = 0;
	for (unsigned i = 0; i < n; i++) {
		char *from = c->early[i].from, *json = c->early[i].json;

		take_json(c, from, json);
		free(from);
		free(json);
	}
}
