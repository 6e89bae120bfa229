/* rooms: base xmpp */
/* fuzz_scram.c - challenges of a server that wants a password proved
 *
 * The first line is the password, the rest the challenge; rounds stay few, as
 * time is all that they cost.
 */
#include <stdlib.h>
#include <string.h>
#include "xmpp/scram.h"

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size)
{
	char *text = strndup((const char *)data, size), *rest = strchr(text, '\n');
	const char *rounds;
	struct buf b = { 0 };
	struct scram *s;

	if (!rest)
		goto out;
	*rest++ = 0;
	rounds = strstr(rest, "i=");
	if (rounds && strspn(rounds + 2, "0123456789") > 2)
		goto out;
	if (scram_new(&s, "user", text, "abc"))
		goto out;
	if (scram_is_right(s, rest))
		abort();                /* nothing was proved yet */
	if (!scram_answer(s, rest, &b) && (strncmp(buf_str(&b), "c=biws,r=abc", 12) || !strstr(buf_str(&b), ",p=")))
		abort();
	scram_is_right(s, rest);
	scram_free(&s);
	buf_free(&b);
out:
	free(text);
	return 0;
}
