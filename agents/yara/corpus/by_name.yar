/*
 * Rules that look at a file's name cost the cache of verdicts, for the platform keeps verdicts about bytes. The global rule
 * spares it for every file that no rule here can match, whatever its name: it comes first and looks at bytes only.
 */

global private rule packed_elf
{
	strings:
		$magic = "UPX!"
	condition:
		uint32(0) == 0x464c457f and $magic in (0..4096)
}

rule packed_in_temporary_folder
{
	meta:
		description = "a program packed by UPX in a folder where anybody may write"
	condition:
		filepath startswith "/tmp/" or filepath startswith "/var/tmp/" or filepath startswith "/dev/shm/"
}
