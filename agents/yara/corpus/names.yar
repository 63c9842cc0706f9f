global private rule g { condition: filesize > 1 }
rule n : tag1 tag2 { meta: description = "x" score = 3 flag = true condition: g and filename matches /x.*y/ and extension icontains ".so" }
include "input.yar"
