#include "monitor/record.h"

#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/test.h"

static const struct exit_record sample = {.status = {.kind = ST_SIGNALED, .value = 9},
                                          .started_at = 1,
                                          .finished_at = 2,
                                          .oom = OOM_COUNTED,
                                          .bytes_logged = 3,
                                          .bytes_dropped = 4};

static bool same(const struct exit_record *a, const struct exit_record *b)
{
  return a->status.kind == b->status.kind && a->status.value == b->status.value && strcmp(a->status.reason, b->status.reason) == 0 &&
         a->started_at == b->started_at && a->finished_at == b->finished_at && a->oom == b->oom &&
         a->bytes_logged == b->bytes_logged && a->bytes_dropped == b->bytes_dropped;
}

static bool round_trip(void)
{
  uint8_t file[RECORD_FILE_SIZE];
  struct exit_record got;
  CHECK(record_encode(file, &sample) == 0);
  CHECK(record_decode(file, sizeof(file), &got));
  CHECK(same(&got, &sample));
  return true;
}

static bool keeps_a_reason(void)
{
  uint8_t file[RECORD_FILE_SIZE];
  struct exit_record record = {.status = status_unknown("a reason that is longer than there is room for in the record, and cut")};
  struct exit_record got;
  CHECK(record_encode(file, &record) == 0 && record_decode(file, sizeof(file), &got));
  CHECK(same(&got, &record) && strlen(got.status.reason) == sizeof(got.status.reason) - 1);
  return true;
}

static bool zeros_are_none(void)
{
  uint8_t file[RECORD_FILE_SIZE] = {0};
  struct exit_record got;
  CHECK(!record_decode(file, sizeof(file), &got));
  CHECK(!record_decode(file, 0, &got));
  return true;
}

/* Torn anywhere: the first bytes are new, the rest still the zeros of the allocation. */
static bool torn_is_none(void)
{
  uint8_t whole[RECORD_FILE_SIZE];
  struct exit_record got;
  CHECK(record_encode(whole, &sample) == 0);
  size_t end = sizeof(whole);
  while (whole[end - 1] == 0)
    end--;
  for (size_t cut = 0; cut < end; cut++) {
    uint8_t torn[RECORD_FILE_SIZE] = {0};
    memcpy(torn, whole, cut);
    CHECK(!record_decode(torn, sizeof(torn), &got));
    CHECK(!record_decode(whole, cut, &got));
  }
  return true;
}

static bool every_flipped_bit_shows(void)
{
  uint8_t file[RECORD_FILE_SIZE];
  struct exit_record got;
  CHECK(record_encode(file, &sample) == 0);
  size_t body = (size_t)file[6] | (size_t)file[7] << 8;
  for (size_t bit = 0; bit < (12 + body) * 8; bit++) {
    file[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    CHECK(!record_decode(file, sizeof(file), &got));
    file[bit / 8] ^= (uint8_t)(1u << (bit % 8));
  }
  return true;
}

static bool on_disk(void)
{
  char folder[] = "/tmp/conmon-record-XXXXXX";
  char path[PATH_MAX];
  uint8_t file[RECORD_FILE_SIZE];
  struct exit_record got;
  struct stat about;
  CHECK(mkdtemp(folder));
  snprintf(path, sizeof(path), "%s/exit", folder);
  int fd = record_allocate(path, NULL);
  CHECK(fd >= 0 && fstat(fd, &about) == 0 && about.st_size == RECORD_FILE_SIZE && about.st_blocks > 0);
  CHECK(pread(fd, file, sizeof(file), 0) == RECORD_FILE_SIZE && !record_decode(file, sizeof(file), &got));
  CHECK(record_write(fd, path, &sample, NULL) == 0);
  CHECK(pread(fd, file, sizeof(file), 0) == RECORD_FILE_SIZE && record_decode(file, sizeof(file), &got) && same(&got, &sample));
  /* An old record is not taken for the new container's. */
  close(fd);
  fd = record_allocate(path, NULL);
  CHECK(fd >= 0 && pread(fd, file, sizeof(file), 0) == RECORD_FILE_SIZE && !record_decode(file, sizeof(file), &got));
  close(fd);
  CHECK(unlink(path) == 0 && symlink("/etc/passwd", path) == 0 && record_allocate(path, NULL) < 0);
  CHECK(unlink(path) == 0 && rmdir(folder) == 0);
  return true;
}

static const struct test_case cases[] = {
    {"what is written is read", round_trip},
    {"an unknown end keeps its reason, cut to its room", keeps_a_reason},
    {"the allocated zeros are no record", zeros_are_none},
    {"a record torn at any byte is none", torn_is_none},
    {"a flipped bit anywhere makes it none", every_flipped_bit_shows},
    {"the file is allocated, filled, and made anew; a link is refused", on_disk},
};

TEST_MAIN("monitor-record", cases)
