/* Scripts that give a shell away. Binaries hold such strings for good reasons; a script is short and begins with #!. */

private rule script
{
	condition:
		filesize < 1MB and (uint16(0) == 0x2123 or uint32(0) == 0x68702f3c /* <?ph in one order or the other */ or
			uint32(0) == 0x68703f3c)
}

rule reverse_shell_bash
{
	meta:
		description = "a script that connects a shell to another machine (bash, /dev/tcp)"
	strings:
		$line = /(ba)?sh -i[^\n]{0,40}(>&|<>)[^\n]{0,20}\/dev\/(tcp|udp)\/[^\n]{1,80}/
		$exec = /exec [0-9]{1,3}<>\/dev\/(tcp|udp)\/[^\n]{1,80}/
		$back = /sh (-i )?<&[0-9]{1,3} >&[0-9]{1,3} 2>&[0-9]{1,3}/
	condition:
		script and ($line or ($exec and $back))
}

rule reverse_shell_netcat
{
	meta:
		description = "a script that connects a shell to another machine (netcat)"
	strings:
		$exec = /\b(nc|ncat|netcat)( -[a-z]{1,8}){0,4} (-e|-c|--exec) ?\/?(usr\/)?(bin\/)?(ba|da|z|k)?sh\b/
		$fifo = /mkfifo [^\n]{1,60};[^\n]{0,60}\|[ ]?(\/bin\/)?(ba)?sh -i[^\n]{0,40}\|[ ]?(nc|ncat|netcat) /
	condition:
		script and any of them
}

rule reverse_shell_interpreter
{
	meta:
		description = "a script that connects a shell to another machine (Python, Perl, PHP, Ruby)"
	strings:
		$python = /socket\.socket\([^\n]{0,80}\)[^\n]{0,200}\.connect\(\(/
		$dup = /os\.dup2\([a-z_]{1,16}\.fileno\(\), ?[012]\)/
		$pty = /pty\.spawn\(["']\/?(usr\/)?(bin\/)?(ba)?sh["']\)/
		$call = /(subprocess\.(call|run|Popen)|os\.system|os\.execl?v?p?)\(\[?["']\/?(usr\/)?(bin\/)?(ba)?sh["']/
		$perl = /socket\(S[^\n]{0,200}open\(STDIN, ?["']>&S["']\)[^\n]{0,200}exec[ (]?\{?["']\/bin\/(ba)?sh/
		$php = /fsockopen\([^\n]{1,100}\)[^\n]{0,40};[^\n]{0,20}(exec|shell_exec|system|proc_open|passthru)\([^\n]{0,40}sh -i/
		$ruby = /TCPSocket\.(new|open)\([^\n]{1,100}\)[^\n]{0,60}exec [^\n]{0,30}sh -i/
	condition:
		script and (($dup and ($pty or $call)) or ($python and $dup and ($pty or $call)) or $perl or $php or $ruby)
}
