/* CRC-32 (IEEE 802.3, as in zlib and gzip). */
#ifndef CONMON_LIB_CRC32_H
#define CONMON_LIB_CRC32_H

#include <stddef.h>
#include <stdint.h>

uint32_t crc32_of(const void *data, size_t size);

#endif
