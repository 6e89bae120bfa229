/* test_line_say.c - sentences for ears */
#include "unit/unit.h"
#include <string.h>
#include "ui/line_say.h"

static void says(const struct message *m, unsigned hand, const char *words)
{
	struct buf out = { 0 };

	line_message(&out, m, hand);
	assert_string_equal(buf_str(&out), words);
	buf_free(&out);
}

static struct message message(enum message_kind kind, const char *name, const char *text)
{
	return (struct message){ .kind = kind, .from = "a1", .name = name, .to_name = "",
				 .text = text, .message_id = "" };
}

static void what_happens(void **state)
{
	struct message m;

	(void)state;
	m = message(MESSAGE_EVENT, "", "joined listening evening, 6 people; you are muted");
	says(&m, 0, "Joined listening evening, 6 people. You are muted.\n");
	m = message(MESSAGE_EVENT, "", "Ben raised a hand");
	says(&m, 1, "Ben raised a hand, first in line.\n");
	says(&m, 7, "Ben raised a hand, number 7 in line.\n");
	says(&m, 0, "Ben raised a hand.\n");
	m = message(MESSAGE_EVENT, "", "Anna set the subject: one; two");
	says(&m, 0, "Anna set the subject: one; two.\n");
	m = message(MESSAGE_ERROR, "", "there is no command 'x'; /help lists them");
	says(&m, 0, "There is no command 'x'. /help lists them.\n");
	m = message(MESSAGE_ERROR, "", "meet.example.org: no answer; is the network up?");
	says(&m, 0, "meet.example.org: no answer; is the network up?\n");
	m = message(MESSAGE_EVENT, "", "anna joined");
	m.named = true;
	says(&m, 0, "anna joined.\n");
	m = message(MESSAGE_EVENT, "", "tea has a password; /password gives it");
	m.named = true;
	says(&m, 0, "tea has a password. /password gives it.\n");
	m = message(MESSAGE_EVENT, "", "");
	says(&m, 0, "");
}

static void what_is_written(void **state)
{
	struct message m = message(MESSAGE_CHAT, "Anna", "shall we?");

	(void)state;
	says(&m, 0, "Anna: shall we?\n");
	m.history = true;
	says(&m, 0, "Earlier, Anna: shall we?\n");
	m.history = false;
	m.private_ = true;
	says(&m, 0, "Private from Anna: shall we?\n");
	m.private_ = false;
	m.mine = true;
	says(&m, 0, "");
	m.failed = true;
	says(&m, 0, "Not sent: shall we?\n");
	m = message(MESSAGE_ME, "David", "waves");
	says(&m, 0, "David waves\n");
	m = message(MESSAGE_CHAT, "Anna", "one\n\n\ntwo\n");
	says(&m, 0, "Anna: one\ntwo\n");
}

static void lists_stay_lists(void **state)
{
	struct message m = message(MESSAGE_INFO, "", "sound\n  /mute  close the microphone; or not\n");

	(void)state;
	says(&m, 0, "sound\n  /mute  close the microphone; or not\n");
	m = message(MESSAGE_INFO, "", "you are muted");
	says(&m, 0, "You are muted.\n");
	m = message(MESSAGE_INFO, "", "Talking: Anna. Muted: Eva, you. ");
	says(&m, 0, "Talking: Anna. Muted: Eva, you.\n");
}

const struct CMUnitTest test_line_say[] = {
	cmocka_unit_test(what_happens), cmocka_unit_test(what_is_written),
	cmocka_unit_test(lists_stay_lists), { 0 }
};
