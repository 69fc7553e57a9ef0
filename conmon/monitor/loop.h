/*
 * The event loop: one epoll, intrusive timers. Each turn hands out ONE event, so that a handler may free any source
 * (its own too) without leaving a stale pointer in a batch.
 */
#ifndef CONMON_MONITOR_LOOP_H
#define CONMON_MONITOR_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/error.h"

typedef void source_fn(void *owner, uint32_t events);
typedef void timer_fn(void *owner);

/* A descriptor that is watched. Zeroed (fd 0, no handler) is "not watched". */
struct source {
  int fd;
  /* What epoll has, and what it is to have: they differ while the kernel has no memory for it. */
  uint32_t events;
  uint32_t wanted;
  source_fn *ready;
  void *owner;
  struct source *next_starved;
};

struct timer {
  int64_t due;
  timer_fn *fire;
  void *owner;
  struct timer *next;
};

struct loop {
  int epoll;
  bool quit;
  struct timer *timers;
  /* Sources that the kernel has refused to watch; each turn tries again. */
  struct source *starved;
};

int loop_open(struct loop *loop, struct err *err);
/* Watches the descriptor, level-triggered; it stays the caller's to close, after loop_unwatch. */
int loop_watch(struct loop *loop, struct source *source, int fd, uint32_t events, source_fn *ready, void *owner);
/*
 * Changes what is waited for. 0 takes it out of epoll altogether, or a hangup would spin. Taking it in again may be refused
 * (no memory, too many watches): that is made good as soon as possible, for nobody would read a container's output then.
 */
void loop_want(struct loop *loop, struct source *source, uint32_t events);
void loop_unwatch(struct loop *loop, struct source *source);
/* (Re)arms the timer: it fires once, so many milliseconds from now on CLOCK_MONOTONIC. */
void loop_arm(struct loop *loop, struct timer *timer, int64_t ms, timer_fn *fire, void *owner);
void loop_disarm(struct loop *loop, struct timer *timer);
/* One turn: the timers that are due, then at most one event. */
int loop_turn(struct loop *loop, struct err *err);
/* Milliseconds of CLOCK_MONOTONIC. */
int64_t loop_now(void);

#endif
