"""Logs a Celery worker by the handlers that shops use, several at once: each carries the same records.

E2E_SENDERS is a JSON list of {"kind", "port"} or {"kind": "unix", "path"}. Kinds:

    rfc5424-octet, rfc5424-lf   rfc5424-logging-handler over TLS
    tlssyslog                   tlssysloghandler
    stdlib-tcp, stdlib-udp      logging.handlers.SysLogHandler
    unix                        SysLogHandler on a datagram socket, as /dev/log is one

TLS material is that of destring_celery. A TLS session cannot be shared over a fork, so every
pool child connects anew. Loaded by `celery worker -I senders,truth`.
"""
import json
import logging
import logging.handlers
import os
import socket
import ssl

from celery import signals
from celery.app.log import TaskFormatter


def make(kind, port=0, path=None):
    env = os.environ
    if kind.startswith("rfc5424"):
        from rfc5424logging import Rfc5424SysLogHandler
        from rfc5424logging.transport import FRAMING_NON_TRANSPARENT, FRAMING_OCTET_COUNTING
        framing = FRAMING_OCTET_COUNTING if kind.endswith("octet") else FRAMING_NON_TRANSPARENT
        return Rfc5424SysLogHandler(("localhost", port), socktype=socket.SOCK_STREAM, framing=framing, enterprise_id="32473",
                                    structured_data={"app": {"service": "shop", "env": "e2e"}}, tls_enable=True, tls_ca_bundle=env["DESTRING_CA"],
                                    tls_client_cert=env["DESTRING_CERT"], tls_client_key=env["DESTRING_KEY"])
    if kind == "tlssyslog":
        from tlssysloghandler import TLSSysLogHandler
        context = ssl.create_default_context(cafile=env["DESTRING_CA"])
        context.load_cert_chain(env["DESTRING_CERT"], env["DESTRING_KEY"])
        return TLSSysLogHandler(("localhost", port), socktype=socket.SOCK_STREAM, secure=context)
    if kind == "unix":
        handler = logging.handlers.SysLogHandler(path)
        handler.ident = "celery[%d]: " % os.getpid()
        return handler
    return logging.handlers.SysLogHandler(("127.0.0.1", port), socktype=socket.SOCK_STREAM if kind == "stdlib-tcp" else socket.SOCK_DGRAM)


class Via(logging.Handler):
    """Formats for one logger and sends by a handler that several share, so that the records of
    a process stay in order."""

    def __init__(self, target, formatter):
        super().__init__()
        self.target = target
        self.setFormatter(formatter)

    def emit(self, record):
        self.target.acquire()
        try:
            self.target.formatter = self.formatter
            self.target.emit(record)
        finally:
            self.target.release()


targets = []


def attach(logger=None, loglevel=logging.INFO, format=None, **_):
    if not targets:
        targets.extend(make(**s) for s in json.loads(os.environ["E2E_SENDERS"]))
    for target in targets:
        handler = Via(target, TaskFormatter(format, use_color=False))
        handler.setLevel(loglevel if isinstance(loglevel, int) else logging.getLevelName(str(loglevel).upper()))
        logger.addHandler(handler)


def reopen(**_):
    for target in targets:
        if hasattr(target, "transport"):
            target.transport.socket.close()
            target.transport.open()
        elif getattr(target, "socktype", None) == socket.SOCK_STREAM and not target.unixsocket:
            target.socket.close()
            target.createSocket()
        elif getattr(target, "unixsocket", False):
            target.ident = "celery[%d]: " % os.getpid()


signals.after_setup_logger.connect(attach, weak=False)
signals.after_setup_task_logger.connect(attach, weak=False)
signals.worker_process_init.connect(reopen, weak=False)
