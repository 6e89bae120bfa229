/* keys.c - the decoder of what a terminal sends
 *
 *	ESC [ 1 ; 3 A    CSI, with parameters (1;3: Alt), a letter ends it
 *	ESC O P          SS3, one letter
 *	ESC x            Alt and x
 *	ESC [ 200 ~ ... ESC [ 201 ~   what was pasted
 *
 * (ECMA-48 5.4 for CSI; xterm's ctlseqs for what the numbers mean.)  ESC alone
 * is told from the start of a sequence by time: 50 ms is more than terminals
 * take and less than fingers do.  Over a slow line a sequence may arrive torn
 * behind its ESC; what was typed after a lone ESC is still read as if it had
 * come with it, for a while.  That also makes "Esc, then the key" work for Alt.
 */
#include "ui/keys.h"
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"
#include "base/clock.h"
#include "base/text.h"

enum {
	ESC = 27,
	ESC_US = 50000,
	TORN_US = 500000,       /* a sequence that was begun must end */
	STICKY_US = 1500000,    /* "Esc, then the key": not later, for a forgotten
				 * Esc must not open a microphone */
	PASTE_MAX = 65536,
	PENDING_MAX = 65536
};

struct keys {
	struct buf in;          /* not yet decoded */
	struct buf paste;
	bool pasting;
	int64_t last_us;        /* when the last byte came */
	int64_t esc_us;         /* when a lone ESC was given out; 0 none */
};

int keys_new(struct keys **out)
{
	*out = calloc(1, sizeof(**out));
	return *out ? 0 : -ENOMEM;
}

void keys_free(struct keys **k)
{
	if (!*k)
		return;
	buf_free(&(*k)->in);
	buf_free(&(*k)->paste);
	free(*k);
	*k = NULL;
}

void keys_input(struct keys *k, const char *bytes, size_t len, int64_t now_us)
{
	/* After a lone ESC the next key counts as if it had come with it. */
	if (k->esc_us && len && !k->in.len) {
		if (now_us - k->esc_us < STICKY_US)
			buf_addc(&k->in, ESC);
		k->esc_us = 0;
	}
	if (k->in.len + len <= PENDING_MAX)
		buf_add(&k->in, bytes, len);
	k->last_us = now_us;
}

int64_t keys_deadline(const struct keys *k)
{
	if (k->pasting)
		return k->last_us + TORN_US;
	if (!k->in.len)
		return CLOCK_NEVER;
	return k->last_us + (k->in.len == 1 && k->in.p[0] == ESC ? ESC_US : TORN_US);
}

const char *keys_pasted(const struct keys *k, size_t *len)
{
	*len = k->paste.len;
	return buf_str(&k->paste);
}

/* ---- sequences ---- */

/* xterm: CSI number ~ */
static unsigned of_number(unsigned n)
{
	static const unsigned char fn[] = {     /* 11 to 34: F1 to F20, with gaps */
		1, 2, 3, 4, 5, 0, 6, 7, 8, 9, 10, 0, 11, 12, 13, 14, 0, 15, 16, 0, 17, 18, 19, 20
	};

	switch (n) {
	case 1: case 7:
		return K_HOME;
	case 2:
		return K_INSERT;
	case 3:
		return K_DELETE;
	case 4: case 8:
		return K_END;
	case 5:
		return K_PAGE_UP;
	case 6:
		return K_PAGE_DOWN;
	}
	if (n >= 11 && n < 11 + sizeof(fn) && fn[n - 11])
		return K_FN + fn[n - 11];
	return K_NONE;
}

/* CSI letter and SS3 letter share their meanings. */
static unsigned of_letter(char c)
{
	switch (c) {
	case 'A': return K_UP;
	case 'B': return K_DOWN;
	case 'C': return K_RIGHT;
	case 'D': return K_LEFT;
	case 'H': return K_HOME;
	case 'F': return K_END;
	case 'M': return K_ENTER;            /* the keypad's, SS3 */
	case 'P': case 'Q': case 'R': case 'S':
		return K_FN + 1 + (unsigned)(c - 'P');
	}
	return K_NONE;
}

/* Numbers between ';', as many as fit; what is missing is 0. */
static void parameters(const char *p, size_t len, unsigned v[3])
{
	size_t n = 0;

	v[0] = v[1] = v[2] = 0;
	for (size_t i = 0; i < len && n < 3; i++) {
		if (p[i] == ';')
			n++;
		else if (p[i] >= '0' && p[i] <= '9' && v[n] < 100000)
			v[n] = v[n] * 10 + (unsigned)(p[i] - '0');
	}
}

