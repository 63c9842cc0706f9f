/* SPDX-License-Identifier: Apache-2.0 */
/*
 * elf_needs: pure: the bytes of a program or library → the loader and the libraries it asks for.
 *
 * Reads the native 64-bit form only. Every offset is checked against the size of the file; strings point into it.
 */
#pragma once

#include <stddef.h>

#define ELF_NEEDED_MAX 64u

struct elf_needs {
	const char *interpreter; /* NULL: none, a static program or a library */
	const char *runpath; /* folders with ':' between them, perhaps with $ORIGIN; NULL: none */
	size_t n_needed;
	const char *needed[ELF_NEEDED_MAX];
};

enum elf_result {
	ELF_DONE = 0,
	ELF_NOT_ELF = 1, /* a script, or nothing that can be run */
	ELF_FOREIGN = 2, /* of another machine or word size */
	ELF_BROKEN = 3, /* an offset or a string reaches beyond the file */
	ELF_TOO_MANY = 4, /* more libraries than ELF_NEEDED_MAX */
};

/* *ret is set on ELF_DONE only; its strings live as long as the bytes. */
enum elf_result elf_read(const void *bytes, size_t size_bytes, struct elf_needs *ret);

/* Part of a sentence. */
const char *elf_result_text(enum elf_result result);
