/* SPDX-License-Identifier: Apache-2.0 */
/* top_test: what two samples say, what keys do, what the picture is. */
#include "top_frame.h"

#include "base/clock.h"
#include "top_json.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define AGENT(name, state, asked, denied, latency) \
	"{\"name\":\"" name "\",\"version\":\"1\",\"state\":\"" state "\",\"pid\":7,\"delivered\":" asked \
	",\"questions\":" asked ",\"denies\":" denied ",\"misses\":0,\"dropped\":0,\"latency_ns\":[" latency "]}"
#define STATUS(generation, asked, agents, cage, processes) \
	"{\"parent\":{\"processes\":[" processes "]},\"engine\":{\"generation\":" generation \
	",\"uptime_s\":42,\"sensors\":[{\"name\":\"fanotify\",\"events\":" asked \
	",\"lost\":0,\"cache\":{\"size\":3,\"added\":5,\"removed\":2,\"hits\":" asked \
	"}}],\"questions\":{\"asked\":" asked \
	",\"denied\":0,\"missed\":0,\"overridden\":0,\"unguarded\":0,\"pending\":1,\"latency_ns\":[1000," asked \
	"]},\"events\":{\"delivered\":0,\"dropped\":0},\"agents\":[" agents "]},\"cage\":{\"agents\":[" cage "]}}"
#define ENGINE(pid, cpu) \
	"{\"name\":\"engine\",\"state\":\"ready\",\"pid\":" pid ",\"memory_bytes\":41943040,\"cpu_ns\":" cpu "}"

#define HOSTILE "\\u001b[2J\\u202e\xff\xe4\xb8\xad\xe6\x96\x87\xf0\x9f\x98\x80"

static struct top_sample *sample_of(const char *json, uint64_t seconds)
{
	char *copy = strdup(json);
	struct json_object *object = view_parse(copy, strlen(copy));
	free(copy);
	assert_non_null(object);
	struct top_sample *sample = top_sample_new(object, (100 + seconds) * NS_PER_SEC);
	assert_non_null(sample);
	return sample;
}

static const struct top_rate *row_of(const struct top_rates *rates, const char *name)
{
	for (size_t i = 0; i < rates->n; i++)
		if (strcmp(rates->rows[i].part->raw_name, name) == 0)
			return &rates->rows[i];
	fail_msg("no row %s", name);
	return NULL;
}

static const char first[] = STATUS("1", "100", AGENT("a", "live", "100", "1", "1000,50,2000,50"),
				   "{\"name\":\"a\",\"pid\":7,\"state\":\"live\",\"memory_bytes\":2048,\"cpu_ns\":0}",
				   ENGINE("9", "1000000000"));
static const char second[] = STATUS(
	"1", "300",
	AGENT("a", "live", "300", "5", "1000,50,1500,196,2000,51,90000000,3") "," AGENT("b", "live", "7", "0", ""),
	"{\"name\":\"a\",\"pid\":7,\"state\":\"live\",\"memory_bytes\":4096,\"cpu_ns\":500000000}",
	ENGINE("9", "1200000000"));

static void test_rates(void **state)
{
	struct top_sample *before = sample_of(first, 0), *now = sample_of(second, 2);
	struct top_rates rates;
	assert_true(top_rates_init(&rates, before, now));
	const struct top_rate *a = row_of(&rates, "a"), *b = row_of(&rates, "b"), *engine = row_of(&rates, "engine");
	assert_true(rates.has_totals && rates.totals[TOP_TOTAL_ASKED] == 100 && rates.seconds == 2);
	assert_true(rates.totals[TOP_TOTAL_CACHE_HITS] == 100);
	assert_true(rates.has_latency && rates.p50_us == 1 && rates.p99_us == 1);
	assert_true(a->has_counts && a->per_s[TOP_ASKED] == 100 && a->per_s[TOP_DENIED] == 2);
	/* of the 200 that came in between: 196 within 1.5 us, then 1, then 3 within 90 ms */
	assert_true(a->has_latency && a->p50_us == 1 && a->p99_us == 90000);
	assert_true(a->has_cpu && a->cpu_percent > 24.9 && a->cpu_percent < 25.1);
	assert_int_equal(a->part->memory_bytes, 4096);
	assert_false(b->has_counts || b->has_latency || b->has_cpu); /* was not there before */
	assert_true(engine->has_cpu && engine->cpu_percent > 9.9 && engine->cpu_percent < 10.1);
	assert_false(engine->has_counts);
	top_rates_deinit(&rates);
	top_sample_free(before);
	top_sample_free(now);
}

