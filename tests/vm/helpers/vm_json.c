/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vm_json: one value out of JSON text, for shell scripts.
 *
 *     … | vm_json KEY.KEY…      an element of a list by its number, or as NAME: the one whose "name" is that
 *
 * Prints the value; nothing and exit status 1 when there is none.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct json_object *element(struct json_object *list, const char *key)
{
	char *end;
	size_t index = strtoul(key, &end, 10);
	if (*end == '\0')
		return json_object_array_get_idx(list, index);
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *name, *item = json_object_array_get_idx(list, i);
		if (json_object_object_get_ex(item, "name", &name) && !strcmp(json_object_get_string(name), key))
			return item;
	}
	return NULL;
}

static struct json_object *member(struct json_object *object, const char *key)
{
	struct json_object *value = NULL;
	if (json_object_is_type(object, json_type_array))
		return element(object, key);
	json_object_object_get_ex(object, key, &value);
	return value;
}

int main(int argc, char **argv)
{
	struct json_object *value = json_object_from_fd(STDIN_FILENO);
	if (argc != 2)
		return 2;
	for (char *key = strtok(argv[1], "."); key && value; key = strtok(NULL, "."))
		value = member(value, key);
	if (!value)
		return 1;
	puts(json_object_get_string(value));
	return 0;
}
