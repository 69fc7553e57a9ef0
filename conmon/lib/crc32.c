#include "lib/crc32.h"

/* Bit by bit: it runs over one small record, a table would only cost memory in every monitor. */
uint32_t crc32_of(const void *data, size_t size)
{
  const uint8_t *bytes = data;
  uint32_t crc = 0xffffffffu;
  for (size_t i = 0; i < size; i++) {
    crc ^= bytes[i];
    for (int bit = 0; bit < 8; bit++)
      crc = (crc >> 1) ^ (0xedb88320u & (0u - (crc & 1)));
  }
  return ~crc;
}
