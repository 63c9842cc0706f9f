/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bpf_event: record → event, with what the process table knows; and from each record the table learns.
 *
 *     struct record ─▶ bpf_record_parse ─▶ process table (fork, exec, exit, credentials) ─▶ struct rs_event
 *
 * Which number, file, address or text of a record is which field of its event is one table in bpf_event.c.
 */
#pragma once

#include "sensor/bpf_path.h"
#include "sensor/bpf_record.h"
#include "sensor/dns.h"
#include "sensor/process_table.h"

enum bpf_event_result {
	BPF_EVENT_OK = 0,
	BPF_EVENT_NOTHING, /* says what is known: a second end of a process, credentials that are as before */
	BPF_EVENT_NO_DNS, /* sent to port 53, and no question */
	BPF_EVENT_MALFORMED, /* the record makes no sense */
};

struct bpf_event_maker {
	struct sensor_process_table *processes; /* borrowed */
	uint64_t wall_offset_ns; /* CLOCK_REALTIME less CLOCK_MONOTONIC */
	struct dns_question question;
	char path[BPF_PATH_SIZE_MAX];
	_Alignas(8) char buffer[RS_EVENT_SIZE_MAX];
};

/* *ret lives in maker->buffer until the next call. */
enum bpf_event_result bpf_event_make(struct bpf_event_maker *maker, const void *bytes, size_t size,
				     struct rs_event **ret);
