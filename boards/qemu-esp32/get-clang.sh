#!/bin/sh
# SPDX-License-Identifier: MIT
# Fetch clang 22 with its libraries into the folder given as $1: about 65 MB, 300 MB unpacked.
# Nothing is installed; $1/clang runs it.
#
# Debian has no GCC for windowed Xtensa, and older LLVMs have no windows. Trixie's clang 22 needs
# trixie's libraries, down to libc, and their loader.
set -eu

SUITE=trixie
LLVM=22
# clang itself, its headers (stddef.h, stdint.h...), and all that ldd finds.
PACKAGES="clang-$LLVM libclang-common-$LLVM-dev libclang-cpp$LLVM libllvm$LLVM libc6 libgcc-s1 libstdc++6
    libedit2 libffi8 libxml2 libz3-4 libzstd1 zlib1g libtinfo6 libbsd0 libmd0 libicu76 liblzma5"

dest=$1
[ ! -e "$dest/.complete" ] || exit 0

# shellcheck source=tools/apt-private.sh
. "$(dirname "$0")/../../tools/apt-private.sh"
command -v dpkg-deb >/dev/null || apt_private_fail "dpkg-deb is missing (Debian package dpkg)."

mkdir -p "$(dirname "$dest")"
parent=$(cd "$(dirname "$dest")" && pwd)
work=$(mktemp -d "$parent/.fetch.XXXXXX")
trap 'rm -rf "$work"' EXIT INT TERM
mkdir "$work/debs" "$work/root"
apt_private_init "$work/apt" "$SUITE" deb
# shellcheck disable=SC2086 # one word per package
(cd "$work/debs" && apt_private download $PACKAGES) || apt_private_fail "no clang-$LLVM in $SUITE."
for deb in "$work"/debs/*.deb; do
    dpkg-deb -x "$deb" "$work/root"
done

# The driver starts further processes through argv[0], which therefore is this script again.
cat >"$work/root/clang" <<END
#!/bin/sh
root=\$(dirname "\$0")
for libraries in "\$root"/usr/lib/*-linux-gnu*; do :; done
for loader in "\$libraries"/ld-linux*.so.*; do :; done
case "\$1" in
    -cc1*) ;;
    *) set -- -no-canonical-prefixes -resource-dir "\$root/usr/lib/llvm-$LLVM/lib/clang/$LLVM" "\$@" ;;
esac
exec "\$loader" --library-path "\$libraries:\$root/usr/lib/llvm-$LLVM/lib" --argv0 "\$0" \\
    "\$root/usr/lib/llvm-$LLVM/bin/clang" "\$@"
END
chmod +x "$work/root/clang"
"$work/root/clang" --print-targets | grep -q xtensa || apt_private_fail "this clang has no Xtensa target."

touch "$work/root/.complete"
# Whoever was faster has fetched the same.
mv -T "$work/root" "$dest" 2>/dev/null || [ -e "$dest/.complete" ]
