/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vm_bpf_load: gives the programs of a BPF object to this kernel's verifier.
 *
 *     vm_bpf_load FILE
 *
 * First all that the object loads by itself, together; then each of the others, which the sensor chooses by kernel,
 * alone. Prints what the verifier says of a failure, and how many were taken.
 */
#include <bpf/libbpf.h>
#include <stdio.h>
#include <string.h>

static int __attribute__((format(printf, 2, 0))) say(enum libbpf_print_level level, const char *format, va_list args)
{
	return level <= LIBBPF_WARN ? vprintf(format, args) : 0;
}

/* only: the one program to load; NULL: those that load by themselves. Returns how many, or -1. */
static int load(const char *path, const char *only)
{
	struct bpf_program *program;
	struct bpf_object *object = bpf_object__open_file(path, NULL);
	int n = 0;
	if (!object)
		return -1;
	bpf_object__for_each_program(program, object)
	{
		if (only)
			bpf_program__set_autoload(program, !strcmp(bpf_program__name(program), only));
		n += bpf_program__autoload(program);
	}
	if (bpf_object__load(object) < 0) {
		printf("why: %s: the verifier refuses %s\n", path, only ? only : "a program, see above");
		n = -1;
	}
	bpf_object__close(object);
	return n;
}

static int load_others(const char *path)
{
	struct bpf_program *program;
	struct bpf_object *object = bpf_object__open_file(path, NULL);
	int n = 0;
	if (!object)
		return -1;
	bpf_object__for_each_program(program, object)
	{
		if (bpf_program__autoload(program))
			continue;
		if (load(path, bpf_program__name(program)) < 0)
			n = -1;
		n += n >= 0;
	}
	bpf_object__close(object);
	return n;
}

int main(int argc, char **argv)
{
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (argc != 2) {
		fprintf(stderr, "usage: vm_bpf_load FILE\n");
		return 2;
	}
	libbpf_set_print(say);
	int together = load(argv[1], NULL);
	int alone = load_others(argv[1]);
	if (together <= 0 || alone < 0)
		return 1;
	printf("%s: %d programs together, %d alone\n", argv[1], together, alone);
	return 0;
}
