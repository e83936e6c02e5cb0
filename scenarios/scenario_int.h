/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of a scenario; shared by parser, engine and actions. */
#ifndef AVSIM_SCENARIOS_SCENARIO_INT_H
#define AVSIM_SCENARIOS_SCENARIO_INT_H

#include "scenarios/action.h"
#include "scenarios/arena.h"
#include "scenarios/expr.h"
#include "scenarios/scenario.h"
#include "sim/core/cmdq.h"
#include "sim/core/text.h"
#include "sim/core/yaml.h"
#include "sim/vehicle/vehicle.h"

struct cmd;
struct vhal_value;

#define SC_IMPLIED_MAX 4 /* implied expectations of one run */
#define ARG_TEXT_MAX CMDQ_TEXT_MAX /* of one string argument */

/* For use within an argument list. @buf: AV_NUM_TEXT_MAX bytes. */
static inline const char *sc_num(double v, char *buf)
{
	av_num_text(v, buf);
	return buf;
}

struct sc_route {
	const char *name;
	bool reverse;
	double speed_mps; /* where a point has none; NaN = keep */
	const char *file; /* points come from a trace file */
	const struct av_yaml *node;
	struct route_point *point;
	size_t n;
};

/* A value over time: of a ramp or a profile. */
struct sc_knot {
	vtime t;
	double v;
};

enum sc_step_kind {
	STEP_ACT,
	STEP_WAIT,  /* @wait */
	STEP_UNTIL, /* @until becomes true */
};

/* One item of a do: list. */
struct sc_step {
	enum sc_step_kind kind;
	const struct av_yaml *node;
	const struct action *act;
	struct args args;
	const char *text; /* canonical command; of a ramp: for people */
	vtime wait;
	struct expr *until;
	/* a moving target */
	vtime over;
	bool smooth;
	const char *profile_file;
	const struct av_unit *profile_unit; /* of the file's values */
	struct sc_knot *knot;
	size_t n_knots;
	/* running */
	bool moving;
	vtime start;
	double from;
};

enum sc_trigger { TRIGGER_AT, TRIGGER_EVERY, TRIGGER_WHEN };

/* One item of timeline: or faults:. */
struct sc_entry {
	enum sc_trigger trigger;
	const struct av_yaml *node;
	vtime at, every, from, until; /* until: VT_NEVER = open */
	long long times;              /* 0 = no limit */
	struct expr *when;
	bool repeat;
	struct sc_step *step;
	size_t n;
	/* running */
	bool done, was_true, running;
	long long fired;
	vtime next;   /* of at and every */
	size_t pc;    /* next step of a running sequence */
	vtime resume; /* not before */
};

enum sc_expect_kind {
	EXPECT_BY,     /* @that becomes true, at @by at the latest */
	EXPECT_AT,     /* @that is true at @by */
	EXPECT_END,    /* @that is true at the end of the run */
	EXPECT_AFTER,  /* @that becomes true at most @within after @when */
	EXPECT_ALWAYS, /* @that holds from @from until @until */
	EXPECT_NEVER,
	EXPECT_IMPLIED, /* what nobody wrote down; added when it failed */
};

struct sc_expect {
	enum sc_expect_kind kind;
	const struct av_yaml *node;
	const char *text;
	struct expr *that, *when;
	vtime by, from, until, within;
	/* running */
	bool judged;  /* always, never: was in force at least once */
	bool started; /* after: when: came */
	vtime start;
	enum verdict verdict;
	vtime decided;
	const char *reason;
};

