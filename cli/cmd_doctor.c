/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_doctor: `ringside doctor`: what the running platform found out about this kernel; or, when none runs, what this
 * command can find out by itself (doctor_probe.c).
 */
#include "answer.h"
#include "doctor_probe.h"
#include "wire/ipc.h"

#include <string.h>

static const struct {
	const char *level, *label;
	enum output_colour colour;
} levels[] = {
	{"bad", "bad", OUTPUT_BAD},
	{"warn", "warn", OUTPUT_WARN},
	{"ok", "ok", OUTPUT_GOOD},
};

static void print_note(const struct output *out, struct json_object *row, const char *label, enum output_colour colour)
{
	struct text text = {0};
	view_add(&text, row, "what", "?");
	output_paragraph(out, 6, label, colour, text_get(&text));
	if (!view_is_empty(row, "lost")) {
		text_clear(&text);
		view_add(&text, row, "lost", "");
		output_paragraph(out, 12, "      lost:", OUTPUT_PLAIN, text_get(&text));
	}
	if (!view_is_empty(row, "do")) {
		text_clear(&text);
		view_add(&text, row, "do", "");
		output_paragraph(out, 12, "      do:", OUTPUT_PLAIN, text_get(&text));
	}
	text_deinit(&text);
}

/* The bad first, then the warnings, then what is well. */
static void print_notes(const struct output *out, struct json_object *doctor)
{
	for (size_t level = 0; level < ARRAY_SIZE(levels); level++)
		for (size_t i = 0; i < view_length(doctor, "notes"); i++) {
			struct json_object *row = view_element(doctor, "notes", i);
			if (view_is(row, "level", levels[level].level))
				print_note(out, row, levels[level].label, levels[level].colour);
		}
}

static const char *reason_of(struct json_object *row)
{
	struct json_object *reason = view_member(row, "reason");
	return json_object_is_type(reason, json_type_string) ? json_object_get_string(reason) : "";
}

/* Names of all events from `first` on that have its state and reason; false when one before it has them, too. */
static bool collect(struct json_object *doctor, size_t first, const char *state, struct text *names)
{
	const char *reason = reason_of(view_element(doctor, "abilities", first));
	for (size_t i = 0; i < view_length(doctor, "abilities"); i++) {
		struct json_object *row = view_element(doctor, "abilities", i);
		if (!view_is(row, "state", state) || strcmp(reason_of(row), reason) != 0)
			continue;
		if (i < first)
			return false;
		text_add(names, names->size ? ", " : "");
		view_add(names, row, "event", "?");
	}
	return true;
}

/* The events in this state, those with the same reason together. */
static void print_abilities(const struct output *out, struct json_object *doctor, const char *state,
			    const char *heading, enum output_colour colour)
{
	bool any = false;
	for (size_t i = 0; i < view_length(doctor, "abilities"); i++) {
		struct json_object *row = view_element(doctor, "abilities", i);
		struct text names = {0}, reason = {0};
		if (view_is(row, "state", state) && collect(doctor, i, state, &names)) {
			if (!any) {
				output_blank(out);
				output_line(out, colour, heading);
			}
			any = true;
			view_add(&reason, row, "reason", "");
			text_add(&names, reason.size ? ":" : "");
			output_paragraph(out, 2, "  ", OUTPUT_PLAIN, text_get(&names));
			if (reason.size > 0)
				output_paragraph(out, 6, "      ", OUTPUT_PLAIN, text_get(&reason));
		}
		text_deinit(&names);
		text_deinit(&reason);
	}
}

static void print_head(const struct output *out, struct json_object *doctor)
{
	struct text text = {0};
	text_add(&text, "Kernel ");
	view_add(&text, doctor, "kernel", "of unknown version");
	size_t n = view_length(doctor, "sensors");
	if (n > 0)
		text_add(&text, "; sensors: ");
	for (size_t i = 0; i < n; i++) {
		struct json_object *sensor = view_element(doctor, "sensors", i);
		text_add(&text, i ? ", " : "");
		if (!json_object_is_type(sensor, json_type_object)) {
			view_add_element(&text, doctor, "sensors", i);
			continue;
		}
		view_add(&text, sensor, "name", "?");
		if (!view_is_empty(sensor, "state")) {
			text_add(&text, " ");
			view_add(&text, sensor, "state", "");
		}
	}
	output_paragraph(out, 0, "", OUTPUT_BOLD, text_get(&text));
	output_blank(out);
	text_deinit(&text);
}

static const struct {
	const char *state, *heading, *expected;
	enum output_colour colour;
} groups[] = {
	{"unavailable", "Not available here", "Expected: not available here", OUTPUT_BAD},
	{"unknown", "Not known", "Not known: this command could not find it out", OUTPUT_WARN},
	{"discretionary", "Discretionary: can be missed or got around",
	 "Expected: discretionary: can be missed or got around", OUTPUT_WARN},
	{"mandatory", "Mandatory: each one is seen, or counted as lost",
	 "Expected: mandatory: each one is seen, or counted as lost", OUTPUT_GOOD},
};

static int show(struct cli *cli, struct json_object *doctor)
{
	bool expected = json_object_get_boolean(view_member(doctor, "expected"));
	print_head(&cli->out, doctor);
	print_notes(&cli->out, doctor);
	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		print_abilities(&cli->out, doctor, groups[i].state, expected ? groups[i].expected : groups[i].heading,
				groups[i].colour);
	return CLI_OK;
}

static bool any_bad(struct json_object *doctor)
{
	for (size_t i = 0; i < view_length(doctor, "notes"); i++)
		if (view_is(view_element(doctor, "notes", i), "level", "bad"))
			return true;
	return false;
}

static int probe_alone(struct cli *cli)
{
	struct doctor_machine machine;
	doctor_machine_look(&machine);
	struct json_object *doctor = doctor_probe(&machine);
	if (!doctor)
		return CLI_INTERNAL;
	if (cli->json)
		output_line(&cli->out, OUTPUT_PLAIN, json_object_to_json_string_ext(doctor, JSON_C_TO_STRING_PLAIN));
	else
		show(cli, doctor);
	int code = any_bad(doctor) ? CLI_NEGATIVE : CLI_OK;
	json_object_put(doctor);
	return code;
}

/* What the cage says, of agents' budgets, after what the engine does. */
static void add_cage_notes(struct json_object *doctor)
{
	struct json_object *notes = view_member(doctor, "notes"), *cage = view_member(doctor, "cage");
	for (size_t i = 0; json_object_is_type(notes, json_type_array) && i < view_length(cage, "notes"); i++)
		json_object_array_add(notes, json_object_get(view_element(cage, "notes", i)));
}

int cmd_doctor(struct cli *cli)
{
	_cleanup_(answer_deinit) struct answer answer = {.fd = -1};
	bool absent;
	int code = answer_ask_if_running(cli, IPC_REQUEST_DOCTOR, &answer, &absent);
	if (code != CLI_OK)
		return code;
	if (absent)
		return probe_alone(cli);
	add_cage_notes(answer.json);
	if (cli->json)
		answer_print_json(cli, &answer);
	else
		show(cli, answer.json);
	return any_bad(answer.json) ? CLI_NEGATIVE : CLI_OK;
}
