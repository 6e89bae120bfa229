/* temp.c - a folder for the files of a test; see the header */
#include "unit/audio/temp.h"
#include <dirent.h>
#include <sndfile.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include "unit/unit.h"

static char folder[256];

int temp_setup(void **state)
{
	const char *tmp = getenv("TMPDIR");

	(void)state;
	snprintf(folder, sizeof(folder), "%s/ttymeet-audio-XXXXXX", tmp ? tmp : "/tmp");
	return mkdtemp(folder) ? 0 : -1;
}

int temp_teardown(void **state)
{
	DIR *d = opendir(folder);
	struct dirent *e;

	(void)state;
	while (d && (e = readdir(d)))
		unlink(temp_path(e->d_name));
	if (d)
		closedir(d);
	return rmdir(folder);
}

const char *temp_path(const char *name)
{
	static char path[4][600];
	static int turn;

	turn = (turn + 1) & 3;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", folder, name);
	return path[turn];
}

void temp_write(const char *name, int format, int rate, int channels, const int16_t *v, size_t n)
{
	SF_INFO info = { .samplerate = rate, .channels = channels, .format = format };
	SNDFILE *f = sf_open(temp_path(name), SFM_WRITE, &info);
	int16_t frame[8];

	assert_non_null(f);
	sf_command(f, SFC_SET_SCALE_INT_FLOAT_WRITE, NULL, SF_TRUE);
	for (size_t i = 0; i < n; i++) {
		for (int c = 0; c < channels; c++)
			frame[c] = v[i];
		assert_int_equal(sf_writef_short(f, frame, 1), 1);
	}
	sf_close(f);
}

int16_t *temp_read(const char *name, size_t *n, int *rate)
{
	SF_INFO info = { 0 };
	SNDFILE *f = sf_open(temp_path(name), SFM_READ, &info);
	int16_t *v;

	assert_non_null(f);
	assert_int_equal(info.channels, 1);
	v = calloc((size_t)info.frames + 1, sizeof(*v));
	*n = (size_t)sf_read_short(f, v, info.frames);
	if (rate)
		*rate = info.samplerate;
	sf_close(f);
	return v;
}
