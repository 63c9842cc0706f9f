/* SPDX-License-Identifier: Apache-2.0 */
/* vm_hello: the program that the ways to execute try to start. Says that it runs. */
#include <stdio.h>

int main(void)
{
	puts("through");
	return 0;
}
