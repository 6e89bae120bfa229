/* rt_wrap.c - malloc and free refuse to work in the sound card's callback
 *
 * Linked in debug builds by -Wl,--wrap=malloc and so on; see base/rt.h.
 */
#include <stddef.h>
#include "base/rt.h"

#ifdef TTYMEET_WRAP
void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void __real_free(void *p);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);
void __wrap_free(void *p);

void *__wrap_malloc(size_t n)
{
	rt_forbid("malloc");
	return __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	rt_forbid("calloc");
	return __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
	rt_forbid("realloc");
	return __real_realloc(p, n);
}

void __wrap_free(void *p)
{
	rt_forbid("free");
	__real_free(p);
}
#endif
