/* SPDX-License-Identifier: Apache-2.0 */
/*
 * state: what the files of the broker share. Not for others: they include broker.h.
 *
 *     broker.c      begins and ends it, sensors' sink, timers, before_wait
 *     roster.c      sessions in slots, sets of them, the life of each (verdict/agent_life.h)
 *     session.c     what agents send
 *     agent.c       one session: delivery into its ring, drops and their `lost` events
 *     pushdown.c    mutes that all subscribers have, told to the sensors
 *     arbiter.c     asking, answers, misses, decisions
 *     action.c      what agents ask the platform to do
 *     announce.c    platform events
 *     standing.c    what is remembered of an agent over its sessions: strikes, storms, slowness, benches, counters
 *     report.c      JSON
 *
 * Order: no function here changes the life of a session while an event is on its way. It marks (agent_doom(),
 * standing_strike()), and roster_settle() carries out before the next wait.
 */
#pragma once

#include "base/clock.h"
#include "base/macro.h"
#include "broker/agent_set.h"
#include "broker/broker.h"
#include "broker/decision_log.h"
#include "broker/histogram.h"
#include "broker/identity.h"
#include "broker/mute.h"
#include "broker/question.h"
#include "ring/ring.h"
#include "verdict/agent_life.h"
#include "verdict/deny_storm.h"
#include "verdict/essential.h"
#include "verdict/event_budget.h"
#include "verdict/rate.h"
#include "verdict/slowness.h"
#include "verdict/strikes.h"

#define BROKER_SENSORS_MAX 8u
#define BROKER_PENDING_MAX 256u /* of an agent that sets none */
#define BROKER_OBSERVER_RING_BYTES (1u << 20)
#define BROKER_RING_BYTES (4u << 20) /* of an agent that sets none */
#define BROKER_HELLO_NS (10 * NS_PER_SEC) /* a session must say HELLO and READY within this */
#define BROKER_CHANGES_PER_MIN 240u /* of content or subscriptions, by one agent */
#define BROKER_ACTIONS_PER_MIN 10u /* of an agent that sets none */
#define BROKER_ACTIONS_MAX 64u /* under way at a time */
#define BROKER_STOOD_STILL_NS (500 * NS_PER_MS) /* who sees a deadline so late cannot tell who was late */
#define BROKER_TICK_NS (250 * NS_PER_MS)
#define BROKER_RAN_SLOTS 32768u
#define BROKER_AWAY_NS (60 * NS_PER_SEC) /* how long the kernel goes on asking for an agent that crashed */
#define WHY_SIZE IPC_TEXT_SIZE

/* A session that just ended: its process may have, and the cage will say in a moment why. */
struct crash {
	uint64_t due_ns; /* told by then at the latest; 0: nothing is to be told */
	struct ipc_session who;
	uint32_t pending;
};

/* One agent of the settings, or one observer, over all its sessions. */
struct standing {
	struct broker *broker;
	const struct settings_agent *settings; /* NULL: an observer */
	uint32_t index; /* in settings; UINT32_MAX */
	char name[SESSION_NAME_SIZE];
	struct identity *identity; /* the last one it had; NULL before the first */
	struct strikes strikes;
	struct deny_storm *storm; /* NULL for observers */
	struct slowness slowness;
	uint64_t benched_until_ns; /* 0: not; UINT64_MAX: until the operator says */
	bool roll_back_wanted;
	bool told_gap;
	bool bench_due; /* carried out by roster_settle() */
	bool bench_by_operator;
	bool storming; /* the bench that is due is for a storm of denies */
	uint64_t changes_since_ns; /* changes that forget cached allows, and when this minute began */
	uint32_t changes;
	char why[WHY_SIZE]; /* the last thing worth saying */
	char order[WHY_SIZE]; /* the operator's last, and its reason */
	uint64_t order_ns;
	uint64_t since_ns; /* in this state */
	struct crash crash;
	enum life_state state; /* of its newest session */
	uint32_t pid;
	uint64_t newest; /* serial of its newest session */
	struct session_event_set last_subscribed; /* in its last session */
	uint64_t away_until_ns; /* it crashed: what it would be asked is still asked for, and counted; 0: not */
	uint64_t asked_then; /* questions of these types when it ended */
	struct event_budget budget; /* of events a second */
	uint64_t questions, allows, denies, misses, excused, late, struck, delivered, dropped, over_budget, muted,
		errors, slow;
	uint64_t actions, actions_done, actions_refused, actions_limited;
	struct rate action_rate;
	struct histogram latency;
};

