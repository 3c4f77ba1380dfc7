"""Makes the captures of this folder: the example shop of deploy/celery/example logs by every transport at once, and what
each sends is written down behind TLS. Run it as root, for it gives the machine another name:

    unshare --uts sh -c 'hostname shop-a; exec PYTHON capture.py [SYSLOG_NG]'

PYTHON has deploy/e2e/requirements-senders.txt and those of the example, and lies under /opt, for its path stands in
tracebacks; redis-server, rsyslogd with gtls and logger are on the PATH. SYSLOG_NG is the root of an unpacked
syslog-ng-core (dpkg -x) with the libraries that it needs; without it its captures are left as they are.

NAME.bin    the bytes of the connections, or datagrams, one after another
NAME.json   their lengths, and the listener they are meant for
truth.jsonl what the worker logged: process, logger and text of each record, in order of each process

Secrets are made up. Before they are written they are replaced by placeholders of equal length, which the test fills in
again: a scanner finds nothing in this folder.
"""
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.normpath(os.path.join(HERE, "..", "..", ".."))
WORK = "/srv/shop"  # stands in tracebacks, so it is a name like any shop's
NG = sys.argv[1] if len(sys.argv) > 1 else None

# What the shop leaks here, and what stands for it in the files. The same table is in capture_test.go.
SECRETS = {"aws_key": "AKIA" + "Q7RZT2NW5KXJ4MBD", "aws_secret": "kR8vT2nW5xJ4mBdQ7zLp" + "Hs3Yf9Gc6Ea1Uo0iNqXt",
           "dsn_password": "s3cr3t" + "dsnpw4711okay", "password": "hunter2" + "IsNotMyPassw", "email": "jane.roe@shop.example", "card": "4111111111" + "111111"}


def placeholder(name, value):
    return ("{{" + name + ".").ljust(len(value) - 2, ".") + "}}"


def clean(data):
    for name, value in SECRETS.items():
        data = data.replace(value.encode(), placeholder(name, value).encode())
    return data


