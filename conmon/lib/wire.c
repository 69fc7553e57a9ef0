#include "lib/wire.h"

#include <stdlib.h>
#include <string.h>

struct wire_reader wire_reader(const void *data, size_t size)
{
  return (struct wire_reader){.data = data, .size = size};
}

static const uint8_t *take(struct wire_reader *r, size_t size)
{
  if (r->failed || size > r->size - r->pos) {
    r->failed = true;
    return NULL;
  }
  const uint8_t *at = r->data + r->pos;
  r->pos += size;
  return at;
}

static uint64_t get(struct wire_reader *r, size_t width)
{
  const uint8_t *at = take(r, width);
  uint64_t value = 0;
  for (size_t i = 0; at && i < width; i++)
    value |= (uint64_t)at[i] << (8 * i);
  return value;
}

uint8_t wire_get_u8(struct wire_reader *r)
{
  return (uint8_t)get(r, 1);
}

uint16_t wire_get_u16(struct wire_reader *r)
{
  return (uint16_t)get(r, 2);
}

uint32_t wire_get_u32(struct wire_reader *r)
{
  return (uint32_t)get(r, 4);
}

uint64_t wire_get_u64(struct wire_reader *r)
{
  return get(r, 8);
}

const uint8_t *wire_get_bytes(struct wire_reader *r, size_t *size)
{
  uint32_t length = wire_get_u32(r);
  const uint8_t *at = take(r, length);
  *size = at ? length : 0;
  return at;
}

const char *wire_get_str(struct wire_reader *r)
{
  uint32_t length = wire_get_u32(r);
  const uint8_t *at = take(r, length);
  const uint8_t *end = take(r, 1);
  if (!at || !end || *end != 0 || memchr(at, 0, length)) {
    r->failed = true;
    return "";
  }
  return (const char *)at;
}

size_t wire_left(const struct wire_reader *r)
{
  return r->failed ? 0 : r->size - r->pos;
}

bool wire_done(const struct wire_reader *r)
{
  return !r->failed && r->pos == r->size;
}

struct wire_writer wire_writer(size_t max)
{
  return (struct wire_writer){.max = max};
}

struct wire_writer wire_writer_into(void *data, size_t size)
{
  return (struct wire_writer){.data = data, .capacity = size, .max = size};
}

void wire_free(struct wire_writer *w)
{
  free(w->data);
  *w = (struct wire_writer){0};
}

void wire_put_raw(struct wire_writer *w, const void *data, size_t size)
{
  if (w->failed || size > w->max - w->size) {
    w->failed = true;
    return;
  }
  if (w->size + size > w->capacity) {
    size_t capacity = w->capacity ? w->capacity : 256;
    while (capacity < w->size + size)
      capacity *= 2;
    uint8_t *grown = realloc(w->data, capacity);
    if (!grown) {
      w->failed = true;
      return;
    }
    w->data = grown;
    w->capacity = capacity;
  }
  if (size > 0)
    memcpy(w->data + w->size, data, size);
  w->size += size;
}

static void put(struct wire_writer *w, uint64_t value, size_t width)
{
  uint8_t bytes[8];
  for (size_t i = 0; i < width; i++)
    bytes[i] = (uint8_t)(value >> (8 * i));
  wire_put_raw(w, bytes, width);
}

void wire_put_u8(struct wire_writer *w, uint8_t value)
{
  put(w, value, 1);
}

void wire_put_u16(struct wire_writer *w, uint16_t value)
{
  put(w, value, 2);
}

void wire_put_u32(struct wire_writer *w, uint32_t value)
{
  put(w, value, 4);
}

void wire_put_u64(struct wire_writer *w, uint64_t value)
{
  put(w, value, 8);
}

void wire_put_bytes(struct wire_writer *w, const void *data, size_t size)
{
  if (size > UINT32_MAX) {
    w->failed = true;
    return;
  }
  wire_put_u32(w, (uint32_t)size);
  wire_put_raw(w, data, size);
}

void wire_put_str(struct wire_writer *w, const char *text)
{
  wire_put_bytes(w, text, strlen(text));
  wire_put_u8(w, 0);
}

void wire_patch_u32(struct wire_writer *w, size_t at, uint32_t value)
{
  if (w->failed || at + 4 > w->size) {
    w->failed = true;
    return;
  }
  for (size_t i = 0; i < 4; i++)
    w->data[at + i] = (uint8_t)(value >> (8 * i));
}
