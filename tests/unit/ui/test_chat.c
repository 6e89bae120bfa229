/* test_chat.c - reading back, rules, columns */
#include "unit/ui/picture.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A long evening: each message tells its number, some run over rows. */
static void fill(struct picture *p, int n)
{
	static char text[PICTURE_MESSAGES][120];

	p->view.next = p->view.first;
	p->view.unread_at = 0;
	for (int i = 0; i < n; i++) {
		snprintf(text[i], sizeof(text[i]), i % 3 ? "<%d>" :
			 "<%d> and this one goes on and on until it needs a second row of the chat", i);
		picture_say(p, &(struct message){ .kind = MESSAGE_CHAT, .from = "a1b2", .name = "Anna",
			    .time_us = picture_time(9, 0) + i * INT64_C(1000000), .text = text[i] });
	}
}

static void turn(struct picture *p, long rows)
{
	chat_scroll(&p->screen.chat, &p->screen.look, p->screen.layout.chat, &p->view, rows);
}

static bool shows(struct picture *p, const char *what)
{
	char *text = picture_text(p);
	bool is = strstr(text, what) != NULL;

	free(text);
	return is;
}

static void back_and_forth(void **state)
{
	struct picture *p;

	(void)state;
	picture_new(&p, 80, 24);
	fill(p, 100);
	assert_true(shows(p, "<99>"));
	assert_false(shows(p, "-MORE-"));
	turn(p, 20);
	assert_false(shows(p, "<99>"));
	assert_true(shows(p, "-MORE-"));
	for (int i = 0; i < 20; i++)
		turn(p, 20);
	assert_true(shows(p, "<0>"));
	/* A full page stays a full page at the top. */
	assert_true(shows(p, "<14>"));
	for (int i = 0; i < 20; i++)
		turn(p, -20);
	assert_true(shows(p, "<99>"));
	assert_false(p->screen.chat.back);
	picture_free(&p);
}

static void pages_miss_nothing(void **state)
{
	struct picture *p;
	char what[16];
	int seen[100] = { 0 };

	(void)state;
	picture_new(&p, 60, 14);
	fill(p, 100);
	for (int page = 0; page < 60; page++) {
		char *text = picture_text(p);

		for (int i = 0; i < 100; i++) {
			snprintf(what, sizeof(what), "<%d>", i);
			seen[i] |= strstr(text, what) != NULL;
		}
		free(text);
		turn(p, p->screen.layout.chat.rows - 1);
	}
	for (int i = 0; i < 100; i++)
		assert_true(seen[i]);
	picture_free(&p);
}

static void reading_stays_while_others_write(void **state)
{
	struct picture *p;
	char *before, *after;

	(void)state;
	picture_new(&p, 80, 24);
	fill(p, 100);
	free(picture_text(p));
	turn(p, 30);
	before = picture_text(p);
	picture_say(p, &(struct message){ .kind = MESSAGE_CHAT, .from = "b5e6", .name = "Ben",
		    .time_us = picture_time(9, 50), .text = "new one" });
	p->view.unread_at = p->view.next - 1;
	after = picture_text(p);
	assert_non_null(strstr(after, "-MORE- 1 new"));
	*strstr(before, "-MORE-") = *strstr(after, "-MORE-") = 0;
	assert_string_equal(before, after);
	free(before);
	free(after);
	/* Forgotten messages take the reader to the end. */
	p->view.first = p->view.next - 1;
	assert_true(shows(p, "new one"));
	picture_free(&p);
}

static void unread_is_shown_from_its_rule(void **state)
{
	struct picture *p;

	(void)state;
	picture_new(&p, 80, 24);
	fill(p, 100);
	p->view.unread_at = p->view.first + 50;
	free(picture_text(p));
	chat_show(&p->screen.chat, &p->screen.look, p->screen.layout.chat, &p->view,
		  p->view.unread_at);
	assert_true(shows(p, " new "));
	assert_true(shows(p, "<50>"));
	assert_false(shows(p, "<49>"));
	/* Near the end the last page is the place. */
	chat_show(&p->screen.chat, &p->screen.look, p->screen.layout.chat, &p->view,
		  p->view.next - 1);
	assert_true(shows(p, "<99>"));
	assert_false(p->screen.chat.back);
	picture_free(&p);
}

static void a_new_day_has_a_rule(void **state)
{
	struct picture *p;

	(void)state;
	picture_new(&p, 80, 24);
	picture_say(p, &(struct message){ .kind = MESSAGE_ME, .from = "d7f8", .name = "David",
		    .time_us = picture_time(24, 5), .text = "opens the window" });
	picture_say(p, &(struct message){ .kind = MESSAGE_CHAT, .from = "0a1b", .name = "fritz",
		    .time_us = picture_time(24, 6), .text = "yes, both", .to_name = "Ben",
		    .private_ = true, .mine = true });
	picture_say(p, &(struct message){ .kind = MESSAGE_CHAT, .from = "x9", .time_us = picture_time(24, 7),
		    .name = "Wolfeschlegelsteinhausen", .text = "日本語のテキストはどこでも折り返すことができますので、"
		    "ここでも折り返しますよね 🎵🎶 cafe\xCC\x81", .mention = true });
	picture_say(p, &(struct message){ .kind = MESSAGE_ERROR, .time_us = picture_time(24, 8),
		    .text = "there is no command 'foo'; /help lists them" });
	picture_say(p, &(struct message){ .kind = MESSAGE_INFO, .time_us = picture_time(24, 8),
		    .text = "sound\n  /mute [NAME]  close the microphone; with a name, a moderator mutes that person" });
	picture_say(p, &(struct message){ .kind = MESSAGE_CHAT, .time_us = picture_time(24, 9),
		    .from = "0a1b", .name = "fritz", .text = "lost", .mine = true, .failed = true });
	picture_is(p, "kinds-80x24");
	picture_free(&p);
}

static void narrow_tells_each_minute_once(void **state)
{
	struct picture *p;
	char *text, *at;
	int n = 0;

	(void)state;
	picture_new(&p, 40, 12);
	fill(p, 12);
	text = picture_text(p);
	for (at = text; (at = strstr(at, "09:00")); at++)
		n++;
	assert_int_equal(n, 1);
	free(text);
	picture_free(&p);
}

/* What is seen costs, not what is kept. */
static void a_monstrous_message_does_no_harm(void **state)
{
	struct picture *p;
	char *big = malloc(65001);

	(void)state;
	assert_non_null(big);
	memset(big, 'x', 65000);
	big[65000] = 0;
	picture_new(&p, 30, 6);
	p->view.next = p->view.first;
	for (int i = 0; i < 3; i++)
		picture_say(p, &(struct message){ .kind = MESSAGE_CHAT, .from = "a1b2",
			    .name = "Anna", .time_us = INT64_MIN + i, .text = big });
	free(picture_text(p));
	for (int i = 0; i < 20; i++)
		turn(p, 1000);
	free(picture_text(p));
	turn(p, 1000000);
	turn(p, -1000000);
	assert_false(p->screen.chat.back);
	free(big);
	picture_free(&p);
}

const struct CMUnitTest test_chat[] = {
	cmocka_unit_test(back_and_forth),
	cmocka_unit_test(pages_miss_nothing),
	cmocka_unit_test(reading_stays_while_others_write),
	cmocka_unit_test(unread_is_shown_from_its_rule),
	cmocka_unit_test(a_new_day_has_a_rule),
	cmocka_unit_test(narrow_tells_each_minute_once),
	cmocka_unit_test(a_monstrous_message_does_no_harm),
	{ 0 }
};