/* Whatever was started anew says nothing for one look. */
static void test_restarts(void **state)
{
	static const struct {
		const char *before, *now;
		bool totals, counts, latency, cpu;
	} rows[] = {
		{first, second, true, true, true, true},
		{second, first, false, false, false, false}, /* every counter fell */
		{first, STATUS("2", "300", AGENT("a", "live", "300", "5", "1000,60"), "", ENGINE("9", "1200000000")),
		 false, false, false, true},
		{first, STATUS("1", "300", AGENT("a", "live", "300", "5", "1000,20"), "", ENGINE("10", "1200000000")),
		 true, true, false, false},
		{first, first, true, true, false, true},
		{"{}", second, false, false, false, false},
		{first,
		 "{\"engine\":{\"error\":\"the engine is being started\"},\"cage\":{\"agents\":[{\"name\":\"a\"}]},"
		 "\"parent\":{\"processes\":[{\"name\":\"engine\",\"cpu_ns\":\"many\"}]}}",
		 false, false, false, false},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct top_sample *before = sample_of(rows[i].before, 0), *now = sample_of(rows[i].now, 1);
		struct top_rates rates;
		assert_true(top_rates_init(&rates, before, now));
		const struct top_rate *a = row_of(&rates, "a"), *engine = row_of(&rates, "engine");
		if (rates.has_totals != rows[i].totals || a->has_counts != rows[i].counts ||
		    a->has_latency != rows[i].latency || engine->has_cpu != rows[i].cpu)
			fail_msg("row %zu: %d %d %d %d", i, rates.has_totals, a->has_counts, a->has_latency,
				 engine->has_cpu);
		top_rates_deinit(&rates);
		top_sample_free(before);
		top_sample_free(now);
	}
}

static void test_one_sample(void **state)
{
	struct top_sample *now = sample_of(second, 0);
	struct top_rates rates;
	/* also twice at the same moment: nothing is divided by zero */
	for (int i = 0; i < 2; i++) {
		assert_true(top_rates_init(&rates, i ? now : NULL, now));
		assert_false(rates.has_totals || row_of(&rates, "a")->has_counts || row_of(&rates, "a")->has_cpu);
		top_rates_deinit(&rates);
	}
	top_sample_free(now);
}

static void test_sort(void **state)
{
	static const char agents[] = AGENT("a", "live", "10", "5", "1000,10") "," AGENT(
		"b", "live", "30", "1", "9000,30") "," AGENT("c", "live", "20", "3", "5000,20");
	static const char none[] = AGENT("a", "live", "0", "0", "") "," AGENT("b", "live", "0", "0",
									      "") "," AGENT("c", "live", "0", "0", "");
	static const struct {
		enum top_sort sort;
		bool reverse;
		const char *order;
	} rows[] = {
		{TOP_BY_NAME, false, "abcxyz"},   {TOP_BY_NAME, true, "cbazyx"},    {TOP_BY_ASKED, false, "bcaxyz"},
		{TOP_BY_EVENTS, false, "bcaxyz"}, {TOP_BY_P99, false, "bcaxyz"},    {TOP_BY_P99, true, "acbzyx"},
		{TOP_BY_DENIED, false, "acbxyz"}, {TOP_BY_MISSED, false, "abcxyz"}, {TOP_BY_DROPPED, false, "abcxyz"},
		{TOP_BY_MEMORY, false, "abczxy"}, {TOP_BY_CPU, false, "abcyxz"},
	};
	static const char processes[] =
		"{\"name\":\"x\",\"pid\":1,\"cpu_ns\":5},{\"name\":\"y\",\"pid\":1,\"cpu_ns\":%s},"
		"{\"name\":\"z\",\"pid\":1,\"memory_bytes\":1}";
	char before_json[4096], now_json[4096], some[256];
	snprintf(some, sizeof(some), processes, "5");
	snprintf(before_json, sizeof(before_json), STATUS("1", "0", "%s", "", "%s"), some, none);
	snprintf(some, sizeof(some), processes, "900");
	snprintf(now_json, sizeof(now_json), STATUS("1", "0", "%s", "", "%s"), some, agents);
	struct top_sample *before = sample_of(before_json, 0), *now = sample_of(now_json, 1);
	struct top_rates rates;
	assert_true(top_rates_init(&rates, before, now));
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char order[8] = {0};
		top_rates_sort(&rates, rows[i].sort, rows[i].reverse);
		for (size_t k = 0; k < rates.n && k < 7; k++)
			order[k] = rates.rows[k].part->raw_name[0];
		if (strcmp(order, rows[i].order) != 0)
			fail_msg("%s%s: %s", top_sort_name(rows[i].sort), rows[i].reverse ? ", reversed" : "", order);
	}
	top_rates_deinit(&rates);
	top_sample_free(before);
	top_sample_free(now);
}

