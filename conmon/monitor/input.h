/* Our end of a process's stdin, a pipe's or a terminal's: bytes go in as far as they fit, and nothing ever blocks. */
#ifndef CONMON_MONITOR_INPUT_H
#define CONMON_MONITOR_INPUT_H

#include <stddef.h>

#include "monitor/loop.h"

enum input_result {
  INPUT_TAKEN,
  /* Not all of it fits: `room` is called when it is worth another try, with the same bytes. */
  INPUT_LATER,
};

struct input {
  /* -1: nobody reads; what comes is dropped. */
  int fd;
  bool tty;
  /* How much of the bytes at hand is written. */
  size_t taken;
  /* The terminal's last line has no end yet: an end-of-file character would only end that. */
  bool mid_line;
  bool hung_up;
  struct loop *loop;
  struct source source;
  struct timer retry;
  void (*room)(void *owner);
  void *owner;
};

/* Takes the descriptor (non-blocking; -1 for none) over. */
void input_open(struct input *input, struct loop *loop, int fd, bool tty, void (*room)(void *owner), void *owner);
enum input_result input_write(struct input *input, const uint8_t *data, size_t size);
/* Ends it: a pipe is closed, a terminal gets its end-of-file character if it has one, and nothing after that. */
enum input_result input_end(struct input *input);
/* Has `room` called in the next turn: somebody else's bytes come now. */
void input_ask_again(struct input *input);
void input_close(struct input *input);

#endif
