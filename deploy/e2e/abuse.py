"""A shop that is attacked: the worker's app, and the attacks, each by name on the command line.

    celery -A abuse worker ...      ABUSE_BROKER, and ABUSE_SIGNED=1 for a worker that takes signed messages only
    python abuse.py ATTACK          one of the functions named attack_*

With ABUSE_SIGNED the certificates are cert.pem, key.pem (whom the worker trusts) and rogue.key (whose
owner signs in their name) in the folder ABUSE_CERTS.
"""
import os
import sys
import time

from celery import Celery
from kombu import Queue

SIGNED = os.environ.get("ABUSE_SIGNED") == "1"
CERTS = os.environ.get("ABUSE_CERTS", ".")
QUEUE = "signed" if SIGNED else "abused"

app = Celery("abuse", broker=os.environ["ABUSE_BROKER"])
app.conf.update(task_serializer="json", accept_content=["json"], task_default_queue=QUEUE, task_queues=[Queue(QUEUE)], worker_send_task_events=False,
                broker_connection_retry_on_startup=True, broker_connection_max_retries=None, task_ignore_result=True)
if SIGNED:
    app.conf.update(task_serializer="auth", accept_content=["auth"], security_key=os.path.join(CERTS, "key.pem"), security_certificate=os.path.join(CERTS, "cert.pem"),
                    security_cert_store=os.path.join(CERTS, "cert.pem"), security_digest="sha256")
    app.setup_security()


@app.task(name="abuse.nap")
def nap(seconds):
    time.sleep(seconds)


@app.task(name="abuse.beat", bind=True)
def beat(self, times, pause):
    """Logs in a rhythm, then waits to be told to stop."""
    from celery.utils.log import get_task_logger

    for n in range(times):
        get_task_logger("abuse").info("beat %d of %d", n + 1, times)
        time.sleep(pause)


@app.task(name="abuse.echo")
def echo(value, **more):
    """Returns what it is given, as far too many tasks do."""
    return value


@app.task(name="abuse.fail")
def fail(text):
    raise ValueError(text)


@app.task(name="abuse.say")
def say(text):
    from celery.utils.log import get_task_logger

    get_task_logger("abuse").warning("%s", text)


@app.task(name="abuse.again", bind=True, max_retries=1, default_retry_delay=0)
def again(self):
    raise self.retry(exc=TimeoutError("no answer in 5 s"))


@app.task(name="abuse.crash")
def crash():
    """Kills its process, as the kernel does when memory is short."""
    os.kill(os.getpid(), 9)


@app.task(name="abuse.slow", time_limit=1)
def slow():
    time.sleep(60)


def attack_pickle():
    app.send_task("abuse.nap", args=[0], serializer="pickle", queue="abused")


def attack_unregistered():
    app.send_task("abuse.not_there", args=[1], queue="abused")


def attack_signature():
    """Signed with another key in the name of the certificate that the worker trusts."""
    from celery.security.certificate import Certificate
    from celery.security.key import PrivateKey
    from celery.security.serialization import SecureSerializer
    from kombu.serialization import registry

    def read(name):
        with open(os.path.join(CERTS, name)) as f:
            return f.read()

    forged = SecureSerializer(key=PrivateKey(read("rogue.key")), cert=Certificate(read("cert.pem")), cert_store=None, digest="sha256")
    registry.register("forged", forged.serialize, forged.deserialize, content_type="application/data", content_encoding="utf-8")
    app.send_task("abuse.nap", args=[0], serializer="forged", queue="signed")


def attack_terminate():
    """Kills a task that runs."""
    result = app.send_task("abuse.nap", args=[60], queue="abused")
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        active = app.control.inspect(timeout=1).active() or {}
        if any(t["id"] == result.id for tasks in active.values() for t in tasks):
            app.control.terminate(result.id, signal="SIGTERM")
            return
    sys.exit("the task did not start")


def attack_rate_limit():
    app.control.rate_limit("abuse.nap", "1/m")


def attack_shutdown():
    app.control.shutdown()


def attack_beat():
    app.send_task("abuse.beat", args=[12, 1.0], queue="abused")


if __name__ == "__main__":
    globals()["attack_" + sys.argv[1]]()
