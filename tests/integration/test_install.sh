#!/bin/bash
# What is installed works from where it is installed, and all of it is gone when it is uninstalled, together
# with what the library has written beside itself. The example's image has what the daemon is linked with.
. "$(dirname "$0")/../lib.sh"
needs make

stage=$work/stage
install_with() {
	make -s -C "$top" BUILD="$BUILD" DESTDIR="$stage" PREFIX=/opt "$1" >"$work/log" 2>&1 ||
		die "make $1 failed: $(cat "$work/log")"
}

install_with install
find "$stage" -type d -o -printf '%P\n' | sort >"$work/installed"
for file in opt/bin/footprint opt/sbin/footprintd opt/lib/footprint/libfootprint.so \
	opt/share/man/man5/footprint-manifest.5; do
	grep -qx "$file" "$work/installed" || fail "not installed: $file"
done
while IFS=: read -r document link; do
	link=${link#']('} link=${link%)}
	[ -e "$(dirname "$document")/$link" ] || fail "$document leads to $link, which is not installed"
done < <(grep -rHo --include='*.md' ']([^)#:]*)' "$stage/opt/share/doc")
[ -e "$stage/opt/share/doc/footprint/doc/architecture.md" ] || fail "no documents are installed"
echo content >"$work/file"
FOOTPRINT_LIBRARY='' "$stage/opt/bin/footprint" run -o "$work/out.footprint" -- cat "$work/file" >"$work/log" 2>&1 ||
	fail "the installed command does not run: $(cat "$work/log")"
assert_fact "what the installed command watched" \
	"any(.files[]; .path == \"$(realpath "$work/file")\")" "$work/out.footprint"

# Root's library has written a file beside itself; others' may not.
touch "$stage/opt/lib/footprint/libfootprint.so.sites-0" "$stage/opt/share/man/man1/other.1"
install_with uninstall
assert_equal "what is left" opt/share/man/man1/other.1 "$(find "$stage" -type d -o -printf '%P\n')"
for folder in lib share/doc; do
	[ ! -e "$stage/opt/$folder/footprint" ] || fail "$folder/footprint is left"
done
install_with uninstall

# ---- the image of the aggregator in deploy/compose
package_of() {
	dpkg-query -S "$1" 2>/dev/null || dpkg-query -S "/usr$1" 2>/dev/null
}
if command -v dpkg-query >/dev/null; then
	while read -r path; do
		package=$(package_of "$path" | sed 's/:.*//')
		[ -n "$package" ] || die "no package has $path"
		names=$(dpkg-query -W -f '${Package} ${Provides}' "$package" | sed 's/([^)]*)//g; s/, */ /g; s/  */|/g; s/|$//')
		grep -qwE "$names" "$top/deploy/compose/Dockerfile.aggregator" ||
			fail "Dockerfile.aggregator lacks $package, which has $path"
	done < <(ldd "$footprintd" | awk '$3 ~ /^\// && $1 !~ /^lib(c|m|pthread|dl|rt)\.so/ { print $3 }')
fi
finish
