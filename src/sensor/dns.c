/* SPDX-License-Identifier: Apache-2.0 */
#include "sensor/dns.h"

#include <string.h>

#define HEAD_SIZE 12
#define NAME_WIRE_MAX 255
#define FLAG_RESPONSE 0x80
#define OPCODE_MASK 0x78

static uint16_t u16_at(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static size_t write_byte(char *to, uint8_t byte)
{
	if (byte >= 'A' && byte <= 'Z')
		byte = (uint8_t)(byte - 'A' + 'a');
	if (byte > 0x20 && byte < 0x7f && byte != '.' && byte != '\\') {
		*to = (char)byte;
		return 1;
	}
	to[0] = '\\';
	if (byte == '.' || byte == '\\') {
		to[1] = (char)byte;
		return 2;
	}
	to[1] = (char)('0' + byte / 100);
	to[2] = (char)('0' + byte / 10 % 10);
	to[3] = (char)('0' + byte % 10);
	return 4;
}

/* Reads labels from *at to the root; *at moves behind them. */
static enum dns_result parse_name(const uint8_t *bytes, size_t size, size_t *at, struct dns_question *to)
{
	size_t begin = *at;
	for (;;) {
		if (*at >= size)
			return DNS_SHORT;
		size_t label = bytes[(*at)++];
		if (label == 0)
			return DNS_OK;
		if (label > 63)
			return DNS_COMPRESSED;
		/* the root's byte counts too */
		if (*at - begin + label + 1 > NAME_WIRE_MAX)
			return DNS_LONG;
		if (label > size - *at)
			return DNS_SHORT;
		if (to->name_size)
			to->name[to->name_size++] = '.';
		while (label-- > 0)
			to->name_size += write_byte(to->name + to->name_size, bytes[(*at)++]);
	}
}

enum dns_result dns_question_parse(const uint8_t *bytes, size_t size, bool stream, struct dns_question *ret)
{
	struct dns_question question = {0};
	if (stream) {
		if (size < 2)
			return DNS_SHORT;
		bytes += 2;
		size -= 2;
	}
	if (size < HEAD_SIZE)
		return DNS_SHORT;
	if (bytes[2] & (FLAG_RESPONSE | OPCODE_MASK) || u16_at(bytes + 4) == 0)
		return DNS_NO_QUERY;
	size_t at = HEAD_SIZE;
	enum dns_result result = parse_name(bytes, size, &at, &question);
	if (result != DNS_OK)
		return result;
	if (size - at < 4)
		return DNS_SHORT;
	question.type = u16_at(bytes + at);
	question.class = u16_at(bytes + at + 2);
	*ret = question;
	return DNS_OK;
}
