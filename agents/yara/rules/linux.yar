/* Linux programs. */

private rule elf
{
	condition:
		uint32(0) == 0x464c457f
}

rule miner
{
	meta:
		description = "a program that mines coins: it speaks the stratum protocol to a pool"
	strings:
		$url1 = "stratum+tcp://"
		$url2 = "stratum+ssl://"
		$method1 = "mining.subscribe"
		$method2 = "mining.authorize"
		$job = "mining.notify"
		$monero1 = "donate-level"
		$monero2 = "randomx"
		$monero3 = "cryptonight"
		$login = /\{"(id|method)":[^\n]{0,60}"login"/
	condition:
		elf and ((any of ($url*) and 2 of ($method*, $job)) or (any of ($url*) and 2 of ($monero*)) or
			($login and 2 of ($monero*)))
}

rule preload_rootkit
{
	meta:
		description = "a library that hides files from every program that loads it (LD_PRELOAD rootkit)"
	strings:
		$preload = "/etc/ld.so.preload"
		$dir1 = "readdir"
		$dir2 = "readdir64"
		$next = "dlsym"
		$hide1 = "/proc/net/tcp"
		$hide2 = "/proc/self/fd/%d"
		$hide3 = "/proc/%s/stat"
		$hook1 = "pam_authenticate"
		$hook2 = "fopen64"
		$hook3 = "__lxstat64"
		$hook4 = "unlinkat"
		$hook5 = "accept"
	condition:
		/* a shared object, little-endian */
		elf and uint16(16) == 3 and filesize < 1MB and $preload and all of ($dir*) and $next and any of ($hide*) and
		2 of ($hook*)
}
