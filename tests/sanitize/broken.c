/* SPDX-License-Identifier: Apache-2.0 */
/* What a sanitizer must end this program for, one mistake by name: tools/check runs it before it believes a quiet run.
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What the compiler must not see through. */
static volatile int one = 1;
static void *volatile lost;

static int overflow(void)
{
	return INT_MAX + one;
}

static int overrun(void)
{
	char *bytes = malloc((size_t)one);
	int byte = bytes ? bytes[one] : 0;
	free(bytes);
	return byte;
}

static int leak(void)
{
	lost = malloc(100);
	lost = NULL;
	return 0;
}

int main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";
	int result = 0;
	if (strcmp(name, "overflow") == 0)
		result = overflow();
	else if (strcmp(name, "overrun") == 0)
		result = overrun();
	else if (strcmp(name, "leak") == 0)
		result = leak();
	printf("%s: nobody noticed (%d)\n", name, result);
	return 0;
}
