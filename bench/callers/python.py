"""Python's http.client, one connection kept, and json; as bench/caller.lua."""

import http.client
import json
import resource
import ssl
import sys
import time
from urllib.parse import urlsplit


def kilobytes(name):
    try:
        with open("/proc/self/status", encoding="ascii") as status:
            for line in status:
                if line.startswith(name + ":"):
                    return int(line.split()[1])
    except OSError:
        pass
    return 0


def cpu():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main():
    count, warm_count, base, warm_path, path, ca_file = sys.argv[1:7]
    headers = dict(word.split(": ", 1) for word in sys.argv[7:])
    parts = urlsplit(base)
    if parts.scheme == "https":
        context = ssl.create_default_context(cafile=ca_file)
        connection = http.client.HTTPSConnection(parts.hostname, parts.port, context=context)
    else:
        connection = http.client.HTTPConnection(parts.hostname, parts.port)

    def get(target):
        connection.request("GET", target, headers=headers)
        answer = connection.getresponse()
        assert answer.status == 200
        return json.loads(answer.read())

    for _ in range(int(warm_count)):
        get(warm_path)
    resident = kilobytes("VmRSS")
    wall, used = time.monotonic(), cpu()
    for _ in range(int(count)):
        value = get(path)
    used, wall = cpu() - used, time.monotonic() - wall
    length = len(value["results"] if "results" in value else value["id"])
    print("%.6f %.6f %d %d" % (used, wall, kilobytes("VmHWM") - resident, length))


main()
