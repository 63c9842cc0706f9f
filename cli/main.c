/* SPDX-License-Identifier: Apache-2.0 */
/*
 * main: the table of commands, and nothing that a command does.
 *
 * A new command is a file cmd_<name>.c and a row here.
 */
#include "answer.h"
#include "options.h"

#include <locale.h>
#include <string.h>

const struct cli_option cli_options[] = {
	{"json", NULL, "Print JSON instead of words, errors, too."},
	{"socket", "PATH", "The admin socket; else $RINGSIDE_SOCKET, else " ANSWER_SOCKET_DEFAULT "."},
	{"help", NULL, "Say how it is used."},
	{"version", NULL, "Print the version."},
	{NULL},
};

static const struct cli_option events_options[] = {
	{"type", "NAME",
	 "Only events of this type, or of this family (process, file, memory, network, kernel, platform). "
	 "May be given several times."},
	{"pid", "PID", "Only what this process did."},
	{"uid", "UID", "Only what processes of this user did."},
	{"exe", "PATH", "Only what processes of this executable did."},
	{"path", "PREFIX", "Only events about a file whose path begins so."},
	{"agent", "NAME", "Only what the platform reports about this agent: denies, strikes, benches, crashes."},
	{"denied", NULL, "Only denies."},
	{"count", "N", "End after N events."},
	{"seconds", "N", "End after N seconds."},
	{"tree", NULL,
	 "Show each event below its process and that one's ancestors; at the end all that ran, with numbers."},
	{"replay", "FILE", "The events of a recording instead of those that happen."},
	{"record", "FILE", "Write the events to a new recording instead of showing them; it ends at 256 MiB."},
	{"list", NULL, "List the events that can be followed, and end."},
	{NULL},
};

static const struct cli_option agents_options[] = {
	{"reason", "TEXT",
	 "Why a change is made: kept, shown by 'agents' and 'status', logged, and told to the agents."},
	{NULL},
};

static const struct cli_option top_options[] = {
	{"interval", "SECONDS", "Between two looks: 0.1 to 3600, 1 when not given."},
	{"sort", "COLUMN", "By name, events, asked, p99, denied, missed, drops, memory or cpu; asked when not given."},
	{"reverse", NULL, "Turn the order round."},
	{"batch", NULL, "Print blocks of plain text, one a look, for scripts; also when the output is no terminal."},
	{"count", "N", "With --batch: end after N blocks; -n for short.", .letter = 'n'},
	{"lines", "N", "With --batch: at most N agents and processes in a block."},
	{NULL},
};

static const struct cli_option denials_options[] = {
	{"count", "N", "How many at most; 20 when not given."},
	{NULL},
};

static const struct cli_option actions_options[] = {
	{"agent", "NAME", "Only what this agent asked for."},
	{"outcome", "NAME", "Only those with this outcome: done, gone, failed, refused, shadow, unknown, open."},
	{"count", "N", "How many at most; 20 when not given."},
	{NULL},
};

static const struct cli_option check_options[] = {
	{"manifest", NULL, "FILE is the manifest of an agent, not a configuration."},
	{NULL},
};

