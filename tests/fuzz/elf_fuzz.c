/* SPDX-License-Identifier: Apache-2.0 */
/* An ELF file of any bytes: what is read of it lies within it. */
#include "cage/elf_needs.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static void expect_inside(const char *text, const uint8_t *data, size_t size)
{
	const uint8_t *at = (const uint8_t *)text;
	FUZZ_EXPECT(at >= data && at < data + size && memchr(at, '\0', size - (size_t)(at - data)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct elf_needs needs;
	if (elf_read(data, size, &needs) != ELF_DONE)
		return 0;
	if (needs.interpreter)
		expect_inside(needs.interpreter, data, size);
	if (needs.runpath)
		expect_inside(needs.runpath, data, size);
	FUZZ_EXPECT(needs.n_needed <= ELF_NEEDED_MAX);
	for (size_t i = 0; i < needs.n_needed; i++)
		expect_inside(needs.needed[i], data, size);
	return 0;
}
