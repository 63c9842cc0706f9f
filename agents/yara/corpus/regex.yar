rule r { strings: $a = /a(b|c){2,5}[^d-f]*?\x41\s\S\d\D\w\W\bx$/is $b = { 41 ?? [2-4] (42 | 43 4?) ~44 } $c = "x" xor(1-5) wide ascii condition: any of them }
