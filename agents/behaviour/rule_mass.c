/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many distinct files, in many folders, of many kinds, changed within half a minute by one process tree, as ransomware
 * does:
 *
 *   renamed      each gets the same new extension behind its own ("plan.odt" → "plan.odt.locked")
 *   overwritten  files that were there before, by a program that is not one of those that do so for a living
 *
 * Compilers and package managers rename to take an extension away, and overwrite what they made; both write few kinds.
 * A change counts for the process, its parent and its grandparent, so a script that runs a program for each file is one
 * tree.
 */
#include "behaviour/rule.h"

#include <string.h>

#define LEVELS 3u

static const struct mass_limits rename_limits = {.files = 20, .folders = 3, .extensions = 3};
static const struct mass_limits overwrite_limits = {.files = 60, .folders = 6, .extensions = 6};

/* The process, or the one above it, whose tree reaches the limits with this file. */
static const struct process *count(struct state *state, const struct rs_event *event, struct process *process,
				   struct rs_str path, uint32_t suffix, const struct mass_count **ret)
{
	const struct process *at = process, *found = NULL;
	size_t size;
	const char *bytes = rs_str_get(event, path, &size);
	for (unsigned level = 0; at && at->pid > 1 && level < LEVELS; level++) {
		struct mass *mass = masses_take(&state->masses, at->id, event->monotonic_ns);
		if (suffix != 0 && mass->suffix != suffix) {
			mass->renamed = (struct mass_count){0};
			mass->suffix = suffix;
		}
		struct mass_count *counted = suffix ? &mass->renamed : &mass->overwritten;
		if (found) { /* explained by it: what else happens above it begins anew */
			*counted = (struct mass_count){0};
		} else if (mass_add(counted, suffix ? &rename_limits : &overwrite_limits, bytes, size)) {
			found = at;
			*ret = counted;
		}
		at = processes_parent(&state->processes, at);
	}
	return found;
}

static bool renamed(struct state *state, const struct rs_event *event, struct process *process, struct finding *finding)
{
	const struct rs_event_rename *rename = rs_event_rename(event);
	const struct mass_count *counted;
	size_t from_size, to_size, suffix_size;
	if (!rename)
		return false;
	const char *from = rs_str_get(event, rename->file.path, &from_size);
	const char *to = rs_str_get(event, rename->destination.path, &to_size);
	const char *suffix = mass_suffix(from, from_size, to, to_size, &suffix_size);
	char text[64];
	if (!suffix || suffix_size >= sizeof(text))
		return false;
	memcpy(text, suffix, suffix_size);
	text[suffix_size] = '\0';
	if (lists_has(state->lists, LIST_SUFFIXES, text))
		return false;
	uint32_t hash = (uint32_t)files_hash(suffix, suffix_size) | 1;
	const struct process *owner = count(state, event, process, rename->file.path, hash, &counted);
	if (!owner)
		return false;
	finding->target_id = owner->id;
	finding_say(
		finding,
		"%u files of at least %u kinds in at least %u folders got \"%s\" behind their names, by %s and below",
		counted->files, counted->n_extensions, counted->n_folders, text, owner->exe);
	return true;
}

static bool overwritten(struct state *state, const struct rs_event *event, struct process *process,
			struct finding *finding)
{
	const struct rs_event_close_write *written = rs_event_close_write(event);
	const struct mass_count *counted;
	size_t size;
	if (!written)
		return false;
	const char *path = rs_str_get(event, written->file.path, &size);
	const struct recent_file *recent = files_find(&state->files, written->file.id, files_hash(path, size));
	if (size == 0 || (recent && recent->created_ns != 0) || lists_allows(state->lists, LIST_WRITERS, process->exe))
		return false;
	const struct process *owner = count(state, event, process, written->file.path, 0, &counted);
	if (!owner)
		return false;
	finding->target_id = owner->id;
	finding_say(finding, "%u files of at least %u kinds in at least %u folders were overwritten, by %s and below",
		    counted->files, counted->n_extensions, counted->n_folders, owner->exe);
	return true;
}

bool rule_mass(struct state *state, const struct rs_event *event, struct process *process, struct finding *finding)
{
	return event->type == RS_EVENT_RENAME ? renamed(state, event, process, finding)
					      : overwritten(state, event, process, finding);
}
