/* file_read.h - any sound file as 48 kHz mono
 *
 * libsndfile's formats and Ogg Opus.  What is 48 kHz mono 16 bit comes out bit
 * by bit.  Touches the disk: not on loop or media.
 */
#ifndef AUDIO_FILE_READ_H
#define AUDIO_FILE_READ_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct file_read;

/* text (DEVICE_TEXT): what it is, "12.3 s, 44100 Hz, stereo", or
 * "cannot read A.wav: No such file or directory". */
int file_read_open(struct file_read **out, const char *path, char *text);
void file_read_close(struct file_read **f);

/* Up to n samples; 0 at the end; -EIO.  With `again`, the end is followed by
 * the beginning without a gap. */
long file_read_samples(struct file_read *f, int16_t *v, size_t n, bool again);

#endif
