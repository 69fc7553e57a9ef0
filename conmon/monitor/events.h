/* The role events: what happens, for who only watches. */
#ifndef CONMON_MONITOR_EVENTS_H
#define CONMON_MONITOR_EVENTS_H

#include "monitor/codec.h"

struct monitor;

/* Offers the payload to each client that has subscribed to this kind (one of EVENTS_*). */
void events_publish(const struct monitor *monitor, uint32_t kind, uint8_t type, const struct wire_writer *payload);
/* So many OOM kills have been seen in the container's cgroup since it was created. */
void events_oom(const struct monitor *monitor, uint64_t count);
/* Something has happened to the first log file. */
void events_log(const struct monitor *monitor, const struct log_notice *notice);

#endif
