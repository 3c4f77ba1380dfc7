"""Sends a Celery worker's log to destring: syslog (RFC 5424) over mutual TLS, octet counted.

One file, standard library only, Python 3.9 or later. Three ways to use it:

    celery -A shop worker -I destring_celery          # nothing to change in the code
    import destring_celery; destring_celery.install() # in the module of the Celery app
    "handlers": {"relay": {"class": "destring_celery.Handler"}}   # logging.config.dictConfig

Settings come from the environment, or as arguments of Handler:

    DESTRING_ADDRESS   host:port of the relay                        (localhost:6514)
    DESTRING_CA        PEM file of the CA that signed the relay's certificate
    DESTRING_CERT      PEM file of this worker's certificate
    DESTRING_KEY       PEM file of its private key

What it promises: a task never waits for the relay and never sees an exception of this file. Records
wait in a bounded queue; when the relay is away so long that it is full, new ones are dropped,
counted, and the count is sent as a record when the relay is back. A prefork child opens a
connection of its own: a TLS session shared over fork is broken by the first record (the
relay then sees "bad record MAC").
"""
import atexit
import collections
import logging
import os
import random
import socket
import ssl
import sys
import threading
import time

__all__ = ["Handler", "install"]

SEVERITY = {logging.CRITICAL: 2, logging.ERROR: 3, logging.WARNING: 4, logging.INFO: 6, logging.DEBUG: 7}
FACILITY = 16  # local0
NILVALUE = "-"


def _severity(levelno):
    for level in sorted(SEVERITY, reverse=True):
        if levelno >= level:
            return SEVERITY[level]
    return 7


def _header(text, limit):
    """A header field may hold printable ASCII without spaces (RFC 5424, section 6)."""
    text = "".join(c if "!" <= c <= "~" else "_" for c in str(text or ""))
    return text[:limit] or NILVALUE


