#include "lib/sha256.h"

#include <stdlib.h>

#include "tests/test.h"

static bool digest_is(const char *text, size_t repeat, const char *expected)
{
  struct sha256 hash;
  char hex[SHA256_HEX_SIZE];
  sha256_init(&hash);
  for (size_t i = 0; i < repeat; i++)
    sha256_update(&hash, text, strlen(text));
  sha256_hex(&hash, hex);
  return strcmp(hex, expected) == 0;
}

/* The vectors of FIPS 180-4's examples. */
static bool published_vectors(void)
{
  CHECK(digest_is("", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
  CHECK(digest_is("abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
  CHECK(digest_is("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
                  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"));
  CHECK(digest_is("a", 1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"));
  return true;
}

static bool native_equals_portable(void)
{
  sha256_blocks_fn *native = sha256_blocks_native();
  uint8_t data[64 * 9];
  for (size_t i = 0; i < sizeof(data); i++)
    data[i] = (uint8_t)(i * 167 + 13);
  for (size_t blocks = 0; native && blocks <= 9; blocks++) {
    uint32_t one[8], other[8];
    for (uint32_t i = 0; i < 8; i++)
      one[i] = other[i] = 0x9e3779b9u * (i + 1);
    sha256_blocks_portable(one, data, blocks);
    native(other, data, blocks);
    CHECK(memcmp(one, other, sizeof(one)) == 0);
  }
  return true;
}

static bool every_cut_gives_the_same_digest(void)
{
  char text[200], whole[SHA256_HEX_SIZE];
  memset(text, 'x', sizeof(text));
  for (size_t size = 0; size <= sizeof(text); size++) {
    struct sha256 hash;
    sha256_init(&hash);
    sha256_update(&hash, text, size);
    sha256_hex(&hash, whole);
    for (size_t cut = 0; cut <= size; cut += 7) {
      char parts[SHA256_HEX_SIZE];
      sha256_init(&hash);
      sha256_update(&hash, text, cut);
      sha256_update(&hash, text + cut, size - cut);
      sha256_hex(&hash, parts);
      CHECK(strcmp(whole, parts) == 0);
    }
  }
  return true;
}

static const struct test_case cases[] = {
    {"the published vectors", published_vectors},
    {"the processor's own equals the portable one", native_equals_portable},
    {"every cut gives the same digest", every_cut_gives_the_same_digest},
};

TEST_MAIN("unpack-sha256", cases)
