/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON Schema (draft 7) of scenarios, for editors and for people who generate
 * scenarios. It says what is structure: keys, verbs, arguments, kinds of
 * values, units. Names of the world (signals, properties) and the grammar of
 * conditions only lint can check.
 *
 * It sees a file as YAML 1.2 does: true and false are booleans, on and off are
 * words.
 */
#include "config.h"

#include "scenarios/schema.h"

#include "scenarios/action.h"
#include "scenarios/fault.h"
#include "sim/core/text.h"
#include "sim/core/units.h"

#include <string.h>

#define NUMBER "[-+]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][-+]?[0-9]+)?"
#define TIME_PATTERN                                                           \
	"^[+]?([0-9]+[.]?[0-9]*|[.][0-9]+) *(s|ms|us|ns|min|h)?$|[$]"
#define PARAM "{\"type\":\"string\",\"pattern\":\"[$]\"}"
#define REF(name) "{\"$ref\":\"#/definitions/" name "\"}"
#define SCALAR "{\"type\":[\"string\",\"number\",\"boolean\"]}"

static const char *const dim_names[DIM_N] = {
	[DIM_NONE] = "number",	      [DIM_RATIO] = "ratio",
	[DIM_TIME] = "seconds",	      [DIM_LENGTH] = "length",
	[DIM_SPEED] = "speed",	      [DIM_ACCEL] = "acceleration",
	[DIM_ANGLE] = "angle",	      [DIM_ANGLE_RATE] = "turnRate",
	[DIM_TEMPERATURE] = "temperature", [DIM_PRESSURE] = "pressure",
	[DIM_MASS] = "mass",	      [DIM_FORCE] = "force",
	[DIM_TORQUE] = "torque",      [DIM_POWER] = "power",
	[DIM_ENERGY] = "energy",      [DIM_VOLTAGE] = "voltage",
	[DIM_CURRENT] = "current",    [DIM_FREQUENCY] = "frequency",
	[DIM_DATA_RATE] = "dataRate",
};

/* A unit's name inside a regular expression, itself inside JSON. */
static void unit_pattern(FILE *o, const char *s)
{
	for (; *s; s++) {
		if (strchr(".^*+?$|()[]{}", *s)) {
			fprintf(o, "\\\\%c", *s);
		} else {
			fputc(*s, o);
		}
	}
}

static void dimension(FILE *o, enum av_dim dim)
{
	const struct av_unit *u;
	bool bare = !arg_needs_unit(dim), first = true;

	fprintf(o, "  \"%s\": {\"anyOf\":[%s,{\"type\":\"string\","
		   "\"pattern\":\"^" NUMBER " *(",
		dim_names[dim],
		bare ? "{\"type\":\"number\"}" : "{\"const\":0}");
	for (size_t i = 0; (u = av_unit_at(i)); i++) {
		if (u->dim == dim && *u->name) {
			fputs(first ? "" : "|", o);
			unit_pattern(o, u->name);
			first = false;
		}
	}
	/* units go first in the alternation, so an empty one never wins */
	fprintf(o, ")%s$|[$]\"}]},\n", bare ? "?" : "");
}

static void words(FILE *o, const char *const *names)
{
	fputs("{\"anyOf\":[{\"enum\":[", o);
	for (size_t i = 0; names[i]; i++) {
		fprintf(o, "%s\"%s\"", i ? "," : "", names[i]);
	}
	fputs("]}," PARAM "]}", o);
}

static void arg_value(FILE *o, const struct arg_spec *s)
{
	char lo[AV_NUM_TEXT_MAX], hi[AV_NUM_TEXT_MAX];

	switch (s->type) {
	case ARG_STR:
		fputs(SCALAR, o);
		break;
	case ARG_TEXT:
		fputs(REF("text"), o);
		break;
	case ARG_TIME:
		fputs(REF("time"), o);
		break;
	case ARG_BOOL:
		fputs(REF("flag"), o);
		break;
	case ARG_ENUM:
		words(o, s->names);
		break;
	case ARG_NUM:
		if (s->dim == DIM_N) {
			fputs(REF("quantity"), o);
			break;
		}
		av_num_text(s->min, lo);
		av_num_text(s->max, hi);
		fprintf(o, "{\"allOf\":[{\"$ref\":\"#/definitions/%s\"}",
			/* a plain number may be written in percent */
			dim_names[s->dim == DIM_NONE ? DIM_RATIO : s->dim]);
		if (s->min < s->max) {
			fprintf(o, ",{\"minimum\":%s,\"maximum\":%s}", lo, hi);
		}
		fputs("]}", o);
		break;
	}
}

