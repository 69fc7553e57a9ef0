/* The way of kernels before 6.5, on whichever kernel this runs; in a mount namespace and a child of its own. */
#include "launcher/overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/test.h"

enum { LAYERS = 400, NAME = 128 };

static bool releases_are_told_apart(void)
{
  CHECK(overlay_release_takes_layers("6.5.0"));
  CHECK(overlay_release_takes_layers("6.18.44-fc"));
  CHECK(overlay_release_takes_layers("10.0"));
  CHECK(!overlay_release_takes_layers("6.4.16-generic"));
  CHECK(!overlay_release_takes_layers("5.15.0-91-generic"));
  CHECK(!overlay_release_takes_layers("rubbish"));
  return true;
}

struct ground {
  char names[LAYERS][NAME];
  const char *lowers[LAYERS];
  char upper[NAME];
  char work[NAME];
  char target[NAME];
};

/* Layers with names that need escapes; a tmpfs holds it all and goes with the namespace. */
static bool build(struct ground *g, const char *top, int count)
{
  for (int i = 0; i < count; i++) {
    char file[NAME + 16];
    snprintf(g->names[i], NAME, "%s/a:layer,with\\signs-%03d", top, i);
    snprintf(file, sizeof(file), "%s/only-%d", g->names[i], i);
    int fd = mkdir(g->names[i], 0755) == 0 ? open(file, O_WRONLY | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (fd < 0)
      return false;
    close(fd);
    g->lowers[i] = g->names[i];
  }
  snprintf(g->upper, NAME, "%s/upper", top);
  snprintf(g->work, NAME, "%s/work", top);
  snprintf(g->target, NAME, "%s/target", top);
  return mkdir(g->upper, 0755) == 0 && mkdir(g->work, 0755) == 0 && mkdir(g->target, 0755) == 0;
}

static bool mounts(const char *top, int count, int expected)
{
  static struct ground g;
  CHECK(unshare(CLONE_NEWNS) == 0);
  CHECK(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
  CHECK(mount("tmpfs", top, "tmpfs", 0, NULL) == 0);
  CHECK(build(&g, top, count));
  struct overlay overlay = {.lowers = g.lowers, .lower_count = (size_t)count, .upper = g.upper, .work = g.work,
                            .target = g.target, .is_volatile = true};
  struct err err = {0};
  int status = overlay_mount_page(&overlay, &err);
  if (status != expected)
    fprintf(stderr, "# %s: errno %d\n", err.msg, err.code);
  CHECK(status == expected);
  char last[NAME + 16];
  snprintf(last, sizeof(last), "%s/only-%d", g.target, count - 1);
  CHECK(expected < 0 || access(last, F_OK) == 0);
  return true;
}

static bool in_child(int count, int expected)
{
  char top[] = "/tmp/launcher-overlay-XXXXXX";
  CHECK(mkdtemp(top));
  pid_t pid = fork();
  if (pid == 0)
    _exit(mounts(top, count, expected) ? 0 : 1);
  int status = 1;
  CHECK(waitpid(pid, &status, 0) == pid);
  CHECK(rmdir(top) == 0);
  return status == 0;
}

static bool hundreds_of_layers_are_mounted(void)
{
  return in_child(LAYERS, 0);
}

static bool a_layer_that_is_not_there_is_named(void)
{
  const char *lowers[] = {"/nowhere/at-all"};
  struct overlay overlay = {.lowers = lowers, .lower_count = 1, .upper = "", .work = "", .target = "/nowhere/either"};
  struct err err = {0};
  CHECK(overlay_mount_page(&overlay, &err) == -ENOENT);
  CHECK(strstr(err.msg, "/nowhere/at-all"));
  return true;
}

static const struct test_case cases[] = {
    {"kernels are told apart by their release", releases_are_told_apart},
    {"hundreds of layers are mounted", hundreds_of_layers_are_mounted},
    {"a layer that is not there is named", a_layer_that_is_not_there_is_named},
};

TEST_MAIN("launcher-overlay", cases)