/* xterm: 1 + the sum of Shift 1, Alt 2, Ctrl 4; Meta (8) is Alt for us. */
static unsigned modifiers(unsigned v)
{
	unsigned m = v ? v - 1 : 0;

	return (m & 7) | (m & 8 ? MOD_ALT : 0);
}

/* A plain character, as the kitty and xterm "CSI u" forms tell it. */
static struct key of_character(unsigned cp, unsigned mods)
{
	struct key key = { cp, mods };

	switch (cp) {
	case 13:
		key.code = K_ENTER;
		break;
	case 9:
		key.code = K_TAB;
		break;
	case 8: case 127:
		key.code = K_BACKSPACE;
		break;
	case 27:
		key.code = K_ESC;
		break;
	default:
		if (cp < 32 || cp >= K_NONE)
			key.code = K_NONE;
	}
	return key;
}

static struct key of_csi(const char *p, size_t len, char final, bool *paste)
{
	struct key key = { K_NONE, 0 };
	unsigned v[3];

	parameters(p, len, v);
	key.mods = modifiers(v[1]);
	if (len && (p[0] < '0' || p[0] > ';'))  /* private: an answer, no key */
		return key;
	switch (final) {
	case '~':
		*paste = v[0] == 200;
		if (v[0] == 27)                 /* modifyOtherKeys: 27;mods;character */
			return of_character(v[2], modifiers(v[1]));
		key.code = of_number(v[0]);
		break;
	case 'u':
		return of_character(v[0], modifiers(v[1]));
	case 'Z':
		key = (struct key){ K_TAB, MOD_SHIFT };
		break;
	default:
		key.code = of_letter(final);
	}
	return key;
}

/* rxvt's own letters for arrows with Shift (CSI a) and Ctrl (SS3 a). */
static struct key of_ss3(char c)
{
	struct key key = { of_letter(c), 0 };

	if (c >= 'a' && c <= 'd')
		key = (struct key){ of_letter((char)(c - 32)), MOD_CTRL };
	if (c >= 'j' && c <= 'y')               /* keypad in application mode: * + , - . / 0-9 */
		key.code = (unsigned)(c - 'j' + '*');
	return key;
}

/* One byte that is no ESC. */
static struct key of_control(unsigned char c)
{
	switch (c) {
	case '\r': case '\n':
		return (struct key){ K_ENTER, 0 };
	case '\t':
		return (struct key){ K_TAB, 0 };
	case 8: case 127:
		return (struct key){ K_BACKSPACE, 0 };
	case 0:
		return (struct key){ ' ', MOD_CTRL };
	}
	return (struct key){ c < 27 ? c + 96u : c + 64u, MOD_CTRL };
}

/* ---- the stream ---- */

enum outcome { WHOLE, OPEN, SWALLOWED };        /* OPEN: more must come */

static size_t utf8_need(unsigned char c)
{
	return c < 0x80 ? 1 : c < 0xC2 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : c < 0xF5 ? 4 : 1;
}

static enum outcome decode_plain(const char *p, size_t len, bool late, struct key *out, size_t *used)
{
	unsigned char c = (unsigned char)p[0];
	uint32_t cp;

	if (c < 32 || c == 127) {
		*out = of_control(c);
		*used = 1;
		return WHOLE;
	}
	if (len < utf8_need(c) && !late)
		return OPEN;
	*used = text_utf8_next(p, len, &cp);
	*out = (struct key){ cp, 0 };
	return cp == 0xFFFD && *used == 1 ? SWALLOWED : WHOLE;
}

static enum outcome decode_csi(const char *p, size_t len, bool late, struct key *out,
			       size_t *used, bool *paste)
{
	size_t i = 2;

	if (len > 3 && p[2] == '[') {           /* Linux console: ESC [ [ A is F1 */
		*used = 4;
		*out = (struct key){ K_FN + 1 + (unsigned)(p[3] - 'A'), 0 };
		return p[3] >= 'A' && p[3] <= 'E' ? WHOLE : SWALLOWED;
	}
	if (len == 3 && p[2] == '[' && !late)
		return OPEN;
	while (i < len && p[i] >= 0x20 && p[i] <= 0x3F)
		i++;
	if (i == len && !late)
		return OPEN;
	*used = i < len && p[i] >= 0x40 && p[i] <= 0x7E ? i + 1 : i;
	if (*used == i)                         /* cut off, or no sequence */
		return SWALLOWED;
	*out = of_csi(p + 2, i - 2, p[i], paste);
	return out->code == K_NONE ? SWALLOWED : WHOLE;
}

