/* SPDX-License-Identifier: Apache-2.0 */
#include "yara/options.h"

#include "common/common.h"
#include "yara/pool.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

void options_usage(void)
{
	puts("usage: yara --rules DIR | --compiled FILE [options]\n"
	     "       yara --rules DIR | --compiled FILE --check [FILE ...]\n"
	     "Denies files in which a YARA rule matches.\n\n"
	     "  --rules DIR             every *.yar and *.yara below it; each file is a namespace\n"
	     "  --compiled FILE         rules that yarac made; only its owner may be able to write it\n"
	     "  --strict                a broken rule file refuses all rules, not only those in it\n"
	     "  --compile-ms N          new rules that take longer to compile are refused (60000)\n"
	     "  --opens                 judge files that are opened, not only those that are executed\n"
	     "  --max-size BYTES        larger files are not read whole; K, M, G (32M)\n"
	     "  --over-size ends|allow|deny\n"
	     "                          what happens to those (ends: scan both ends, allow when nothing matches)\n"
	     "  --ends BYTES            how much of each end (4M)\n"
	     "  --remote scan|allow|deny\n"
	     "                          files on network and FUSE file systems (scan)\n"
	     "  --on-timeout allow|deny what cannot be judged in time (allow)\n"
	     "  --on-error allow|deny   what changes all the while, cannot be read, makes libyara fail (allow)\n"
	     "  --deadline-ms N         ask for a shorter deadline than the operator's\n"
	     "  --workers N             processes that scan, 1 to 16 (2)\n"
	     "  --check                 load the rules, scan the named files, say what matched, end\n\n"
	     "Rules may use the names filename, filepath and extension (with its dot). An allow is cached only when "
	     "the\n"
	     "whole file was scanned and no name mattered. A rule's meta \"description\" is the reason of a deny.\n"
	     "Rules are loaded again when a file of them changes, and on SIGHUP. SIGUSR1 prints the counters.\n"
	     "exit: 0 ended by a signal, or --check found nothing; 1 the platform or the rules failed, or --check "
	     "found\n"
	     "something; 2 wrong usage");
}

/* The number of the word in a list that ends with NULL; -EINVAL, told. */
static int parse_word(const char *option, const char *text, const char *const *words)
{
	char all[64] = "";
	for (int i = 0; words[i]; i++) {
		if (strcmp(words[i], text) == 0)
			return i;
		snprintf(all + strlen(all), sizeof(all) - strlen(all), "%s%s", i ? " or " : "", words[i]);
	}
	say("%s: expected %s, found \"%s\"", option, all, text);
	return -EINVAL;
}

static int parse_verdict(const char *option, bool *ret_deny)
{
	static const char *const words[] = {"allow", "deny", NULL};
	int r = parse_word(option, optarg, words);
	if (r >= 0)
		*ret_deny = r == 1;
	return r;
}

static int parse_over_size(struct options *options)
{
	static const char *const words[] = {"ends", "allow", "deny", NULL};
	int r = parse_word("--over-size", optarg, words);
	options->limits.over_size = r == 0 ? INSPECT_OVER_ENDS : INSPECT_OVER_SKIP;
	options->policy.deny_over_size = r == 2;
	return r;
}

static int parse_remote(struct options *options)
{
	static const char *const words[] = {"scan", "allow", "deny", NULL};
	int r = parse_word("--remote", optarg, words);
	options->limits.remote = r == 0 ? INSPECT_REMOTE_SCAN : INSPECT_REMOTE_SKIP;
	options->policy.deny_remote = r == 2;
	return r;
}

static int parse_option(int c, struct options *options)
{
	switch (c) {
	case 'r':
		options->load.directory = optarg;
		return 0;
	case 'c':
		options->load.compiled = optarg;
		return 0;
	case 's':
		options->load.strict = true;
		return 0;
	case 'C':
		return parse_size("--compile-ms", optarg, 600000, &options->load.compile_ms);
	case 'o':
		options->opens = true;
		return 0;
	case 'm':
		return parse_size("--max-size", optarg, 1u << 30, &options->limits.size_max_bytes);
	case 'O':
		return parse_over_size(options);
	case 'e':
		return parse_size("--ends", optarg, 256u << 20, &options->limits.ends_bytes);
	case 'R':
		return parse_remote(options);
	case 't':
		return parse_verdict("--on-timeout", &options->policy.deny_on_timeout);
	case 'E':
		return parse_verdict("--on-error", &options->policy.deny_on_error);
	case 'd':
		return parse_size("--deadline-ms", optarg, 60000, &options->deadline_ms);
	case 'w':
		return parse_size("--workers", optarg, POOL_WORKERS_MAX, &options->workers);
	case 'k':
		options->check = true;
		return 0;
	case 'h':
		options_usage();
		return 1;
	default:
		return -EINVAL;
	}
}

static int check(const struct options *options)
{
	if (!options->load.directory == !options->load.compiled) {
		say("expected one of --rules DIR and --compiled FILE, found %s",
		    options->load.directory ? "both" : "neither");
		return -EINVAL;
	}
	if (options->n_files > 0 && !options->check) {
		say("expected no more arguments, found \"%s\"; files are named only with --check", options->files[0]);
		return -EINVAL;
	}
	if (options->workers == 0 || options->load.compile_ms == 0) {
		say("%s: expected at least 1, found 0", options->workers ? "--compile-ms" : "--workers");
		return -EINVAL;
	}
	return 0;
}

int options_parse(int argc, char **argv, struct options *ret)
{
	static const struct option names[] = {{"rules", required_argument, NULL, 'r'},
					      {"compiled", required_argument, NULL, 'c'},
					      {"strict", no_argument, NULL, 's'},
					      {"compile-ms", required_argument, NULL, 'C'},
					      {"opens", no_argument, NULL, 'o'},
					      {"max-size", required_argument, NULL, 'm'},
					      {"over-size", required_argument, NULL, 'O'},
					      {"ends", required_argument, NULL, 'e'},
					      {"remote", required_argument, NULL, 'R'},
					      {"on-timeout", required_argument, NULL, 't'},
					      {"on-error", required_argument, NULL, 'E'},
					      {"deadline-ms", required_argument, NULL, 'd'},
					      {"workers", required_argument, NULL, 'w'},
					      {"check", no_argument, NULL, 'k'},
					      {"help", no_argument, NULL, 'h'},
					      {0}};
	struct options options = {.load.compile_ms = 60000,
				  .limits = {.size_max_bytes = 32u << 20, .ends_bytes = 4u << 20},
				  .workers = 2};
	for (int c; (c = getopt_long(argc, argv, "h", names, NULL)) != -1;) {
		int r = parse_option(c, &options);
		if (r < 0 || c == 'h')
			return r;
	}
	options.files = argv + optind;
	options.n_files = argc - optind;
	int r = check(&options);
	if (r == 0)
		*ret = options;
	return r;
}
