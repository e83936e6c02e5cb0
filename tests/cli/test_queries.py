#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""avsim-recording(5) is about the recordings that avsim writes: its queries
run and find something, its tables, views and channels are those of a file."""
import os
import re
import shutil
import subprocess
import sys
import tempfile

TOP = os.environ.get("AVSIM_TOP_SRCDIR", ".")
AVSIM = os.path.join(os.environ.get("AVSIM_TOP_BUILDDIR", "."), "avsim")
MAN = os.path.join(TOP, "man", "avsim-recording.5")
N_QUERIES = 10

if not shutil.which("sqlite3"):
    print("SKIP test_queries: no sqlite3")
    sys.exit(77)

with open(MAN) as f:
    page = f.read()
failed = []


def sql(path, query):
    """Rows as lists of texts; what a person at the shell would get."""
    run = subprocess.run(["sqlite3", "-readonly", "-bail", "-separator", "\t",
                          path, query], capture_output=True, text=True)
    if run.returncode != 0 or run.stderr:
        failed.append("%s\n    %s" % (run.stderr.strip(), query))
        return []
    return [line.split("\t") for line in run.stdout.splitlines()]


def check_queries(path):
    examples = page.split("\n.Sh EXAMPLES\n")[1].split("\n.Sh ")[0]
    queries = re.findall(r"^\.Bd -literal.*?\n(.*?)^\.Ed", examples,
                         re.M | re.S)
    if len(queries) != N_QUERIES:
        failed.append("%d queries in the page" % len(queries))
    for query in queries:
        before = len(failed)
        rows = sql(path, query)
        # a run without a guest refuses nothing
        if not rows and len(failed) == before \
                and "error IS NOT NULL" not in query:
            failed.append("finds nothing: " + query)


def check_schema(path):
    said = {name: re.split(r",\s*", columns) for name, columns in
            re.findall(r"^\.It Sy (\w+) Pq (.*)$", page, re.M)}
    real = {}
    for name, in sql(path, "SELECT name FROM sqlite_schema "
                           "WHERE type IN ('table', 'view')"):
        real[name] = [row[0] for row in
                      sql(path, "SELECT name FROM pragma_table_info('%s')"
                          % name)]
    if said != real:
        failed.append("the page has %s,\n    the file %s" % (said, real))
    ident, = sql(path, "PRAGMA application_id")[0]
    if "\nis %s\n" % ident not in page:
        failed.append("application_id %s is not in the page" % ident)
    version, = sql(path, "PRAGMA user_version")[0]
    if "describes %d.%d." % divmod(int(version), 1000) not in page:
        failed.append("version %s is not in the page" % version)
    index, = sql(path, "SELECT name FROM sqlite_schema "
                       "WHERE type = 'index' AND sql IS NOT NULL")[0]
    if index not in page:
        failed.append("index %s is not in the page" % index)


def check_names(path):
    for channel, in sql(path, "SELECT name FROM channels"):
        if not re.search(r"^\.It Cm .*\b%s\b.* Ta " % channel, page, re.M):
            failed.append("channel %s is not in the page" % channel)
    for key, in sql(path, "SELECT key FROM meta"):
        key = key.split(".")[0]
        if not re.search(r"^\.It Va %s\b" % key, page, re.M):
            failed.append("meta %s is not in the page" % key)


with tempfile.TemporaryDirectory() as work:
    path = os.path.join(work, "drive.avrec")
    subprocess.run([AVSIM, "run", "parking", "--headless", "--record", path],
                   check=True, stdout=subprocess.DEVNULL)
    check_queries(path)
    check_schema(path)
    check_names(path)

for text in failed:
    print("FAIL:", text, file=sys.stderr)
sys.exit(1 if failed else 0)
