# SPDX-License-Identifier: Apache-2.0
"""Debian packages of other suites and architectures, fetched and unpacked
beside the system: apt with a state folder of its own and dpkg-deb -x. The
host's sources, lists and packages stay as they are."""
import glob
import os
import re
import subprocess
import threading

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


class Unavailable(Exception):
    """A part that cannot be had here, with the reason."""


def run(argv, what, **kw):
    p = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                       stderr=subprocess.PIPE, text=True, **kw)
    if p.returncode:
        text = (p.stderr or p.stdout).strip().splitlines()
        raise Unavailable("%s: %s" % (what, text[-1] if text else
                                      "exit status %d" % p.returncode))
    return p.stdout


def mirror():
    """The archive that the host itself uses."""
    uri = os.environ.get("AVSIM_DEBIAN_MIRROR")
    if uri:
        return uri.rstrip("/")
    try:
        out = run(["apt-get", "indextargets", "--format", "$(REPO_URI)"],
                  "apt-get indextargets")
    except OSError:
        raise Unavailable("no apt-get here: the guest kit is made of Debian packages")
    for line in out.splitlines():
        if re.search(r"/debian/?$", line):
            return line.rstrip("/")
    raise Unavailable("no Debian archive in this host's apt sources: "
                      "name one in AVSIM_DEBIAN_MIRROR")


class Apt:
    """One architecture of some suites; `suites` in order of preference."""

    def __init__(self, home, suites, arch):
        self.dir = os.path.join(home, "apt", "-".join(suites[-1:] + [arch]))
        self.suites, self.arch = suites, arch
        self.lock = threading.Lock()
        self.fresh = False

    def _conf(self):
        d = self.dir
        for sub in ("state/lists/partial", "cache/archives/partial",
                    "etc/apt.conf.d", "etc/preferences.d", "etc/sources.d"):
            os.makedirs(os.path.join(d, sub), exist_ok=True)
        if not os.path.exists(KEYRING):
            raise Unavailable("%s is missing: apt-get install "
                              "debian-archive-keyring" % KEYRING)
        files = {
            "status": "",
            "etc/sources.list": "".join(
                "deb [signed-by=%s] %s %s main\n" % (KEYRING, mirror(), s)
                for s in self.suites),
            # A package of the last suite may need others of the same suite.
            "etc/preferences": "Package: *\nPin: release n=%s\n"
                               "Pin-Priority: 600\n" % self.suites[-1],
            "apt.conf": """
Dir::State "{d}/state";
Dir::State::status "{d}/status";
Dir::Cache "{d}/cache";
Dir::Etc "{d}/etc";
Dir::Etc::sourcelist "{d}/etc/sources.list";
Dir::Etc::sourceparts "{d}/etc/sources.d";
Dir::Etc::preferences "{d}/etc/preferences";
Dir::Log "{d}";
APT::Architecture "{arch}";
APT::Architectures {{ "{arch}"; }};
APT::Install-Recommends "false";
APT::Sandbox::User "";
Acquire::Languages "none";
Acquire::Check-Valid-Until "false";
Acquire::Retries "3";
""".format(d=d, arch=self.arch)}
        for name, text in files.items():
            with open(os.path.join(d, name), "w") as f:
                f.write(text)

    def get(self, *args):
        env = dict(os.environ, LC_ALL="C",
                   APT_CONFIG=os.path.join(self.dir, "apt.conf"))
        with self.lock:
            if not self.fresh:
                self._conf()
                run(["apt-get", "-q", "update"],
                    "cannot read the package lists of %s %s" %
                    (self.suites[-1], self.arch), env=env)
                self.fresh = True
        return run(["apt-get", "-q", "-y", *args],
                   "apt-get " + " ".join(args[:3]), env=env, cwd=self.dir)

    def download(self, packages):
        """The packages with all that they depend on; paths of the files."""
        self.get("install", "--download-only", *packages)
        return sorted(glob.glob(os.path.join(self.dir, "cache/archives/*.deb")))

    def download_one(self, package):
        """One package without its dependencies."""
        for old in glob.glob(os.path.join(self.dir, package.split("=")[0] + "_*.deb")):
            os.unlink(old)
        self.get("download", package)
        found = glob.glob(os.path.join(self.dir, package.split("=")[0] + "_*.deb"))
        if not found:
            raise Unavailable("apt-get download %s left no file" % package)
        return found[0]

    def versions(self, pattern):
        """[(package, version)] of what matches the regular expression."""
        self.get("check")
        out = run(["apt-cache", "madison", pattern], "apt-cache madison",
                  env=dict(os.environ, LC_ALL="C", APT_CONFIG=os.path.join(
                      self.dir, "apt.conf")))
        return [tuple(f.strip() for f in line.split("|")[:2])
                for line in out.splitlines() if line.count("|") >= 2]

    def clean(self):
        for f in glob.glob(os.path.join(self.dir, "cache/archives/*.deb")):
            os.unlink(f)


def unpack(debs, root):
    os.makedirs(root, exist_ok=True)
    for deb in debs:
        run(["dpkg-deb", "-x", deb, root], "unpacking " + os.path.basename(deb))
