#include "tests/faulty/plan.h"

#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const names[F_COUNT] = {"die", "eintr", "short", "eagain", "enospc", "enomem"};

struct plan {
  bool on;
  uint64_t random;
  unsigned long percent[F_COUNT];
  unsigned long at[F_COUNT];
  unsigned long count[F_COUNT];
  char report[512];
};

/* Of the process, as the calls that it bends are. */
static struct plan plan;

/* xorshift64*: the same calls with the same seed give the same faults. */
static uint64_t next_random(void)
{
  plan.random ^= plan.random >> 12;
  plan.random ^= plan.random << 25;
  plan.random ^= plan.random >> 27;
  return plan.random * 0x2545f4914f6cdd1du >> 32;
}

static void take_word(const char *word)
{
  size_t length = strcspn(word, "=@");
  const char *value = word + length + (word[length] != '\0');
  unsigned long number = strtoul(value, NULL, 10);
  if (strncmp(word, "seed=", 5) == 0)
    plan.random = number * 0x9e3779b97f4a7c15u + 1;
  else if (strncmp(word, "report=", 7) == 0)
    snprintf(plan.report, sizeof(plan.report), "%s", value);
  for (int i = 0; i < F_COUNT; i++)
    if (strlen(names[i]) == length && strncmp(word, names[i], length) == 0)
      *(word[length] == '@' ? &plan.at[i] : &plan.percent[i]) = number;
}

/* It must not take the real one's place by mistake: without a plan it does not run. */
static void __attribute__((constructor)) read_plan(void)
{
  const char *text = getenv("BERTH_FAULTS");
  static char words[1024];
  if (!text) {
    fprintf(stderr, "conmon-faulty is for tests: BERTH_FAULTS is not set\n");
    _exit(100);
  }
  plan.random = 1;
  snprintf(words, sizeof(words), "%s", text);
  char *rest = NULL;
  for (char *word = strtok_r(words, " ", &rest); word; word = strtok_r(NULL, " ", &rest))
    take_word(word);
  unsetenv("BERTH_FAULTS");
  plan.on = true;
}

static void __attribute__((destructor)) write_report(void)
{
  if (!plan.on || !plan.report[0])
    return;
  plan.on = false;
  FILE *file = fopen(plan.report, "we");
  for (int i = 0; file && i < F_COUNT; i++)
    fprintf(file, "%s=%lu ", names[i], plan.count[i]);
  if (file)
    fclose(file);
}

bool plan_strikes(enum fault fault)
{
  if (!plan.on)
    return false;
  unsigned long number = ++plan.count[fault];
  bool strikes = number == plan.at[fault] || (plan.percent[fault] > 0 && next_random() % 100 < plan.percent[fault]);
  if (strikes && fault == F_DIE)
    kill(getpid(), SIGKILL);
  return strikes;
}

size_t plan_pick(size_t max)
{
  return max > 1 ? 1 + (size_t)(next_random() % max) : max;
}

void plan_leave(void)
{
  plan.at[F_DIE] = 0;
  plan.percent[F_DIE] = 0;
  plan.report[0] = '\0';
}
