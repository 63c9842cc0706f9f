/* SPDX-License-Identifier: Apache-2.0 */
#include "cage/elf_needs.h"

#include "base/macro.h"

#include <elf.h>
#include <stdbool.h>
#include <string.h>

#if defined(__x86_64__)
#define ELF_MACHINE EM_X86_64
#elif defined(__aarch64__)
#define ELF_MACHINE EM_AARCH64
#else
#error "the number of this machine in an ELF header is not known here"
#endif

struct image {
	const unsigned char *bytes;
	size_t size;
	Elf64_Ehdr head;
};

/* Copied, because a file need not align its tables. */
static bool copy(const struct image *image, uint64_t offset, void *to, size_t size)
{
	if (offset > image->size || size > image->size - offset)
		return false;
	memcpy(to, image->bytes + offset, size);
	return true;
}

static bool segment(const struct image *image, unsigned index, Elf64_Phdr *ret)
{
	uint64_t offset = (uint64_t)index * sizeof(*ret);
	return image->head.e_phoff <= image->size && copy(image, image->head.e_phoff + offset, ret, sizeof(*ret));
}

/* A NUL-terminated string within `size` bytes from offset. */
static const char *string(const struct image *image, uint64_t offset, uint64_t size)
{
	if (offset >= image->size)
		return NULL;
	size = MIN(size, image->size - offset);
	const char *text = (const char *)image->bytes + offset;
	return memchr(text, '\0', size) ? text : NULL;
}

static enum elf_result read_head(struct image *image)
{
	if (!copy(image, 0, &image->head, sizeof(image->head)) || memcmp(image->head.e_ident, ELFMAG, SELFMAG) != 0)
		return ELF_NOT_ELF;
	if (image->head.e_ident[EI_CLASS] != ELFCLASS64 || image->head.e_machine != ELF_MACHINE)
		return ELF_FOREIGN;
	return image->head.e_phentsize == sizeof(Elf64_Phdr) || image->head.e_phnum == 0 ? ELF_DONE : ELF_BROKEN;
}

/* Where in the file the byte of this address is. */
static bool offset_of(const struct image *image, uint64_t address, uint64_t *ret)
{
	Elf64_Phdr header;
	for (unsigned i = 0; i < image->head.e_phnum && segment(image, i, &header); i++) {
		if (header.p_type != PT_LOAD || address < header.p_vaddr || address - header.p_vaddr >= header.p_filesz)
			continue;
		return !__builtin_add_overflow(header.p_offset, address - header.p_vaddr, ret);
	}
	return false;
}

struct dynamic {
	uint64_t strings, strings_size;
	uint64_t runpath, rpath; /* offsets in strings + 1; 0: none */
	size_t n_needed;
	uint64_t needed[ELF_NEEDED_MAX];
};

static enum elf_result dynamic_entry(struct dynamic *dynamic, const Elf64_Dyn *entry)
{
	switch (entry->d_tag) {
	case DT_STRTAB:
		dynamic->strings = entry->d_un.d_ptr;
		break;
	case DT_STRSZ:
		dynamic->strings_size = entry->d_un.d_val;
		break;
	case DT_RUNPATH:
		dynamic->runpath = entry->d_un.d_val + 1;
		break;
	case DT_RPATH:
		dynamic->rpath = entry->d_un.d_val + 1;
		break;
	case DT_NEEDED:
		if (dynamic->n_needed == ELF_NEEDED_MAX)
			return ELF_TOO_MANY;
		dynamic->needed[dynamic->n_needed++] = entry->d_un.d_val;
		break;
	default:
		break;
	}
	return ELF_DONE;
}

static enum elf_result read_dynamic(const struct image *image, const Elf64_Phdr *header, struct dynamic *ret)
{
	enum elf_result result = ELF_DONE;
	for (uint64_t at = 0; at + sizeof(Elf64_Dyn) <= header->p_filesz && result == ELF_DONE;
	     at += sizeof(Elf64_Dyn)) {
		Elf64_Dyn entry;
		uint64_t offset;
		if (__builtin_add_overflow(header->p_offset, at, &offset) ||
		    !copy(image, offset, &entry, sizeof(entry)))
			return ELF_BROKEN;
		if (entry.d_tag == DT_NULL)
			break;
		result = dynamic_entry(ret, &entry);
	}
	return result;
}

static const char *name(const struct image *image, const struct dynamic *dynamic, uint64_t base, uint64_t offset)
{
	uint64_t at;
	if (offset >= dynamic->strings_size || __builtin_add_overflow(base, offset, &at))
		return NULL;
	return string(image, at, dynamic->strings_size - offset);
}

static enum elf_result resolve(const struct image *image, const struct dynamic *dynamic, struct elf_needs *needs)
{
	uint64_t base = 0, path = dynamic->runpath ? dynamic->runpath : dynamic->rpath;
	if (dynamic->n_needed == 0 && path == 0)
		return ELF_DONE;
	if (!offset_of(image, dynamic->strings, &base))
		return ELF_BROKEN;
	if (path && !(needs->runpath = name(image, dynamic, base, path - 1)))
		return ELF_BROKEN;
	for (size_t i = 0; i < dynamic->n_needed; i++)
		if (!(needs->needed[needs->n_needed++] = name(image, dynamic, base, dynamic->needed[i])))
			return ELF_BROKEN;
	return ELF_DONE;
}

enum elf_result elf_read(const void *bytes, size_t size_bytes, struct elf_needs *ret)
{
	struct image image = {.bytes = bytes, .size = size_bytes};
	struct elf_needs needs = {0};
	struct dynamic dynamic = {0};
	enum elf_result result = read_head(&image);
	for (unsigned i = 0; i < image.head.e_phnum && result == ELF_DONE; i++) {
		Elf64_Phdr header;
		if (!segment(&image, i, &header))
			return ELF_BROKEN;
		if (header.p_type == PT_INTERP &&
		    !(needs.interpreter = string(&image, header.p_offset, header.p_filesz)))
			return ELF_BROKEN;
		if (header.p_type == PT_DYNAMIC)
			result = read_dynamic(&image, &header, &dynamic);
	}
	if (result == ELF_DONE)
		result = resolve(&image, &dynamic, &needs);
	if (result == ELF_DONE)
		*ret = needs;
	return result;
}

const char *elf_result_text(enum elf_result result)
{
	static const char *const texts[] = {
		[ELF_DONE] = "well",
		[ELF_NOT_ELF] = "neither an ELF file nor a script",
		[ELF_FOREIGN] = "of another machine",
		[ELF_BROKEN] = "an ELF file that is broken or cut",
		[ELF_TOO_MANY] = "an ELF file that needs more than 64 libraries",
	};
	return texts[result];
}