struct scenario {
	struct sc_arena mem;
	struct av_yaml_doc doc;
	char *src; /* own copy, to find places inside scalars */
	size_t src_len;
	struct scenario_info info;
	struct scenario_param *param;
	size_t n_params;
	struct sc_route *route;
	size_t n_routes;
	struct zone *zone;
	size_t n_zones;
	struct sc_entry *entry;
	size_t n_entries;
	struct sc_expect *expect;
	size_t n_expects, room_expects;
	const char **trace;
	size_t n_traces, room_traces;
	const char **imu; /* traces of motion sensors */
	size_t n_imu;
	/* bound */
	struct world *w;
	struct inputs in;
	struct expr_scope scope;
	/* running */
	struct sc_step **moving; /* in order of their start */
	size_t n_moving;
	struct sc_step **posted; /* not announced yet */
	size_t n_posted, n_steps;
	bool stop;
};

/* ---- parsing ---- */
struct sc_parser {
	struct scenario *s;
	struct av_diags *d;
	bool no_memory;
	bool bad;
};

/* The place of byte @off of scalar @node in the file. */
void sc_place(const struct scenario *s, const struct av_yaml *node, size_t off,
	      unsigned int *line, unsigned int *col);

/* "at" for the typed readers of sim/core/yaml.h */
struct av_yaml_at sc_at(struct sc_parser *p, const struct av_yaml *parent);
/* Counts the failure of a reader; passes @ret on. */
int sc_check(struct sc_parser *p, int ret);
__attribute__((format(printf, 3, 4))) int sc_error(struct sc_parser *p,
						   const struct av_yaml *node,
						   const char *fmt, ...);
/* NULL and no_memory set where there is none. */
void *sc_new(struct sc_parser *p, size_t n, size_t size);
struct expr *sc_expr(struct sc_parser *p, const struct av_yaml *node);
int sc_trace(struct sc_parser *p, const char *path);

/* Complains about what is no map of names. Return: how many to go through. */
size_t sc_check_names(struct sc_parser *p, const struct av_yaml *map,
		      const char *what);
/* The number under @key, if it is there. Return: 0, or -EINVAL (told). */
int sc_number(struct sc_parser *p, const struct av_yaml *map, const char *key,
	      enum av_dim dim, double lo, double hi, double *out);

void sc_parse_params(struct sc_parser *p, const struct av_yaml *node,
		     const struct scenario_param *set, size_t n_set);
void sc_substitute(struct sc_parser *p, const struct av_yaml *root);
void sc_parse_routes(struct sc_parser *p, const struct av_yaml *node);
void sc_parse_zones(struct sc_parser *p, const struct av_yaml *node);
void sc_parse_timeline(struct sc_parser *p, const struct av_yaml *timeline,
		       const struct av_yaml *faults);
void sc_parse_expect(struct sc_parser *p, const struct av_yaml *node);
/* The do: of an entry. */
void sc_parse_do(struct sc_parser *p, const struct av_yaml *node,
		 struct sc_entry *e);
/* An action as a map of arguments, less the keys in @skip. */
int sc_parse_args(struct sc_parser *p, const struct av_yaml *node,
		  const struct av_yaml *map, const char *const *skip,
		  struct sc_step *step);

struct sc_expect *sc_add_expect(struct sc_parser *p, enum sc_expect_kind kind,
				const struct av_yaml *node, const char *text);

/* Columns of numbers: "t,value" lines, a header and # comments allowed. */
int sc_csv(const char *name, const char *buf, size_t len, size_t min_cols,
	   size_t max_cols, struct sc_arena *mem, double (**rows)[3],
	   size_t *n_rows, struct av_diags *d);

/* ---- what actions call ---- */
int action_unknown_arg(const struct action *act, const struct args *a,
		       const char *key, struct av_err *err);
int scenario_find_bus(struct world *w, const char *name, struct av_err *err);
const struct sc_route *scenario_route(const struct scenario *s,
				      const char *name, struct av_err *err);
void scenario_was_set(struct scenario *s, uint32_t slot,
		      const struct vhal_value *v);
void scenario_refused(struct scenario *s, const struct cmd *c,
		      const struct av_err *err);
void scenario_stop(struct scenario *s);

extern const char *const sc_top_keys[];

#endif
