#!/usr/bin/env python3
"""Boot a kernel under QEMU and act on the machine while it runs.

usage: qemu-scenario.py [-k KERNEL] ARCH SCENARIO

A scenario (tests/metal/*.scenario) is a list of lines:

    append WORDS        the kernel's command line
    machine ARGUMENTS   for QEMU
    expect PATTERN      wait until the console shows a line that fits
    qmp JSON            a command for QEMU's machine protocol; QEMU must accept it
    repeat N ... end    the lines between, N times; {n} in them is the number of the turn, from 0
    repeat ever ... end the same until the kernel ends by itself
    exit CODE           the kernel must end with this code

The console goes to standard output. Exit status 0: all of it went as written.
"""
import json
import os
import queue
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

PATIENCE = 300.0    # seconds for one expected line: machines that build and test at once are slow


class Failed(Exception):
    pass


class Ended(Failed):
    """The kernel is gone."""


def expand(lines):
    """Unroll repeats."""
    out = []
    at = 0
    while at < len(lines):
        word, _, rest = lines[at].partition(" ")
        if word == "repeat" and rest == "ever":
            end = lines.index("end", at)
            out.append(("ever", lines[at + 1:end]))
            at = end
        elif word == "repeat":
            end = lines.index("end", at)
            for turn in range(int(rest)):
                out += [line.replace("{n}", str(turn)) for line in lines[at + 1:end]]
            at = end
        else:
            out.append(lines[at])
        at += 1
    return out


class Monitor:
    """QEMU's machine protocol."""

    def __init__(self, path):
        end = time.monotonic() + PATIENCE
        self.socket = socket.socket(socket.AF_UNIX)
        while True:
            try:
                self.socket.connect(path)
                break
            except OSError:
                if time.monotonic() > end:
                    raise Failed("QEMU does not open its monitor")
                time.sleep(0.05)
        self.socket.settimeout(PATIENCE)
        self.file = self.socket.makefile("rw")
        self.file.readline()
        self.command('{"execute": "qmp_capabilities"}')

    def answer(self):
        try:
            return self.file.readline()
        except ConnectionError:
            return ""

    def command(self, text):
        json.loads(text)
        try:
            self.file.write(text + "\n")
            self.file.flush()
        except OSError:
            raise Ended("QEMU is gone")
        while True:
            line = self.answer()
            if not line:
                raise Ended("QEMU is gone")
            answer = json.loads(line)
            if "error" in answer:
                raise Failed("%s: %s" % (text, answer["error"]))
            if "return" in answer:
                return


class Machine:
    def __init__(self, arch, kernel, arguments, append):
        self.directory = tempfile.TemporaryDirectory()
        path = os.path.join(self.directory.name, "qmp")
        command = ["scripts/qemu-run.sh", "-t", "1800", "-k", kernel, arch, append] + arguments
        command += ["-qmp", "unix:%s,server=on,wait=off" % path]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        self.lines = queue.Queue()
        threading.Thread(target=self.read, daemon=True).start()
        self.monitor = Monitor(path)

    def read(self):
        for line in self.process.stdout:
            sys.stdout.write(line)
            sys.stdout.flush()
            self.lines.put(line.rstrip("\n"))
        self.lines.put(None)

    def expect(self, pattern):
        end = time.monotonic() + PATIENCE
        while True:
            try:
                line = self.lines.get(timeout=max(0.01, end - time.monotonic()))
            except queue.Empty:
                raise Failed("in %d seconds there was no line like /%s/" % (PATIENCE, pattern))
            if line is None:
                raise Ended("the kernel ended without a line like /%s/" % pattern)
            if re.search(pattern, line):
                return

    def finish(self, code):
        if self.process.wait(timeout=PATIENCE) != code:
            raise Failed("the kernel ended with %d, not %d" % (self.process.returncode, code))

    def end(self):
        """QEMU goes with its monitor's last command; the script around it then ends by itself."""
        if self.process.poll() is None:
            try:
                self.monitor.command('{"execute": "quit"}')
            except (Failed, OSError, ValueError):
                self.process.terminate()
            self.process.wait()


def ever(machine, lines):
    turn = 0
    try:
        while True:
            for line in lines:
                word, _, rest = line.replace("{n}", str(turn)).partition(" ")
                act(machine, word, rest)
            turn += 1
    except Ended:
        return


def act(machine, word, rest):
    if word == "expect":
        machine.expect(rest)
    elif word == "qmp":
        machine.monitor.command(rest)
    elif word == "ever":
        ever(machine, rest)
    elif word == "exit":
        machine.finish(int(rest))
    else:
        raise Failed("what is \"%s %s\"?" % (word, rest))


def run(arch, kernel, lines):
    settings = {"append": "", "machine": ""}
    machine = None
    try:
        for line in lines:
            word, _, rest = line.partition(" ") if isinstance(line, str) else (line[0], None, line[1])
            if word in settings:
                settings[word] = rest
                continue
            if machine is None:
                machine = Machine(arch, kernel, settings["machine"].split(), settings["append"])
            act(machine, word, rest)
    finally:
        if machine is not None:
            machine.end()


def main(arguments):
    # Whoever ends us ends the machine, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    kernel = None
    if arguments[:1] == ["-k"]:
        kernel = arguments[1]
        arguments = arguments[2:]
    arch, scenario = arguments
    with open(scenario) as file:
        lines = [line.strip() for line in file]
    lines = [line for line in lines if line and not line.startswith("#")]
    try:
        run(arch, kernel or "build-metal/%s/kernel.elf" % arch, expand(lines))
    except Failed as failure:
        print("%s: FAILED: %s" % (scenario, failure))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
