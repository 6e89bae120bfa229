/* file_write.h - 48 kHz, one or two channels, into a WAV or, by its ending, an Ogg Opus file
 *
 * Touches the disk: not on loop or media.
 */
#ifndef AUDIO_FILE_WRITE_H
#define AUDIO_FILE_WRITE_H
#include <stddef.h>
#include <stdint.h>

struct file_write;

/* text (DEVICE_TEXT): what it is, or "cannot write out.wav: Permission denied". */
int file_write_open(struct file_write **out, const char *path, unsigned channels, char *text);
/* n: values of all channels, whole pairs where there are two.  0; -EIO and the
 * like.  The header fits what is there after each call. */
int file_write_samples(struct file_write *f, const int16_t *v, size_t n);
/* What is left goes to the file. */
void file_write_close(struct file_write **f);

#endif