const struct cli_command cli_commands[] = {
	{
		.name = "status",
		.words = "",
		.summary = "How the platform, its processes and its agents are.",
		.help = "Shows the processes of the platform, the agents with their questions and answers, what was "
			"counted, and first of all what needs attention.\n"
			"Ends with 1 when a part does not answer, or an agent is benched or gone.",
		.run = cmd_status,
	},
	{
		.name = "events",
		.words = "",
		.summary = "Follow what happens, live.",
		.help = "Prints one line an event until Ctrl-C: time, event, who did it, what. Conditions of different "
			"kinds must all hold. Losses are shown as 'lost' events whatever is asked for.",
		.options = events_options,
		.run = cmd_events,
	},
	{
		.name = "explain",
		.words = "EVENT",
		.words_least = 1,
		.words_most = 1,
		.summary = "Why an operation was allowed or denied.",
		.help = "Shows for one question to the agents who was asked, who said what, by which rule, how long it "
			"took, and what came of it. EVENT is the number that 'ringside events' and 'ringside denials' "
			"show. The platform remembers the newest questions only.\n"
			"Ends with 1 when it does not know the event.",
		.run = cmd_explain,
	},
	{
		.name = "denials",
		.words = "",
		.summary = "The newest denies, newest first.",
		.help = "Of each its number for 'ringside explain', when, which agent, what, by whom, rule and reason. "
			"Missed "
			"deadlines and denies that the platform did not follow stand among them and say so.",
		.options = denials_options,
		.run = cmd_denials,
	},
	{
		.name = "actions",
		.words = "",
		.summary = "What agents asked the platform to do, and what came of it.",
		.help = "One row an action, newest first, from the journal on disk: its number, when, which agent, by "
			"which rule, what it asked for, and the outcome. What was killed stays killed.\n"
			"Ends with 1 when records of the journal are damaged.",
		.options = actions_options,
		.run = cmd_actions,
	},
	{
		.name = "agents",
		.words = "[VERB NAME]",
		.words_most = 2,
		.summary = "List agents; bench, unbench, start, stop, restart or upgrade one.",
		.help = "Without words: one row an agent, and below it why it is as it is. With a verb and a name:\n"
			"bench NAME: it is asked no more; it goes on hearing events.\n"
			"unbench NAME: it is asked again.\n"
			"stop NAME, start NAME, restart NAME: its process.\n"
			"upgrade NAME: its program is started anew, and the old process answers until the new one "
			"does.\n"
			"A change holds until the platform starts anew; the configuration decides what holds for "
			"ever.\n"
			"Ends with 1 when an agent should guard and does not, or when there is no agent NAME.",
		.options = agents_options,
		.run = cmd_agents,
	},
	{
		.name = "top",
		.words = "",
		.summary = "What agents and platform do and use at this moment, live.",
		.help = "One row an agent and a process of the platform: events and questions a second, the time its "
			"answers took, denies, misses, drops, memory, processor. 'h' lists the keys. An agent can be "
			"benched from here; a second key confirms it.\n"
			"What the kernel's verdict cache lets pass is counted nowhere, and so not shown.",
		.options = top_options,
		.run = cmd_top,
	},
	{
		.name = "doctor",
		.words = "",
		.summary = "What this kernel gives, what is lost without it, what to do.",
		.help = "Shows which events are mandatory, discretionary or unavailable here, and why. Without a "
			"running "
			"platform it looks at the kernel by itself and says what is to be expected.\n"
			"Ends with 1 when something is found to be bad.",
		.run = cmd_doctor,
	},
	{
		.name = "check",
		.words = "FILE",
		.words_least = 1,
		.words_most = 1,
		.summary = "Check a configuration file, or an agent's manifest, without using it.",
		.help = "Reads FILE, and the manifests it names, as the platform would, and names line, field and "
			"expectation of each mistake.\n"
			"Ends with 2 when there are mistakes.",
		.options = check_options,
		.run = cmd_check,
	},
	{
		.name = "help",
		.words = "[COMMAND]",
		.words_most = 1,
		.summary = "This list, or more about one command.",
		.help = "Shows the list of commands, or how one of them is used.",
		.run = cmd_help,
	},
	{NULL},
};

/* command: NULL for all. */
static int help(const struct cli *cli, const struct cli_command *command)
{
	if (cli->json)
		options_help_json(&cli->out, command);
	else if (command)
		options_help_command(&cli->out, command);
	else
		options_help(&cli->out);
	return CLI_OK;
}

int cmd_help(struct cli *cli)
{
	if (cli->n_words == 0)
		return help(cli, NULL);
	const struct cli_command *command = options_find_command(cli->words[0]);
	if (!command) {
		const char *nearest = options_nearest_command(cli->words[0]);
		cli_complain("there is no such command%s%s", nearest ? "; did you mean " : "", nearest ? nearest : "");
		return CLI_USAGE;
	}
	return help(cli, command);
}

static int run(struct cli *cli)
{
	if (cli->version) {
		output_line(&cli->out, OUTPUT_PLAIN,
			    cli->json ? "{\"version\":\"" RINGSIDE_VERSION "\"}" : "ringside " RINGSIDE_VERSION);
		return CLI_OK;
	}
	if (cli->help)
		return help(cli, cli->command);
	if (cli->command)
		return cli->command->run(cli);
	if (cli->json)
		cli_complain("expected a command; 'ringside help' lists them");
	else
		options_help(&cli->out);
	return CLI_USAGE;
}

/* A line that is wrong before its --json is one with --json all the same. */
static bool asks_for_json(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
		if (strcmp(argv[i], "--json") == 0)
			return true;
	return false;
}

int main(int argc, char **argv)
{
	struct cli cli = {.socket = getenv(ANSWER_SOCKET_ENV)};
	bool json = asks_for_json(argc, argv);
	setlocale(LC_CTYPE, "C.UTF-8"); /* what wcwidth(3) goes by; what we print does not depend on the user's */
	if (!cli.socket || !*cli.socket)
		cli.socket = ANSWER_SOCKET_DEFAULT;
	output_init(&cli.out, stdout);
	int code = options_parse(&cli, argc, argv);
	if (code == CLI_OK) {
		code = run(&cli);
		json = cli.json;
	}
	if (json && code != CLI_OK)
		cli_print_error(&cli.out, code);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		cli_complain("standard output could not be written: %m");
		return CLI_INTERNAL;
	}
	return code;
}
