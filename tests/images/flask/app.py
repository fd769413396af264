"""A small web application: a template, a database, a subprocess and a name to resolve."""
import signal
import socket
import sqlite3
import subprocess
import sys

import flask

app = flask.Flask(__name__)


@app.route("/")
def index():
    return flask.render_template("index.html", name="footprint")


@app.route("/count")
def count():
    with sqlite3.connect("/var/tmp/visits.sqlite") as database:
        database.execute("create table if not exists visits (at text)")
        database.execute("insert into visits values (datetime())")
        return str(database.execute("select count(*) from visits").fetchone()[0])


@app.route("/sort")
def sort():
    return subprocess.run(["sort", "/etc/shells"], check=True, stdout=subprocess.PIPE).stdout


@app.route("/resolve")
def resolve():
    return socket.getaddrinfo("localhost", 80)[0][4][0]


# The first process of a container has no default action for SIGTERM.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
app.run(port=8080, threaded=False)
