#!/bin/bash
# Attribution of files in a root whose database rpm itself has made, judged by rpm -qf.
set -eu

command -v rpmbuild >/dev/null || { echo "rpmbuild is not installed"; exit 77; }
command -v rpm >/dev/null || { echo "rpm is not installed"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root
mkdir -p "$root/usr/lib" "$root/usr/bin" "$work/build"
ln -s usr/lib "$root/lib"
ln -s usr/bin "$root/bin"

# package NAME EPOCH VERSION FILE...: builds and installs it.
package() {
	local name=$1 epoch=$2 version=$3 file

	shift 3
	{
		printf 'Name: %s\nVersion: %s\nRelease: 1.test\nSummary: test\nLicense: none\n' "$name" "$version"
		printf 'BuildArch: noarch\nAutoReqProv: no\n'
		[ "$epoch" = - ] || printf 'Epoch: %s\n' "$epoch"
		printf '%%description\ntest\n%%install\n'
		for file; do
			printf 'mkdir -p "%%{buildroot}%s"\necho %s >"%%{buildroot}%s"\n' \
				"${file%/*}" "$name" "$file"
		done
		printf '%%files\n'
		printf '"%s"\n' "$@"
	} >"$work/$name.spec"
	rpmbuild --quiet --define "_topdir $work/build" -bb "$work/$name.spec"
	rpm --root "$root" --define '_db_backend sqlite' --nodeps --noscripts -i \
		"$work/build/RPMS/noarch/$name-$version-1.test.noarch.rpm"
}

files=()
for i in $(seq 1 120); do
	files+=("/usr/share/many/directory$((i % 7))/file$i")
done
package many - 1.0 "${files[@]}"
package epochal 3 2.5~rc1 /usr/bin/epochal /etc/epochal.conf
package merged - 7 /lib/merged.so "/usr/lib/a name with spaces"
rpm --root "$root" --define '_db_backend sqlite' --initdb

database=$(find "$root" -name rpmdb.sqlite)
[ -n "$database" ] || { echo "rpm made no sqlite database"; exit 1; }
# Where this rpm keeps it is Debian's choice; containers of other distributions have it here.
mkdir -p "$root/var/lib/rpm"
sqlite3=$(command -v sqlite3 || true)
[ -z "$sqlite3" ] || "$sqlite3" "$database" 'PRAGMA wal_checkpoint(TRUNCATE)' >/dev/null
[ "$database" -ef "$root/var/lib/rpm/rpmdb.sqlite" ] || cp "$database" "$root/var/lib/rpm/rpmdb.sqlite"

rpm --root "$root" --define '_db_backend sqlite' -qa --qf '[%{FILENAMES} rpm %{=NAME} %|EPOCH?{%{=EPOCH}:}:{}|%{=VERSION}-%{=RELEASE} %{=ARCH}\n]' |
	sed 's,^/lib/,/usr/lib/,' | sort >"$work/judge"
[ "$(wc -l <"$work/judge")" -ge 124 ] || { echo "the judge knows too few files"; exit 1; }
sed 's/ rpm [^ ]* [^ ]* noarch$//' "$work/judge" | "$BUILD/tests/test_package" "$root" | sort >"$work/ours"
diff -u "$work/judge" "$work/ours"
echo "$(wc -l <"$work/judge") files belong to whom rpm says"
