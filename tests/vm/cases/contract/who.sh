# SPDX-License-Identifier: Apache-2.0
# claim: events of both sensors, as `ringside events` and `explain` show them, name parent, program, container, cgroup, login
# limit-s: 240
. /vm/cases/platform.sh
bpf=yes
cgroups
agent guard marker
mkdir fs
mount -t tmpfs tmpfs fs
container=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef
group=/sys/fs/cgroup/docker-$container.scope
mkdir "$group"
make_bad open fs/bad
platform "$PWD/fs"
ringside events --json --type create --type denied --path "$PWD/fs/" >events 2>errors &
live() { status engine.agents | grep -q '"state": *"live".*"state": *"live"'; }
wait_until 30 live || platform_fail "the listener is not live: $(cat errors)"

# who does it: enters the container, logs in, and stays until both events have been seen
cat >actor <<-'END'
	echo 0 >"$1/cgroup.procs" || exit 1
	[ ! -e /proc/self/loginuid ] || echo 4711 >/proc/self/loginuid || exit 2
	echo "$$ $PPID" >ids
	readlink /proc/$$/exe >exe
	cat /proc/self/loginuid /proc/self/sessionid >login 2>/dev/null
	: >fs/made
	while read -r line; do :; done <fs/bad
	until [ -e seen ]; do usleep 50000; done
END
sh actor "$group" 2>actor.err &
actor_pid=$!
seen() { grep -q '"event":"create"' events && grep -q '"event":"denied"' events; }
wait_until 30 seen || platform_fail "events: $(cat events errors actor.err)"

# of EVENT KEY: what the event says
of() {
	grep "\"event\":\"$1\"" events | head -n 1 | vm_json "$2"
}

same() {
	[ "$2" = "$3" ] || platform_fail "$1: expected '$2', found '$3'"
}

read -r pid parent <ids
for event in create denied; do
	same "$event: pid" "$pid" "$(of $event process.pid)"
	same "$event: parent" "$parent" "$(of $event process.parent_pid)"
	same "$event: program" "$(cat exe)" "$(of $event process.exe.path)"
	same "$event: user" 0 "$(of $event process.uid)"
	same "$event: container" "$container" "$(of $event process.container_id)"
	same "$event: cgroup" "/docker-$container.scope" "$(of $event process.cgroup)"
	same "$event: cgroup id" "$(stat -c %i "$group")" "$(of $event process.cgroup_id)"
	[ -s login ] || continue # this kernel knows no logins
	same "$event: login user" 4711 "$(of $event process.login_uid)"
	same "$event: login session" "$(sed -n 's/^4711//p' login)" "$(of $event process.login_session)"
done
ringside explain "$(of denied question)" --json >explained || platform_fail "the question is not known"
same "explain: container" "$container" "$(vm_json event.process.container_id <explained)"
touch seen
wait "$actor_pid" || platform_fail "the actor ended with $?: $(cat actor.err)"
