/* transport.c - what all transports share */
#include "rtc/transport.h"

void transport_path(const struct transport *t, char *out, size_t size)
{
	if (!size)
		return;
	out[0] = 0;
	if (t && t->ops->path)
		t->ops->path(t, out, size);
}

void transport_free(struct transport **t)
{
	if (!*t)
		return;
	(*t)->ops->free(*t);
	*t = NULL;
}