/* One action under way. */
struct action {
	struct standing *standing; /* NULL: a free slot */
	uint64_t id; /* of its action_asked event */
	uint64_t request; /* the agent's number */
	uint64_t asked_ns;
	uint64_t process_id; /* of the target */
	uint32_t kind; /* enum session_action_kind */
	struct ipc_session who; /* the session that asked */
	char rule[SESSION_RULE_SIZE];
	char reason[RS_REASON_SIZE_MAX + 1];
};

/* What a session was not given and was not told of yet. */
struct drops {
	struct session_event_set types;
	bool any;
	uint64_t count[RS_EVENT_TYPE_LIMIT];
	uint64_t first[RS_EVENT_TYPE_LIMIT]; /* its first number */
};

/* One session. */
struct agent {
	struct broker *broker;
	struct standing *standing;
	struct standing *own_standing; /* an observer's, freed with it */
	uint32_t slot;
	uint64_t serial; /* rises; tells the newer of two sessions */
	enum life_state state;
	bool welcomed;
	bool observer;
	bool hung_up; /* the other end of its session is closed */
	bool doomed; /* ends in roster_settle() by this: */
	enum life_event doom;
	char doom_why[WHY_SIZE];
	int fd;
	struct loop_source *source;
	struct ring_writer *ring;
	struct mutes *mutes; /* NULL: it muted nothing */
	struct identity *identity;
	struct ipc_session who;
	uint64_t since_ns;
	uint32_t pending; /* questions it owes an answer to */
	uint32_t pending_max;
	uint64_t looked_ns; /* when all its answers in memory had been taken; before a question: when it was asked */
	uint64_t seq;
	struct session_event_set subscribed;
	uint8_t flags[RS_EVENT_TYPE_LIMIT]; /* enum session_subscribe_flags */
	uint32_t deadline_ms[RS_EVENT_TYPE_LIMIT];
	uint64_t type_seq[RS_EVENT_TYPE_LIMIT];
	struct drops lost; /* no room in its ring */
	struct drops over; /* beyond its budget of events a second */
	struct drops unseen; /* in the kernel, told when there was no room in its ring */
};

/* The executables that ran here, each a hash in a table that forgets by being overwritten. */
struct ran_before {
	uint64_t keys[BROKER_RAN_SLOTS];
};

struct broker {
	struct broker_opts opts;
	const struct settings *settings;
	struct sensor *sensors[BROKER_SENSORS_MAX];
	uint32_t n_sensors;
	struct loop_source *deadline_timer;
	struct loop_source *tick_timer;
	uint64_t armed_ns; /* for which moment the deadline timer is armed; 0: not */
	_Atomic uint64_t own_event_id;
	_Atomic uint64_t *next_event_id;
	uint64_t first_event_id; /* of this engine */
	uint64_t cache_epoch; /* rises whenever cached allows were flushed */
	uint64_t content_epoch;
	uint64_t serial;
	bool wants_changed;
	bool mutes_changed; /* what the sensors are told of them is not what it could be */
	struct sensor_mute *pushed; /* SENSOR_MUTES_MAX, in the sensors */
	size_t n_pushed;

	struct agent *agents[BROKER_AGENTS_MAX];
	struct agent_set free_slots;
	struct agent_set voting; /* are asked */
	struct agent_set listening; /* get notify events */
	struct agent_set shadow;
	struct agent_set dirty; /* got something since the last wait: to be woken */
	struct agent_set lossy; /* have drops to be told of */
	struct agent_set doomed;
	struct agent_set owing; /* an answer */
	struct agent_set wants[RS_EVENT_TYPE_LIMIT]; /* who subscribed */
	struct standing *standings[SETTINGS_AGENTS_MAX];
	uint32_t n_standings;
	bool bench_due; /* of some standing */

