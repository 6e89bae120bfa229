/* command.c - what people ask for: mute, name, hand, subject, kick */
#include "call/call_priv.h"
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"

/* Names the command whose answer it is. */
struct asked { struct asked *next; struct call *c; char what[64]; };

static void forget(struct call *c)
{
	while (c->asked) {
		struct asked *a = c->asked;

		c->asked = a->next;
		free(a);
	}
}

/* They were sent on a connection that is no more. */
void commands_dropped(struct call *c)
{
	struct call_event ev = { .type = CALL_EV_MUTED_BY, .text = "" };

	for (struct asked *a = c->phase == PHASE_OVER || c->phase == PHASE_LEAVING ? NULL : c->asked; a; a = a->next)
		call_complain(c, "lost", "%s: the connection was lost before an answer came", a->what);
	forget(c);
	if (c->unmuting && c->phase != PHASE_OVER)
		call_emit(c, &ev);      /* still muted, whatever the front end thinks */
	c->unmuting = false;
}

static void asked_done(struct asked *a)
{
	for (struct asked **p = &a->c->asked; *p; p = &(*p)->next)
		if (*p == a) {
			*p = a->next;
			break;
		}
	free(a);
}

/* ---- mute ---- */

static void set_muted(struct call *c, bool muted)
{
	c->muted = muted;
	roster_dirty(c);
	if (roster_me(c))
		roster_changed(c, roster_me(c));
}

void call_muted_by(struct call *c, const struct person_entry *by, const char *notice)
{
	struct call_event ev = { .type = CALL_EV_MUTED_BY, .person = by ? &by->p : NULL };

	c->unmuting = false;
	if (c->muted)
		return;
	set_muted(c, true);
	ev.text = notice ? notice : "";
	call_emit(c, &ev);
	if (notice)
		call_notice(c, "%s", notice);
}

static void on_unmute_answer(void *ctx, const struct xml *answer)
{
	struct call *c = ctx;
	const char *type = xml_attr(answer, "type");
	struct call_event ev = { .type = CALL_EV_MUTED_BY, .text = "" };

	if (!c->unmuting)
		return;         /* muted again meanwhile */
	c->unmuting = false;
	if (answer && type && !strcmp(type, "result")) {
		c->muted_by_focus = false;
		set_muted(c, false);
		call_notice(c, "the others can hear you");
		return;
	}
	/* The front end thinks that we speak: say that we do not, and why. */
	call_emit(c, &ev);
	if (answer)
		call_complain(c, "not-allowed", "a moderator does not let you speak yet; raise your hand");
	else
		call_complain(c, "timeout", "still muted: the conference did not answer");
}

/* A bridge drops what comes from whom AV moderation muted, until the focus is
 * asked: so who was muted by it is unmuted by its answer, not by our presence. */
static int ask_to_unmute(struct call *c)
{
	struct xml *iq;
	int err;

	if (c->unmuting)
		return 0;
	iq = muc_mute_new(c->focus_occupant, c->occupant, false);
	err = xmpp_stream_iq(c->stream, &iq, IQ_TIMEOUT_US, c->now_us, on_unmute_answer, c);
	c->unmuting = !err;
	return err;
}

int call_set_muted(struct call *c, bool muted, int64_t now_us)
{
	int err = 0;

	call_enter(c, now_us);
	if (muted)
		c->unmuting = false;
	if (c->muted == muted || (c->no_mic && !muted))
		;
	else if (!muted && c->muted_by_focus && c->phase == PHASE_JOINED && c->focus_occupant)
		err = ask_to_unmute(c);
	else
		set_muted(c, muted);
	call_leave_input(c);
	return err;
}

bool call_asks_to_speak(const struct call *c)
{
	return c->unmuting;
}

/* ---- ourselves ---- */

int call_set_name(struct call *c, const char *name, int64_t now_us)
{
	char *clean = text_clean(name, strlen(name), NAME_BYTES, TEXT_TRIM);

	call_enter(c, now_us);
	call_set(&c->name, clean ? clean : "");
	free(clean);
	roster_dirty(c);
	if (roster_me(c))
		roster_changed(c, roster_me(c));
	call_leave_input(c);
	return 0;
}

void call_set_password(struct call *c, const char *password, int64_t now_us)
{
	call_enter(c, now_us);
	text_forget(&c->password);
	call_set(&c->password, password && *password ? password : NULL);
	if (c->phase == PHASE_ASKING && c->stream)
		request_begin(c);
	call_leave_input(c);
}

