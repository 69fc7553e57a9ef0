#include "lib/sha256.h"

#include <string.h>

static const uint32_t K[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static inline uint32_t rotr(uint32_t value, int bits)
{
  return value >> bits | value << (32 - bits);
}

static inline uint32_t load_be32(const uint8_t *p)
{
  return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static void compress_one(uint32_t state[8], const uint8_t *data)
{
  uint32_t w[64];
  for (int i = 0; i < 16; i++)
    w[i] = load_be32(data + 4 * i);
  for (int i = 16; i < 64; i++) {
    uint32_t s0 = rotr(w[i - 15], 7) ^ rotr(w[i - 15], 18) ^ w[i - 15] >> 3;
    uint32_t s1 = rotr(w[i - 2], 17) ^ rotr(w[i - 2], 19) ^ w[i - 2] >> 10;
    w[i] = w[i - 16] + s0 + w[i - 7] + s1;
  }
  uint32_t v[8];
  memcpy(v, state, sizeof(v));
  for (int i = 0; i < 64; i++) {
    uint32_t e = v[4], a = v[0];
    uint32_t t1 = v[7] + (rotr(e, 6) ^ rotr(e, 11) ^ rotr(e, 25)) + ((e & v[5]) ^ (~e & v[6])) + K[i] + w[i];
    uint32_t t2 = (rotr(a, 2) ^ rotr(a, 13) ^ rotr(a, 22)) + ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));
    memmove(v + 1, v, 7 * sizeof(v[0]));
    v[4] += t1;
    v[0] = t1 + t2;
  }
  for (int i = 0; i < 8; i++)
    state[i] += v[i];
}

void sha256_blocks_portable(uint32_t state[8], const uint8_t *data, size_t blocks)
{
  for (; blocks > 0; blocks--, data += 64)
    compress_one(state, data);
}

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>

/* Intel's instructions keep the state as ABEF and CDGH: it is shuffled on the way in and out. */
__attribute__((target("sha,sse4.1,ssse3"))) static void blocks_sha_ni(uint32_t state[8], const uint8_t *data,
                                                                        size_t blocks)
{
  const __m128i swap = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
  __m128i abcd = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(const void *)state), 0xb1);
  __m128i efgh = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(const void *)(state + 4)), 0x1b);
  __m128i abef = _mm_alignr_epi8(abcd, efgh, 8);
  __m128i cdgh = _mm_blend_epi16(efgh, abcd, 0xf0);

  for (; blocks > 0; blocks--, data += 64) {
    const __m128i abef_before = abef, cdgh_before = cdgh;
    __m128i w[4];
#pragma GCC unroll 16
    for (int i = 0; i < 16; i++) {
      if (i < 4) {
        w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(const void *)(data + 16 * i)), swap);
      } else {
        __m128i recent = w[(i + 3) & 3];
        __m128i sum = _mm_add_epi32(_mm_sha256msg1_epu32(w[i & 3], w[(i + 1) & 3]),
                                    _mm_alignr_epi8(recent, w[(i + 2) & 3], 4));
        w[i & 3] = _mm_sha256msg2_epu32(sum, recent);
      }
      __m128i wk = _mm_add_epi32(w[i & 3], _mm_loadu_si128((const __m128i *)(const void *)(K + 4 * i)));
      cdgh = _mm_sha256rnds2_epu32(cdgh, abef, wk);
      abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(wk, 0x0e));
    }
    abef = _mm_add_epi32(abef, abef_before);
    cdgh = _mm_add_epi32(cdgh, cdgh_before);
  }

  __m128i feba = _mm_shuffle_epi32(abef, 0x1b);
  __m128i dchg = _mm_shuffle_epi32(cdgh, 0xb1);
  _mm_storeu_si128((__m128i *)(void *)state, _mm_blend_epi16(feba, dchg, 0xf0));
  _mm_storeu_si128((__m128i *)(void *)(state + 4), _mm_alignr_epi8(dchg, feba, 8));
}

sha256_blocks_fn *sha256_blocks_native(void)
{
  unsigned int a, b, c, d;
  if (!__builtin_cpu_supports("sse4.1") || !__get_cpuid_count(7, 0, &a, &b, &c, &d))
    return NULL;
  return b & bit_SHA ? blocks_sha_ni : NULL;
}
#else
sha256_blocks_fn *sha256_blocks_native(void)
{
  return NULL;
}
#endif

void sha256_init(struct sha256 *hash)
{
  static const uint32_t start[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                    0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  sha256_blocks_fn *native = sha256_blocks_native();
  hash->blocks = native ? native : sha256_blocks_portable;
  memcpy(hash->state, start, sizeof(start));
  hash->size = 0;
}

void sha256_update(struct sha256 *hash, const void *data, size_t size)
{
  const uint8_t *p = data;
  size_t held = hash->size % 64;
  hash->size += size;
  if (held > 0) {
    size_t take = size < 64 - held ? size : 64 - held;
    memcpy(hash->block + held, p, take);
    if (held + take < 64)
      return;
    hash->blocks(hash->state, hash->block, 1);
    p += take;
    size -= take;
  }
  if (size >= 64)
    hash->blocks(hash->state, p, size / 64);
  if (size % 64 > 0)
    memcpy(hash->block, p + size / 64 * 64, size % 64);
}

void sha256_hex(struct sha256 *hash, char hex[SHA256_HEX_SIZE])
{
  uint64_t bits = hash->size * 8;
  size_t held = hash->size % 64;
  uint8_t tail[128] = {0};
  memcpy(tail, hash->block, held);
  tail[held] = 0x80;
  size_t end = held < 56 ? 64 : 128;
  for (int i = 0; i < 8; i++)
    tail[end - 1 - (size_t)i] = (uint8_t)(bits >> 8 * i);
  hash->blocks(hash->state, tail, end / 64);
  static const char digits[] = "0123456789abcdef";
  for (int i = 0; i < 64; i++)
    hex[i] = digits[hash->state[i / 8] >> (28 - 4 * (i % 8)) & 15];
  hex[64] = '\0';
}
