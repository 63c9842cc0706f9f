/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A packet that a process sends to a name server, of any bytes: a question comes out only when there is one, and its
 * name is what a reader of master files takes back to the same labels. The first byte says whether it came over a
 * stream.
 */
#include "sensor/dns.h"
#include "tests/fuzz/fuzz.h"

#include <ctype.h>
#include <string.h>

/* The bytes of a written name in the packet's form; returns how many. */
static size_t read_back(const struct dns_question *question, uint8_t *to)
{
	size_t n = 1, label = 0;
	for (size_t i = 0; i < question->name_size; i++) {
		uint8_t byte = (uint8_t)question->name[i];
		FUZZ_EXPECT(byte > 0x20 && byte < 0x7f && !isupper(byte));
		if (byte == '.') {
			FUZZ_EXPECT(n - label - 1 > 0); /* no empty label */
			to[label] = (uint8_t)(n - label - 1);
			label = n++;
			continue;
		}
		if (byte == '\\') {
			byte = (uint8_t)question->name[++i];
			if (isdigit(byte)) {
				byte = (uint8_t)((byte - '0') * 100 + (question->name[i + 1] - '0') * 10 +
						 (question->name[i + 2] - '0'));
				i += 2;
			}
		}
		to[n++] = byte;
	}
	to[label] = (uint8_t)(n - label - 1);
	if (question->name_size)
		to[n++] = 0;
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct dns_question question;
	uint8_t wire[512];
	if (size == 0)
		return 0;
	bool stream = data[0] & 1;
	data++;
	size--;
	if (dns_question_parse(data, size, stream, &question) != DNS_OK)
		return 0;
	data += stream ? 2 : 0;
	size -= stream ? 2 : 0;
	FUZZ_EXPECT(question.name_size == strlen(question.name) && question.name_size < DNS_NAME_SIZE_MAX);
	size_t n = read_back(&question, wire);
	FUZZ_EXPECT(n <= 255 && size >= 12 + n + 4);
	for (size_t i = 0; i < n; i++)
		FUZZ_EXPECT(tolower(data[12 + i]) == wire[i]);
	FUZZ_EXPECT(question.type == (data[12 + n] << 8 | data[13 + n]));
	return 0;
}
