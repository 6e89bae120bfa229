/* app.c - what the subcommands share: failing with words, --version */
#include <curl/curl.h>
#include <expat.h>
#include <glib.h>
#include <jansson.h>
#include <libwebsockets.h>
#include <ncurses.h>
#include <opus/opus.h>
#include <openssl/crypto.h>
#include <portaudio.h>
#include <sndfile.h>
#include <srtp2/srtp.h>
#include <stdarg.h>
#include <stdio.h>
#include "app/app.h"

int app_fail(int code, const char *fmt, ...)
{
	va_list ap;

	fputs("ttymeet: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return code;
}

void app_version(void)
{
	curl_version_info_data *curl = curl_version_info(CURLVERSION_NOW);

	printf("ttymeet %s\n", TTYMEET_VERSION);
	printf("  sound: %s, %s, %s\n", opus_get_version_string(), Pa_GetVersionInfo()->versionText,
	       sf_version_string());
	printf("  network: libwebsockets %s, libcurl %s, libnice, %s, %s\n",
	       lws_get_library_version(), curl->version, srtp_get_version_string(),
	       OpenSSL_version(OPENSSL_VERSION));
	printf("  texts: %s, jansson %s, %s, GLib %u.%u.%u\n", XML_ExpatVersion(), JANSSON_VERSION,
	       curses_version(), glib_major_version, glib_minor_version, glib_micro_version);
	printf("  built in: call, chat, embedded host, demo, control socket\n");
	printf("  not built in: video, recording, end-to-end encryption\n");
}
