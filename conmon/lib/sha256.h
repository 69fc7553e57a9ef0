/* SHA-256 (FIPS 180-4) of a stream; uses the processor's SHA instructions where it has them. */
#ifndef CONMON_LIB_SHA256_H
#define CONMON_LIB_SHA256_H

#include <stddef.h>
#include <stdint.h>

/* Length of the digest in hexadecimal digits with the final NUL. */
#define SHA256_HEX_SIZE 65

/* Hashes whole blocks of 64 bytes. */
typedef void sha256_blocks_fn(uint32_t state[8], const uint8_t *data, size_t blocks);

struct sha256 {
  /* The fastest that there is, looked for once: asking the processor costs a trip to the hypervisor. */
  sha256_blocks_fn *blocks;
  uint32_t state[8];
  /* Bytes hashed so far, those in `block` included. */
  uint64_t size;
  uint8_t block[64];
};

void sha256_init(struct sha256 *hash);
void sha256_update(struct sha256 *hash, const void *data, size_t size);
/* Writes the digest as lower-case hexadecimal text; the stream cannot be continued after it. */
void sha256_hex(struct sha256 *hash, char hex[SHA256_HEX_SIZE]);

/* The portable compression of whole blocks, for the tests to compare with the fast one. */
sha256_blocks_fn sha256_blocks_portable;
/* The processor's own, or NULL if it has none. */
sha256_blocks_fn *sha256_blocks_native(void);

#endif
