/* SPDX-License-Identifier: Apache-2.0 OR (BSD-2-Clause OR GPL-2.0-only) */
/*
 * sensor: our programs in the kernel, one hook a file. They watch; none of them can refuse anything.
 *
 *     tracepoints ─▶ hook_* ──────────────────────────┐
 *     sys_exit ─▶ dispatcher ─▶ family_* (tail call) ─┴▶ record ─▶ ring buffer ─▶ sensor/bpf.c
 *
 * Each is loaded on its own terms: when a kernel refuses one, the others go on.
 */
#include "family_dns.h"
#include "family_file.h"
#include "family_kernel.h"
#include "family_memory.h"
#include "family_network.h"
#include "family_process.h"
#include "hook_exec.h"
#include "hook_exit.h"
#include "hook_fork.h"
#include "hook_signal.h"

char _license[] SEC("license") = "Dual BSD/GPL";
