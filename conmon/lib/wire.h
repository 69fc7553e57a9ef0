/*
 * Positional little-endian encoding, used by the launcher's and the monitor's protocol:
 * u8, u16, u32, u64 as they are; bytes: u32 length, then so many bytes; str: u32 length, so many bytes without a zero,
 * then one zero byte that the length does not count, so that C reads it in place.
 * Both sides remember a failure: encode or decode everything, then ask once.
 */
#ifndef CONMON_LIB_WIRE_H
#define CONMON_LIB_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wire_reader {
  const uint8_t *data;
  size_t size;
  size_t pos;
  bool failed;
};

struct wire_reader wire_reader(const void *data, size_t size);
uint8_t wire_get_u8(struct wire_reader *r);
uint16_t wire_get_u16(struct wire_reader *r);
uint32_t wire_get_u32(struct wire_reader *r);
uint64_t wire_get_u64(struct wire_reader *r);
/* A pointer into the reader's data; NULL when it failed. */
const uint8_t *wire_get_bytes(struct wire_reader *r, size_t *size);
/* A C string inside the reader's data; "" when it failed. */
const char *wire_get_str(struct wire_reader *r);
/* Bytes that are left. */
size_t wire_left(const struct wire_reader *r);
/* Whether everything was well-formed and nothing is left. */
bool wire_done(const struct wire_reader *r);

/* Grows by realloc up to `max` bytes; beyond, or without memory, it fails. Free `data` when done. */
struct wire_writer {
  uint8_t *data;
  size_t size;
  size_t capacity;
  size_t max;
  bool failed;
};

struct wire_writer wire_writer(size_t max);
/* Into memory of the caller's, which wire_free must not be given: nothing is allocated. */
struct wire_writer wire_writer_into(void *data, size_t size);
void wire_free(struct wire_writer *w);
void wire_put_u8(struct wire_writer *w, uint8_t value);
void wire_put_u16(struct wire_writer *w, uint16_t value);
void wire_put_u32(struct wire_writer *w, uint32_t value);
void wire_put_u64(struct wire_writer *w, uint64_t value);
void wire_put_bytes(struct wire_writer *w, const void *data, size_t size);
void wire_put_str(struct wire_writer *w, const char *text);
/* Bytes as they are, without a length. */
void wire_put_raw(struct wire_writer *w, const void *data, size_t size);
/* Overwrites a u32 that was put before, e.g. the length in front of a frame. */
void wire_patch_u32(struct wire_writer *w, size_t at, uint32_t value);

#define _cleanup_wire_ __attribute__((cleanup(wire_free)))

#endif
