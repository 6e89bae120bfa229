/* text.c - text that came from strangers, and small string helpers */
#include "base/text.h"
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include "base/buf.h"

/* RFC 3629: shortest form, no surrogates, up to U+10FFFF. */
size_t text_utf8_next(const char *s, size_t len, uint32_t *cp)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned char c = len ? (unsigned char)*s : 0;
	size_t n = c < 0x80 ? 1 : c >> 5 == 6 ? 2 : c >> 4 == 14 ? 3 : c >> 3 == 30 ? 4 : 0;
	uint32_t v = n == 1 ? c : n == 2 ? c & 31u : n == 3 ? c & 15u : c & 7u;

	*cp = 0xFFFD;
	if (!len)
		return 0;
	if (!n || n > len)
		return 1;
	for (size_t i = 1; i < n; i++) {
		if (((unsigned char)s[i] & 0xC0) != 0x80)
			return 1;
		v = v << 6 | ((unsigned char)s[i] & 0x3Fu);
	}
	if (v < least[n] || v > 0x10FFFF || (v >= 0xD800 && v < 0xE000))
		return 1;
	*cp = v;
	return n;
}

size_t text_utf8_put(char *out, uint32_t cp)
{
	if (cp < 0x80) {
		out[0] = (char)cp;
		return 1;
	}
	if (cp < 0x800) {
		out[0] = (char)(0xC0 | cp >> 6);
		out[1] = (char)(0x80 | (cp & 63));
		return 2;
	}
	if (cp < 0x10000) {
		out[0] = (char)(0xE0 | cp >> 12);
		out[1] = (char)(0x80 | (cp >> 6 & 63));
		out[2] = (char)(0x80 | (cp & 63));
		return 3;
	}
	out[0] = (char)(0xF0 | cp >> 18);
	out[1] = (char)(0x80 | (cp >> 12 & 63));
	out[2] = (char)(0x80 | (cp >> 6 & 63));
	out[3] = (char)(0x80 | (cp & 63));
	return 4;
}

bool text_is_utf8(const char *s, size_t len)
{
	uint32_t cp;

	for (size_t i = 0, n; i < len; i += n) {
		n = text_utf8_next(s + i, len - i, &cp);
		if (n == 1 && (unsigned char)s[i] >= 0x80)
			return false;
	}
	return true;
}

/* What moves the cursor, reorders its neighbours, hides, or is no XML.  The
 * joiners U+200C and U+200D stay: scripts and emoji are wrong without them. */
bool text_is_unwanted(uint32_t cp)
{
	static const struct { uint32_t from, to; } ranges[] = {
		{ 0x0000, 0x001F }, { 0x007F, 0x009F },         /* C0, DEL, C1 */
		{ 0x00AD, 0x00AD }, { 0x034F, 0x034F },         /* soft hyphen, joiner */
		{ 0x061C, 0x061C },                             /* bidi mark */
		{ 0x115F, 0x1160 }, { 0x17B4, 0x17B5 },         /* fillers, unseen vowels */
		{ 0x180B, 0x180F },                             /* Mongolian selectors */
		{ 0x200B, 0x200B }, { 0x200E, 0x200F },         /* zero width, bidi marks */
		{ 0x2028, 0x202E },                             /* line, paragraph, bidi overrides */
		{ 0x2060, 0x206F },                             /* joiner, operators, isolates */
		{ 0x3164, 0x3164 },                             /* filler */
		{ 0xD800, 0xDFFF },                             /* surrogates */
		{ 0xFDD0, 0xFDEF }, { 0xFEFF, 0xFEFF },         /* no characters, BOM */
		{ 0xFFA0, 0xFFA0 }, { 0xFFF9, 0xFFFB },         /* filler, annotations */
		{ 0x1D173, 0x1D17A },                           /* unseen music */
		{ 0xE0000, 0xE00FF },                           /* tags */
	};

	/* The last two of each plane are no characters. */
	if (cp > 0x10FFFF || (cp & 0xFFFE) == 0xFFFE)
		return true;
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]) && ranges[i].from <= cp; i++)
		if (cp <= ranges[i].to)
			return true;
	return false;
}

static void trim(struct buf *b)
{
	size_t start = 0;

	while (b->len && strchr(" \n", b->p[b->len - 1]))
		b->p[--b->len] = 0;
	while (start < b->len && strchr(" \n", b->p[start]))
		start++;
	buf_shift(b, start);
}