	struct action actions[BROKER_ACTIONS_MAX];
	uint64_t actions_unjournaled; /* refused ones that nobody could write down */
	uint64_t actions_stray; /* outcomes that nobody waited for any more */

	struct essential *essential;
	struct essential *essential_tools; /* of these, those that are the platform's business only in good hands */
	struct ran_before ran;
	struct strikes_limits limits;
	struct slowness_limits slow_limits;
	struct question_table *questions;
	struct decision_log *decisions; /* all */
	struct decision_log *notable; /* denied, overridden, missed */

	/* gap before this engine, told to each agent once */
	bool gap;
	uint64_t gap_ns;
	uint64_t gap_unguarded;
	char gap_why[WHY_SIZE];

	uint64_t asked, allowed, denied, missed, overridden, unguarded, unguarded_told, refused_sessions,
		lost_in_kernel;
	uint64_t asked_of_type[RS_EVENT_TYPE_LIMIT];
	uint64_t unguarded_at_ns; /* when it was last reported */
	uint64_t over_told_ns; /* when agents were last told what was beyond their budgets */
	uint64_t delivered, dropped, over_budget; /* by observers that are gone, too */
	struct histogram latency;

	uint64_t event_buffer[16384 / 8]; /* for platform events */
	char *receive_buffer; /* for datagrams from agents */
	struct question *scratch[QUESTIONS_MAX];
};

static inline uint64_t broker_now(const struct broker *broker)
{
	return broker->opts.now ? broker->opts.now(broker->opts.now_data) : clock_monotonic_ns();
}

/* broker.c */
uint64_t broker_next_id(struct broker *broker);
/* Delivers a notify event to whoever wants it. */
void broker_publish(struct broker *broker, struct rs_event *event);
/* Forgets cached allows everywhere. */
void broker_flush_cache(struct broker *broker);
bool ran_before_has(const struct ran_before *ran, struct rs_file_id file);
void ran_before_add(struct ran_before *ran, struct rs_file_id file);

/* agent.c */
enum agent_delivery {
	AGENT_DELIVERED,
	AGENT_RING_FULL, /* it was dropped, and counted */
	AGENT_SOCKET_FULL, /* delivered without its descriptor */
};
/* Copies the event into the agent's ring with its numbers. flags are added; the deadline is the agent's own. fd is sent
 * along, borrowed; -1: none. */
enum agent_delivery agent_deliver(struct agent *agent, const struct rs_event *event, uint16_t flags,
				  uint64_t deadline_ns, int fd);
/* Tells an agent that sleeps of what it got since the last time. Before each wait this is done for all; who cannot be
 * woken then is woken later. */
void agent_wake(struct agent *agent);
/* Tells what was dropped, as far as there is room. True: nothing is left to tell. */
bool agent_tell_lost(struct agent *agent);
/* A notify event: within its budget it is delivered, else it is dropped, counted, and told of later. */
void agent_notify(struct agent *agent, const struct rs_event *event);
/* Tells what was beyond the budget, as far as there is room. */
void agent_tell_over(struct agent *agent);
/* Tells of a loss in the kernel: at once, or when there is room. type 0: unknown. */
void agent_tell_lost_in_kernel(struct agent *agent, uint16_t type, uint64_t count);
/* Whether the agent wants this event, subscription apart. */
bool agent_wants(const struct agent *agent, const struct rs_event *event);
/* Sends a datagram; -errno as fd_send(). */
int agent_send(struct agent *agent, const void *message, const int *fds, size_t n_fds);
/* Its session is to end in this way; the first reason stays. */
void agent_doom(struct agent *agent, enum life_event how, const char *format, ...) _printf_(3, 4);

