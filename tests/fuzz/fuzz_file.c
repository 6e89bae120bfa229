/* rooms: base audio
 * fuzz_file.c - sound files of strangers: headers, pages, packets, seeking
 *
 * The file is opened as the player does it, read whole or by packets, and
 * jumped about in; what comes out is bounded, and never more than was asked.
 */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>
#include "audio/device.h"
#include "audio/file_read.h"

enum { READS = 400 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_some(struct file_read *f, unsigned channels, uint8_t way)
{
	static int16_t v[FILE_PACKET_SAMPLES * 2];
	static uint8_t packet[FILE_PACKET_BYTES];
	size_t len;
	long n = 1;

	for (int i = 0; i < READS && n > 0; i++) {
		if ((way & 1) && channels == 2 && file_read_is_opus(f))
			n = file_read_packet(f, v, packet, &len);
		else
			n = file_read_samples(f, v, 700, way & 2);
		if (n > FILE_PACKET_SAMPLES)
			abort();
		if ((way & 4) && i % 50 == 49)
			file_read_seek(f, (int64_t)way * 977 * i);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[64], text[DEVICE_TEXT];
	unsigned channels;
	struct file_read *f;
	int fd;

	if (size < 2)
		return 0;
	fd = memfd_create("fuzz", MFD_CLOEXEC);
	if (fd < 0 || write(fd, data + 1, size - 1) != (ssize_t)size - 1)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	channels = data[0] & 8 ? 1 : 2;
	if (!file_read_open(&f, path, channels, text)) {
		if (file_read_length(f) < -1)
			abort();
		read_some(f, channels, data[0]);
		file_read_close(&f);
	}
	close(fd);
	return 0;
}
