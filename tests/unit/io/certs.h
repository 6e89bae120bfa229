/* certs.h - certificates made at run time, in a folder of their own */
#ifndef UNIT_IO_CERTS_H
#define UNIT_IO_CERTS_H

struct certs {
	char dir[40];
	char ca[80];                    /* of our own authority */
	char good[80], good_key[80];    /* localhost, 127.0.0.1, ::1, by it */
	char old[80], old_key[80];      /* the same, expired a day ago */
	char other[80], other_key[80];  /* for other.example */
	char self[80], self_key[80];    /* localhost, signed by itself */
};

struct certs *certs_new(void);
void certs_free(struct certs *c);

#endif