static void property(FILE *o, const struct arg_spec *s, bool *first)
{
	fprintf(o, "%s\"%s\":", *first ? "" : ",", s->name);
	arg_value(o, s);
	*first = false;
}

static void required(FILE *o, const struct arg_spec *arg, int skip,
		     const char *more)
{
	bool first = true;

	fputs("\"required\":[", o);
	for (int i = 0; i < ACTION_ARGS_MAX && arg[i].name; i++) {
		if (arg[i].required && i != skip) {
			fprintf(o, "%s\"%s\"", first ? "" : ",", arg[i].name);
			first = false;
		}
	}
	if (more) {
		fprintf(o, "%s%s", first ? "" : ",", more);
	}
	fputs("]", o);
}

/* All arguments but @skip as a closed object; @more: further properties. */
static void arg_object(FILE *o, const struct arg_spec *arg, int skip,
		       const char *more, const char *more_required)
{
	bool first = true;

	fputs("{\"type\":\"object\",\"additionalProperties\":false,"
	      "\"properties\":{",
	      o);
	for (int i = 0; i < ACTION_ARGS_MAX && arg[i].name; i++) {
		if (i != skip) {
			property(o, &arg[i], &first);
		}
	}
	fprintf(o, "%s%s},", first || !*more ? "" : ",", more);
	required(o, arg, skip, more_required);
	fputs("}", o);
}

static size_t n_required(const struct arg_spec *arg)
{
	size_t n = 0;

	for (size_t i = 0; i < ACTION_ARGS_MAX && arg[i].name; i++) {
		n += arg[i].required;
	}
	return n;
}

/* fault: a map of name, for and what the fault itself takes */
static void fault_objects(FILE *o, const char *key, const char *more,
			  const char *more_required)
{
	char props[1024], req[256];

	for (size_t i = 0; i < n_faults; i++) {
		snprintf(props, sizeof(props),
			 "\"%s\":{\"const\":\"%s\"},\"for\":" REF("time") "%s",
			 key, fault_table[i].name, more);
		snprintf(req, sizeof(req), "\"%s\"%s", key, more_required);
		fputs(i ? "," : "", o);
		arg_object(o, fault_table[i].arg, -1, props, req);
	}
}

static void action(FILE *o, const struct action *a)
{
	fprintf(o, "   \"%s\": {\"description\":\"%s\",\"anyOf\":[", a->verb,
		a->help);
	if (n_required(a->arg) == 0) {
		fputs("{\"type\":\"null\"},", o);
	}
	if (a->arg[0].name && !a->more &&
	    n_required(a->arg) <= a->arg[0].required) {
		arg_value(o, &a->arg[0]);
		fputs(",", o);
	}
	if (a->more) {
		fault_objects(o, "name", "", "");
	} else if (a->ramp) {
		arg_object(o, a->arg, -1,
			   "\"over\":" REF("time") ",\"ease\":" REF("ease"),
			   NULL);
		fputs(",", o);
		arg_object(o, a->arg, (int)a->ramp - 1,
			   "\"profile\":" REF("profile") ",\"unit\":{\"type\":"
							 "\"string\"}",
			   "\"profile\"");
	} else {
		arg_object(o, a->arg, -1, "", NULL);
	}
	fputs("]}", o);
}

