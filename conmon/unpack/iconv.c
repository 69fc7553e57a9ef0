/*
 * iconv as unpack needs it: names in layers are bytes and stay the bytes that they are. libarchive asks for the
 * conversion of PAX names from UTF-8; linked before libc's, this answers it with a copy. glibc's own would look for
 * conversion modules under /usr/lib after the pivot: inside the layer, among the files of strangers.
 */
#include <errno.h>
#include <iconv.h>
#include <string.h>

iconv_t iconv_open(const char *to, const char *from)
{
  static char identity;
  (void)to;
  (void)from;
  return &identity;
}

int iconv_close(iconv_t conversion)
{
  (void)conversion;
  return 0;
}

size_t iconv(iconv_t conversion, char **restrict in, size_t *restrict in_left, char **restrict out,
             size_t *restrict out_left)
{
  (void)conversion;
  // A call without input resets the conversion's state, of which there is none.
  if (!in || !*in)
    return 0;
  size_t size = *in_left < *out_left ? *in_left : *out_left;
  memcpy(*out, *in, size);
  *in += size;
  *out += size;
  *in_left -= size;
  *out_left -= size;
  if (*in_left == 0)
    return 0;
  errno = E2BIG;
  return (size_t)-1;
}
