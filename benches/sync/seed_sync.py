"""How the first program sent what changed, in its own language: a process of `stat` for each file there is, held against a
SQLite database folder by folder, and then a process of `rclone sync` for each file that is not as it was.

    seed_sync.py note DATABASE FOLDER            takes down how the files are
    seed_sync.py sync DATABASE FOLDER REMOTE     sends what is not as it was taken down
"""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing


def note(database, folder):
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("DROP TABLE IF EXISTS files")
        connection.execute("CREATE TABLE files (path TEXT PRIMARY KEY, folder TEXT, modified TEXT)")
        connection.execute("CREATE INDEX folders ON files (folder)")
        for above, _, names in os.walk(folder):
            for name in names:
                path = os.path.join(above, name)
                state = os.stat(path)
                row = (path, above, f"{state.st_size} {int(state.st_mtime)}")
                connection.execute("INSERT INTO files VALUES (?, ?, ?)", row)


def stat(path):
    line = ["stat", "--format=%s %Y", path]
    return subprocess.run(line, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def modified(connection, folder):
    entries = list(os.scandir(folder))
    here = {entry.path: stat(entry.path) for entry in entries if entry.is_file()}
    rows = connection.execute("SELECT path, modified FROM files WHERE folder = ?", (folder,))
    known = dict(rows)
    changed = [path for path in here if known.get(path) != here[path]]
    for entry in entries:
        if entry.is_dir():
            changed += modified(connection, entry.path)
    return changed


def sync(database, folder, remote):
    subprocess.run(["rclone", "lsd", remote], check=True, stdout=subprocess.DEVNULL)
    with closing(sqlite3.connect(database)) as connection:
        changed = modified(connection, folder)
    for path in changed:
        to = os.path.join(remote, os.path.relpath(os.path.dirname(path), folder))
        subprocess.run(["rclone", "sync", path, to], check=True)


if __name__ == "__main__":
    {"note": note, "sync": sync}[sys.argv[1]](*sys.argv[2:])
