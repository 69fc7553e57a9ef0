#include "unpack/behind.h"

#include <fcntl.h>

void behind_write(int fd, int64_t offset, int64_t size)
{
  (void)sync_file_range(fd, offset, size, SYNC_FILE_RANGE_WRITE);
}
