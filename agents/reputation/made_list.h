/* SPDX-License-Identifier: Apache-2.0 */
/* made_list: lists of any size for the bench and the test of large ones, and how much memory this process has. */
#pragma once

#include "reputation/list.h"

uint64_t made_mix(uint64_t z);
/* Digest number n of a sequence that is as good as SHA-256 for this. */
void made_digest(uint64_t n, uint8_t digest[DIGEST_SIZE]);
/* Writes a compiled list that denies digests `first` to `first` + n - 1. Takes memory for all of them: call it in a
 * process of its own. -errno. */
int made_list_write(const char *path, uint64_t n, uint64_t first);
/* A field of /proc/self/status, such as "VmRSS:", in KiB; 0 when it is not there. */
unsigned long made_status_kib(const char *field);
