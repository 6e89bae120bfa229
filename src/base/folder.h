/* folder.h - folders on the way to a file; any thread */
#ifndef BASE_FOLDER_H
#define BASE_FOLDER_H

/* mkdir -p of the folder that path lies in; 0 or -errno. */
int folder_make_parent(const char *path, unsigned mode);

#endif