/* roster.c */
int roster_add(struct broker *broker, int fd, const struct ipc_session *who);
/* One step of a session's life, at once. why: for the platform event. Not while an event is on its way. */
void roster_step(struct agent *agent, enum life_event event, const char *why);
/* Whether a newer session of the same agent is ready already: two that began at once may get ready in any order. */
bool roster_is_superseded(const struct agent *agent);
/* Carries out dooms and benches. */
void roster_settle(struct broker *broker);
/* Unbenches, ends sessions that never began. */
void roster_tick(struct broker *broker, uint64_t now_ns);
void roster_free(struct broker *broker);
void roster_unbench(struct standing *standing, const char *why);
/* Tells of a crash that is not told yet; why: NULL: what is known without the cage. */
void roster_tell_crash(struct standing *standing, const char *why);
/* Adds what agents that crashed a moment ago would be asked. */
void roster_add_away(const struct broker *broker, struct session_event_set *wanted);
/* Questions that were decided without this agent since its last session. */
uint64_t roster_missed(struct standing *standing);

/* session.c */
/* Ends the session of an agent that does what the contract does not allow; it is told what was expected. */
void session_broke(struct agent *agent, uint64_t request, int error, const char *what);
/* An answer that is well formed. */
void session_answered(struct agent *agent, const struct session_answer *answer, uint64_t answered_ns);
int session_readable(void *data, uint32_t epoll_events);

/* standing.c */
int standing_new(struct broker *broker, const struct settings_agent *settings, uint32_t index, const char *name,
		 struct standing **ret);
struct standing *standing_free(struct standing *standing);
/* Counts a strike and says so; enough of them mark a bench. */
void standing_strike(struct standing *standing, const char *why);
/* Remembers what the operator wanted: done "benched", why "by the operator: …". */
void standing_order(struct standing *standing, const char *done, const char *why);
void standing_mark_bench(struct standing *standing, bool by_operator, const char *why);
/* An answer that the machine waited for, and how long it might have taken. Too many slow ones mark a bench. */
void standing_answered(struct standing *standing, uint64_t asked_ns, uint64_t answered_ns, uint64_t allowed_ns);
/* One more change that forgets everybody's cached allows (content, subscriptions). False: more than an agent may. */
bool standing_may_change(struct standing *standing);
struct standing *standing_find(struct broker *broker, const char *name);

/* arbiter.c */
void arbiter_ask(struct broker *broker, struct rs_event *event, const struct sensor_question *sensor_question);
/* answered_ns: when it was given, which is not after now. */
void arbiter_answer(struct agent *agent, const struct session_answer *answer, uint64_t answered_ns);
/* What it owes is missed at once, for this reason. */
void arbiter_release(struct agent *agent, enum decision_miss miss);
void arbiter_expire(struct broker *broker, uint64_t now_ns);
/* Allows all that is open. */
void arbiter_end(struct broker *broker);

/* answers.c */
/* Takes all that is there of whoever owes an answer; of everybody, so that stray ones are noticed; of one agent. */
void answers_take(struct broker *broker);
void answers_take_all(struct broker *broker);
void answers_take_from(struct agent *agent);

/* action.c */
/* 0: accepted, its outcome comes as action_done. Else the -errno of contract and manual, and why. */
int action_ask(struct agent *agent, const struct session_action *message, const char **ret_why);
/* Gives up on those whose outcome does not come. */
void action_tick(struct broker *broker, uint64_t now_ns);

/* announce.c: one function a platform event */
/* refused: 0 or -errno. The event has the id of the action. */
void announce_action_asked(struct agent *agent, const struct action *action, int refused);
/* To the agent that asked, and to whoever subscribed. */
void announce_action_done(const struct action *action, uint32_t outcome, int error);
void announce_agent_started(struct agent *agent);
void announce_agent_benched(struct standing *standing, const char *why);
void announce_agent_unbenched(struct standing *standing);
void announce_agent_crashed(struct standing *standing, const struct ipc_session *who, const char *why,
			    uint32_t pending);
void announce_agent_stopped(struct agent *agent, const char *why);
void announce_strike(struct standing *standing, const char *why, uint32_t strikes);
void announce_overridden(struct broker *broker, const struct question *question, const struct identity *identity,
			 const char *why);
void announce_denied(struct broker *broker, const struct question *question, const struct question_voter *voter);
void announce_content_changed(struct agent *agent);
void announce_unguarded(struct broker *broker, uint64_t count, const char *why);
/* To one agent only. */
void announce_engine_restarted(struct agent *agent);
