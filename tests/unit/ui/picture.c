/* picture.c - a screen in memory */
#include "unit/ui/picture.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "base/text.h"

int64_t picture_time(int hour, int minute)
{
	return (INT64_C(1795478400) + hour * 3600 + minute * 60) * 1000000;     /* 2026-11-24 */
}

static const struct message *get(void *ctx, uint64_t n)
{
	struct picture *p = ctx;

	return n >= p->view.first && n < p->view.next ? &p->message[n] : NULL;
}

struct person *picture_person(struct picture *p, const char *id, const char *name)
{
	struct person *q = &p->view.person[p->view.people++];

	*q = (struct person){ .id = id, .name = name, .level = -127, .volume = 100, .quality = -1 };
	p->view.people_all++;
	return q;
}

void picture_say(struct picture *p, const struct message *m)
{
	struct message *q = &p->message[p->view.next++];

	assert_true(p->view.next <= PICTURE_MESSAGES + 1);
	*q = *m;
	q->from = q->from ? q->from : "";
	q->name = q->name ? q->name : "";
	q->to_name = q->to_name ? q->to_name : "";
	q->message_id = "";
}

#define SAY(p, ...) picture_say(p, &(struct message){ __VA_ARGS__ })

static void people(struct picture *p)
{
	struct person *q = picture_person(p, "a1b2", "Anna");

	q->talking = true;
	q->level = -12;
	q = picture_person(p, "c3d4", "Clara");
	q->moderator = q->talking = true;
	q->level = -40;
	picture_person(p, "b5e6", "Ben")->hand = 1;
	picture_person(p, "d7f8", "David")->muted = true;
	q = picture_person(p, "e9a0", "Eva");
	q->muted = q->interrupted = true;
	q->volume = 80;
	q = picture_person(p, "0a1b", "fritz");
	q->me = q->muted = true;
}

static void chat(struct picture *p)
{
	SAY(p, .kind = MESSAGE_EVENT, .time_us = picture_time(21, 1), .text = "Ben joined");
	SAY(p, .kind = MESSAGE_CHAT, .time_us = picture_time(21, 2), .from = "a1b2", .name = "Anna",
	    .text = "shall we start with the new one?");
	SAY(p, .kind = MESSAGE_CHAT, .time_us = picture_time(21, 2), .from = "b5e6", .name = "Ben",
	    .text = "one second, looking for my headphones");
	SAY(p, .kind = MESSAGE_CHAT, .time_us = picture_time(21, 3), .from = "c3d4", .name = "Clara",
	    .text = "the sleeve notes are here: https://example.org/notes");
	SAY(p, .kind = MESSAGE_EVENT, .time_us = picture_time(21, 4), .text = "Ben raised a hand");
	SAY(p, .kind = MESSAGE_CHAT, .time_us = picture_time(21, 5), .from = "a1b2", .name = "Anna",
	    .text = "and then the long one");
	SAY(p, .kind = MESSAGE_CHAT, .time_us = picture_time(21, 5), .from = "b5e6", .name = "Ben",
	    .text = "did you bring the other record too?", .private_ = true);
	p->view.unread_at = p->view.next - 2;
}

void picture_new(struct picture **out, int columns, int rows)
{
	struct picture *p = calloc(1, sizeof(*p));
	char *why = NULL;

	assert_non_null(p);
	p->rows = rows;
	p->columns = columns;
	p->view = (struct view){
		.state = SESSION_JOINED, .media = SESSION_MEDIA_CONNECTED,
		.room = "listening-evening", .host = "meet.example.org",
		.subject = "Tonight: side B of everything", .trouble = "", .joined = true,
		.muted = true, .has_mic = true, .out_kbps = 2.2, .in_kbps = 40.7, .rtt_ms = 38.4,
		.elapsed_s = 42 * 60 + 10, .first = 1, .next = 1, .message = get,
		.message_ctx = p, .hints = true, .nicks = &p->nicks,
	};
	people(p);
	chat(p);
	assert_int_equal(input_new(&p->input), 0);
	input_insert(p->input, "and now for something", 21);
	assert_int_equal(term_out_new(&p->out, "xterm-256color", rows, columns, &why), 0);
	look_set(&p->screen.look, true, false, true);
	*out = p;
}

void picture_free(struct picture **pp)
{
	struct picture *p = *pp;

	term_out_free(&p->out);
	input_free(&p->input);
	free(p);
	*pp = NULL;
}

static void add_row(struct buf *b, WINDOW *w, int y, int columns)
{
	struct buf row = { 0 };

	for (int x = 0; x < columns; x++) {
		wchar_t wc[CCHARW_MAX + 1] = { 0 };
		attr_t attr;
		short pair;
		cchar_t cell;

		mvwin_wch(w, y, x, &cell);
		getcchar(&cell, wc, &attr, &pair, NULL);
		for (int i = 0; wc[i]; i++) {
			char utf8[4];

			/* Whatever came in: only what a terminal may see goes out. */
			assert_true(wc[i] >= 32 && (wc[i] < 127 || wc[i] >= 160));
			buf_add(&row, utf8, text_utf8_put(utf8, (uint32_t)wc[i]));
		}
		if (wcwidth(wc[0]) == 2)
			x++;
	}
	while (row.len && row.p[row.len - 1] == ' ')
		row.len--;
	buf_add(b, buf_str(&row), row.len);
	buf_addc(b, '\n');
	buf_free(&row);
}

char *picture_text(struct picture *p)
{
	WINDOW *w = term_out_window(p->out);
	struct buf b = { 0 };

	screen_layout(&p->screen, p->rows, p->columns);
	screen_draw(&p->screen, w, &p->view, p->input, DRAW_ALL);
	term_out_frame(p->out, NULL);
	for (int y = 0; y < p->rows; y++)
		add_row(&b, w, y, p->columns);
	return buf_steal(&b);
}

static char *read_golden(const char *path)
{
	char *text = calloc(1, 65536);
	FILE *f = fopen(path, "re");

	if (!f)
		fail_msg("%s is missing; GENERATE=1 makes it", path);
	assert_non_null(text);
	text[fread(text, 1, 65535, f)] = 0;
	fclose(f);
	return text;
}

void picture_is(struct picture *p, const char *name)
{
	char path[256], *now = picture_text(p), *golden;

	snprintf(path, sizeof(path), "tests/screen/%s.txt", name);
	if (getenv("GENERATE")) {
		FILE *f = fopen(path, "we");

		assert_non_null(f);
		fputs(now, f);
		fclose(f);
	}
	golden = read_golden(path);
	if (strcmp(now, golden))
		fail_msg("%s differs; now it is\n%s", path, now);
	free(golden);
	free(now);
}
