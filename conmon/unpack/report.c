#include "unpack/report.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* Bytes beyond ASCII are given as the code points of the same number: names need not be UTF-8. */
static void put_string(const char *text)
{
  putchar('"');
  for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
    if (*at == '"' || *at == '\\')
      printf("\\%c", *at);
    else if (*at < 0x20 || *at > 0x7e)
      printf("\\u%04x", *at);
    else
      putchar(*at);
  }
  putchar('"');
}

static void put_needs(const char *path, const char *reason)
{
  printf(",\"needsParents\":{\"path\":");
  put_string(path);
  printf(",\"reason\":");
  put_string(reason);
  putchar('}');
}

static void put_blob(const struct layer_digests *digests)
{
  printf(",\"blobDigest\":\"sha256:%s\",\"blobSize\":%" PRIu64, digests->blob, digests->blob_size);
}

/* Classes that the caller answers differently: the layer's fault, a limit, more bytes than told, the disk, the machine. */
static const char *class_of(int code)
{
  switch (code) {
  case EOVERFLOW:
  case ENOMEM:
    return "too-large";
  case EMSGSIZE:
    return "oversize";
  case ENOSPC:
  case EDQUOT:
    return "no-space";
  case EBADMSG:
  case ENAMETOOLONG:
  case ELOOP:
  case EMLINK:
  case EFBIG:
  case ENOENT:
  case ENOTDIR:
  case EISDIR:
  case EEXIST:
  case EINVAL:
    return "invalid";
  default:
    return "system";
  }
}

void report_layer(const struct layer *layer, const struct layer_digests *digests)
{
  printf("{\"ok\":true");
  put_blob(digests);
  printf(",\"diffId\":\"sha256:%s\",\"tarSize\":%" PRIu64, digests->diff, digests->tar_size);
  printf(",\"unpackedBytes\":%" PRIu64 ",\"inodes\":%" PRIu64, layer->bytes, layer->inodes);
  printf(",\"impliedParents\":%" PRIu64 ",\"rootNamed\":%s", layer->implied, layer->root_named ? "true" : "false");
  if (layer->needs_parents)
    put_needs(layer->needs_path, layer->needs_reason);
  printf("}\n");
}

/* Memory that runs out is a limit, wherever it was noticed. */
static const char *limit_of(const struct err *err, const struct layer *layer)
{
  return layer->limits->exceeded || err->code != ENOMEM ? layer->limits->exceeded : "memory";
}

void report_failure(const struct err *err, const struct layer *layer, const struct layer_digests *digests)
{
  char message[sizeof(err->msg) + 128];
  // Errors of our own finding say all; those of system calls get their text.
  if (err->code == EBADMSG || err->code == EOVERFLOW || err->code == EMSGSIZE)
    snprintf(message, sizeof(message), "%s", err->msg);
  else
    snprintf(message, sizeof(message), "%s: %s", err->msg, strerror(err->code));
  printf("{\"ok\":false,\"code\":\"%s\",\"errno\":%d,\"message\":", class_of(err->code), err->code);
  put_string(message);
  const char *limit = limit_of(err, layer);
  if (limit)
    printf(",\"limit\":\"%s\"", limit);
  if (layer->entry[0] != '\0') {
    printf(",\"entry\":");
    put_string(layer->entry);
  }
  if (digests && digests->blob_whole)
    put_blob(digests);
  printf("}\n");
}

void report_fixup(const char *needs_path, const char *reason)
{
  printf("{\"ok\":true");
  if (needs_path)
    put_needs(needs_path, reason);
  printf("}\n");
}

void report_compare(const struct compare *compare)
{
  printf("{\"ok\":true,\"entries\":%" PRIu64 ",\"bytes\":%" PRIu64, compare->entries, compare->bytes);
  printf(",\"differing\":%" PRIu64 ",\"differences\":[", compare->differing);
  for (size_t i = 0; i < COMPARE_NAMED && i < compare->differing; i++) {
    printf("%s{\"path\":", i > 0 ? "," : "");
    put_string(compare->named[i].path);
    printf(",\"what\":");
    put_string(compare->named[i].what);
    putchar('}');
  }
  printf("]}\n");
}
