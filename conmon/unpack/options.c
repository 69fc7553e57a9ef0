#include "unpack/options.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int parse_mode(const char *text, struct options *options, struct err *err)
{
  if (strcmp(text, "apply") == 0)
    options->mode = MODE_APPLY;
  else if (strcmp(text, "fixup") == 0)
    options->mode = MODE_FIXUP;
  else if (strcmp(text, "merge") == 0)
    options->mode = MODE_MERGE;
  else if (strcmp(text, "root") == 0)
    options->mode = MODE_ROOT;
  else if (strcmp(text, "compare") == 0)
    options->mode = MODE_COMPARE;
  else if (strcmp(text, "extract") == 0)
    options->mode = MODE_EXTRACT;
  else
    return err_set(err, EINVAL, "unknown mode %.100s", text);
  return 0;
}

static int parse_number(const char *name, const char *text, uint64_t *value, struct err *err)
{
  char *end;
  errno = 0;
  *value = strtoull(text, &end, 10);
  if (errno != 0 || !isdigit((unsigned char)*text) || *end != '\0')
    return err_set(err, EINVAL, "%s %.100s is no number", name, text);
  return 0;
}

static int parse_option(const char *name, const char *value, struct options *options, struct err *err)
{
  const struct {
    const char *name;
    uint64_t *value;
  } numbers[] = {
      {"--max-compressed", &options->limits.compressed},
      {"--max-expanded", &options->limits.expanded},
      {"--max-ratio", &options->limits.ratio},
      {"--ratio-from", &options->limits.ratio_from},
      {"--max-entries", &options->limits.entries},
      {"--max-header", &options->limits.header},
      {"--max-path", &options->limits.path},
      {"--max-cpu-seconds", &options->limits.cpu_seconds},
      {"--background", &options->background},
  };
  for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
    if (strcmp(name, numbers[i].name) == 0)
      return parse_number(name, value, numbers[i].value, err);
  if (strcmp(name, "--staging") == 0)
    options->staging = value;
  else if (strcmp(name, "--merged") == 0)
    options->merged = value;
  else if (strcmp(name, "--from") == 0)
    options->from = value;
  else if (strcmp(name, "--to") == 0)
    options->to = value;
  else if (strcmp(name, "--layer") == 0)
    options->layer = value;
  else
    return err_set(err, EINVAL, "unknown option %.100s", name);
  return 0;
}

int options_parse(int argc, char **argv, struct options *options, struct err *err)
{
  *options = (struct options){0};
  limits_init(&options->limits);
  if (argc < 2)
    return err_set(err, EINVAL, "no mode is given");
  int result = parse_mode(argv[1], options, err);
  for (int i = 2; result == 0 && i < argc; i += 2) {
    if (i + 1 == argc)
      return err_set(err, EINVAL, "%.100s needs a value", argv[i]);
    result = parse_option(argv[i], argv[i + 1], options, err);
  }
  if (result == 0 && options->mode == MODE_ROOT && (!options->from || !options->to))
    return err_set(err, EINVAL, "root needs --from and --to");
  if (result == 0 && options->mode != MODE_ROOT && !options->staging)
    return err_set(err, EINVAL, "--staging is missing");
  if (result == 0 && options->limits.ratio == 0)
    return err_set(err, EINVAL, "--max-ratio is 0");
  if (result == 0 && options->mode == MODE_MERGE && !options->merged)
    return err_set(err, EINVAL, "merge needs --merged");
  if (result == 0 && options->mode == MODE_COMPARE && !options->layer)
    return err_set(err, EINVAL, "compare needs --layer");
  return result;
}
