/* The frame of a unit test: a table of cases, one line of output for each. */
#ifndef CONMON_TESTS_TEST_H
#define CONMON_TESTS_TEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct test_case {
  const char *name;
  /* Gives false when a CHECK failed. */
  bool (*run)(void);
};

/* Ends the case with a line that says what was expected. */
#define CHECK(condition)                                                             \
  do {                                                                               \
    if (!(condition)) {                                                              \
      fprintf(stderr, "# %s:%d: expected %s\n", __FILE__, __LINE__, #condition);     \
      return false;                                                                  \
    }                                                                                \
  } while (0)

/* Runs every case; gives the program's exit status. */
static inline int test_main(const char *suite, const struct test_case *cases, size_t count)
{
  int failed = 0;
  for (size_t i = 0; i < count; i++) {
    bool ok = cases[i].run();
    failed += !ok;
    printf("%s %s: %s\n", ok ? "ok" : "not ok", suite, cases[i].name);
    fflush(stdout);
  }
  return failed ? 1 : 0;
}

#define TEST_MAIN(suite, cases) \
  int main(void) { return test_main(suite, cases, sizeof(cases) / sizeof((cases)[0])); }

#endif