static void test_numbers(void **state)
{
	static const struct {
		char kind;
		double value;
		const char *words;
	} rows[] = {
		{'r', 0, "0"},          {'r', 0.001, "0.1"},  {'r', 3.24, "3.2"},   {'r', 5.99, "6"},
		{'r', 9.96, "10"},      {'r', 999.4, "999"},  {'r', 999.6, "1k"},   {'r', 1234, "1.2k"},
		{'r', 12345678, "12M"}, {'u', 0, "0us"},      {'u', 85, "85us"},    {'u', 1240, "1.2ms"},
		{'u', 999999, "1s"},    {'u', 3.5e6, "3.5s"}, {'u', 1e12, ">999s"}, {'b', 812, "812B"},
		{'b', 1023, "1K"},      {'b', 1048576, "1M"}, {'b', 1.3e9, "1.2G"}, {'b', 1.8e19, "16E"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct text text = {0};
		if (rows[i].kind == 'r')
			top_add_rate(&text, rows[i].value);
		else if (rows[i].kind == 'u')
			top_add_us(&text, (uint64_t)rows[i].value);
		else
			top_add_bytes(&text, (uint64_t)rows[i].value);
		assert_string_equal(text_get(&text), rows[i].words);
		text_deinit(&text);
	}
	/* never wider than a column */
	for (double value = 0.001; value < 1e18; value *= 1.01) {
		struct text text = {0};
		top_add_rate(&text, value);
		assert_true(text.size <= 5);
		text_clear(&text);
		top_add_us(&text, (uint64_t)value);
		assert_true(text.size <= 5);
		text_clear(&text);
		top_add_bytes(&text, (uint64_t)value);
		assert_true(text.size <= 5);
		text_deinit(&text);
	}
}

struct world {
	struct top_sample *before, *now;
	struct top_rates rates;
	struct top_view view;
	struct top_frame *frame;
};

static void world_init(struct world *world, const char *before, const char *now)
{
	*world = (struct world){.view = {.sort = TOP_BY_ASKED, .interval_ms = 1000}};
	world->before = sample_of(before, 0);
	world->now = sample_of(now, 2);
	world->frame = calloc(1, sizeof(*world->frame));
	assert_non_null(world->frame);
	assert_true(top_rates_init(&world->rates, world->before, world->now));
	top_rates_sort(&world->rates, world->view.sort, false);
}

static void world_deinit(struct world *world)
{
	top_frame_deinit(world->frame);
	free(world->frame);
	top_view_deinit(&world->view);
	top_rates_deinit(&world->rates);
	top_sample_free(world->before);
	top_sample_free(world->now);
}

/* The picture as one string; no line wider than the screen, nothing that a terminal obeys. */
static char *picture(struct world *world, unsigned columns, unsigned rows)
{
	struct top_scene scene = {.sample = world->now,
				  .rates = &world->rates,
				  .view = &world->view,
				  .wall_ns = UINT64_C(1795262584123456789),
				  .columns = columns,
				  .rows = rows};
	struct text all = {0};
	top_frame_fill(world->frame, &scene);
	if (rows > 0)
		assert_int_equal(world->frame->n, rows);
	for (size_t i = 0; i < world->frame->n; i++) {
		const struct text *line = &world->frame->lines[i].text;
		if (text_columns(text_get(line), line->size) > columns)
			fail_msg("%u columns: '%s'", columns, text_get(line));
		for (const unsigned char *p = (const unsigned char *)text_get(line); *p; p++)
			assert_true(*p >= 0x20 && *p != 0x7f);
		text_add(&all, world->frame->lines[i].selected ? ">" : "");
		text_add(&all, text_get(line));
		text_add(&all, "\n");
	}
	return all.bytes;
}

static void test_picture(void **state)
{
	struct world world;
	world_init(&world, first, second);
	char *words = picture(&world, 80, 0);
	assert_string_equal(words,
			    "ringside top 12:03:04  engine up 42 s  every 1.0 s\n"
			    "Questions  100/s asked, 0/s denied, 0/s missed, 0/s overridden, 0/s unguarded\n"
			    "Verdicts   half within 1us, 99 of 100 within 1us; 1 pending\n"
			    "Events     100/s taken, 0/s delivered, 0/s dropped, 0/s lost in the kernel\n"
			    "Cache      0/s added, 0/s removed, 100/s hits but the kernel's; 3 files\n"
			    "\n"
			    "AGENT        STATE      EVENTS *ASKED   P50   P99 DENIED MISSED DROPS   MEM CPU%\n"
			    "a            live          100    100   1us  90ms      2      0     0    4K   25\n"
			    "b            live            -      -     -     -      -      -     -     -    -\n"
			    "\n"
			    "PROCESS      STATE                                                      MEM CPU%\n"
			    "engine       ready                                                      40M   10\n");
	free(words);
	world_deinit(&world);
}

/* Every size of screen: as many lines as it has, none too wide, the selected row in sight. */
static void test_sizes(void **state)
{
	struct world world;
	world_init(&world, first, second);
	for (unsigned columns = 1; columns < 130; columns += 3) {
		for (unsigned rows = 1; rows < 40; rows++) {
			for (int key = TOP_KEY_HOME; key <= TOP_KEY_END; key++) {
				top_view_key(&world.view, &world.rates, key);
				char *words = picture(&world, columns, rows);
				if (rows > 12)
					assert_non_null(strstr(words, ">"));
				free(words);
			}
		}
	}
	world_deinit(&world);
}

static void test_many_rows(void **state)
{
	struct text agents = {0}, json = {0};
	struct world world;
	for (int i = 0; i < 600; i++)
		text_format(&agents, "%s{\"name\":\"agent-%03d\",\"state\":\"live\"}", i ? "," : "", i);
	text_add(&json, "{\"engine\":{\"questions\":{},\"agents\":[");
	text_add(&json, text_get(&agents));
	text_add(&json, "]}}");
	world_init(&world, text_get(&json), text_get(&json));
	assert_int_equal(world.rates.n, TOP_PARTS_MAX);
	char *words = picture(&world, 80, 24);
	assert_non_null(strstr(words, ">agent-000 "));
	assert_non_null(strstr(words, "of 512 rows"));
	free(words);
	for (int i = 0; i < 100; i++)
		top_view_key(&world.view, &world.rates, 'j');
	words = picture(&world, 80, 24);
	assert_non_null(strstr(words, ">agent-100 "));
	assert_null(strstr(words, "agent-050"));
	free(words);
	free(picture(&world, 80, 0));
	world_deinit(&world);
	text_deinit(&agents);
	text_deinit(&json);
}

static void test_hostile(void **state)
{
	static const char status[] =
		STATUS("1", "300", AGENT(HOSTILE, HOSTILE, "300", "5", "1000,50"), "", ENGINE("9", "7"));
	struct world world;
	struct text json = {0}, name = {0};
	world_init(&world, status, status);
	for (unsigned columns = 40; columns < 160; columns += 7)
		free(picture(&world, columns, 24));
	char *words = picture(&world, 120, 24);
	assert_non_null(strstr(words, "\\x1b[2J\\u{202e}"));
	free(words);
	top_frame_to_ascii(world.frame);
	for (size_t i = 0; i < world.frame->n; i++)
		for (const char *p = text_get(&world.frame->lines[i].text); *p; p++)
			assert_true(*p >= 0x20 && *p < 0x7f);
	for (size_t i = 0; i < ARRAY_SIZE("biy") - 1; i++) {
		top_view_key(&world.view, &world.rates, "biy"[i]);
		free(picture(&world, 80, 24));
	}
	top_json_add(&json, world.now, &world.rates, 0, NULL);
	assert_null(strchr(text_get(&json), 0x1b));
	world_deinit(&world);
	/* 4,096 bytes */
	for (int i = 0; i < 2048; i++)
		text_add(&name, "\\n");
	text_clear(&json);
	text_format(&json, "{\"engine\":{\"questions\":{},\"agents\":[{\"name\":\"");
	text_add(&json, text_get(&name));
	text_add(&json, "\"}]}}");
	world_init(&world, text_get(&json), text_get(&json));
	free(picture(&world, 80, 24));
	top_view_key(&world.view, &world.rates, 'i');
	free(picture(&world, 80, 24));
	world_deinit(&world);
	text_deinit(&json);
	text_deinit(&name);
}

static void test_ascii(void **state)
{
	static struct top_frame frame;
	frame.n = 1;
	text_add(&frame.lines[0].text, "a\xe4\xb8\xad\xc3\xa9 \xf0\x9f\x98\x80.");
	top_frame_to_ascii(&frame);
	assert_string_equal(text_get(&frame.lines[0].text), "a??? ??.");
	top_frame_deinit(&frame);
}

/* Nothing is ordered without a second key, and only that key. */
static void test_bench(void **state)
{
	struct world world;
	world_init(&world, first, second);
	for (int key = 1; key < TOP_KEY_RESIZE; key++) {
		assert_int_equal(top_view_key(&world.view, &world.rates, 'b'), TOP_NOTHING);
		assert_string_equal(world.view.order->verb, "bench");
		char *words = picture(&world, 80, 24);
		assert_non_null(strstr(words, "Bench a? y: yes"));
		free(words);
		enum top_action action = top_view_key(&world.view, &world.rates, key);
		assert_int_equal(action, key == 'y' || key == 'Y' ? TOP_ORDER : TOP_NOTHING);
		assert_int_equal(world.view.order != NULL, action == TOP_ORDER);
		world.view.order = NULL;
	}
	/* a change of size is no answer */
	top_view_key(&world.view, &world.rates, 'u');
	top_view_key(&world.view, &world.rates, TOP_KEY_RESIZE);
	assert_string_equal(world.view.order->verb, "unbench");
	world.view.order = NULL;
	/* a process is not benched */
	top_view_key(&world.view, &world.rates, TOP_KEY_END);
	top_view_key(&world.view, &world.rates, 'b');
	assert_null(world.view.order);
	assert_non_null(strstr(text_get(&world.view.message), "Only agents"));
	world_deinit(&world);
}

/* The row stays selected when others overtake it, and the order names it, not its place. */
static void test_selection(void **state)
{
	struct world world;
	world_init(&world, first, second);
	top_view_key(&world.view, &world.rates, TOP_KEY_DOWN);
	assert_string_equal(text_get(&world.view.selected), "b");
	top_view_key(&world.view, &world.rates, 'n');
	top_view_key(&world.view, &world.rates, 'n');
	top_rates_sort(&world.rates, world.view.sort, world.view.reverse);
	assert_int_equal(top_view_row(&world.view, &world.rates), 0);
	assert_true(world.view.reverse);
	top_view_key(&world.view, &world.rates, TOP_KEY_ENTER);
	char *words = picture(&world, 80, 24);
	assert_non_null(strstr(words, "b 1: 0 allows"));
	free(words);
	assert_int_equal(top_view_key(&world.view, &world.rates, TOP_KEY_ESCAPE), TOP_NOTHING);
	assert_int_equal(world.view.page, TOP_TABLE);
	assert_int_equal(top_view_key(&world.view, &world.rates, TOP_KEY_ESCAPE), TOP_QUIT);
	world_deinit(&world);
}

/* Every key on every page, drawn after each; with and without rows. */
static void test_all_keys(void **state)
{
	static const char *const answers[] = {second, "{}"};
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		struct world world;
		world_init(&world, answers[i], answers[i]);
		for (int page = TOP_TABLE; page <= TOP_HELP; page++) {
			for (int key = 0; key <= TOP_KEY_RESIZE; key++) {
				world.view.page = (enum top_page)page;
				enum top_action action = top_view_key(&world.view, &world.rates, key);
				assert_int_equal(action == TOP_QUIT,
						 key == 'q' || key == 'Q' ||
							 (key == TOP_KEY_ESCAPE && page == TOP_TABLE));
				world.view.order = NULL;
				free(picture(&world, 80, 24));
			}
			assert_true(world.view.interval_ms >= TOP_INTERVAL_MIN_MS &&
				    world.view.interval_ms <= TOP_INTERVAL_MAX_MS);
		}
		world_deinit(&world);
	}
}

