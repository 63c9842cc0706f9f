/* SPDX-License-Identifier: Apache-2.0 */
/*
 * catalogue_gen: prints what the catalogue yields.
 *
 *     catalogue.def ─▶ catalogue_gen header ─▶ ringside/events.h   (installed)
 *                   └▶ catalogue_gen docs   ─▶ docs/EVENTS.md
 *
 * Runs at build time only.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct row {
	int kind; /* 0 event, 1 field, 2 end */
	int number;
	const char *upper, *name, *family, *class_;
	int ocsf_class, ocsf_activity, since;
	const char *doc;
	const char *c_type, *doc_type, *ocsf;
};

#define EVENT(number, NAME, name, family, class, ocsf_class, ocsf_activity, since, doc) \
	{0, number, #NAME, #name, #family, #class, ocsf_class, ocsf_activity, since, doc, NULL, NULL, NULL},
#define FIELD(field, c_type, doc_type, ocsf, doc) \
	{1, 0, NULL, #field, NULL, NULL, 0, 0, 0, doc, c_type, doc_type, ocsf},
#define U32(event, field, ocsf, doc) FIELD(field, "uint32_t", "number", ocsf, doc)
#define U64(event, field, ocsf, doc) FIELD(field, "uint64_t", "number", ocsf, doc)
#define I64(event, field, ocsf, doc) FIELD(field, "int64_t", "number", ocsf, doc)
#define STR(event, field, ocsf, doc) FIELD(field, "struct rs_str", "bytes", ocsf, doc)
#define STRV(event, field, ocsf, doc) FIELD(field, "struct rs_str", "list of bytes", ocsf, doc)
#define FILE_(event, field, ocsf, doc) FIELD(field, "struct rs_file", "file", ocsf, doc)
#define ADDR(event, field, ocsf, doc) FIELD(field, "struct rs_addr", "address", ocsf, doc)
#define PROC(event, field, ocsf, doc) FIELD(field, "struct rs_process", "process", ocsf, doc)
#define END(event) {2, 0, NULL, #event, NULL, NULL, 0, 0, 0, NULL, NULL, NULL, NULL},
static const struct row rows[] = {
#include "wire/catalogue.def"
};
#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

static void print_header(void)
{
	printf("/* SPDX-License-Identifier: Apache-2.0 */\n"
	       "/*\n"
	       " * ringside/events.h: the event catalogue. Made from src/wire/catalogue.def; docs/EVENTS.md is its "
	       "table.\n"
	       " */\n"
	       "#ifndef RINGSIDE_EVENTS_H\n#define RINGSIDE_EVENTS_H\n\n#include <ringside/event.h>\n\n"
	       "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n"
	       "/* Numbers never change their meaning and are never used again. */\nenum rs_event_type {\n");
	for (size_t i = 0; i < N_ROWS; i++)
		if (rows[i].kind == 0)
			printf("\tRS_EVENT_%s = %d,\n", rows[i].upper, rows[i].number);
	printf("};\n\n/* One more than the largest number that this contract can hold. */\n#define RS_EVENT_TYPE_LIMIT "
	       "1024\n");

	const struct row *event = NULL;
	for (size_t i = 0; i < N_ROWS; i++) {
		const struct row *row = &rows[i];
		if (row->kind == 0) {
			event = row;
			printf("\n/* %s Since contract %d. */\nstruct rs_event_%s {\n", row->doc, row->since,
			       row->name);
		} else if (row->kind == 1) {
			printf("\t%s %s; /* %s */\n", row->c_type, row->name, row->doc);
		} else {
			printf("};\n"
			       "/* The body of an RS_EVENT_%s event; NULL when it is another event or a shorter, older "
			       "body. */\n"
			       "static inline const struct rs_event_%s *rs_event_%s(const struct rs_event *event)\n"
			       "{\n"
			       "\treturn event->type == RS_EVENT_%s && event->body_size >= sizeof(struct rs_event_%s)\n"
			       "\t\t       ? (const struct rs_event_%s *)(const void *)((const char *)event + "
			       "event->body_offset)\n"
			       "\t\t       : NULL;\n"
			       "}\n",
			       event->upper, event->name, event->name, event->upper, event->name, event->name);
		}
	}
	printf("\n#ifdef __cplusplus\n}\n#endif\n#endif\n");
}

static void print_docs(void)
{
	printf("# The event catalogue\n\n"
	       "Made from `src/wire/catalogue.def` by `make docs`; a test compares the two. Contract 1.\n\n"
	       "Every event carries its head (`struct rs_event` in `<ringside/event.h>`): type, size, the id that\n"
	       "`ringside explain` takes, sequence numbers for this agent and per type, monotonic and wall time, for "
	       "auth\n"
	       "events the deadline, and the acting process: unique id, pid, thread, parent, start time, executable "
	       "(path,\n"
	       "device, inode), users and groups, cgroup, container id, login user and session.\n\n"
	       "*auth* events wait for a verdict, *notify* events do not. Whether a type is mandatory (it cannot be\n"
	       "bypassed), discretionary (it can) or unavailable on a machine is told in the handshake and by\n"
	       "`ringside doctor`. Every event can be muted by process, executable, user and cgroup; those with "
	       "*target\n"
	       "path* also by the path of a file in them.\n\n");
	printf("# As JSON\n\n"
	       "`ringside events --json`, `rs_event_to_json()` and recordings show an event as one object: the head,\n"
	       "then each field of the event under its own name as in the tables below, then `ocsf`.\n\n"
	       "| name | form | what |\n|---|---|---|\n"
	       "| `event`, `number` | text, number | type; `event` is null for a type of a later contract |\n"
	       "| `id`, `seq`, `type_seq` | number | as in `struct rs_event` |\n"
	       "| `time`, `monotonic_ns` | text, number | the wall clock in UTC as in RFC 3339; CLOCK_MONOTONIC |\n"
	       "| `auth`, `deadline_ns` | boolean, number | whether it waits for a verdict, and until when |\n"
	       "| `cut`, `replayed`, `shadow` | true | only when it is so |\n"
	       "| `process` | process | who did it |\n"
	       "| `ocsf` | object | `class_uid`, `activity_id` of OCSF 1.8; missing when there is no class for it |\n\n"
	       "| form | in JSON |\n|---|---|\n"
	       "| number | number; up to 64 bits, more than a double holds |\n"
	       "| bytes | text; bytes that are not UTF-8 become lone low surrogates (`\\udc80` to `\\udcff`), as in "
	       "PEP 383 |\n"
	       "| list of bytes | array of text |\n"
	       "| file | `path`, `dev`, `ino`, `mode` (octal text), `uid`, `gid`, `size_bytes`, `mtime_ns`, "
	       "`ctime_ns`, and when it is so `path_cut`, `path_lexical`, `deleted`, `memfd` |\n"
	       "| address | `family` (`inet`, `inet6`, `unix` or a number), `address` and `port`, or `path` |\n"
	       "| process | `id`, `pid`, `tid`, `parent_id`, `parent_pid`, `start_ns`, `comm`, `exe` (`path`, `dev`, "
	       "`ino`), `uid`, `gid`, `euid`, `egid`, `login_uid` and `login_session` (null when unset), `cgroup_id`, "
	       "`cgroup`, `container_id`, and when it is so `partial`, `platform` |\n\n"
	       "# Types\n\n"
	       "| number | name | class | OCSF class, activity | muted by target path | what "
	       "|\n|---|---|---|---|---|---|\n");
	for (size_t i = 0; i < N_ROWS; i++) {
		if (rows[i].kind != 0)
			continue;
		int has_path = 0;
		for (size_t j = i + 1; rows[j].kind == 1; j++)
			has_path |= strcmp(rows[j].c_type, "struct rs_file") == 0;
		printf("| %d | [`%s`](#%s) | %s | ", rows[i].number, rows[i].name, rows[i].name,
		       strcmp(rows[i].class_, "AUTH") == 0 ? "auth" : "notify");
		if (rows[i].ocsf_class)
			printf("%d, %d", rows[i].ocsf_class, rows[i].ocsf_activity);
		else
			printf("none");
		printf(" | %s | %s |\n", has_path ? "yes" : "no", rows[i].doc);
	}
	const char *family = "";
	for (size_t i = 0; i < N_ROWS; i++) {
		const struct row *row = &rows[i];
		if (row->kind == 0) {
			if (strcmp(family, row->family) != 0)
				printf("\n# Family %s\n", row->family);
			family = row->family;
			printf("\n## %s\n\n%s Number %d, since contract %d.\n\n| field | form | OCSF | what "
			       "|\n|---|---|---|---|\n",
			       row->name, row->doc, row->number, row->since);
		} else if (row->kind == 1 && strncmp(row->name, "reserved", 8) != 0) {
			printf("| `%s` | %s | %s%s%s | %s |\n", row->name, row->doc_type, row->ocsf[0] ? "`" : "",
			       row->ocsf, row->ocsf[0] ? "`" : "", row->doc);
		}
	}
}

int main(int argc, char **argv)
{
	if (argc == 2 && strcmp(argv[1], "header") == 0)
		print_header();
	else if (argc == 2 && strcmp(argv[1], "docs") == 0)
		print_docs();
	else {
		fprintf(stderr, "usage: catalogue_gen header|docs\n");
		return 2;
	}
	return 0;
}