class Handler(logging.Handler):
    """A logging handler with a bounded queue and one sending thread for each process."""

    def __init__(self, address=None, ca=None, cert=None, key=None, capacity=10000, timeout=10.0, server_name=None):
        super().__init__()
        self._reset()
        env = os.environ.get
        address = address or env("DESTRING_ADDRESS", "localhost:6514")
        host, colon, port = address.rpartition(":")
        if not colon or port.endswith("]"):
            host, port = address, "6514"
        if not port.isdigit():
            raise ValueError("DESTRING_ADDRESS is %r: write host:port, as relay.example:6514" % address)
        self.address = (host.strip("[]") or "localhost", int(port))
        self.ca, self.cert, self.key = ca or env("DESTRING_CA"), cert or env("DESTRING_CERT"), key or env("DESTRING_KEY")
        self.server_name = server_name or self.address[0]
        self.capacity, self.timeout = capacity, timeout
        self.hostname = _header(socket.gethostname(), 255)
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._reset)
        atexit.register(self.close)

    def _reset(self):
        """In a new process: an empty queue, no connection, no thread. The parent sends its own."""
        self._cond = threading.Condition(threading.Lock())
        self._queue = collections.deque()
        self._dropped = self._unsent = 0
        self._thread = self._sock = None
        self._closing = False

    def emit(self, record):
        try:
            text = self.format(record)
            frame = self._encode(record.levelno, record.created, record.name, record.process, text)
        except Exception:  # a record that cannot be formatted must not end a task
            self.handleError(record)
            return
        self._put(frame)

    def _put(self, frame):
        with self._cond:
            if self._closing:
                return
            if len(self._queue) >= self.capacity:
                self._dropped += 1
                return
            self._queue.append(frame)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="destring", daemon=True)
                self._thread.start()
            self._cond.notify_all()

    def _encode(self, levelno, created, name, pid, text):
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(created)) + ".%06dZ" % int(created % 1 * 1e6)
        # The SD-ID "origin" (RFC 5424, section 7.2) tells the relay that APP-NAME is the logger's name.
        head = '<%d>1 %s %s %s %s - [origin software="destring_celery"] ' % (FACILITY * 8 + _severity(levelno), stamp, self.hostname, _header(name, 48), _header(pid, 128))
        body = head.encode("ascii") + text.encode("utf-8", "backslashreplace")
        return b"%d %s" % (len(body), body)

    def _connect(self):
        context = ssl.create_default_context(cafile=self.ca)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if self.cert:
            context.load_cert_chain(self.cert, self.key)
        raw = socket.create_connection(self.address, self.timeout)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        try:
            self._sock = context.wrap_socket(raw, server_hostname=self.server_name)
        except Exception:
            raw.close()
            raise

    def _run(self):
        """Sends until the handler is closed and its queue is empty. Ends with the process."""
        pause, failed = 0.1, False
        while True:
            with self._cond:
                while not self._queue and not self._closing:
                    self._cond.wait()
                if not self._queue:
                    break
            try:
                if self._sock is None:
                    self._connect()
                    if failed:
                        self._say("connected to the relay on %s:%d again" % self.address)
                self._send()
                pause, failed = 0.1, False
            except Exception as error:
                self._drop_connection()
                if not failed:
                    self._say("cannot reach the relay on %s:%d (%s: %s); records wait, %d at most" % (self.address + (type(error).__name__, error, self.capacity)))
                failed = True
                with self._cond:
                    if self._closing and time.monotonic() > self._deadline:
                        break
                    self._cond.wait(pause * random.uniform(0.5, 1.5))
                pause = min(pause * 2, 30.0)
        self._goodbye()

    @staticmethod
    def _say(text):
        """One line to the real standard error, which Celery does not redirect into the log."""
        if sys.__stderr__ is not None:
            try:
                sys.__stderr__.write("destring_celery: %s\n" % text)
                sys.__stderr__.flush()
            except (OSError, ValueError):
                pass

    def _send(self):
        """Sends what is queued, in large writes. A batch leaves the queue when it is written whole."""
        with self._cond:
            batch, size = [], 0
            for frame in self._queue:
                if batch and size + len(frame) > 65536:
                    break
                batch.append(frame)
                size += len(frame)
            dropped = self._dropped
        data = b"".join(batch)
        if dropped:
            data = self._encode(logging.WARNING, time.time(), "destring", os.getpid(), "%d log records were dropped: the relay was away and the queue full" % dropped) + data
        self._sock.sendall(data)
        with self._cond:
            self._dropped -= dropped
            for _ in batch:
                self._queue.popleft()
            self._cond.notify_all()

    def _drop_connection(self):
        sock, self._sock = self._sock, None
        if sock is not None:
            try:
                sock.close()
            except OSError:
                pass

    def _goodbye(self):
        """Ends TLS in order: the relay answers when all that it received is on its disk."""
        sock, self._sock = self._sock, None
        if sock is None:
            return
        try:
            sock.settimeout(max(0.1, self._deadline - time.monotonic()))
            sock.unwrap().close()
        except (OSError, ValueError):
            try:
                sock.close()
            except OSError:
                pass

    def flush(self, timeout=2.0):
        """Waits until the queue is written, at most so many seconds."""
        deadline = time.monotonic() + timeout
        with self._cond:
            while self._queue and self._thread is not None and time.monotonic() < deadline:
                self._cond.wait(max(0.0, deadline - time.monotonic()))

    def close(self, timeout=3.0):
        with self._cond:
            thread, already = self._thread, self._closing
            self._closing, self._deadline = True, time.monotonic() + timeout
            self._cond.notify_all()
        if thread is not None and not already:
            thread.join(timeout + 1.0)
        super().close()


class _Also(Handler):
    """Formats for another logger and sends by the first one's connection, so that the records of one
    process stay in order."""

    def __init__(self, first):
        logging.Handler.__init__(self)
        self.hostname, self._put = first.hostname, first._put

    def close(self):
        logging.Handler.close(self)

    def flush(self):
        pass


def install(**settings):
    """Adds a Handler to the loggers of Celery: its own, its tasks' and its process pool's.

    Both signals are needed: task loggers do not propagate to the root logger, and with only one of
    the two half of the records are missing. One connection carries the records of all of them.
    """
    from celery import signals

    handlers = []

    def attach(logger=None, loglevel=logging.INFO, format=None, colorize=None, **_):
        from celery.app.log import TaskFormatter

        handler = _Also(handlers[0]) if handlers else Handler(**settings)
        handler.setLevel(loglevel if isinstance(loglevel, int) else logging.getLevelName(str(loglevel).upper()))
        handler.setFormatter(TaskFormatter(format, use_color=False))
        logger.addHandler(handler)
        handlers.append(handler)

    def attach_pool(**_):
        if handlers:
            logging.getLogger("multiprocessing").addHandler(handlers[0])

    def child_ends(**_):
        if handlers:
            handlers[0].close()

    signals.after_setup_logger.connect(attach, weak=False)
    signals.after_setup_task_logger.connect(attach, weak=False)
    signals.worker_init.connect(attach_pool, weak=False)
    signals.worker_process_shutdown.connect(child_ends, weak=False)


try:  # `celery -A app worker -I destring_celery` imports this module before it sets logging up
    if any("destring_celery" in arg for arg in sys.argv[1:]):
        install()
except ImportError:
    pass
