/* SPDX-License-Identifier: Apache-2.0 */
#include "daemon/options.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const char usage[] =
	"usage: ringsided [--config FILE] [--scope DIR]... [--run-dir DIR] [--state-dir DIR]\n"
	"The parent of Ringside's processes; stays in the foreground. See ringsided(8).\n"
	"\n"
	"  --config FILE      what to read, default " OPTIONS_CONFIG "\n"
	"  --scope DIR        watch the file system of DIR only, in the place of scope: in the file\n"
	"  --run-dir DIR      in the place of run_dir: in the file\n"
	"  --state-dir DIR    in the place of state_dir: in the file\n"
	"  --libexec DIR      where the other programs are, default " RINGSIDE_LIBEXECDIR "\n"
	"  --foreground       the default; there is no other way\n"
	"  --version, --help\n";

static const struct option long_options[] = {
	{"config", required_argument, NULL, 'c'},
	{"scope", required_argument, NULL, 's'},
	{"run-dir", required_argument, NULL, 'r'},
	{"state-dir", required_argument, NULL, 't'},
	{"libexec", required_argument, NULL, 'l'},
	{"foreground", no_argument, NULL, 'f'},
	{"version", no_argument, NULL, 'v'},
	{"help", no_argument, NULL, 'h'},
	{0},
};

static enum options_result wrong(const char *option, const char *value)
{
	fprintf(stderr, "ringsided: --%s: expected an absolute path of less than %u bytes, found \"%s\"\n", option,
		SETTINGS_PATH_SIZE, value);
	return OPTIONS_WRONG;
}

static bool is_path(const char *value)
{
	return value[0] == '/' && strlen(value) < SETTINGS_PATH_SIZE;
}

static enum options_result take(struct options *options, int option, const char *name, const char *value)
{
	if (option == 'c') {
		options->config = value;
		return OPTIONS_RUN;
	}
	if (!is_path(value))
		return wrong(name, value);
	if (option == 's' && options->n_scopes == SETTINGS_SCOPES_MAX) {
		fprintf(stderr, "ringsided: --scope: expected at most %u directories, found more\n",
			SETTINGS_SCOPES_MAX);
		return OPTIONS_WRONG;
	}
	if (option == 's')
		options->scopes[options->n_scopes++] = value;
	else if (option == 'r')
		options->run_dir = value;
	else if (option == 't')
		options->state_dir = value;
	else
		options->libexec_dir = value;
	return OPTIONS_RUN;
}

enum options_result options_parse(int argc, char **argv, struct options *ret)
{
	*ret = (struct options){.config = OPTIONS_CONFIG, .libexec_dir = RINGSIDE_LIBEXECDIR};
	for (int option, index; (option = getopt_long(argc, argv, "", long_options, &index)) != -1;) {
		if (option == 'v' || option == 'h') {
			fputs(option == 'v' ? "ringsided " RINGSIDE_VERSION "\n" : usage, stdout);
			return OPTIONS_DONE;
		}
		if (option == '?') {
			fputs(usage, stderr);
			return OPTIONS_WRONG;
		}
		if (option != 'f' && take(ret, option, long_options[index].name, optarg) == OPTIONS_WRONG)
			return OPTIONS_WRONG;
	}
	if (optind < argc) {
		fprintf(stderr, "ringsided: expected options only, found \"%s\"\n%s", argv[optind], usage);
		return OPTIONS_WRONG;
	}
	return OPTIONS_RUN;
}

void options_apply(const struct options *options, struct settings *settings)
{
	if (options->run_dir)
		strcpy(settings->run_dir, options->run_dir);
	if (options->state_dir)
		strcpy(settings->state_dir, options->state_dir);
	if (options->n_scopes == 0)
		return;
	settings->n_scopes = options->n_scopes;
	for (uint32_t i = 0; i < options->n_scopes; i++)
		strcpy(settings->scopes[i], options->scopes[i]);
}
