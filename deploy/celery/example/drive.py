"""Sends the shop's tasks and waits until each has ended. Prints a JSON line with how many.

    drive.py [ROUNDS [HABITS]]    how often each task is sent (5), and the one with texts hard to carry (0)
"""
import json
import os
import sys

from celery.exceptions import TimeoutError as NotInTime

import shop

# Made up for every run by whoever calls this, so that they can be looked for afterwards.
SECRETS = json.loads(os.environ.get("SHOP_SECRETS", "{}"))
AWS_KEY = SECRETS.get("aws_key", "AKIA" + "EXAMPLE0EXAMPLE0")
AWS_SECRET = SECRETS.get("aws_secret", "not-a-real-secret-access-key-0123456789ab")
DSN_PASSWORD = SECRETS.get("dsn_password", "not-a-real-password")
PASSWORD = SECRETS.get("password", "not-a-real-password-either")
EMAIL = SECRETS.get("email", "jane.roe@shop.example")
CARD = SECRETS.get("card", "4111111111111111")


def main(rounds=5, habits=0):
    sent = [shop.habits.delay() for _ in range(habits)]
    for n in range(rounds):
        sent += [shop.charge.delay(4700 + n, 19.99), shop.print_report.delay(2), shop.sync_mailbox.delay("jane", PASSWORD),
                 shop.import_customers.delay("postgresql://shop:%s@db.internal:5432/shop" % DSN_PASSWORD), shop.notify.delay(EMAIL, CARD)]
    sent += [shop.rotate_keys.delay(AWS_KEY, AWS_SECRET) for _ in range(3)]
    for result in sent:
        try:
            result.get(timeout=60, propagate=False)
        except NotInTime:
            sys.exit("a task did not end in 60 s")
    print(json.dumps({"tasks": len(sent)}))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
