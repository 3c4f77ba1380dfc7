"""Writes down every record that the worker's loggers emit: process and text, a JSON line each.

The test compares it with what arrived. Loaded by `celery worker -I destring_celery,truth`.
"""
import json
import logging
import os

from celery import signals
from celery.app.log import TaskFormatter


class Truth(logging.Handler):
    def emit(self, record):
        line = json.dumps({"pid": record.process, "logger": record.name, "text": self.format(record)}) + "\n"
        fd = os.open(os.environ["E2E_TRUTH"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        try:
            os.write(fd, line.encode())  # one write: lines of two processes do not mix
        finally:
            os.close(fd)


def attach(logger=None, loglevel=logging.INFO, format=None, **_):
    handler = Truth()
    handler.setLevel(loglevel if isinstance(loglevel, int) else logging.getLevelName(str(loglevel).upper()))
    handler.setFormatter(TaskFormatter(format, use_color=False))
    logger.addHandler(handler)


signals.after_setup_logger.connect(attach, weak=False)
signals.after_setup_task_logger.connect(attach, weak=False)
