import "elf"
import "math"
import "hash"
rule l { strings: $a = "abc" nocase fullword condition: for any of ($a*) : ($ at entrypoint or # > 2) or for any i in (1, 2, 3) : (@a[i] < 0x100) or math.entropy(0, filesize) > 7 or elf.type == elf.ET_EXEC or hash.md5(0, filesize) == "x" }
