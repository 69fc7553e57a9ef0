/* Memory that is used seldom. */
#ifndef CONMON_MONITOR_MEMORY_H
#define CONMON_MONITOR_MEMORY_H

#include <stddef.h>

/* Gives the whole pages in it back to the system: they read as zeros and cost nothing until they are used again. */
void memory_give_back(void *memory, size_t size);

#endif