static void actions(FILE *o)
{
	bool first = true;

	fputs("  \"action\": {\"anyOf\":[{\"enum\":[", o);
	for (size_t i = 0; i < n_actions; i++) {
		if (n_required(action_table[i].arg) == 0) {
			fprintf(o, "%s\"%s\"", first ? "" : ",",
				action_table[i].verb);
			first = false;
		}
	}
	fputs("]},{\"type\":\"object\",\"minProperties\":1,"
	      "\"maxProperties\":1,\"additionalProperties\":false,"
	      "\"properties\":{\n",
	      o);
	for (size_t i = 0; i < n_actions; i++) {
		action(o, &action_table[i]);
		fputs(",\n", o);
	}
	fputs("   \"wait\": " REF("time") ",\n"
	      "   \"until\": " REF("condition") "}}]},\n",
	      o);
}

/* at, every, when with what goes with them; @call emits one closed object */
static const struct {
	const char *props, *required;
} triggers[] = {
	{ ",\"at\":" REF("time") ",\"name\":" SCALAR, ",\"at\"" },
	{ ",\"every\":" REF("time") ",\"from\":" REF("time") ",\"until\":" REF(
		  "time") ",\"times\":" REF("count") ",\"name\":" SCALAR,
	  ",\"every\"" },
	{ ",\"when\":" REF("condition") ",\"from\":" REF(
		  "time") ",\"until\":" REF("time") ",\"times\":" REF(
		  "count") ",\"repeat\":" REF("flag") ",\"within\":" REF(
		  "time") ",\"name\":" SCALAR,
	  ",\"when\"" },
};
#define N_TRIGGERS (sizeof(triggers) / sizeof(triggers[0]))

static void entries(FILE *o)
{
	fputs("  \"entry\": {\"anyOf\":[", o);
	for (size_t i = 0; i < N_TRIGGERS; i++) {
		fprintf(o,
			"%s{\"type\":\"object\",\"additionalProperties\":"
			"false,\"properties\":{\"do\":{\"anyOf\":[" REF(
				"action") ",{\"type\":\"array\",\"minItems\":1,"
					  "\"items\":" REF("action")
			"}]}%s},\"required\":[\"do\"%s]}",
			i ? ",\n   " : "", triggers[i].props,
			triggers[i].required);
	}
	fputs("]},\n  \"fault\": {\"anyOf\":[", o);
	for (size_t i = 0; i < N_TRIGGERS; i++) {
		fputs(i ? ",\n   " : "", o);
		fault_objects(o, "fault", triggers[i].props,
			      triggers[i].required);
	}
	fputs("]},\n", o);
}

static void expectations(FILE *o)
{
	static const struct {
		const char *props, *required;
	} rows[] = {
		{ "\"that\":" REF("condition"), "\"that\"" },
		{ "\"that\":" REF("condition") ",\"by\":" REF("time"),
		  "\"that\",\"by\"" },
		{ "\"that\":" REF("condition") ",\"at\":" REF("time"),
		  "\"that\",\"at\"" },
		{ "\"that\":" REF("condition") ",\"when\":" REF(
			  "condition") ",\"within\":" REF("time"),
		  "\"that\",\"when\",\"within\"" },
		{ "\"always\":" REF("condition") ",\"from\":" REF(
			  "time") ",\"until\":" REF("time"),
		  "\"always\"" },
		{ "\"never\":" REF("condition") ",\"from\":" REF(
			  "time") ",\"until\":" REF("time"),
		  "\"never\"" },
	};

	fputs("  \"expectation\": {\"anyOf\":[", o);
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		fprintf(o,
			"%s{\"type\":\"object\",\"additionalProperties\":"
			"false,\"properties\":{%s,\"name\":" SCALAR
			"},\"required\":[%s]}",
			i ? ",\n   " : "", rows[i].props, rows[i].required);
	}
	fputs("]},\n", o);
}

