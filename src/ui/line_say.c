/* line_say.c - sentences for ears
 *
 * The session's own words are made for a screen: "Ben raised a hand",
 * "joined listening evening, 6 people; you are muted".  Read aloud they want a
 * capital, a full stop and no semicolons.  What people wrote is never touched,
 * and neither are names: "anna joined" stays so.
 */
#include "ui/line_say.h"
#include <ctype.h>
#include <stdio.h>
#include <string.h>

static bool ends_sentence(const char *text, size_t len)
{
	return len && strchr(".!?:", text[len - 1]);
}

/* Hosts and addresses are written as they are. */
static void add_capital(struct buf *out, const char *p)
{
	size_t word = strcspn(p, " ");
	const char *dot = memchr(p, '.', word);
	bool address = memchr(p, '/', word) || (dot && dot + 1 < p + word);

	buf_addc(out, address ? *p : (char)toupper((unsigned char)*p));
}

/* One sentence: a capital at its start, unless that is a name, a full stop at
 * its end, and a new sentence for each "; ".  Text of several lines stays as it is. */
static void line_sentence(struct buf *out, const char *text, bool named)
{
	size_t len = strlen(text);
	/* Behind a colon stand the words of others: reasons, subjects. */
	const char *quoted = strstr(text, ": ");

	if (strchr(text, '\n')) {
		buf_adds(out, text);
		if (text[len - 1] != '\n')
			buf_addc(out, '\n');
		return;
	}
	while (len && text[len - 1] == ' ')
		len--;
	if (!len)
		return;
	for (size_t i = 0; i < len; i++) {
		bool cut = text[i] == ';' && i + 2 < len && text[i + 1] == ' ' &&
			   (!quoted || text + i < quoted);

		if (i == 0 && !named) {
			add_capital(out, text);
		} else if (cut) {
			buf_adds(out, ". ");
			add_capital(out, text + i + 2);
			i += 2;
		} else {
			buf_addc(out, text[i]);
		}
	}
	buf_adds(out, ends_sentence(text, len) ? "\n" : ".\n");
}

static const char *place(unsigned n)
{
	static const char *const words[] = { "first", "second", "third", "fourth", "fifth" };

	return n >= 1 && n <= 5 ? words[n - 1] : NULL;
}

static void say_event(struct buf *out, const struct message *m, unsigned hand_place)
{
	if (!hand_place)
		line_sentence(out, m->text, m->named);
	else if (place(hand_place))
		buf_addf(out, "%s, %s in line.\n", m->text, place(hand_place));
	else
		buf_addf(out, "%s, number %u in line.\n", m->text, hand_place);
}

/* Lines of one message follow each other; a blank one would end a paragraph
 * of a screen reader for no reason. */
static void add_text(struct buf *out, const char *text)
{
	for (; *text; text++)
		if (*text != '\n')
			buf_addc(out, *text);
		else if (text[1] && text[1] != '\n')
			buf_addc(out, '\n');
	buf_addc(out, '\n');
}

static void say_chat(struct buf *out, const struct message *m)
{
	const char *earlier = m->history ? "Earlier, " : "";

	if (m->failed) {
		buf_adds(out, "Not sent: ");
	} else if (m->mine) {
		if (!m->history)
			return;
		buf_addf(out, "%syou: ", earlier);
	} else if (m->private_) {
		buf_addf(out, "%s from %s: ", m->history ? "Earlier, private" : "Private", m->name);
	} else {
		buf_addf(out, "%s%s%s", earlier, m->name, m->kind == MESSAGE_ME ? " " : ": ");
	}
	add_text(out, m->text);
}

void line_message(struct buf *out, const struct message *m, unsigned hand_place)
{
	switch (m->kind) {
	case MESSAGE_CHAT:
	case MESSAGE_ME:
		say_chat(out, m);
		break;
	case MESSAGE_EVENT:
		say_event(out, m, hand_place);
		break;
	case MESSAGE_INFO:
	case MESSAGE_ERROR:
		line_sentence(out, m->text, m->named);
		break;
	}
}
