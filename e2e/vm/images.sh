# Sourced by e2e/vm/run: the images that it keeps, each named by a hash of what it is made of. Needs deploy/packages.sh.

cache=${BERTH_VM_CACHE:-/var/cache/berth-vm}

# What the repository's scripts would install on a machine that has none of it.
guest_package_list() {
  (
    need() { missing_packages+=("$1"); }
    missing_packages=()
    need_for_berth
    need_for_tests
    printf '%s\n' "${missing_packages[@]}"
  )
}

# key NAME < what goes in
key() { echo "$cache/$1-$(sha256sum | cut -c1-16)"; }

# Runs a program that ends with this shell; killed, for the first process of a pid namespace hears nothing else.
stoppable() {
  "$@" &
  # shellcheck disable=SC2064
  trap "kill -KILL $!; exit 143" TERM
  wait $!
}

# One at a time makes an image, under another name until it is whole. make_once PATH COMMAND...
make_once() {
  local path=$1
  shift
  (
    stoppable flock 9
    if [[ -e $path ]]; then exit; fi
    # Whose lock this is has no maker beside it: what is there was cut off.
    rm -rf --one-file-system "$cache"/*.part
    "$@" "$path.part"
    mv "$path.part" "$path"
  ) 9>"$cache/lock" &
  maker=$!
  wait "$maker"
  maker=''
  touch "$path"
}

make_guest() {
  echo "run: making the guest's image (some minutes, once); its log is $cache/build.log" >&2
  mkdir "$1"
  local packages
  mapfile -t packages < <(guest_package_list)
  stoppable unshare --mount --pid --fork --kill-child "$here/build-image" "$1" "${packages[@]}" >"$cache/build.log" 2>&1 </dev/null || {
    tail -n 15 "$cache/build.log" >&2
    fail "the guest's image could not be made"
  }
}

# Small, read-only and without a journal; a quarter and the inodes on top of what the files have. mkfs rounds the inodes of each
# group of 8 MiB down to a multiple of eight.
make_modules() {
  local kib inodes
  kib=$(du -sk --apparent-size "$repository/node_modules/" | cut -f1)
  inodes=$(find "$repository/node_modules/" | wc -l)
  kib=$((kib * 5 / 4 + inodes * 5))
  mkfs.ext4 -q -F -b 1024 -O ^has_journal -m 0 -N $((inodes + kib / 1024 + 64)) -d "$repository/node_modules/" \
    "$1" "${kib}k" >/dev/null
  # npm may be at work on them: what was read half is not kept.
  [[ $(find "$repository/node_modules/" | wc -l) == "$inodes" && -e $repository/node_modules/.package-lock.json ]] ||
    fail "node_modules has changed while it was copied: again when npm is done"
}

# Sets image (a folder) and modules (a file); what has not been used for two weeks goes.
prepare_images() {
  local lock=$repository/node_modules/.package-lock.json
  [[ -e $lock ]] || fail "there is no node_modules: npm ci first"
  mkdir -p "$cache"
  image=$({ cat "$here/build-image" "$here"/guest/*; guest_package_list; node --version; } | key guest)
  modules=$(cat "$here/images.sh" "$lock" | key modules)
  make_once "$image" make_guest
  make_once "$modules" make_modules
  find "$cache" -mindepth 1 -maxdepth 1 -mtime +14 -exec rm -rf --one-file-system {} +
}
