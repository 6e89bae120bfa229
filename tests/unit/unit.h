/* unit.h - one program a room: each test file gives a list of its tests
 *
 *	const struct CMUnitTest test_ring[] = { cmocka_unit_test(...), {0} };
 *
 * tests/unit/<room>/all.c names the lists; the first argument of the program
 * picks tests by a part of their name.
 */
#ifndef UNIT_UNIT_H
#define UNIT_UNIT_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

struct unit_list { const char *name; const struct CMUnitTest *tests; };
int unit_main(int argc, char **argv, const struct unit_list *lists);

/* Reads a whole file of tests/data; ends the test if it is not there. free(). */
char *unit_data(const char *name, size_t *len);

#endif