int call_set_hand(struct call *c, bool up, int64_t now_us)
{
	if (c->phase != PHASE_JOINED && c->state != CALL_RECONNECTING)
		return -ENOTCONN;
	call_enter(c, now_us);
	/* The order of hands is by the time of day, the same for everybody. */
	c->hand_ms = !up ? 0 : c->hand_ms ? c->hand_ms : clock_wall_us() / 1000;
	roster_dirty(c);
	if (roster_me(c))
		roster_changed(c, roster_me(c));
	call_leave_input(c);
	return 0;
}

/* ---- moderators ---- */

int call_refuse(const char **kind, char **why, int err, const char *k, const char *words)
{
	if (kind)
		*kind = k;
	if (why)
		*why = strdup(words);
	return err;
}

static int not_joined(const struct call *c, const char **kind, char **why)
{
	return call_refuse(kind, why, -ENOTCONN, "not-joined", c->ever_joined
			   ? "not now: the connection is down" : "you are in no room");
}

int call_topic(struct call *c, const char *text, const char **kind, char **why, int64_t now_us)
{
	struct xml *m;
	int err;

	if (c->phase != PHASE_JOINED || c->cut)
		return not_joined(c, kind, why);
	if (!c->self_moderator)
		return call_refuse(kind, why, -EPERM, "not-moderator", "only moderators set the subject");
	call_enter(c, now_us);
	m = muc_subject_new(c->room, text);
	err = xmpp_stream_send(c->stream, &m);
	call_leave_input(c);
	return err;
}

static void on_asked(void *ctx, const struct xml *answer)
{
	struct asked *a = ctx;
	const char *type = xml_attr(answer, "type");

	if (!answer)
		call_complain(a->c, "timeout", "%s: no answer from the server", a->what);
	else if (type && !strcmp(type, "error"))
		call_complain(a->c, "refused", "%s: refused (%s%s%s)", a->what,
			      xmpp_error_condition(answer), *xmpp_error_text(answer) ? ": " : "",
			      xmpp_error_text(answer));
	asked_done(a);
}

int call_ask(struct call *c, struct xml *iq, const char *fmt, ...)
{
	struct asked *a = calloc(1, sizeof(*a));
	va_list ap;
	int err;

	if (!a)
		abort();
	a->c = c;
	a->next = c->asked;
	c->asked = a;
	va_start(ap, fmt);
	vsnprintf(a->what, sizeof(a->what), fmt, ap);
	va_end(ap);
	err = xmpp_stream_iq(c->stream, &iq, IQ_TIMEOUT_US, c->now_us, on_asked, a);
	if (err)
		asked_done(a);
	return err;
}

static int ask(struct call *c, struct xml *iq, const char *what, const char *id)
{
	const struct person_entry *e = roster_find(c, id);

	return call_ask(c, iq, "%s %.40s", what, e && *e->name ? e->name : id);
}

int call_may_moderate(const struct call *c, const char **kind, char **why)
{
	if (c->phase != PHASE_JOINED || c->cut)
		return not_joined(c, kind, why);
	if (!c->self_moderator)
		return call_refuse(kind, why, -EPERM, "not-moderator", "only moderators can do that");
	return 0;
}

static int may_moderate(struct call *c, const char *id, const char **kind, char **why)
{
	if (c->phase == PHASE_JOINED && !c->cut && !roster_find(c, id))
		return call_refuse(kind, why, -ENOENT, "unknown-person", "that person is not here");
	return call_may_moderate(c, kind, why);
}

int call_kick(struct call *c, const char *id, const char *reason, const char **kind, char **why,
	      int64_t now_us)
{
	int err = may_moderate(c, id, kind, why);

	if (err)
		return err;
	call_enter(c, now_us);
	err = ask(c, muc_kick_new(c->room, id, reason), "kick", id);
	call_leave_input(c);
	return err;
}

int call_mute_other(struct call *c, const char *id, const char **kind, char **why, int64_t now_us)
{
	struct buf b = { 0 };
	int err = may_moderate(c, id, kind, why);

	if (!err && !c->focus_occupant)
		err = call_refuse(kind, why, -EAGAIN, "no-focus", "the conference has no focus at the moment");
	if (err)
		return err;
	call_enter(c, now_us);
	buf_addf(&b, "%s/%s", c->room, id);
	err = ask(c, muc_mute_new(c->focus_occupant, buf_str(&b), true), "mute", id);
	buf_free(&b);
	call_leave_input(c);
	return err;
}
