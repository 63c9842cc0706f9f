# SPDX-License-Identifier: Apache-2.0
# What the cases `escape/…` share: the world that an agent must not reach, see tests/escape.
. /vm/cases/platform.sh

escape_world() {
	mkdir granted
	echo granted >granted/file
	cp /vm/helpers/vm_hello granted/program
	chmod 4755 granted/program
	mknod -m 666 granted/device c 1 5
	echo secret >secret
	chmod 600 secret
	mkdir -p /dev/shm
	: >/dev/shm/ringside-escape
	ifconfig lo 127.0.0.1 up 2>/dev/null || ip link set lo up
	/vm/helpers/escape listen abstract=ringside-escape granted="$PWD/granted" shm_key=1381187329 port=7001 &
	sleep 1000 &
	victim=$!
	wait_until 10 [ -S granted/socket ] || fail "nobody listens"
}

# escape_arguments OTHER FOLDER: in the form of the program.
escape_arguments() {
	echo "victim=$victim" "other=$1" "secret=$PWD/secret" "granted=$PWD/granted" "other_log=/run/ringsided.log" \
		abstract=ringside-escape "control=/run/ringside/control.sock" "folder=$2" shm=ringside-escape \
		shm_key=1381187329 port=7001
}

# escape_has_tried: all of it; or up to the last attempt, for which its control group ends it.
escape_has_tried() {
	[ -s /run/ringside/agents/escape.log ] || cat scope/file >/dev/null
	grep -q '^tried' /run/ringside/agents/escape.log || status cage.agents.escape.why | grep -q "memory budget"
}

escape_platform() {
	agents="  - {name: escape, program: /vm/helpers/escape, args: [agent, $(escape_arguments $$ /state | sed 's/ /, /g')], events: [auth_open], reads: [$PWD/granted], limits: {disk: 8 MB, memory: 64 MB, descriptors: 64, pending: 32}}
"
	agent_names=escape
	mkdir scope
	mount -t tmpfs scope scope
	echo >scope/file
	platform "$PWD/scope"
	wait_until 120 escape_has_tried || platform_fail "it did not come to its end: $(tail -n 3 /run/ringside/agents/escape.log)"
}
