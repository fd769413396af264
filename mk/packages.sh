#!/bin/sh
# Makes sure that the Debian packages a target needs are there: installs the missing ones when root,
# names them when not.
#   mk/packages.sh build|test|demo|bench|lint|fuzz ...
set -eu

build="gcc libc6-dev make pkg-config protobuf-c-compiler libprotobuf-c-dev libuv1-dev libzstd-dev
    libssl-dev libsqlite3-dev"
test="g++ procps libcap2-bin libcmocka-dev libjansson-dev strace protobuf-compiler zstd python3 binutils
    musl musl-tools podman runc mmdebstrap catatonit uidmap netavark nginx-light redis-server redis-tools
    curl jq file busybox-static golang-go rpm systemd zsh mandoc btrfs-progs"
demo="nginx-light libnginx-mod-http-echo curl"
bench="strace fatrace bpftrace care proot cde snoopy fakechroot wrk redis-server redis-tools
    postgresql postgresql-contrib nginx-light gcc make python3 golang-go qemu-user"
lint="git clang-format clang-tidy shellcheck"
fuzz="clang libclang-rt-dev"

wanted=
for purpose; do
    case $purpose in
    build) wanted="$wanted $build" ;;
    test) wanted="$wanted $test" ;;
    demo) wanted="$wanted $demo" ;;
    bench) wanted="$wanted $bench" ;;
    lint) wanted="$wanted $lint" ;;
    fuzz) wanted="$wanted $fuzz" ;;
    *) echo "mk/packages.sh: $purpose: no such set of packages" >&2; exit 2 ;;
    esac
done

command -v dpkg-query >/dev/null || {
    # shellcheck disable=SC2086 # a list of names in lines
    echo "mk/packages.sh: not a Debian system; these packages or their like are needed:" $wanted >&2
    exit 0
}
missing=
for package in $wanted; do
    state=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
    [ "$state" = installed ] || missing="$missing $package"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" -ne 0 ]; then
    echo "mk/packages.sh: these Debian packages are missing:$missing" >&2
    echo "mk/packages.sh: install them: sudo apt-get install$missing" >&2
    exit 1
fi
echo "Installing:$missing"
# Servers are installed for tests to run by hand; they must not start by themselves.
policy=/usr/sbin/policy-rc.d
made_policy=
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    made_policy=yes
fi
trap '[ -z "$made_policy" ] || rm -f "$policy"' EXIT
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
# Another apt-get may be at work: wait for it rather than fail.
install="apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=300"
# shellcheck disable=SC2086 # lists of words
if ! { apt-get update -qq && $install $missing; } >"$log" 2>&1; then
    cat "$log" >&2
    rm -f "$log"
    echo "mk/packages.sh: could not install:$missing" >&2
    exit 1
fi
rm -f "$log"
