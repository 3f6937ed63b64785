"""A server that speaks the protocol of Redis and lies.

    python3 spec/support/fake_redis.py DIRECTORY

Writes its port to DIRECTORY/port; how it lies is in DIRECTORY/mode, read for each command.
"""

import os
import socketserver
import sys
import time

FOLDER = sys.argv[1]
LATE = 2.0


def bulk(text):
    data = text.encode() if isinstance(text, str) else text
    return b"$%d\r\n%s\r\n" % (len(data), data)


def number(n):
    return b":%s\r\n" % str(n).encode()


def answer(granted, wait=0, why="limit", lost=0, epoch="1700000000.5", left="9", counts="",
           stamp="1700000000000"):
    return (b"*8\r\n" + bulk(epoch) + number(granted) + number(wait) + bulk(why) + bulk(stamp)
            + number(lost) + bulk(left) + bulk(counts))


def replies(mode, wanted):
    """What is sent, in pieces, each after so many seconds; nothing more: the end."""
    good = answer(wanted, 0 if wanted else 1)
    table = {
        "generous": [(0, good)],
        "more than wanted": [(0, answer(wanted + 1))],
        "a billion": [(0, answer(10 ** 9))],
        "negative": [(0, answer(-1))],
        "a fraction": [(0, answer("0.5"))],
        "words for numbers": [(0, b"*8\r\n" + bulk("1.5") + bulk("x") * 7)],
        "a wait of years": [(0, answer(0, 10 ** 13))],
        "a wait of a day": [(0, answer(0, 86400000))],
        "a negative wait": [(0, answer(0, -5))],
        "no wait": [(0, answer(0, 0))],
        "always lost": [(0, answer(wanted, 0, lost=1, epoch="%d.1" % (time.time() * 1e6)))],
        "always another epoch": [(0, answer(wanted, 0, epoch="%d.1" % (time.time() * 1e6)))],
        "an epoch that is a script": [(0, answer(wanted, epoch="1.1\r\nFLUSHALL"))],
        "counts that are garbage": [(0, answer(wanted, counts="%s;:" * 100))],
        "counts without end": [(0, answer(wanted, counts="1:1:1 " * 20000))],
        "left that is garbage": [(0, answer(wanted, left="nan -1"))],
        "nothing": [(0, b"$-1\r\n")],
        "no list": [(0, b"*-1\r\n")],
        "an empty list": [(0, b"*0\r\n")],
        "a list of lists": [(0, b"*8\r\n" + b"*1\r\n:1\r\n" * 8)],
        "a number": [(0, b":5\r\n")],
        "OK": [(0, b"+OK\r\n")],
        "an error": [(0, b"-ERR unknown command\r\n")],
        "loading": [(0, b"-LOADING Redis is loading the dataset in memory\r\n")],
        "busy": [(0, b"-BUSY Redis is busy running a script\r\n")],
        "moved": [(0, b"-MOVED 1234 10.0.0.9:6379\r\n")],
        "no script, ever": [(0, b"-NOSCRIPT No matching script\r\n")],
        "read only": [(0, b"-READONLY You can't write against a read only replica.\r\n")],
        "errors within a list": [(0, b"*8\r\n" + b"-ERR x\r\n" * 8)],
        "late": [(LATE, good)],
        "in pieces": [(0.001, good[i:i + 1]) for i in range(len(good))],
        "in slow pieces": [(0.3, good[i:i + 1]) for i in range(len(good))],
        "never": [(60, b"")],
        "half of it": [(0, good[:40])],
        "half of it, and hangs": [(0, good[:40]), (60, b"")],
        "a line without end": [(0, b"+" + b"x" * 65536)] + [(0, b"x" * 65536)] * 400,
        "a size without end": [(0, b"$99999999999\r\n"), (60, b"")],
        "a negative size": [(0, b"$-7\r\n")],
        "a size in letters": [(0, b"$x\r\n")],
        "a long list": [(0, b"*1000000\r\n"), (60, b"")],
        "two replies": [(0, good + good)],
        "garbage": [(0, bytes(range(256)) * 8)],
        "closes": [],
        "HTTP": [(0, b"HTTP/1.1 400 Bad Request\r\n\r\n"), (0, b"")],
        "an alert of TLS": [(0, b"\x15\x03\x01\x00\x02\x02\x46\n")],
    }
    return table[mode]


class Handler(socketserver.StreamRequestHandler):
    def command(self):
        line = self.rfile.readline()
        if not line.startswith(b"*"):
            return None
        words = []
        for _ in range(int(line[1:])):
            size = int(self.rfile.readline()[1:])
            words.append(self.rfile.read(size + 2)[:-2])
        return words

    def handle(self):
        try:
            while True:
                words = self.command()
                if not words:
                    return
                with open(os.path.join(FOLDER, "mode")) as file:
                    mode = file.read()
                wanted = int(words[4]) if len(words) > 4 else 1
                pieces = replies(mode, wanted)
                for seconds, data in pieces:
                    time.sleep(seconds)
                    self.wfile.write(data)
                if mode in ("closes", "half of it", "garbage"):
                    return
        except (OSError, ValueError):
            return


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = 512


if __name__ == "__main__":
    with Server(("127.0.0.1", 0), Handler) as server:
        with open(os.path.join(FOLDER, "port.new"), "w") as file:
            file.write(str(server.server_address[1]))
        os.rename(os.path.join(FOLDER, "port.new"), os.path.join(FOLDER, "port"))
        import threading
        threading.Thread(target=server.serve_forever, daemon=True).start()
        parent = os.getppid()
        while os.path.isdir(FOLDER) and os.getppid() == parent:
            time.sleep(0.2)
