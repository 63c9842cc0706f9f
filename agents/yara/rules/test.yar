/* Files that are harmless, and that every scanner must find. */

rule eicar_test_file
{
	meta:
		description = "the EICAR test file"
	strings:
		/* as its authors want it: at the beginning, and nothing but white space after it */
		$eicar = "X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"
	condition:
		$eicar at 0 and filesize <= 128
}

rule ringside_harmless_test
{
	meta:
		description = "a harmless test program of Ringside"
	strings:
		$head = "RINGSIDE-HARMLESS-"
		$tail = "TEST-MALWARE"
	condition:
		for any i in (1..#head): ($tail at @head[i] + 18)
}
