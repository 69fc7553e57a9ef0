#include "monitor/memory.h"

#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

void memory_give_back(void *memory, size_t size)
{
  size_t page = (size_t)sysconf(_SC_PAGESIZE);
  size_t before = (page - (uintptr_t)memory % page) % page;
  size_t whole = size > before ? (size - before) / page * page : 0;
  /* Should it be refused, nothing is lost but the memory. */
  if (whole > 0)
    madvise((char *)memory + before, whole, MADV_DONTNEED);
}
