#include "monitor/loop.h"

#include <errno.h>
#include <stddef.h>
#include <sys/epoll.h>

#include "lib/clock.h"

/* How soon a descriptor that the kernel would not watch is tried again. */
#define STARVED_MS 100

int64_t loop_now(void)
{
  return clock_monotonic_ms();
}

int loop_open(struct loop *loop, struct err *err)
{
  loop->epoll = epoll_create1(EPOLL_CLOEXEC);
  return loop->epoll < 0 ? err_set(err, errno, "epoll_create1") : 0;
}

int loop_watch(struct loop *loop, struct source *source, int fd, uint32_t events, source_fn *ready, void *owner)
{
  *source = (struct source){.fd = fd, .events = events, .wanted = events, .ready = ready, .owner = owner};
  struct epoll_event event = {.events = events, .data.ptr = source};
  if (events != 0 && epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event) < 0) {
    *source = (struct source){0};
    return -errno;
  }
  return 0;
}

static bool apply(struct loop *loop, struct source *source)
{
  struct epoll_event event = {.events = source->wanted, .data.ptr = source};
  int operation = EPOLL_CTL_MOD;
  if (source->wanted == 0)
    operation = EPOLL_CTL_DEL;
  else if (source->events == 0)
    operation = EPOLL_CTL_ADD;
  /* What is not there need not be taken out. */
  if (source->events != source->wanted && epoll_ctl(loop->epoll, operation, source->fd, &event) < 0 && source->wanted != 0)
    return false;
  source->events = source->wanted;
  return true;
}

static void feed_starved(struct loop *loop)
{
  for (struct source **at = &loop->starved; *at;) {
    struct source *source = *at;
    if (apply(loop, source))
      *at = source->next_starved;
    else
      at = &source->next_starved;
  }
}

void loop_want(struct loop *loop, struct source *source, uint32_t events)
{
  if (!source->ready || source->wanted == events)
    return;
  for (struct source **at = &loop->starved; *at; at = &(*at)->next_starved)
    if (*at == source) {
      *at = source->next_starved;
      break;
    }
  source->wanted = events;
  if (apply(loop, source))
    return;
  source->next_starved = loop->starved;
  loop->starved = source;
}

void loop_unwatch(struct loop *loop, struct source *source)
{
  loop_want(loop, source, 0);
  *source = (struct source){0};
}

void loop_disarm(struct loop *loop, struct timer *timer)
{
  for (struct timer **at = &loop->timers; *at; at = &(*at)->next)
    if (*at == timer) {
      *at = timer->next;
      break;
    }
  *timer = (struct timer){0};
}

void loop_arm(struct loop *loop, struct timer *timer, int64_t ms, timer_fn *fire, void *owner)
{
  loop_disarm(loop, timer);
  *timer = (struct timer){.due = loop_now() + ms, .fire = fire, .owner = owner};
  struct timer **at = &loop->timers;
  while (*at && (*at)->due <= timer->due)
    at = &(*at)->next;
  timer->next = *at;
  *at = timer;
}

static void fire_due(struct loop *loop)
{
  while (loop->timers && loop->timers->due <= loop_now()) {
    struct timer fired = *loop->timers;
    loop_disarm(loop, loop->timers);
    fired.fire(fired.owner);
  }
}

static int wait_ms(const struct loop *loop)
{
  int most = loop->starved ? STARVED_MS : 1000000;
  if (!loop->timers)
    return loop->starved ? most : -1;
  int64_t left = loop->timers->due - loop_now();
  if (left < 0)
    return 0;
  return left > most ? most : (int)left;
}

int loop_turn(struct loop *loop, struct err *err)
{
  feed_starved(loop);
  struct epoll_event event;
  int got = epoll_wait(loop->epoll, &event, 1, wait_ms(loop));
  if (got < 0 && errno != EINTR)
    return err_set(err, errno, "epoll_wait");
  if (got > 0) {
    struct source *source = event.data.ptr;
    source->ready(source->owner, event.events);
  }
  if (!loop->quit)
    fire_due(loop);
  return 0;
}
