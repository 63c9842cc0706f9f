/* SPDX-License-Identifier: Apache-2.0 */
/* vm_true: a program that does nothing and succeeds: something to execute. */
int main(void)
{
	return 0;
}