static void fixed_definitions(FILE *o)
{
	fputs("  \"time\": {\"anyOf\":[{\"type\":\"number\",\"minimum\":0},"
	      "{\"type\":\"string\",\"pattern\":\"" TIME_PATTERN "\"}]},\n"
	      "  \"condition\": {\"type\":[\"string\",\"boolean\"],"
	      "\"minLength\":1},\n"
	      "  \"flag\": {\"anyOf\":[{\"type\":\"boolean\"},{\"enum\":["
	      "\"true\",\"false\",\"on\",\"off\",\"yes\",\"no\"]}," PARAM
	      "]},\n"
	      "  \"count\": {\"anyOf\":[{\"type\":\"integer\",\"minimum\":1,"
	      "\"maximum\":1000000000}," PARAM "]},\n"
	      "  \"ease\": {\"anyOf\":[{\"enum\":[\"linear\",\"smooth\"]},"
	      PARAM "]},\n"
	      "  \"text\": {\"anyOf\":[" SCALAR ",{\"type\":\"array\","
	      "\"items\":" SCALAR "}]},\n"
	      "  \"quantity\": {\"anyOf\":[{\"type\":\"number\"},"
	      "{\"type\":\"string\",\"pattern\":\"^" NUMBER
	      " *[^ 0-9]*[0-9]?$|[$]\"}]},\n"
	      "  \"profile\": {\"anyOf\":[{\"type\":\"string\"},"
	      "{\"type\":\"array\",\"minItems\":1,\"items\":{\"type\":"
	      "\"array\",\"minItems\":2,\"maxItems\":2,\"items\":[" REF("time")
	      "," REF("quantity") "]}}]},\n"
	      "  \"name\": {\"pattern\":\"^[A-Za-z_][A-Za-z0-9_-]{0,62}$\"},\n"
	      "  \"corner\": {\"type\":\"array\",\"minItems\":2,\"maxItems\":2,"
	      "\"items\":" REF("length") "},\n"
	      "  \"point\": {\"anyOf\":[{\"type\":\"array\",\"minItems\":2,"
	      "\"maxItems\":3,\"items\":[" REF("length") "," REF("length")
	      "," REF("speed") "]},\n"
	      "   {\"type\":\"object\",\"additionalProperties\":false,"
	      "\"properties\":{\"x\":" REF("length") ",\"y\":" REF("length")
	      ",\"speed\":" REF("speed") "},\"required\":[\"x\",\"y\"]},\n"
	      "   {\"type\":\"object\",\"additionalProperties\":false,"
	      "\"properties\":{\"lat\":" REF("number") ",\"lon\":" REF("number")
	      ",\"speed\":" REF("speed") "},\"required\":[\"lat\",\"lon\"]}"
	      "]},\n"
	      "  \"points\": {\"type\":\"array\",\"minItems\":2,\"items\":"
	      REF("point") "},\n"
	      "  \"route\": {\"anyOf\":[" REF("points") ",\n"
	      "   {\"type\":\"object\",\"additionalProperties\":false,"
	      "\"properties\":{\"points\":" REF("points") ",\"reverse\":"
	      REF("flag") ",\"speed\":" REF("speed")
	      "},\"required\":[\"points\"]},\n"
	      "   {\"type\":\"object\",\"additionalProperties\":false,"
	      "\"properties\":{\"file\":{\"type\":\"string\"},\"reverse\":"
	      REF("flag") ",\"speed\":" REF("speed")
	      "},\"required\":[\"file\"]}]},\n"
	      "  \"zone\": {\"anyOf\":[{\"type\":\"array\",\"minItems\":3,"
	      "\"items\":" REF("corner") "},\n"
	      "   {\"type\":\"object\",\"additionalProperties\":false,"
	      "\"properties\":{\"x\":" REF("length") ",\"y\":" REF("length")
	      ",\"radius\":" REF("length")
	      "},\"required\":[\"x\",\"y\",\"radius\"]},\n"
	      "   {\"type\":\"object\",\"additionalProperties\":false,"
	      "\"properties\":{\"lat\":" REF("number") ",\"lon\":" REF("number")
	      ",\"radius\":" REF("length")
	      "},\"required\":[\"lat\",\"lon\",\"radius\"]}]}\n",
	      o);
}

