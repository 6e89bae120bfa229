/* file_pipe.h - what ffmpeg reads, by a pipe, where it is installed
 *
 * 48 kHz, 16 bit.  The file's name is an argument of its own, never a shell's,
 * and only files are read, no addresses.  Blocks: not on loop or media.
 */
#ifndef AUDIO_FILE_PIPE_H
#define AUDIO_FILE_PIPE_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct file_pipe;

bool file_pipe_can(void);       /* ffmpeg is in the PATH */
/* From `sample` on.  -EBADMSG: it gives no sound of this file. */
int file_pipe_open(struct file_pipe **out, const char *path, unsigned channels, int64_t sample);
void file_pipe_close(struct file_pipe **p);
/* Up to n samples of each channel; 0 at the end; -EIO. */
long file_pipe_read(struct file_pipe *p, int16_t *v, size_t n);
int file_pipe_seek(struct file_pipe *p, int64_t sample);

#endif
