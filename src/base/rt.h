/* rt.h - marks code that must never wait: the sound card's callback, the mix
 *
 * In debug builds rt_enter() and rt_leave() count in a thread-local, and the
 * log, malloc and free (by -Wl,--wrap) and the lock wrappers abort with their
 * name while it is not zero.  In release builds they are nothing.
 */
#ifndef BASE_RT_H
#define BASE_RT_H

#ifdef TTYMEET_DEBUG
void rt_enter(void);
void rt_leave(void);
void rt_forbid(const char *what);       /* aborts inside rt_enter() */
#else
static inline void rt_enter(void) {}
static inline void rt_leave(void) {}
static inline void rt_forbid(const char *what) { (void)what; }
#endif

#endif