static enum outcome decode(const char *p, size_t len, bool late, struct key *out, size_t *used,
			   bool *paste)
{
	enum outcome o;

	if (p[0] != ESC)
		return decode_plain(p, len, late, out, used);
	if (len == 1) {
		*out = (struct key){ K_ESC, 0 };
		*used = 1;
		return late ? WHOLE : OPEN;
	}
	if (p[1] == '[' && (len > 2 || !late))
		return decode_csi(p, len, late, out, used, paste);
	if (p[1] == 'O' && len == 2 && !late)
		return OPEN;
	if (p[1] == 'O' && len > 2) {
		*out = of_ss3(p[2]);
		*used = 3;
		return out->code == K_NONE ? SWALLOWED : WHOLE;
	}
	if (p[1] == ESC && len == 2) {          /* Esc twice: a sequence with Alt, or nothing */
		*used = 2;
		return late ? SWALLOWED : OPEN;
	}
	o = decode(p + 1, len - 1, late, out, used, paste);
	*used += 1;
	out->mods |= MOD_ALT;
	return o;
}

/* Moves what is pasted over; true when the end was there, or time ran out. */
static bool take_paste(struct keys *k, bool late)
{
	static const char end[] = "\033[201~";
	char *p = k->in.len ? memmem(k->in.p, k->in.len, end, sizeof(end) - 1) : NULL;
	size_t n = p ? (size_t)(p - k->in.p) : k->in.len;

	/* The end may be torn: its length less one byte waits. */
	if (!p && !late)
		n = n > sizeof(end) - 2 ? n - (sizeof(end) - 2) : 0;
	if (k->paste.len + n <= PASTE_MAX)
		buf_add(&k->paste, k->in.p, n);
	buf_shift(&k->in, p ? n + sizeof(end) - 1 : n);
	return p || late;
}

bool keys_next(struct keys *k, int64_t now_us, struct key *out)
{
	while (k->in.len || k->pasting) {
		bool late = now_us >= keys_deadline(k), paste = false;
		enum outcome o;
		size_t used = 0;

		if (k->pasting) {
			if (!take_paste(k, late))
				return false;
			k->pasting = false;
			*out = (struct key){ K_PASTE, 0 };
			return true;
		}
		o = decode(k->in.p, k->in.len, late, out, &used, &paste);
		if (o == OPEN)
			return false;
		if (o == WHOLE && out->code == K_ESC && !out->mods)
			k->esc_us = now_us;
		buf_shift(&k->in, used ? used : 1);
		if (paste) {
			k->pasting = true;
			buf_clear(&k->paste);
			continue;
		}
		if (o == WHOLE)
			return true;
	}
	return false;
}

/* ---- names ---- */

void keys_name(struct key key, char *out, size_t size)
{
	static const char *const names[] = {
		"", "Enter", "Tab", "Backspace", "Esc", "Up", "Down", "Left", "Right", "Home",
		"End", "PageUp", "PageDown", "Insert", "Delete", ""
	};
	char name[16] = "", utf8[4];

	if (key.code > K_FN)
		snprintf(name, sizeof(name), "F%u", key.code - K_FN);
	else if (key.code >= K_NONE)
		snprintf(name, sizeof(name), "%s", names[key.code - K_NONE]);
	else if (key.code == ' ')
		snprintf(name, sizeof(name), "Space");
	else
		snprintf(name, sizeof(name), "%.*s", (int)text_utf8_put(utf8, key.code), utf8);
	/* People write Ctrl+A with a capital, Alt+m as typed. */
	if (key.mods & MOD_CTRL && key.code >= 'a' && key.code <= 'z')
		name[0] = (char)(key.code - 32);
	snprintf(out, size, "%s%s%s%s", key.mods & MOD_CTRL ? "Ctrl+" : "",
		 key.mods & MOD_ALT ? "Alt+" : "",
		 key.mods & MOD_SHIFT ? "Shift+" : "", name);
}
