#!/bin/bash
# Watches a real nginx in two versions, shows what it uses and what the second one changed.
# Leaves two manifests in $BUILD/demo and nothing else.
set -euo pipefail
cd "$(dirname "$0")/.."
BUILD=$(realpath "${BUILD:-build}")
kept=$BUILD/demo
home=$(mktemp -d /tmp/footprint-demo.XXXXXX)
chmod 755 "$home" # nginx reads its pages as another user
server=
trap '[ -z "$server" ] || kill "$server" 2>/dev/null || :; rm -rf "$home"' EXIT
PATH=$PATH:/usr/sbin
unset LD_PRELOAD "${!FOOTPRINT_@}"

if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then bold=$'\e[1m' plain=$'\e[0m'; else bold='' plain=''; fi

# step TEXT: prints what happens next
step() {
	printf '\n%s# %s%s\n' "$bold" "$*" "$plain"
}

# show_command WORD...: prints a command as one would type it, without this build's folders
show_command() {
	local line="$*"

	line=${line//"$BUILD/"/}
	printf '%s$ %s%s\n' "$bold" "${line//"$home"/\$shop}" "$plain"
}

port_open() {
	(: <"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

free_port() {
	local port

	while port=$((20000 + RANDOM % 10000)); port_open $port; do :; done
	echo $port
}

# write_shop VERSION: a complete nginx configuration and its pages. Version 2 has one module and one
# page more.
write_shop() {
	rm -rf "${home:?}"/*
	mkdir "$home/logs" "$home/public"
	echo '<h1>The shop</h1>' >"$home/public/index.html"
	[ "$1" = 1 ] || echo '<h1>New today</h1>' >"$home/public/new.html"
	cat >"$home/nginx.conf" <<-END
		$([ "$1" = 1 ] || echo 'load_module /usr/lib/nginx/modules/ngx_http_echo_module.so;')
		daemon off;
		worker_processes 1;
		pid $home/nginx.pid;
		events { }
		http {
			include /etc/nginx/mime.types;
			access_log $home/logs/access.log;
			error_log $home/logs/error.log;
			client_body_temp_path $home/body;
			proxy_temp_path $home/proxy;
			fastcgi_temp_path $home/fastcgi;
			uwsgi_temp_path $home/uwsgi;
			scgi_temp_path $home/scgi;
			server {
				listen 127.0.0.1:$port;
				root $home/public;
			}
		}
	END
}

# watch VERSION PAGE...: runs nginx under footprint, fetches the pages, stops it
watch() {
	local version=$1 page
	shift
	local -a command=("$BUILD/footprint" run -o "$kept/shop@$version.footprint"
		--app shop --app-version "$version" -- nginx -p "$home" "${log[@]}" -c "$home/nginx.conf")

	write_shop "$version"
	show_command "${command[@]}" "&"
	"${command[@]}" &
	server=$!
	until port_open "$port"; do
		kill -0 "$server" || { cat "$home/logs/error.log" >&2; exit 1; }
		sleep 0.05
	done
	for page; do
		show_command curl "http://127.0.0.1:$port$page"
		curl --silent --show-error --fail "http://127.0.0.1:$port$page"
	done
	show_command kill %1
	kill -TERM "$server"
	wait "$server" || :
	server=
}

mkdir -p "$kept"
log=(-e "$home/logs/error.log")
nginx -h 2>&1 | grep -- '-e filename' >/dev/null || log=() # before nginx 1.19.5
port=$(free_port)

step "Version 1 of a shop: nginx serves one page. Footprint watches."
watch 1 /

step "What did it use?"
show_command "$BUILD/footprint" show "$kept/shop@1.footprint"
"$BUILD/footprint" show "$kept/shop@1.footprint"

step "Version 2 loads one nginx module more and has one page more."
watch 2 / /new.html

step "What has changed?"
show_command "$BUILD/footprint" diff "$kept/shop@1.footprint" "$kept/shop@2.footprint"
status=0
"$BUILD/footprint" diff "$kept/shop@1.footprint" "$kept/shop@2.footprint" || status=$?
[ $status -eq 1 ] || { echo "demo: diff ended with $status instead of 1" >&2; exit 1; }

step "The manifests stay in ${kept#"$PWD/"}:"
ls -l "$kept"
