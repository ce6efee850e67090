#!/usr/bin/env python3
"""Compile many files, each only once for the same text: builds that differ in options and pins share most objects.

usage: compile.py STORE DIRECTORY COMPILER FLAGS…     the sources' names come from standard input; STORE -: none

DIRECTORY gets an object for each source, src/zone/tree.c as src_zone_tree.c.o. STORE keeps objects by what they were
made of: the text after preprocessing, and the flags that a compiler sees behind it.
"""

import contextlib
import hashlib
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

store, directory, *command = sys.argv[1:]
late = " ".join(flag for flag in command if flag[:2] not in ("-D", "-I"))


def compile_one(source):
    """What the compiler has to say if it fails."""
    wanted = os.path.join(directory, source.replace("/", "_") + ".o")
    if store != "-":
        text = subprocess.run([*command, "-E", "-P", source], capture_output=True)
        if text.returncode:
            return text.stderr
        kept = os.path.join(store, hashlib.sha1(late.encode() + text.stdout).hexdigest() + ".o")
        if os.path.exists(kept):
            os.link(kept, wanted)
            return b""
    made = subprocess.run([*command, "-c", source, "-o", wanted], capture_output=True)
    if made.returncode:
        return made.stderr
    if store != "-":
        with contextlib.suppress(FileExistsError):    # another source is the same text: both are empty, say
            os.link(wanted, kept)
    return b""


if store != "-":
    os.makedirs(store, exist_ok=True)
os.makedirs(directory, exist_ok=True)
with ThreadPoolExecutor(os.cpu_count()) as pool:
    errors = b"".join(pool.map(compile_one, sys.stdin.read().split()))
sys.stderr.buffer.write(errors)
sys.exit(1 if errors else 0)
