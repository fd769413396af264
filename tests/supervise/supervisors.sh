# shellcheck shell=bash disable=SC2034,SC2154 # for tests that source it after lib.sh
# Finds the supervisors that a test has started, and waits for them.
supervisor=$BUILD/footprint-supervise

# supervisors: the pids of those that this test started
supervisors() {
	local exe

	# A single process for all: a loop of readlinks would take longer than some watched programs live.
	find /proc/[0-9]*/exe -maxdepth 0 -lname "$supervisor" 2>/dev/null | while read -r exe; do
		exe=${exe%/exe}
		grep -qzxF "FOOTPRINT_SOCKET=$socket" "$exe/environ" 2>/dev/null && echo "${exe#/proc/}"
	done
}

no_supervisors() {
	[ -z "$(supervisors)" ]
}

parent() {
	awk '/^PPid:/ { print $2 }' "/proc/$1/status" 2>/dev/null
}

# worker: no session leader as guardians are at first, and nobody's parent
worker() {
	local pid all

	all=$(supervisors)
	for pid in $all; do
		[ "$(awk '{ print $6 }' "/proc/$pid/stat" 2>/dev/null)" = "$pid" ] ||
			[ -n "$(cat "/proc/$pid/task/$pid/children" 2>/dev/null)" ] || echo "$pid"
	done
}

guardian() {
	parent "$(worker)"
}

paired() {
	local guardian

	guardian=$(guardian)
	[ -n "$guardian" ] && supervisors | grep -qx "$guardian"
}

# Only the nursery, which waits for more work, may be left.
no_guardians() {
	[ "$(supervisors | wc -l)" -le 1 ]
}

# start COMMAND: watched, its pid in $program. Every call of its first program is announced, since what
# repeats itself would keep no supervisor busy: EXPRESS=1 lets it into the express lane, and BELOW is an option
# of env, which executes it. On a machine with much else to do the supervisor may not be there in the time that
# a program waits for it: that is a gap, and here another attempt.
start() {
	local attempt

	for attempt in 1 2 3 4 5 6; do
		"${watched[@]}" sh -c "env ${BELOW:-} FOOTPRINT_SITES=${EXPRESS:-0} $1" >output 2>errors &
		program=$!
		started $program
		for _ in {1..50}; do
			paired && return
			sleep 0.02
		done
		pkill -KILL -P "$program"
		wait $program 2>/dev/null
		wait_for no_guardians
	done
	die "no supervisor came in $attempt attempts"
}

# end_opener: tells the program that opener.c became, and its children, that it is enough, and waits
end_opener() {
	pkill -USR1 -s 0 -x opener
	wait "$program"
}

# in_express_lane PID: has it mapped the express lane's road?
in_express_lane() {
	grep -q '5fa37000-[0-9a-f]* r-xp 00000000 00:00 0' "/proc/$1/maps" 2>/dev/null
}
