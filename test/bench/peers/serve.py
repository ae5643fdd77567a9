"""A Python peer's side of the conversation with run.ts: see serve.ts."""

import json
import math
import os
import sys
import time

import numpy as np

THREADS = int(os.environ.get("PEER_THREADS", "2"))


def limit_cores():
    """As many cores as threads, for libraries that take what they find. Call it before importing them."""
    if hasattr(os, "sched_setaffinity"):
        cores = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, cores[:THREADS])


def _hash(n, seed):
    with np.errstate(over="ignore"):
        x = (np.arange(1, n + 1, dtype=np.uint32) * np.uint32(0x9E3779B1)) ^ (
            np.array([seed + 1], np.uint32) * np.uint32(0x85EBCA6B)
        )
        x = (x ^ (x >> np.uint32(15))) * np.uint32(0x2C1B3C6D)
        x = (x ^ (x >> np.uint32(12))) * np.uint32(0x297A2D39)
    return ((x ^ (x >> np.uint32(15))) >> np.uint32(8)) / 2**23 - 1


def _array(spec, seed):
    if spec.get("values"):
        return np.array(spec["values"], np.int32).reshape(spec["shape"])
    n = math.prod(spec["shape"])
    return (_hash(n, seed) * spec["scale"] + spec["offset"]).astype(np.float32).reshape(spec["shape"])


def sample(x):
    """What peers compare of an array: its root mean square and elements all over it."""
    x = np.asarray(x, np.float64).reshape(-1)
    at = [j * (x.size - 1) // 63 for j in range(64)]
    return [float(np.sqrt((x * x).mean())), *x[at].tolist()]


def _timed(run, n):
    start = time.perf_counter()
    run(n)
    return (time.perf_counter() - start) * 1000 / n


def _warm_up(run):
    start = time.perf_counter()
    best = _timed(run, 1)
    while time.perf_counter() - start < 4:
        ms = _timed(run, max(1, min(1000, round(150 / best))))
        if time.perf_counter() - start > 1 and ms > 0.95 * best:
            break
        best = min(best, ms)
    return best


def serve(kinds):
    """`kinds`: from a name to a function of (sizes, data, params) that returns (check, run)."""
    run, ms = None, 1.0
    for line in sys.stdin:
        message = json.loads(line)
        try:
            if "prepare" in message:
                w = message["prepare"]
                inputs = {x["name"]: _array(x, seed) for seed, x in enumerate(w["data"] + w["params"])}
                data = {x["name"]: inputs[x["name"]] for x in w["data"]}
                params = {x["name"]: inputs[x["name"]] for x in w["params"]}
                check, run = kinds[w["kind"]](w["sizes"], data, params)
                values = check()
                ms = _warm_up(run)
                reply = {"values": values, "ms": ms}
            else:
                ms = _timed(run, max(1, round(message["time"] / ms)))
                reply = {"ms": ms}
        except Exception as error:  # noqa: BLE001: the reason goes into the report
            import traceback

            traceback.print_exc()
            reply = {"unsupported": (str(error) or repr(error)).split("\n")[0]}
        print(json.dumps(reply), flush=True)
