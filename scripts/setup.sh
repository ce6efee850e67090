#!/bin/sh
# Make sure the tools named below are here: install them when we may, else print the command that would, and fail.
# usage: setup.sh build|check|qemu
set -eu

build_packages="meson ninja-build pkg-config libfdt-dev zlib1g-dev libedit-dev"
check_packages="$build_packages valgrind clang libclang-rt-14-dev llvm libcmocka-dev device-tree-compiler mandoc spin python3
	gcc-aarch64-linux-gnu gcc-12-multilib gcc-riscv64-unknown-elf"
qemu_packages="make gcc qemu-system-x86 ovmf qemu-system-arm
	qemu-efi-aarch64 gcc-aarch64-linux-gnu python3"

missing_of() {
	for package in "$@"; do
		status=$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)
		[ "$status" = installed ] || printf '%s ' "$package"
	done
}

case ${1:-build} in
check) wanted=$check_packages ;;
qemu) wanted=$qemu_packages ;;
*) wanted="$build_packages libcmocka-dev" ;;
esac

if ! command -v dpkg-query >/dev/null 2>&1; then
	for tool in meson ninja; do
		command -v $tool >/dev/null 2>&1 || {
			echo "quire needs $tool; on Debian these packages provide everything: $wanted" >&2
			exit 1
		}
	done
	exit 0
fi

# shellcheck disable=SC2086
missing=$(missing_of $wanted)
[ -n "$missing" ] || exit 0

if [ "$(id -u)" = 0 ]; then
	as_root=
elif command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null; then
	as_root="sudo -n"
else
	echo "These packages are missing; this command installs them:" >&2
	echo "  sudo apt-get install -y $missing" >&2
	exit 1
fi
echo "Installing: $missing"
export DEBIAN_FRONTEND=noninteractive
$as_root apt-get update -qq >/dev/null 2>&1 || true
# shellcheck disable=SC2086
$as_root apt-get install -y -qq --no-install-recommends $missing >/dev/null || {
	echo "apt-get could not install: $missing" >&2
	exit 1
}
