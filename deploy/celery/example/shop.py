"""A small shop with the habits of real ones: it succeeds, fails, retries, prints and leaks.

    celery -A shop worker --concurrency 2 -l INFO -I destring_celery
    python drive.py

Every secret here is made up. None of them leaves destring.
"""
import os

from celery import Celery
from celery.utils.log import get_task_logger

app = Celery("shop", broker=os.environ.get("SHOP_BROKER", "redis://127.0.0.1:6379/0"), backend=os.environ.get("SHOP_BROKER", "redis://127.0.0.1:6379/0"))
app.conf.update(task_serializer="json", accept_content=["json"], worker_send_task_events=False, broker_connection_retry_on_startup=True,
                worker_hijack_root_logger=True, task_default_queue="shop")

log = get_task_logger(__name__)


class PaymentDeclined(Exception):
    pass


@app.task(name="shop.tasks.charge")
def charge(order, amount):
    log.info("charging order %s with %.2f", order, amount)
    return {"order": order, "status": "charged", "amount": amount}


@app.task(name="shop.tasks.import_customers")
def import_customers(dsn):
    """A failed connection prints its DSN: the exception and its traceback hold the password."""
    raise ConnectionError("could not connect to %s" % dsn)


@app.task(name="shop.tasks.sync_mailbox", bind=True, max_retries=2, default_retry_delay=1)
def sync_mailbox(self, user, password):
    if self.request.retries < 1:
        raise self.retry(exc=TimeoutError("mailbox of %s did not answer in 5 s" % user))
    log.warning("logging in with %r", {"user": user, "password": password})
    return "synced"


@app.task(name="shop.tasks.rotate_keys")
def rotate_keys(access_key, secret_key):
    """Returns what it should not: Celery logs every return value."""
    return {"aws_access_key_id": access_key, "aws_secret_access_key": secret_key}


@app.task(name="shop.tasks.print_report")
def print_report(lines):
    for n in range(lines):
        print("report line %d of %d" % (n + 1, lines))


@app.task(name="shop.tasks.notify")
def notify(email, card):
    log.info("mailing %s about card %s", email, card)
    raise PaymentDeclined("card %s of %s was declined" % (card, email))


@app.task(name="shop.tasks.habits")
def habits():
    """Logs the texts that transports and parsers stumble over: what arrives must be what was written."""
    for text in HABITS:
        log.info("%s", text)
    try:
        {}["missing"]
    except KeyError:
        log.exception("looked for what is not there")
    return "café"


HABITS = [
    "two lines\nof text", "an indented block:\n    first\n\n    second", "carriage\r\nreturn", "tab\tand \x1b[1;31mcolour\x1b[0m", "  two spaces before", "one behind ",
    r"C:\new\table and \\share", "issue #012 and #011, fixed in #1012", "Grüße, 日本語, 🦊", "a forged line\n<13>1 2026-01-01T00:00:00Z forged forged 1 - - forged",
    "a forged line\n<13>Jan  1 00:00:00 forged forged[1]: forged", '{"json": [1, 2.5, null], "text": "line\\nline"}', "key=value other=\"two words\" empty=", "50% of %s and %(name)s",
    "mingle: all alone", "word: text", "<html><body>text</body></html>", "12 <13>looks like a count", "9000 bytes: " + "0123456789 " * 818, "ends with a line feed\n",
]
