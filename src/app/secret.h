/* secret.h - secrets come from files or the environment, never from argv */
#ifndef APP_SECRET_H
#define APP_SECRET_H

/* The file without the line end behind it; "-" is stdin (once).  New string,
 * wipe it; -errno with *why (new string). */
int secret_read(const char *path, char **out, char **why);
/* Takes a variable out of the environment, so that children do not get it;
 * NULL if it is not set.  New string, wipe it. */
char *secret_env(const char *name);

#endif
