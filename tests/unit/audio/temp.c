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

static int16_t *read_all(const char *name, size_t *n, SF_INFO *info)
{
	SNDFILE *f = sf_open(temp_path(name), SFM_READ, info);
	int16_t *v;

	assert_non_null(f);
	v = calloc((size_t)(info->frames * info->channels) + 1, sizeof(*v));
	assert_non_null(v);
	*n = (size_t)sf_readf_short(f, v, info->frames);
	sf_close(f);
	return v;
}

int16_t *temp_read(const char *name, size_t *n, int *rate)
{
	SF_INFO info = { 0 };
	int16_t *v = read_all(name, n, &info);

	for (size_t i = 1; info.channels > 1 && i < *n; i++)
		v[i] = v[i * (size_t)info.channels];
	if (rate)
		*rate = info.samplerate;
	return v;
}

int16_t *temp_read_pairs(const char *name, size_t *n)
{
	SF_INFO info = { 0 };
	int16_t *v = read_all(name, n, &info);

	assert_int_equal(info.channels, 2);
	return v;
}
