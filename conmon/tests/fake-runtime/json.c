#include "tests/fake-runtime/json.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static const char *skip_space(const char *at)
{
  while (isspace((unsigned char)*at))
    at++;
  return at;
}

static const char *skip_string(const char *at)
{
  for (at++; *at && *at != '"'; at++)
    if (*at == '\\' && at[1])
      at++;
  return *at ? at + 1 : at;
}

/* Behind the value, whatever is nested in it. */
static const char *skip_value(const char *at)
{
  int depth = 0;
  do {
    at = skip_space(at);
    if (*at == '"') {
      at = skip_string(at);
      continue;
    }
    if (*at == '{' || *at == '[')
      depth++;
    else if (*at == '}' || *at == ']')
      depth--;
    else if (depth == 0)
      return at + strcspn(at, ",]} \t\r\n");
    if (*at)
      at++;
  } while (depth > 0 && *at);
  return at;
}

const char *json_begin(const char *text)
{
  return text ? skip_space(text) : NULL;
}

const char *json_member(const char *object, const char *name)
{
  if (!object || *object != '{')
    return NULL;
  for (const char *at = skip_space(object + 1); *at == '"';) {
    const char *key = at + 1;
    at = skip_string(at);
    size_t size = (size_t)(at - 1 - key);
    at = skip_space(at);
    if (*at != ':')
      return NULL;
    at = skip_space(at + 1);
    if (size == strlen(name) && memcmp(key, name, size) == 0)
      return at;
    at = skip_space(skip_value(at));
    if (*at == ',')
      at = skip_space(at + 1);
  }
  return NULL;
}

const char *json_first(const char *array)
{
  if (!array || *array != '[')
    return NULL;
  const char *at = skip_space(array + 1);
  return *at && *at != ']' ? at : NULL;
}

const char *json_next(const char *element)
{
  const char *at = element ? skip_space(skip_value(element)) : "";
  return *at == ',' ? skip_space(at + 1) : NULL;
}

static char unescape(const char **at)
{
  static const char letters[] = "bfnrt";
  static const char controls[] = "\b\f\n\r\t";
  const char *letter = memchr(letters, **at, sizeof(letters) - 1);
  if (letter)
    return controls[letter - letters];
  if (**at != 'u' || strlen(*at) < 5)
    return **at;
  char digits[5] = {0};
  memcpy(digits, *at + 1, 4);
  *at += 4;
  unsigned long code = strtoul(digits, NULL, 16);
  return code < 128 ? (char)code : '?';
}

char *json_string(const char *value)
{
  if (!value || *value != '"')
    return NULL;
  char *text = malloc((size_t)(skip_string(value) - value) + 1);
  if (!text)
    return NULL;
  char *to = text;
  for (const char *at = value + 1; *at && *at != '"'; at++) {
    if (*at == '\\' && at[1]) {
      at++;
      *to++ = unescape(&at);
    } else {
      *to++ = *at;
    }
  }
  *to = '\0';
  return text;
}

long json_number(const char *value)
{
  if (!value)
    return 0;
  return strncmp(value, "true", 4) == 0 ? 1 : strtol(value, NULL, 10);
}
