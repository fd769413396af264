#!/bin/bash
# time-limit: 300
# Two versions of one application's image which differ in known ways: diff says exactly that.
. "$(dirname "$0")/container.sh"
url=http://127.0.0.1:8080

requests() {
	local page

	wait_for answers $url/none
	for page in / /prices.html /data/catalogue.json; do
		fetch $url$page >/dev/null
	done
	[ "$image" != shop-1.4 ] || fetch $url/new.html >/dev/null
}

for image in shop-1.3 shop-1.4; do
	watch $image
done
aggregator_stop
old=$manifests/shop@1.3.footprint new=$manifests/shop@1.4.footprint
cd "$work" || exit 1
"$footprint" diff "$old" "$old" >same
assert_equal "status of diff with itself" 0 $?
assert_lacks "a diff with itself" / same
"$footprint" diff "$old" "$new" >changes
assert_equal "status of diff" 1 $?
cat changes

# What the Dockerfiles say, and nothing else.
cat >expected <<-'END'
	/etc/nginx/nginx.conf
	/srv/shop/new.html
	/srv/shop/prices.html
	/usr/lib/nginx/modules/ngx_http_echo_module.so
	/usr/share/shop/catalogue.json
END
grep -oE '(^|[[:space:]("])/[^[:space:]),:"]+' changes | tr -d ' \t("' | grep -v '^/usr/sbin/nginx$' | sort -u >paths
assert_same_text "paths in the diff" expected paths
assert_contains "a module more" '\+.*ngx_http_echo_module\.so' changes
assert_contains "a page more" '\+.*/srv/shop/new\.html' changes
assert_contains "another version of a package" 'shop-data.*1\.3-1.*1\.4-1' changes
assert_contains "the module's package" '\+.*libnginx-mod-http-echo' changes
assert_contains "another mode" 'prices\.html.*0?644.*0?664' changes
finish