class Sink:
    """Writes down what comes on a port."""

    def __init__(self, name, kind="tls"):
        self.name, self.kind, self.parts = name, kind, []
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM)
        self.socket.bind(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.at = time.monotonic()
        if kind == "udp":
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        else:
            self.socket.listen(16)
        threading.Thread(target=self.datagrams if kind == "udp" else self.accept, daemon=True).start()

    def datagrams(self):
        while True:
            self.parts.append(bytearray(self.socket.recv(1 << 16)))
            self.at = time.monotonic()

    def accept(self):
        while True:
            conn, _ = self.socket.accept()
            threading.Thread(target=self.read, args=(conn,), daemon=True).start()

    def read(self, conn):
        if self.kind == "tls":
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.num_tickets = 0  # a client that only writes would lose its tail
            context.load_cert_chain(WORK + "/server.pem", WORK + "/server.key")
            context.load_verify_locations(WORK + "/ca.pem")
            context.verify_mode = ssl.CERT_REQUIRED
            conn = context.wrap_socket(conn, server_side=True)
        part = bytearray()
        self.parts.append(part)
        try:
            while data := conn.recv(1 << 16):
                part += data
                self.at = time.monotonic()
        except OSError:
            pass

    def save(self):
        parts = [bytes(p) for p in self.parts if p]
        with open(f"{HERE}/{self.name}.bin", "wb") as f:
            f.write(clean(b"".join(parts)))
        with open(f"{HERE}/{self.name}.json", "w") as f:
            json.dump({"listener": {"tls": "syslog_tls", "tcp": "plain_tcp", "udp": "plain_udp"}[self.kind], "lengths": [len(p) for p in parts]}, f)
            f.write("\n")
        print(f"{self.name:45} {len(parts):4} parts {sum(map(len, parts)):8} bytes")


def openssl(*args):
    subprocess.run(("openssl",) + args, check=True, stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd=WORK)


def certificates():
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    openssl("req", "-x509", *curve, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=capture", "-days", "2")
    for name, subject, extra in ("server", "localhost", "serverAuth"), ("worker", "worker-1.shop.example", "clientAuth"):
        openssl("req", *curve, "-keyout", name + ".key", "-out", name + ".csr", "-subj", "/CN=" + subject)
        write(name + ".ext", f"subjectAltName=DNS:{subject}\nextendedKeyUsage={extra}\n")
        openssl("x509", "-req", "-in", name + ".csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out", name + ".pem", "-days", "2", "-extfile", name + ".ext")


def write(name, text):
    with open(os.path.join(WORK, name), "w") as f:
        f.write(text)
    return os.path.join(WORK, name)


def forward(sink, framing, template):
    return f'''action(type="omfwd" target="localhost" port="{sink.port}" protocol="tcp" TCP_Framing="{framing}" StreamDriver="gtls" StreamDriverMode="1"
  StreamDriverAuthMode="x509/name" StreamDriverPermittedPeers="localhost" template="{template}")
'''


def rsyslog(name, head, actions):
    work = os.path.join(WORK, name)
    os.mkdir(work)
    conf = write(name + ".conf", f'''global(workDirectory="{work}" DefaultNetstreamDriver="gtls" DefaultNetstreamDriverCAFile="{WORK}/ca.pem"
  DefaultNetstreamDriverCertFile="{WORK}/worker.pem" DefaultNetstreamDriverKeyFile="{WORK}/worker.key")
{head}
{actions}''')
    return subprocess.Popen(("rsyslogd", "-n", "-f", conf, "-i", work + "/pid"))


def unix_input(path):
    return f'module(load="imuxsock" SysSock.Use="off")\ninput(type="imuxsock" Socket="{path}" CreatePath="on" RateLimit.Interval="0")\n'


ONLY_CELERY = 'if $programname == "celery" then {\n%s}\n'


def forwarders(sinks):
    """Starts everything that stands between the worker and the relay; returns the processes."""
    escaped = "".join(forward(sinks[n], "traditional", t) for n, t in (("rsyslog-lf-5424", "RSYSLOG_SyslogProtocol23Format"), ("rsyslog-lf-3164", "RSYSLOG_TraditionalForwardFormat"), ("rsyslog-lf-forward", "RSYSLOG_ForwardFormat")))
    raw = forward(sinks["rsyslog-noescape-octet-5424"], "octet-counted", "RSYSLOG_SyslogProtocol23Format") + forward(sinks["rsyslog-noescape-lf-5424"], "traditional", "RSYSLOG_SyslogProtocol23Format")
    file = f'module(load="imfile")\ninput(type="imfile" File="{WORK}/worker.log" Tag="celery"'
    lines = file + ")\n" + forward(sinks["rsyslog-imfile-lf-5424"], "traditional", "RSYSLOG_SyslogProtocol23Format")
    records = file + ' startmsg.regex="^\\\\[[0-9]{4}-" escapeLF="off" readTimeout="2")\n' + forward(sinks["rsyslog-imfile-multiline-octet-5424"], "octet-counted", "RSYSLOG_SyslogProtocol23Format")
    open(WORK + "/worker.log", "w").close()
    started = [rsyslog("escaped", 'global(maxMessageSize="8k")\n' + unix_input(WORK + "/escaped.sock"), ONLY_CELERY % escaped),
               rsyslog("raw", 'global(parser.escapeControlCharactersOnReceive="off" maxMessageSize="64k")\n' + unix_input(WORK + "/raw.sock"), ONLY_CELERY % raw),
               rsyslog("lines", 'global(maxMessageSize="64k")', lines), rsyslog("records", 'global(maxMessageSize="64k")', records)]
    if NG:
        tls = f'tls(ca-file("{WORK}/ca.pem") cert-file("{WORK}/worker.pem") key-file("{WORK}/worker.key") peer-verify(required-trusted))'
        conf = write("syslog-ng.conf", f'''@version: 3.38
options {{ keep-hostname(no); stats-freq(0); }};
source s {{ unix-dgram("{WORK}/ng.sock"); }};
filter celery {{ program("celery"); }};
destination syslog {{ syslog("localhost" port({sinks["syslogng-syslog"].port}) transport("tls") {tls}); }};
destination network {{ network("localhost" port({sinks["syslogng-network"].port}) transport("tls") {tls}); }};
log {{ source(s); filter(celery); destination(syslog); destination(network); }};
''')
        libraries = ":".join(os.path.join(NG, d) for d in ("usr/lib/syslog-ng", "usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu"))
        started.append(subprocess.Popen((NG + "/usr/sbin/syslog-ng", "-F", "-f", conf, "--module-path=" + NG + "/usr/lib/syslog-ng/3.38", "-R", WORK + "/ng.persist", "-p", WORK + "/ng.pid", "-c", WORK + "/ng.ctl", "--no-caps"),
                                        env=dict(os.environ, LD_LIBRARY_PATH=libraries)))
    for path in ["/escaped.sock", "/raw.sock"] + (["/ng.sock"] if NG else []):
        until(lambda: os.path.exists(WORK + path), path)
    return started


def until(done, what, within=30):
    end = time.monotonic() + within
    while not done():
        if time.monotonic() > end:
            sys.exit("did not happen: " + what)
        time.sleep(0.05)


def main():
    os.makedirs(WORK)
    for file in ("celery/destring_celery.py", "celery/example/shop.py", "celery/example/drive.py", "e2e/senders.py", "e2e/truth.py"):
        shutil.copy(os.path.join(ROOT, "deploy", file), WORK)
    certificates()
    tls = ["rfc5424-octet", "rfc5424-lf", "tlssyslog", "destring-octet", "rsyslog-lf-5424", "rsyslog-lf-3164", "rsyslog-lf-forward", "rsyslog-noescape-octet-5424", "rsyslog-noescape-lf-5424",
           "rsyslog-imfile-lf-5424", "rsyslog-imfile-multiline-octet-5424"] + (["syslogng-syslog", "syslogng-network"] if NG else [])
    sinks = {n: Sink(n) for n in tls} | {n: Sink(n, "tcp") for n in ("stdlib-tcp", "logger-rfc5424-octet")} | {"stdlib-udp": Sink("stdlib-udp", "udp")}
    started = forwarders(sinks)
    senders = [{"kind": k, "port": sinks[k].port} for k in ("rfc5424-octet", "rfc5424-lf", "tlssyslog", "stdlib-tcp", "stdlib-udp")]
    senders += [{"kind": "unix", "path": WORK + p} for p in ["/escaped.sock", "/raw.sock"] + (["/ng.sock"] if NG else [])]
    redis = WORK + "/redis.sock"
    started.append(subprocess.Popen(("redis-server", "--port", "0", "--unixsocket", redis, "--save", "", "--appendonly", "no"), stdout=subprocess.DEVNULL))
    until(lambda: os.path.exists(redis), redis)
    env = dict(os.environ, PYTHONDONTWRITEBYTECODE="1", SHOP_BROKER="redis+socket://" + redis, SHOP_SECRETS=json.dumps(SECRETS),
               E2E_TRUTH=WORK + "/truth.jsonl", E2E_SENDERS=json.dumps(senders), DESTRING_ADDRESS="localhost:%d" % sinks["destring-octet"].port, DESTRING_CA=WORK + "/ca.pem", DESTRING_CERT=WORK + "/worker.pem", DESTRING_KEY=WORK + "/worker.key")
    worker = subprocess.Popen((sys.executable, "-m", "celery", "-A", "shop", "worker", "-l", "INFO", "--concurrency", "2", "-Q", "shop", "-n", "w1@%h", "-f", WORK + "/worker.log", "-I", "destring_celery,senders,truth"),
                              env=env, cwd=WORK, stdout=subprocess.DEVNULL)
    until(lambda: " ready." in open(WORK + "/worker.log").read(), "the worker's start")
    subprocess.run((sys.executable, "drive.py", "2", "1"), env=env, cwd=WORK, check=True)
    worker.terminate()
    worker.wait(60)
    subprocess.run(("logger", "--rfc5424", "--octet-count", "--tcp", "--server", "127.0.0.1", "--port", str(sinks["logger-rfc5424-octet"].port), "--tag", "celery", "--file", WORK + "/worker.log"), check=True)
    until(lambda: all(time.monotonic() - s.at > 3 for s in sinks.values()), "silence")
    for p in reversed(started):
        p.terminate()
        p.wait(30)
    time.sleep(0.5)
    for s in sinks.values():
        s.save()
    with open(WORK + "/truth.jsonl", "rb") as f, open(HERE + "/truth.jsonl", "wb") as out:
        out.write(clean(f.read()))
    shutil.rmtree(WORK)


main()
