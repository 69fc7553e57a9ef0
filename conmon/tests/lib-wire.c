#include "lib/wire.h"

#include "tests/test.h"

static bool round_trip(void)
{
  _cleanup_wire_ struct wire_writer w = wire_writer(4096);
  wire_put_u8(&w, 0xab);
  wire_put_u16(&w, 0x1234);
  wire_put_u32(&w, 0xdeadbeef);
  wire_put_u64(&w, UINT64_MAX - 1);
  wire_put_bytes(&w, "a\0b", 3);
  wire_put_str(&w, "name");
  CHECK(!w.failed);
  CHECK(w.data[1] == 0x34 && w.data[2] == 0x12);
  struct wire_reader r = wire_reader(w.data, w.size);
  CHECK(wire_get_u8(&r) == 0xab);
  CHECK(wire_get_u16(&r) == 0x1234);
  CHECK(wire_get_u32(&r) == 0xdeadbeef);
  CHECK(wire_get_u64(&r) == UINT64_MAX - 1);
  size_t size;
  const uint8_t *bytes = wire_get_bytes(&r, &size);
  CHECK(size == 3 && memcmp(bytes, "a\0b", 3) == 0);
  CHECK(strcmp(wire_get_str(&r), "name") == 0);
  CHECK(wire_done(&r));
  return true;
}

static bool every_cut_is_refused(void)
{
  _cleanup_wire_ struct wire_writer w = wire_writer(4096);
  wire_put_str(&w, "path");
  wire_put_bytes(&w, "data", 4);
  wire_put_u32(&w, 7);
  for (size_t size = 0; size < w.size; size++) {
    struct wire_reader r = wire_reader(w.data, size);
    size_t got;
    wire_get_str(&r);
    wire_get_bytes(&r, &got);
    wire_get_u32(&r);
    CHECK(!wire_done(&r));
    CHECK(wire_left(&r) == 0);
  }
  return true;
}

static bool a_length_beyond_the_data_is_refused(void)
{
  const uint8_t huge[] = {0xff, 0xff, 0xff, 0xff, 'x'};
  struct wire_reader r = wire_reader(huge, sizeof(huge));
  size_t size = 1;
  CHECK(wire_get_bytes(&r, &size) == NULL && size == 0 && r.failed);
  r = wire_reader(huge, sizeof(huge));
  CHECK(strcmp(wire_get_str(&r), "") == 0 && r.failed);
  return true;
}

static bool a_string_with_a_zero_is_refused(void)
{
  const uint8_t inside[] = {3, 0, 0, 0, 'a', 0, 'b', 0};
  struct wire_reader r = wire_reader(inside, sizeof(inside));
  wire_get_str(&r);
  CHECK(r.failed);
  const uint8_t unended[] = {2, 0, 0, 0, 'a', 'b', 'c'};
  r = wire_reader(unended, sizeof(unended));
  wire_get_str(&r);
  CHECK(r.failed);
  return true;
}

static bool bytes_left_over_are_refused(void)
{
  const uint8_t data[] = {1, 2};
  struct wire_reader r = wire_reader(data, sizeof(data));
  wire_get_u8(&r);
  CHECK(!wire_done(&r) && !r.failed && wire_left(&r) == 1);
  return true;
}

static bool a_writer_stops_at_its_maximum(void)
{
  _cleanup_wire_ struct wire_writer w = wire_writer(8);
  wire_put_u64(&w, 1);
  CHECK(!w.failed);
  wire_put_u8(&w, 1);
  CHECK(w.failed && w.size == 8);
  wire_patch_u32(&w, 6, 1);
  CHECK(w.failed);
  return true;
}

static bool a_length_can_be_patched(void)
{
  _cleanup_wire_ struct wire_writer w = wire_writer(64);
  wire_put_u32(&w, 0);
  wire_put_u16(&w, 9);
  wire_patch_u32(&w, 0, 0x01020304);
  CHECK(!w.failed && w.data[0] == 4 && w.data[3] == 1 && w.data[4] == 9);
  return true;
}

static const struct test_case cases[] = {
    {"values come back as they were put", round_trip},
    {"every cut is refused", every_cut_is_refused},
    {"a length beyond the data is refused", a_length_beyond_the_data_is_refused},
    {"a string with a zero is refused", a_string_with_a_zero_is_refused},
    {"bytes left over are told", bytes_left_over_are_refused},
    {"a writer stops at its maximum", a_writer_stops_at_its_maximum},
    {"a length can be patched", a_length_can_be_patched},
};

TEST_MAIN("lib-wire", cases)
