"""A small folder for the tests of verify-shards, and what its problems must say."""

import json

from speechlip.shards.checks.verify import verify

SHARD = "train-00000-of-00002.tar"
SPLITS = {"train": {"anna": (20, 14, 13), "ben": (15, 12)}, "validation": {"dora": (16, 25), "emil": (17,)}}


def assert_found(folder, *messages):
    report = verify(folder)
    assert not report.ok
    for message in messages:
        assert any(message in problem for problem in report.problems), report.problems
    return report


def edited(**changes):
    return lambda data: json.dumps({**json.loads(data), **changes}).encode()
