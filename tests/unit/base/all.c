/* all.c - unit tests of the room base */
#include "unit/unit.h"

extern const struct CMUnitTest test_buf[], test_text[], test_log[], test_ring[], test_post[],
	test_mailbox[], test_rng[], test_rt[], test_folder[];

int main(int argc, char **argv)
{
	static const struct unit_list lists[] = {
		{ "buf", test_buf }, { "text", test_text }, { "log", test_log },
		{ "ring", test_ring }, { "post", test_post }, { "mailbox", test_mailbox },
		{ "rng", test_rng }, { "rt", test_rt },
		{ "folder", test_folder }, { NULL, NULL }
	};

	return unit_main(argc, argv, lists);
}
