/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/mounts.h"

#include "base/macro.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char table[] = "21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw\n"
			    "22 21 0:20 / /proc rw - proc proc rw\n"
			    "23 21 0:21 / /tmp rw master:3 shared:2 propagate_from:9 - tmpfs tmpfs rw\n"
			    "24 21 0:22 / /mnt/with\\040blank\\011and\\012line\\134 rw - xfs /dev/sdb1 rw\n"
			    "25 21 0:23 / /net rw - nfs4 server:/export rw\n"
			    "26 25 8:2 / /net/local rw - ext4 /dev/sda2 rw\n"
			    "27 21 0:24 / /home/u/fuse rw - fuse.sshfs u@h: rw\n"
			    "28 21 8:3 / /home rw - btrfs /dev/sda3 rw,subvolid=5\n"
			    "29 28 8:4 / /home/v rw - ext4 /dev/sda4 rw\n"
			    "30 21 8:5 / /homestead rw - ext4 /dev/sda5 rw\n"
			    "31 21 0:30 / /odd rw - strangefs x rw\n";

static void choose(struct mounts *mounts, const char *first, const char *second)
{
	const char *const scopes[] = {first, second};
	mounts_choose(mounts, scopes, second ? 2 : 1);
}

static const struct mounts_mount *by_id(const struct mounts *mounts, uint32_t id)
{
	for (size_t i = 0; i < mounts->n; i++)
		if (mounts->mounts[i].id == id)
			return &mounts->mounts[i];
	fail_msg("no mount %u", id);
	return NULL;
}

static void test_parse(void **unused)
{
	struct mounts mounts;
	assert_int_equal(mounts_parse(table, strlen(table), &mounts), 0);
	assert_int_equal(mounts.n, 11);
	assert_int_equal(mounts.n_broken, 0);
	const struct mounts_mount *mount = by_id(&mounts, 24);
	assert_string_equal(mount->point, "/mnt/with blank\tand\nline\\");
	assert_string_equal(mount->type, "xfs");
	assert_int_equal(mount->parent_id, 21);
	assert_int_equal(mount->minor, 22);
	assert_string_equal(by_id(&mounts, 23)->type, "tmpfs");
	mounts_deinit(&mounts);
}

struct expectation {
	uint32_t id;
	enum mounts_choice choice;
};

static void expect(const char *first, const char *second, const struct expectation *expected, size_t n)
{
	struct mounts mounts;
	assert_int_equal(mounts_parse(table, strlen(table), &mounts), 0);
	choose(&mounts, first, second);
	for (size_t i = 0; i < n; i++)
		if (by_id(&mounts, expected[i].id)->choice != expected[i].choice)
			fail_msg("scope %s: mount %u is '%s'", first, expected[i].id,
				 mounts_choice_why(by_id(&mounts, expected[i].id)->choice));
	mounts_deinit(&mounts);
}

static void test_choose(void **unused)
{
	static const struct expectation all[] = {
		{21, MOUNTS_MARK},   {22, MOUNTS_VIRTUAL}, {23, MOUNTS_MARK},    {24, MOUNTS_MARK},
		{25, MOUNTS_REMOTE}, {26, MOUNTS_BELOW},   {27, MOUNTS_USER},    {28, MOUNTS_MARK},
		{29, MOUNTS_MARK},   {30, MOUNTS_MARK},    {31, MOUNTS_UNKNOWN},
	};
	static const struct expectation home[] = {
		{21, MOUNTS_OUTSIDE}, {28, MOUNTS_MARK}, {29, MOUNTS_MARK}, {30, MOUNTS_OUTSIDE}, {23, MOUNTS_OUTSIDE},
	};
	static const struct expectation inside[] = {
		{21, MOUNTS_OUTSIDE},
		{28, MOUNTS_OUTSIDE},
		{29, MOUNTS_MARK},
		{30, MOUNTS_OUTSIDE},
	};
	static const struct expectation etc_and_tmp[] = {
		{21, MOUNTS_MARK},
		{23, MOUNTS_MARK},
		{28, MOUNTS_OUTSIDE},
	};
	expect("/", NULL, all, ARRAY_SIZE(all));
	expect("/home", NULL, home, ARRAY_SIZE(home));
	expect("/home/", NULL, home, ARRAY_SIZE(home));
	expect("/home/v/deep/down", NULL, inside, ARRAY_SIZE(inside));
	expect("/etc", "/tmp", etc_and_tmp, ARRAY_SIZE(etc_and_tmp));
}