static void test_trouble(void **state)
{
	struct world world;
	world_init(&world, first, "{\"engine\":{\"error\":\"the engine did not answer within 2 s\"}}");
	char *words = picture(&world, 80, 24);
	assert_non_null(strstr(words, "The engine does not answer: the engine did not answer within 2 s"));
	free(words);
	struct top_scene scene = {
		.view = &world.view, .rates = &world.rates, .trouble = "it is away", .columns = 80, .rows = 24};
	top_frame_fill(world.frame, &scene);
	assert_string_equal(text_get(&world.frame->lines[1].text), "it is away");
	world_deinit(&world);
}

void cli_complain(const char *format, ...)
{
}

static int setup(void **state)
{
	setlocale(LC_CTYPE, "C.UTF-8");
	setenv("TZ", "UTC", 1);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rates),    cmocka_unit_test(test_restarts),  cmocka_unit_test(test_one_sample),
		cmocka_unit_test(test_sort),     cmocka_unit_test(test_numbers),   cmocka_unit_test(test_picture),
		cmocka_unit_test(test_sizes),    cmocka_unit_test(test_many_rows), cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_ascii),    cmocka_unit_test(test_bench),     cmocka_unit_test(test_selection),
		cmocka_unit_test(test_all_keys), cmocka_unit_test(test_trouble),
	};
	return cmocka_run_group_tests(tests, setup, NULL);
}