static void start(FILE *o)
{
	fputs("  \"start\": {\"type\":\"object\",\"additionalProperties\":"
	      "false,\"properties\":{\n"
	      "   \"lat\":" REF("number") ",\"lon\":" REF("number")
	      ",\"alt\":" REF("length") ",\"heading\":" REF("angle")
	      ",\"speed\":" REF("speed") ",\n"
	      "   \"gear\":{\"enum\":[\"P\",\"R\",\"N\",\"D\"]},"
	      "\"ignition\":{\"enum\":[\"lock\",\"off\",\"acc\",\"on\","
	      "\"start\"]},\n"
	      "   \"soc\":" REF("ratio") ",\"odometer\":" REF("length")
	      ",\"outside_temp\":" REF("temperature") ",\"cabin_temp\":"
	      REF("temperature") ",\"battery_temp\":" REF("temperature") ",\n"
	      "   \"sun\":" REF("ratio") ",\"rain\":" REF("ratio")
	      ",\"friction\":" REF("number") ",\"date\":{\"type\":\"string\"}"
	      "}},\n"
	      "  \"gnss\": {\"type\":\"object\",\"additionalProperties\":"
	      "false,\"properties\":{\"trace\":{\"type\":\"string\"},"
	      "\"rate\":" REF("frequency") ",\"raw\":" REF("flag") "}},\n"
	      "  \"can\": {\"type\":\"object\",\"additionalProperties\":"
	      "false,\"properties\":{\"trace\":" SCALAR ",\"dbc\":{"
	      "\"type\":\"object\",\"minProperties\":1,"
	      "\"maxProperties\":8,\"additionalProperties\":" SCALAR "}},"
	      "\"required\":[\"trace\",\"dbc\"]},\n",
	      o);
}

void scenario_schema_print(FILE *o)
{
	fputs("{\"$schema\": \"http://json-schema.org/draft-07/schema#\",\n"
	      " \"title\": \"avsim scenario\",\n"
	      " \"type\": \"object\",\n"
	      " \"additionalProperties\": false,\n"
	      " \"required\": [\"duration\"],\n"
	      " \"not\": {\"required\":[\"can\",\"start\"]},\n"
	      " \"properties\": {\n"
	      "  \"name\": " SCALAR ",\n"
	      "  \"summary\": " SCALAR ",\n"
	      "  \"duration\": " REF("time") ",\n"
	      "  \"seed\": {\"anyOf\":[{\"type\":\"integer\",\"minimum\":0},"
	      PARAM "]},\n"
	      "  \"vehicle\": " SCALAR ",\n"
	      "  \"params\": {\"type\":\"object\",\"propertyNames\":"
	      REF("name") ",\"additionalProperties\":{\"anyOf\":[" SCALAR
	      ",{\"type\":\"object\",\"additionalProperties\":false,"
	      "\"properties\":{\"default\":" SCALAR ",\"help\":" SCALAR
	      "},\"required\":[\"default\"]}]}},\n"
	      "  \"start\": " REF("start") ",\n"
	      "  \"can\": " REF("can") ",\n"
	      "  \"gnss\": " REF("gnss") ",\n"
	      "  \"routes\": {\"type\":\"object\",\"propertyNames\":"
	      REF("name") ",\"additionalProperties\":" REF("route") "},\n"
	      "  \"zones\": {\"type\":\"object\",\"propertyNames\":"
	      REF("name") ",\"additionalProperties\":" REF("zone") "},\n"
	      "  \"imu\": {\"anyOf\":[" SCALAR ",{\"type\":\"array\","
	      "\"items\":" SCALAR "}]},\n"
	      "  \"timeline\": {\"type\":\"array\",\"items\":" REF("entry")
	      "},\n"
	      "  \"faults\": {\"type\":\"array\",\"items\":" REF("fault")
	      "},\n"
	      "  \"expect\": {\"type\":\"array\",\"items\":"
	      REF("expectation") "}\n"
	      " },\n \"definitions\": {\n",
	      o);
	for (int dim = 0; dim < DIM_N; dim++) {
		dimension(o, (enum av_dim)dim);
	}
	actions(o);
	entries(o);
	expectations(o);
	start(o);
	fixed_definitions(o);
	fputs(" }}\n", o);
}
