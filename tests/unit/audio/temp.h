/* temp.h - a folder for the files of a test, and sound files in it */
#ifndef UNIT_AUDIO_TEMP_H
#define UNIT_AUDIO_TEMP_H
#include <stddef.h>
#include <stdint.h>

int temp_setup(void **state);           /* cmocka: makes the folder ... */
int temp_teardown(void **state);        /* ... and removes it with all in it */
/* A path in it; lent until the next four calls. */
const char *temp_path(const char *name);

/* format: SF_FORMAT_...; frames of `channels` channels, all alike. */
void temp_write(const char *name, int format, int rate, int channels, const int16_t *v, size_t n);
/* A whole file as libsndfile reads it, first channel; free(). */
int16_t *temp_read(const char *name, size_t *n, int *rate);
/* One of two channels as it is: n pairs. */
int16_t *temp_read_pairs(const char *name, size_t *n);

#endif
