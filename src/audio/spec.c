/* spec.c - from the words of a user to a kind of device; trying it out
 *
 * Words before a colon are ours; all else is a sound card's name or number.
 */
#include "audio/device.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include "audio/file_read.h"
#include "base/text.h"

enum { TONE_HZ = 440, TONE_HZ_MIN = 20, TONE_HZ_MAX = 20000 };

void device_spec_free(struct device_spec *s)
{
	free(s->name);
	memset(s, 0, sizeof(*s));
}

static int parse_tone(struct device_spec *out, const char *arg, char *text)
{
	char *end;

	out->hz = TONE_HZ;
	if (!arg)
		return 0;
	out->hz = strtod(arg, &end);
	if (end == arg || *end || !(out->hz >= TONE_HZ_MIN && out->hz <= TONE_HZ_MAX)) {
		snprintf(text, DEVICE_TEXT, "tone:%s: a tone has %d to %d Hz", arg, TONE_HZ_MIN,
			 TONE_HZ_MAX);
		return -EINVAL;
	}
	return 0;
}

static int parse_file(struct device_spec *out, enum audio_side side, const char *path, char *text)
{
	size_t len = strlen(path);

	if (side == AUDIO_MIC && text_ends(path, ",loop")) {
		out->loop = true;
		len -= strlen(",loop");
	}
	if (!len) {
		snprintf(text, DEVICE_TEXT, "file: names no file; say file:PATH");
		return -EINVAL;
	}
	out->name = strndup(path, len);
	return out->name ? 0 : -ENOMEM;
}

static int only_microphone(enum audio_side side, const char *word, char *text)
{
	if (side == AUDIO_MIC)
		return 0;
	snprintf(text, DEVICE_TEXT, "%s is a microphone, not a speaker", word);
	return -EINVAL;
}

/* "word" or "word:argument" */
static bool is_word(const char *s, const char *word, const char **arg)
{
	size_t n = strlen(word);

	*arg = NULL;
	if (strncmp(s, word, n))
		return false;
	if (s[n] == ':')
		*arg = s + n + 1;
	return !s[n] || s[n] == ':';
}

static int parse(struct device_spec *out, enum audio_side side, const char *s, char *text)
{
	const char *arg;

	if (!*s) {
		snprintf(text, DEVICE_TEXT, "no device was named; `none` is one");
		return -EINVAL;
	}
	if (!strcmp(s, "none"))
		return 0;
	if (!strcmp(s, "null")) {
		out->ops = &dev_null;
		return 0;
	}
	if (!strcmp(s, "stdio")) {
		out->ops = &dev_stdio;
		return 0;
	}
	if (!strcmp(s, "noise")) {
		out->ops = &dev_noise;
		return only_microphone(side, "noise", text);
	}
	if (is_word(s, "tone", &arg)) {
		out->ops = &dev_tone;
		return parse_tone(out, arg, text) ? -EINVAL : only_microphone(side, "tone", text);
	}
	if (is_word(s, "file", &arg)) {
		out->ops = &dev_file;
		return parse_file(out, side, arg ? arg : "", text);
	}
	if (is_word(s, "socket", &arg) && arg) {
		snprintf(text, DEVICE_TEXT, "socket: sound from elsewhere is not built in yet");
		return -ENOTSUP;
	}
	out->ops = &dev_pa;
	return text_set(&out->name, s);
}

int device_spec_parse(struct device_spec *out, enum audio_side side, const char *s, char *text)
{
	int err;

	memset(out, 0, sizeof(*out));
	snprintf(text, DEVICE_TEXT, "out of memory");
	err = parse(out, side, s, text);
	if (err)
		device_spec_free(out);
	return err;
}

static int try_write(const char *path, char *text)
{
	/* A file that is there keeps what it holds; one that is not stays so. */
	int fd = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC), err = 0;
	struct stat st;

	if (fd < 0 && errno == ENOENT) {
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
		if (fd >= 0)
			unlink(path);
	}
	if (fd < 0)
		err = -errno;
	else if (!fstat(fd, &st) && S_ISFIFO(st.st_mode))
		err = -ESPIPE;          /* a header is written over at the end */
	if (fd >= 0)
		close(fd);
	if (err)
		snprintf(text, DEVICE_TEXT, "cannot write %s: %s", path, strerror(-err));
	return err;
}

static int try_read(const char *path, char *text)
{
	struct file_read *f;
	int err = file_read_open(&f, path, 1, text);

	file_read_close(&f);
	return err;
}

int audio_device_check(enum audio_side side, const char *spec, char **why)
{
	struct device_spec s;
	char text[DEVICE_TEXT];
	int err = device_spec_parse(&s, side, spec, text);

	*why = NULL;
	if (!err && s.ops == &dev_file)
		err = side == AUDIO_MIC ? try_read(s.name, text) : try_write(s.name, text);
	device_spec_free(&s);
	if (err)
		*why = strdup(text);
	return err;
}
