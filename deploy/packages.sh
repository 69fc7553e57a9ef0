# Sourced by deploy/try and test/run: installs what is missing, and no more, on Debian and Ubuntu.
# What is there already is taken as it is, whoever installed it: Docker's own packages bring a runc, for instance, and
# Debian's would push them off the machine.

fail() {
  echo "${0##*/}: $*" >&2
  exit 1
}

# has_program NAME / has_header FILE / has_plugin NAME / has_static_libc / has_static_busybox
has_program() { command -v "$1" >/dev/null; }
has_header() { [[ -e /usr/include/$1 || -e /usr/local/include/$1 ]]; }
has_plugin() { [[ -x /usr/lib/cni/$1 || -x /opt/cni/bin/$1 ]]; }
has_static_libc() { compgen -G '/usr/lib/*/libc.a' >/dev/null || [[ -e /usr/lib/libc.a ]]; }
has_static_busybox() { has_program busybox && ! ldd "$(command -v busybox)" >/dev/null 2>&1; }
has_zones() { [[ -e /usr/share/zoneinfo/Asia/Kathmandu ]]; }
has_certificates() { [[ -e /etc/ssl/certs/ca-certificates.crt ]]; }

# need PACKAGE TEST...: notes the package when the test fails.
missing_packages=()
need() {
  local package=$1
  shift
  "$@" || missing_packages+=("$package")
}

need_for_berth() {
  need runc has_program runc
  need containernetworking-plugins has_plugin bridge
  need iptables has_program iptables
  need iproute2 has_program ip
  need gcc has_program gcc
  need libc6-dev has_static_libc
  need make has_program make
  need libarchive-dev has_header archive.h
  need zlib1g-dev has_header zlib.h
  need libzstd-dev has_header zstd.h
  need ca-certificates has_certificates
  need busybox-static has_static_busybox
}

need_for_tests() {
  need docker-registry has_program docker-registry
  need nftables has_program nft
  need conntrack has_program conntrack
  need nginx-light has_program nginx
  need skopeo has_program skopeo
  need gnupg has_program gpg
  need crun has_program crun
  need procps has_program ps
  need tzdata has_zones
  need zstd has_program zstd
  need openssl has_program openssl
  need util-linux has_program unshare
  need umoci has_program umoci
  need buildah has_program buildah
  need criu has_program criu
}

# What e2e/vm/run itself uses; what goes into its guest is what berth and the tests need.
need_for_vm() {
  need qemu-system-x86 has_program qemu-system-x86_64
  need debootstrap has_program debootstrap
  need e2fsprogs has_program mkfs.ext4
}

# Installs what was noted. No service is started, and one that came with a package does not start at the next boot.
install_missing() {
  if ((${#missing_packages[@]} == 0)); then return; fi
  has_program apt-get || fail "install these first (no apt-get here): ${missing_packages[*]}"
  echo "installing: ${missing_packages[*]}"
  export DEBIAN_FRONTEND=noninteractive
  local policy=/usr/sbin/policy-rc.d made=false
  if [[ ! -e $policy ]]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    made=true
  fi
  local status=0 log
  log=$(mktemp)
  { apt-get -q update && apt-get -q -y install --no-install-recommends "${missing_packages[@]}"; } \
    >"$log" 2>&1 || status=$?
  if $made; then rm -f "$policy"; fi
  if ((status != 0)); then
    tail -n 20 "$log" >&2
    rm -f "$log"
    fail "apt-get could not install ${missing_packages[*]}: see above"
  fi
  rm -f "$log"
  disable_new_services
  missing_packages=()
}

disable_new_services() {
  local package service
  for package in "${missing_packages[@]}"; do
    case $package in
      docker-registry) service=docker-registry ;;
      nginx-light) service=nginx ;;
      *) continue ;;
    esac
    update-rc.d "$service" disable >/dev/null 2>&1 || echo "note: the service $service could not be disabled" >&2
  done
}

need_root() { [[ $EUID -eq 0 ]] || fail "a container runtime needs root: sudo $1"; }

need_node() {
  has_program node && has_program npm ||
    fail "Node 20 or newer with npm is needed (https://nodejs.org). If it is there without sudo: sudo env PATH=\"\$PATH\" $1"
  local major
  major=$(node -p 'process.versions.node.split(".")[0]')
  ((major >= 20)) || fail "Node $(node --version) is too old: 20 or newer is needed"
}

# npm ci, unless what is installed is what the lockfile says.
install_modules() {
  if [[ node_modules/.package-lock.json -nt package-lock.json ]]; then return; fi
  echo "npm ci"
  npm ci --loglevel=error --no-progress
}