/* An overlay opens files of its layers: where one comes from a server it may hang as that does. */
static void test_layers(void **unused)
{
	static const char text[] =
		"1 0 8:1 / / rw - ext4 a rw\n"
		"2 1 0:2 / /net rw - nfs4 server:/ rw\n"
		"3 1 0:3 / /fuse\\040fs rw - fuse.x y rw\n"
		"4 2 8:4 / /net/disk rw - ext4 d rw\n"
		"10 1 0:10 / /o/local rw - overlay o rw,lowerdir=/a:/b,upperdir=/c,workdir=/d\n"
		"11 1 0:11 / /o/lower rw - overlay o rw,relatime,lowerdir=/a:/net/b,upperdir=/c,workdir=/d\n"
		"12 1 0:12 / /o/upper rw - overlay o rw,lowerdir=/a,upperdir=/fuse\\040fs/c,workdir=/d\n"
		"13 1 0:13 / /o/each rw - overlay o rw,lowerdir+=/a,lowerdir+=/b,datadir+=/net,redirect_dir=on\n"
		"14 1 0:14 / /o/below rw - overlay o rw,lowerdir=/net/disk/a\n"
		"15 1 0:15 / /o/name rw - overlay o rw,lowerdir=/network:/net-b,upperdir=/o/net\n"
		"16 1 0:16 / /o/relative rw - overlay o rw,lowerdir=net/b\n"
		"17 1 0:17 / /o/workdir rw - overlay o rw,lowerdir=/a,workdir=/net/w\n"
		"18 1 0:18 / /o/none rw - overlay o\n"
		"19 1 0:19 / /o/odd rw - overlay o rw,lowerdir,lowerdir=,lowerdir=::,upperdir==/net\n"
		"20 1 0:20 / /x rw - xfs o rw,lowerdir=/net\n"
		"31 99 0:31 / /first rw - overlay o rw,lowerdir=/net\n";
	static const struct expectation expected[] = {
		{10, MOUNTS_MARK},  {11, MOUNTS_BELOW}, {12, MOUNTS_BELOW}, {13, MOUNTS_BELOW},
		{14, MOUNTS_BELOW}, {15, MOUNTS_MARK},  {16, MOUNTS_MARK},  {17, MOUNTS_MARK},
		{18, MOUNTS_MARK},  {19, MOUNTS_MARK},  {20, MOUNTS_MARK},  {31, MOUNTS_MARK},
	};
	struct mounts mounts;
	assert_int_equal(mounts_parse(text, strlen(text), &mounts), 0);
	assert_int_equal(mounts.n_broken, 0);
	choose(&mounts, "/", NULL);
	for (size_t i = 0; i < ARRAY_SIZE(expected); i++)
		if (by_id(&mounts, expected[i].id)->choice != expected[i].choice)
			fail_msg("mount %u is '%s'", expected[i].id,
				 mounts_choice_why(by_id(&mounts, expected[i].id)->choice));
	assert_string_equal(by_id(&mounts, 13)->layers, "/a:/b:/net");
	mounts_deinit(&mounts);
}

/* Hidden by a later mount on the same point: the scope means what is seen there. */
static void test_over(void **unused)
{
	static const char text[] =
		"1 0 8:1 / / rw - ext4 a rw\n2 1 8:2 / /s rw - ext4 b rw\n3 2 0:9 / /s rw - tmpfs c rw\n";
	struct mounts mounts;
	assert_int_equal(mounts_parse(text, strlen(text), &mounts), 0);
	choose(&mounts, "/s/x", NULL);
	assert_int_equal(by_id(&mounts, 3)->choice, MOUNTS_MARK);
	assert_int_equal(by_id(&mounts, 2)->choice, MOUNTS_OUTSIDE);
	mounts_deinit(&mounts);
}

/* Mounts that name each other as parent: ends. */
static void test_circle(void **unused)
{
	static const char text[] =
		"1 2 8:1 / /a rw - ext4 a rw\n2 1 8:2 / /a/b rw - ext4 b rw\n5 5 8:1 / / rw - ext4 a rw\n";
	struct mounts mounts;
	assert_int_equal(mounts_parse(text, strlen(text), &mounts), 0);
	choose(&mounts, "/", NULL);
	assert_int_equal(by_id(&mounts, 1)->choice, MOUNTS_MARK);
	mounts_deinit(&mounts);
}

/* Every cut, and every byte changed: nothing breaks, and what is not understood is counted. */
static void test_broken(void **unused)
{
	static const char *const lines[] = {"x",
					    "1 2 8:1 / /a rw",
					    "1 2 8:1 / /a rw -",
					    "1 2 81 / /a rw - ext4 a rw",
					    "-1 2 8:1 / /a rw - ext4 a rw",
					    "1 2 8:99999999999999 / /a rw - ext4 a rw",
					    "1 2 8:1 / a rw - ext4 a rw"};
	struct mounts mounts;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		assert_int_equal(mounts_parse(lines[i], strlen(lines[i]), &mounts), 0);
		assert_int_equal(mounts.n, 0);
		assert_int_equal(mounts.n_broken, 1);
		mounts_deinit(&mounts);
	}
	char copy[sizeof(table)];
	for (size_t at = 0; at < sizeof(table); at++) {
		assert_int_equal(mounts_parse(table, at, &mounts), 0);
		choose(&mounts, "/", NULL);
		mounts_deinit(&mounts);
		static const char bytes[] = {'\0', '\n', ' ', '\\', '-', (char)0xff};
		for (size_t b = 0; b < sizeof(bytes); b++) {
			memcpy(copy, table, sizeof(table));
			copy[at] = bytes[b];
			assert_int_equal(mounts_parse(copy, sizeof(table) - 1, &mounts), 0);
			choose(&mounts, "/", NULL);
			mounts_deinit(&mounts);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse), cmocka_unit_test(test_choose), cmocka_unit_test(test_layers),
		cmocka_unit_test(test_over),  cmocka_unit_test(test_circle), cmocka_unit_test(test_broken),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
