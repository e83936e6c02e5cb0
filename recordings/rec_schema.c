/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "recordings/rec_int.h"

const char *const rec_channel_names[REC_N_CHANNELS] = {
	[REC_CAN] = "can",	     [REC_SIGNAL] = "signal",
	[REC_VHAL] = "vhal",	     [REC_IMU] = "imu",
	[REC_GNSS] = "gnss",	     [REC_CAMERA] = "camera",
	[REC_AUDIO] = "audio",	     [REC_POWER] = "power",
	[REC_COMMAND] = "command",   [REC_FAULT] = "fault",
	[REC_SCENARIO] = "scenario", [REC_DEVICE] = "device",
};

/*
 * The views are for people with the sqlite3 shell; the reader looks at the
 * tables only, and holds them against rec_columns[] first.
 */
const char rec_schema_sql[] =
	"CREATE TABLE meta(key TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) "
	"STRICT, WITHOUT ROWID;"
	"CREATE TABLE inputs(id INTEGER PRIMARY KEY, role TEXT NOT NULL, "
	"key TEXT NOT NULL, name TEXT NOT NULL, size INTEGER NOT NULL, "
	"data BLOB NOT NULL) STRICT;"
	"CREATE TABLE channels(id INTEGER PRIMARY KEY, name TEXT NOT NULL) "
	"STRICT;"
	"CREATE TABLE keys(id INTEGER PRIMARY KEY, channel INTEGER NOT NULL, "
	"name TEXT NOT NULL) STRICT;"
	"CREATE TABLE events(seq INTEGER PRIMARY KEY, t INTEGER NOT NULL, "
	"key INTEGER NOT NULL, value ANY, note TEXT) STRICT;"
	"CREATE TABLE chunks(id INTEGER PRIMARY KEY, channel INTEGER NOT NULL, "
	"first_seq INTEGER NOT NULL, last_seq INTEGER NOT NULL, "
	"first_t INTEGER NOT NULL, last_t INTEGER NOT NULL, "
	"count INTEGER NOT NULL, size INTEGER NOT NULL, crc INTEGER NOT NULL, "
	"data BLOB NOT NULL) STRICT;"
	"CREATE VIEW records AS SELECT e.seq, e.t / 1e9 AS time, "
	"c.name AS channel, k.name AS key, e.value, e.note FROM events e "
	"JOIN keys k ON k.id = e.key JOIN channels c ON c.id = k.channel;"
	"CREATE VIEW vhal AS SELECT e.seq, e.t / 1e9 AS time, "
	"k.name AS property, e.value, coalesce(e.note, 'available') AS status "
	"FROM events e JOIN keys k ON k.id = e.key WHERE k.channel = 2;"
	"CREATE VIEW commands AS SELECT e.seq, e.t / 1e9 AS time, "
	"k.name AS source, e.value AS command, e.note AS error "
	"FROM events e JOIN keys k ON k.id = e.key WHERE k.channel = 8;"
	"CREATE VIEW bulk AS SELECT n.name AS channel, count(*) AS chunks, "
	"sum(c.count) AS records, sum(length(c.data)) AS bytes, "
	"min(c.first_t) / 1e9 AS first, max(c.last_t) / 1e9 AS last "
	"FROM chunks c JOIN channels n ON n.id = c.channel GROUP BY n.name;";

const char rec_indexes_sql[] = "CREATE INDEX events_key ON events(key, t);";

/* Later minor versions may add columns behind these, and tables. */
const struct rec_column rec_columns[] = {
	{ "meta", "key", "TEXT" },	    { "meta", "value", "TEXT" },
	{ "inputs", "id", "INTEGER" },	    { "inputs", "role", "TEXT" },
	{ "inputs", "key", "TEXT" },	    { "inputs", "name", "TEXT" },
	{ "inputs", "size", "INTEGER" },    { "inputs", "data", "BLOB" },
	{ "keys", "id", "INTEGER" },	    { "keys", "channel", "INTEGER" },
	{ "keys", "name", "TEXT" },	    { "events", "seq", "INTEGER" },
	{ "events", "t", "INTEGER" },	    { "events", "key", "INTEGER" },
	{ "events", "value", "ANY" },	    { "events", "note", "TEXT" },
	{ "chunks", "id", "INTEGER" },	    { "chunks", "channel", "INTEGER" },
	{ "chunks", "first_seq", "INTEGER" }, { "chunks", "last_seq", "INTEGER" },
	{ "chunks", "first_t", "INTEGER" }, { "chunks", "last_t", "INTEGER" },
	{ "chunks", "count", "INTEGER" },   { "chunks", "size", "INTEGER" },
	{ "chunks", "crc", "INTEGER" },	    { "chunks", "data", "BLOB" },
	{ 0 },
};