char *text_clean(const char *s, size_t len, size_t max_bytes, int flags)
{
	struct buf b = { 0 };
	uint32_t cp;

	for (size_t i = 0, n; i < len; i += n) {
		char out[4];
		size_t k;

		n = text_utf8_next(s + i, len - i, &cp);
		if (cp == '\n' && flags & TEXT_LINES)
			;
		else if (cp == '\n' || cp == '\t')
			cp = ' ';
		else if (text_is_unwanted(cp))
			continue;
		k = text_utf8_put(out, cp);
		if (max_bytes && b.len + k > max_bytes)
			break;
		buf_add(&b, out, k);
	}
	if (flags & TEXT_TRIM && b.len)
		trim(&b);
	return buf_steal(&b);
}

bool text_copy(char *dst, size_t size, const char *src)
{
	size_t n = strlen(src);
	bool fits = n < size;

	if (!size)
		return false;
	if (!fits)
		for (n = size - 1; n && ((unsigned char)src[n] & 0xC0) == 0x80; n--)
			;
	memcpy(dst, src, n);
	dst[n] = 0;
	return fits;
}

bool text_starts(const char *s, const char *prefix)
{
	return !strncmp(s, prefix, strlen(prefix));
}

bool text_ends(const char *s, const char *suffix)
{
	size_t a = strlen(s), b = strlen(suffix);

	return a >= b && !strcmp(s + a - b, suffix);
}

static int lower(int c)
{
	return c >= 'A' && c <= 'Z' ? c + 32 : c;
}

bool text_same_nocase(const char *a, const char *b)
{
	while (*a && lower((unsigned char)*a) == lower((unsigned char)*b)) {
		a++;
		b++;
	}
	return lower((unsigned char)*a) == lower((unsigned char)*b);
}

int text_set(char **dst, const char *src)
{
	char *copy = NULL;

	if (src) {
		copy = strdup(src);     /* before the free: src may be *dst */
		if (!copy)
			return -ENOMEM;
	}
	free(*dst);
	*dst = copy;
	return 0;
}

int text_u64(const char *s, uint64_t min, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;

	if (!*s)
		return -EINVAL;
	for (; *s; s++) {
		unsigned d = (unsigned)(*s - '0');

		if (*s < '0' || *s > '9' || v > (UINT64_MAX - d) / 10)
			return -EINVAL;
		v = v * 10 + d;
	}
	if (v < min || v > max)
		return -EINVAL;
	*out = v;
	return 0;
}

int text_duration_us(const char *s, int64_t *out)
{
	static const struct { const char *unit; int64_t us; } units[] = {
		{ "", 1000000 }, { "s", 1000000 }, { "ms", 1000 }, { "m", 60000000 },
		{ "min", 60000000 }, { "h", INT64_C(3600000000) },
	};
	size_t digits = strspn(s, "0123456789");
	char number[20];
	uint64_t n;

	if (!digits || digits >= sizeof(number))
		return -EINVAL;
	memcpy(number, s, digits);
	number[digits] = 0;
	if (text_u64(number, 0, UINT32_MAX, &n))
		return -EINVAL;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (!strcmp(s + digits, units[i].unit)) {
			/* 2^32 hours in microseconds are beyond 63 bits. */
			if ((int64_t)n > INT64_MAX / units[i].us)
				return -EINVAL;
			*out = (int64_t)n * units[i].us;
			return 0;
		}
	return -EINVAL;
}

char *text_percent_encode(const char *s, const char *keep)
{
	struct buf b = { 0 };

	if (!keep)
		keep = "-_.~";
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if ((c < 0x80 && isalnum(c)) || strchr(keep, c))
			buf_addc(&b, *s);
		else
			buf_addf(&b, "%%%02X", c);
	}
	return buf_steal(&b);
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)lower((unsigned char)c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

char *text_percent_decode(const char *s, size_t len)
{
	struct buf b = { 0 };

	for (size_t i = 0; i < len; i++) {
		if (s[i] == '%' && i + 2 < len && hex(s[i + 1]) >= 0 && hex(s[i + 2]) >= 0) {
			int v = hex(s[i + 1]) * 16 + hex(s[i + 2]);

			if (v) {        /* a NUL would end the string */
				buf_addc(&b, (char)v);
				i += 2;
				continue;
			}
		}
		buf_addc(&b, s[i]);
	}
	return buf_steal(&b);
}

void text_wipe(void *p, size_t n)
{
	if (p)
		explicit_bzero(p, n);
}

void text_forget(char **s)
{
	if (*s)
		text_wipe(*s, strlen(*s));
	free(*s);
	*s = NULL;
}

bool text_same_secret(const char *a, const char *b)
{
	size_t la = strlen(a), lb = strlen(b);
	unsigned char diff = la != lb;

	for (size_t i = 0; i < la; i++)
		diff |= (unsigned char)(a[i] ^ (i < lb ? b[i] : 0xFF));
	return !diff;
}
