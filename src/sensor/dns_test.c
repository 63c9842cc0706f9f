/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/dns.h"

#include "base/macro.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define HEAD "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00"
#define L63 \
	"\x3f" \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define L61 \
	"\x3d" \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define L62 \
	"\x3e" \
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define PACKET(bytes) bytes, sizeof(bytes) - 1

static void test_questions(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
		bool stream;
		enum dns_result result;
		const char *name;
		uint16_t type;
	} cases[] = {
		{PACKET(HEAD "\x07"
			     "ExAmPle\x03"
			     "com\x00\x00\x1c\x00\x01"),
		 false, DNS_OK, "example.com", 28},
		{PACKET("\x00\x1d" HEAD "\x07"
			"example\x03"
			"com\x00\x00\x01\x00\x01"),
		 true, DNS_OK, "example.com", 1},
		{PACKET(HEAD "\x00\x00\x02\x00\x01"), false, DNS_OK, "", 2},
		{PACKET(HEAD "\x03"
			     "a.b\x02\\\x01\x00\x00\x01\x00\x01"),
		 false, DNS_OK, "a\\.b.\\\\\\001", 1},
		{PACKET(HEAD "\x01\x00\x01\xff\x00\x00\x01\x00\x01"), false, DNS_OK, "\\000.\\255", 1},
		{PACKET(HEAD L63 L63 L63 L61 "\x00\x00\x01\x00\x01"), false, DNS_OK, NULL, 1},
		{PACKET(HEAD L63 L63 L63 L62 "\x00\x00\x01\x00\x01"), false, DNS_LONG, NULL, 0},
		{PACKET(HEAD "\x01"
			     "a\xc0\x0c\x00\x01\x00\x01"),
		 false, DNS_COMPRESSED, NULL, 0},
		{PACKET(HEAD "\x40"
			     "a"),
		 false, DNS_COMPRESSED, NULL, 0},
		{PACKET(HEAD "\x07"
			     "exam"),
		 false, DNS_SHORT, NULL, 0},
		{PACKET(HEAD "\x01"
			     "a\x00\x00\x01\x00"),
		 false, DNS_SHORT, NULL, 0},
		{PACKET(HEAD), false, DNS_SHORT, NULL, 0},
		{PACKET("\x12\x34\x01"), false, DNS_SHORT, NULL, 0},
		{PACKET(""), true, DNS_SHORT, NULL, 0},
		{PACKET("\x12\x34\x81\x80\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x01"), false, DNS_NO_QUERY,
		 NULL, 0},
		{PACKET("\x12\x34\x28\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x01"), false, DNS_NO_QUERY,
		 NULL, 0},
		{PACKET("\x12\x34\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x01"), false, DNS_NO_QUERY,
		 NULL, 0},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct dns_question question = {.type = 77};
		assert_int_equal(
			dns_question_parse((const uint8_t *)cases[i].bytes, cases[i].size, cases[i].stream, &question),
			cases[i].result);
		assert_int_equal(question.type, cases[i].result == DNS_OK ? cases[i].type : 77);
		if (cases[i].name) {
			assert_string_equal(question.name, cases[i].name);
			assert_int_equal(question.name_size, strlen(cases[i].name));
		}
	}
}

/* Every beginning of a packet, from memory that ends where it ends: the sanitizer's run sees a byte too far. */
static void test_every_cut(void **state)
{
	static const char packet[] = HEAD "\x07"
					  "example\x03"
					  "com\x00\x00\x1c\x00\x01";
	for (size_t size = 0; size < sizeof(packet) - 1; size++) {
		uint8_t *copy = malloc(size + 1);
		struct dns_question question;
		memcpy(copy + 1, packet, size);
		assert_int_equal(dns_question_parse(copy + 1, size, false, &question), DNS_SHORT);
		free(copy);
	}
}

/* The longest name there is, all of it to be escaped, has room. */
static void test_longest_escaped(void **state)
{
	uint8_t packet[12 + 255 + 4] = "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00";
	size_t at = 12, left = 254;
	while (left > 1) {
		size_t label = MIN(left - 1, 63);
		packet[at] = (uint8_t)label;
		memset(packet + at + 1, 0xee, label);
		at += label + 1;
		left -= label + 1;
	}
	packet[at + 2] = packet[at + 4] = 1;
	struct dns_question question;
	assert_int_equal(dns_question_parse(packet, at + 5, false, &question), DNS_OK);
	assert_true(question.name_size < DNS_NAME_SIZE_MAX);
	assert_int_equal(strlen(question.name), question.name_size);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_questions),
		cmocka_unit_test(test_every_cut),
		cmocka_unit_test(test_longest_escaped),
	};
	return cmocka_run_group_tests_name("dns", tests, NULL, NULL);
}
