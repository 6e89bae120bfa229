/* fail_alloc.c - glibc's allocator behind a counter */
#include "unit/fail_alloc.h"
#include <errno.h>
#include <stddef.h>

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
	__has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
	!defined(__GLIBC__)
#define CAN_FAIL 0
#else
#define CAN_FAIL 1
#endif

static _Thread_local long left = -1, kept;
static _Thread_local bool came, counts;

bool fail_alloc_works(void)
{
	return CAN_FAIL;
}

void fail_alloc_at(long n)
{
	left = n;
	counts = n >= 0;
	if (n < 0)
		return;
	came = false;
	kept = 0;
}

bool fail_alloc_came(void)
{
	return came;
}

long fail_alloc_kept(void)
{
	return kept;
}

long fail_alloc_pause(void)
{
	long paused = left;

	left = -1;
	return paused;
}

void fail_alloc_go_on(long paused)
{
	left = paused;
}

#if CAN_FAIL
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void *__libc_memalign(size_t align, size_t n);
void __libc_free(void *p);
void *malloc(size_t n);
void *calloc(size_t n, size_t size);
void *realloc(void *p, size_t n);
void *aligned_alloc(size_t align, size_t n);
void free(void *p);

static bool fails(void)
{
	if (left < 0 || left-- > 0)
		return false;
	came = true;
	errno = ENOMEM;
	return true;
}

static void *count(void *p)
{
	kept += counts && p;
	return p;
}

void *malloc(size_t n)
{
	return fails() ? NULL : count(__libc_malloc(n));
}

void *calloc(size_t n, size_t size)
{
	return fails() ? NULL : count(__libc_calloc(n, size));
}

void *realloc(void *p, size_t n)
{
	if (fails())
		return NULL;
	return p ? __libc_realloc(p, n) : count(__libc_realloc(p, n));
}

void *aligned_alloc(size_t align, size_t n)
{
	return fails() ? NULL : count(__libc_memalign(align, n));
}

void free(void *p)
{
	kept -= counts && p;
	__libc_free(p);
}
#endif
