/* SPDX-License-Identifier: Apache-2.0 */
#include "yaml/document.h"

#include "yaml/walk.h"

#include <errno.h>
#include <string.h>

#define DEPTH_MAX 8
#define NODES_MAX 20000

/* How many bytes the UTF-8 sequence that begins here has; 0 when it is none. */
static size_t utf8_size(const unsigned char *at, size_t left)
{
	static const struct {
		unsigned char mask, lead;
		uint32_t least;
	} forms[] = {{0x80, 0x00, 0}, {0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
	for (size_t n = 0; n < ARRAY_SIZE(forms); n++) {
		if ((at[0] & forms[n].mask) != forms[n].lead)
			continue;
		uint32_t code = at[0] & (unsigned char)~forms[n].mask;
		for (size_t i = 1; i <= n; i++) {
			if (i >= left || (at[i] & 0xc0) != 0x80)
				return 0;
			code = code << 6 | (at[i] & 0x3f);
		}
		return code < forms[n].least || code > 0x10ffff || (code >= 0xd800 && code < 0xe000) ? 0 : n + 1;
	}
	return 0;
}

/* Size, encoding and tabs, before libyaml sees a byte. True when all is well. */
static bool check_bytes(struct walk *walk, size_t size_max)
{
	const unsigned char *bytes = walk->source->bytes;
	size_t size = walk->source->size, line = 1;
	bool indenting = true;
	if (size > size_max) {
		walk_error(walk, 1, "expected at most %zu bytes, found %zu; is this the right file?", size_max, size);
		return false;
	}
	for (size_t i = 0, step; i < size; i += step) {
		step = utf8_size(bytes + i, size - i);
		if (step == 0 || bytes[i] == 0 || (bytes[i] < 0x20 && !strchr("\t\n\r", bytes[i])) ||
		    bytes[i] == 0x7f) {
			walk_error(walk, line, "expected text in UTF-8, found the byte 0x%02x; remove it", bytes[i]);
			return false;
		}
		if (bytes[i] == '\t' && indenting) {
			walk_error(walk, line,
				   "expected spaces in front of a line, found a tab; YAML is indented by spaces");
			return false;
		}
		line += bytes[i] == '\n';
		indenting = bytes[i] == '\n' || (indenting && bytes[i] == ' ');
	}
	return true;
}

static bool check_event(struct walk *walk, const yaml_event_t *event, int *depth, unsigned *nodes)
{
	size_t line = event->start_mark.line + 1;
	const yaml_char_t *anchor = NULL, *tag = NULL;
	if (event->type == YAML_SCALAR_EVENT) {
		anchor = event->data.scalar.anchor;
		tag = event->data.scalar.tag;
	} else if (event->type == YAML_SEQUENCE_START_EVENT) {
		anchor = event->data.sequence_start.anchor;
		tag = event->data.sequence_start.tag;
	} else if (event->type == YAML_MAPPING_START_EVENT) {
		anchor = event->data.mapping_start.anchor;
		tag = event->data.mapping_start.tag;
	}
	*depth += event->type == YAML_SEQUENCE_START_EVENT || event->type == YAML_MAPPING_START_EVENT;
	*depth -= event->type == YAML_SEQUENCE_END_EVENT || event->type == YAML_MAPPING_END_EVENT;
	if (event->type == YAML_ALIAS_EVENT || anchor)
		walk_error(walk, line, "expected plain values, found an alias or anchor (* or &); write the value out");
	else if (tag)
		walk_error(walk, line, "expected plain values, found a tag (!); remove it");
	else if (*depth > DEPTH_MAX)
		walk_error(walk, line, "expected at most %d levels, found more; look for a wrong indent", DEPTH_MAX);
	else if (++*nodes > NODES_MAX)
		walk_error(walk, line, "expected at most %d values, found more; is this the right file?", NODES_MAX);
	return !walk_has_errors(walk);
}

static void syntax_error(struct walk *walk, const yaml_parser_t *parser)
{
	walk_error(walk, parser->problem_mark.line + 1,
		   "expected YAML, found: %s%s%s; look for a wrong indent or a missing "
		   "quote or bracket",
		   parser->problem ? parser->problem : "something else", parser->context ? ", " : "",
		   parser->context ? parser->context : "");
}

static bool parser_start(struct walk *walk, yaml_parser_t *parser)
{
	if (!yaml_parser_initialize(parser))
		return false;
	yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(parser, walk->source->bytes, walk->source->size);
	return true;
}

/* First way through: the form only, in constant memory. 0, DOCUMENT_WRONG or -ENOMEM. */
static int check_form(struct walk *walk)
{
	yaml_parser_t parser;
	int depth = 0;
	unsigned nodes = 0, documents = 0;
	if (!parser_start(walk, &parser))
		return -ENOMEM;
	for (bool done = false; !done;) {
		yaml_event_t event;
		if (!yaml_parser_parse(&parser, &event)) {
			if (parser.error == YAML_MEMORY_ERROR) {
				yaml_parser_delete(&parser);
				return -ENOMEM;
			}
			syntax_error(walk, &parser);
			break;
		}
		documents += event.type == YAML_DOCUMENT_START_EVENT;
		if (documents > 1)
			walk_error(walk, event.start_mark.line + 1, "expected one document, found \"---\"; remove it");
		done = event.type == YAML_STREAM_END_EVENT || documents > 1 ||
		       !check_event(walk, &event, &depth, &nodes);
		yaml_event_delete(&event);
	}
	yaml_parser_delete(&parser);
	return walk_has_errors(walk) ? DOCUMENT_WRONG : 0;
}

/* Second way: the nodes. */
static int apply_nodes(struct walk *walk, document_fn *apply, void *data)
{
	yaml_parser_t parser;
	yaml_document_t document;
	if (!parser_start(walk, &parser))
		return -ENOMEM;
	if (!yaml_parser_load(&parser, &document)) {
		yaml_parser_delete(&parser);
		return -ENOMEM; /* the form was well a moment ago */
	}
	walk->document = &document;
	const yaml_node_t *root = yaml_document_get_root_node(&document);
	if (root && root->type == YAML_SCALAR_NODE && root->data.scalar.length == 0)
		root = NULL;
	apply(walk, data, root);
	yaml_document_delete(&document);
	yaml_parser_delete(&parser);
	return walk_has_errors(walk) ? DOCUMENT_WRONG : 0;
}

int document_read(const struct document_source *source, size_t size_max, document_fn *apply, void *data,
		  struct document_errors *errors)
{
	struct walk walk = {.source = source, .errors = errors, .errors_before = errors->count};
	int r = check_bytes(&walk, size_max) ? check_form(&walk) : DOCUMENT_WRONG;
	return r == 0 ? apply_nodes(&walk, apply, data) : r;
}
