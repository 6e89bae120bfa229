/* file_read.h - any sound file as 48 kHz, one or two channels
 *
 * libsndfile's formats and Ogg Opus, and what ffmpeg reads where it is
 * installed.  What is 48 kHz 16 bit with the channels that are asked for comes
 * out bit by bit.  Touches the disk: not on loop or media.
 */
#ifndef AUDIO_FILE_READ_H
#define AUDIO_FILE_READ_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct file_read;

/* text (DEVICE_TEXT): what it is, "12.3 s, 44100 Hz, stereo", or
 * "cannot read A.wav: No such file or directory". */
int file_read_open(struct file_read **out, const char *path, unsigned channels, char *text);
/* The same, and by ffmpeg what none of them reads. */
int file_read_open_any(struct file_read **out, const char *path, unsigned channels, char *text);
void file_read_close(struct file_read **f);

/* Up to n samples of each channel, interleaved; 0 at the end; -EIO.  With
 * `again`, the end is followed by the beginning without a gap. */
long file_read_samples(struct file_read *f, int16_t *v, size_t n, bool again);

/* Samples at 48 kHz from the beginning; 0, -EIO, -ESPIPE. */
int file_read_seek(struct file_read *f, int64_t sample);
/* Of each channel, at 48 kHz; -1 unknown. */
int64_t file_read_length(const struct file_read *f);
/* "Artist - Title" of its tags, else its name without folder and ending. */
const char *file_read_title(const struct file_read *f);

/* One packet of an Ogg Opus file as it stands there, and what it decodes to:
 * its samples of each channel, at most FILE_PACKET_SAMPLES, 0 at the end.
 * *len 0: the packet does not stand for itself (a damaged page, samples cut
 * off at the beginning).  -ENOTSUP: no such file. */
enum { FILE_PACKET_SAMPLES = 5760, FILE_PACKET_BYTES = 1275 * 3 + 7 };
long file_read_packet(struct file_read *f, int16_t *v, uint8_t packet[FILE_PACKET_BYTES], size_t *len);
bool file_read_is_opus(const struct file_read *f);

#endif
