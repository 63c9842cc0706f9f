/* SPDX-License-Identifier: Apache-2.0 */
/*
 * event_line: one event as one line: time, number, name, who, what.
 *
 * From the catalogue, so that an event that is added there is shown without a change here.
 */
#pragma once

#include "text.h"
#include "wire/catalogue.h"

void event_line_add(struct text *text, const struct rs_event *event);

/* Who and what, as in the line. */
void event_line_add_process(struct text *text, const struct rs_event *event, const struct rs_process *process);
void event_line_add_body(struct text *text, const struct rs_event *event, const struct catalogue_event *row);
void event_line_add_str(struct text *text, const struct rs_event *event, struct rs_str str);
