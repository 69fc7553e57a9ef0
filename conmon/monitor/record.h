/*
 * The exit record: a file of one sector, allocated when the container is created (a full disk cannot cost the exit code)
 * and filled once. Zeros, or anything whose CRC is wrong, is "no record".
 * Layout: "BEXR", u16 version, u16 length of the body, u32 CRC-32 of the body, the body as in STATE's exited.
 */
#ifndef CONMON_MONITOR_RECORD_H
#define CONMON_MONITOR_RECORD_H

#include "lib/error.h"
#include "monitor/codec.h"

#define RECORD_FILE_SIZE 512
/* "BEXR", little-endian. */
#define RECORD_MAGIC 0x52584542u
#define RECORD_VERSION 1

/* Makes the file anew with room for the record; gives its descriptor. */
int record_allocate(const char *path, struct err *err);
/* Writes the record in one write, syncs the file and its folder. */
int record_write(int fd, const char *path, const struct exit_record *record, struct err *err);
/* The file's bytes; 0, or -1 if they do not fit (never with a record that status_of_wait and status_unknown made). */
int record_encode(uint8_t file[RECORD_FILE_SIZE], const struct exit_record *record);
/* False unless the bytes are a whole record. */
bool record_decode(const uint8_t *file, size_t size, struct exit_record *record);

#endif
