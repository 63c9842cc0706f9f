/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doctor_probe: what can be learnt of this machine without a running platform, and what events are to be expected.
 *
 *     machine ─▶ notes: files under /proc and /sys, and what the kernel said to the attempts
 *             └▶ abilities: the sensors' promises (wire/promise.h), as far as their kernel interface can be had
 *
 * Changes nothing: it opens a fanotify group without a mark, and loads a BPF program that is attached to nothing.
 */
#pragma once

#include "view.h"

struct doctor_machine {
	const char *root; /* "", or a folder that stands for / */
	int fanotify; /* 0, or the -errno of opening a group of permission events */
	int bpf; /* 0, or the -errno of loading a program that reads the kernel's memory */
	int landlock; /* its ABI; 0: not there */
};

/* This machine. */
void doctor_machine_look(struct doctor_machine *ret);

/* {"kernel": …, "running": false, "expected": true, "abilities": […], "notes": […]} in the shape of a DOCTOR answer;
 * owned by the caller. NULL when there is no memory. */
struct json_object *doctor_probe(const struct doctor_machine *machine);
