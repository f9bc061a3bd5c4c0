"""Each fault that production knows, and after it the same verdict: nothing lost, nothing twice, the same answers."""

import json
from pathlib import Path

import pytest

from tests.faults.disk import full
from tests.faults.scene import FULL, PARTITIONS, RATE, Scene
from tests.faults.verdict import assert_nothing_lost_nothing_twice, longest_waits

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(900)]

PAUSE_S_MAX = 10.0
"""How long a patient may wait while all workers are restarted, one by one."""
PAUSE_RATE_MAX = 5_000
"""Up to how many readings a second that is asked for: at 20,000 three brokers, three workers and the load need all of
two processors, so that what piles up in a pause is not caught up with, whoever pauses."""
OUTAGE_S = 30.0 if FULL else 10.0
CUT_S_MAX = 40.0 if FULL else 20.0
FROZEN_S = 60.0 if FULL else 25.0
"""Well beyond the session of the group (10 s): the partitions of a frozen worker have moved when it wakes up."""


def judge(scene: Scene, **figures: object) -> None:
    found = assert_nothing_lost_nothing_twice(scene)
    ended = sum(post.restarted for post in scene.posts)
    print(json.dumps({"seed": scene.seed, **found, "workers_ended": ended, **scene.marks, **figures}))  # noqa: T201


def test_a_worker_is_killed(scene: Scene) -> None:
    with scene.under_load():
        post = scene.rng.choice(scene.posts)
        post.kill()
        scene.pass_time(scene.rng.uniform(0, 8))
        post.start()
        scene.until(lambda: scene.held_by(post), "it is back, and has partitions")
    judge(scene)


@pytest.mark.alone
def test_all_workers_are_restarted_one_by_one(scene: Scene) -> None:
    with scene.under_load():
        scene.until_steady()
        for post in scene.rng.sample(scene.posts, len(scene.posts)):
            assert post.stop() == 0, post.worker.log()[-2000:]
            post.start()
            scene.until(post.worker.ready, "it is back, with partitions or without")
    waits = longest_waits(scene)
    judge(scene, waits=[f"{wait.seconds:.1f} s in {wait.partition} since {wait.arrived}" for wait in waits])
    assert RATE > PAUSE_RATE_MAX or waits[0].seconds <= PAUSE_S_MAX


def test_the_leader_of_a_partition_is_killed_and_comes_back(scene: Scene) -> None:
    with scene.under_load():
        leader = scene.cluster.leader(scene.here.prefix + "readings", scene.rng.randrange(PARTITIONS))
        scene.cluster.kill(leader)
        scene.pass_time(scene.rng.uniform(2, 12))
        scene.cluster.revive(leader)
    judge(scene)
    assert sum(post.restarted for post in scene.posts) == 0, "a worker waits for its brokers"


def test_all_brokers_are_stopped_for_a_while(scene: Scene) -> None:
    with scene.under_load():
        (scene.cluster.halt if scene.rng.random() < 0.5 else scene.cluster.kill)(*scene.cluster.nodes)
        scene.pass_time(OUTAGE_S)
        scene.cluster.revive(*scene.cluster.nodes)
    judge(scene)
    assert sum(post.restarted for post in scene.posts) == 0, "a worker waits for its brokers"


def test_the_network_between_a_worker_and_the_brokers_is_cut_or_silent(scene: Scene) -> None:
    """By turns, as the seed is odd or even: connections break, or nothing comes through and nobody is told."""
    with scene.under_load():
        (scene.cluster.detour.cut if scene.seed % 2 else scene.cluster.detour.silence)()
        scene.pass_time(scene.rng.uniform(3, CUT_S_MAX))
        scene.cluster.detour.restore()
    judge(scene)
    assert scene.posts[0].restarted == 0, "a worker waits for the network"


def test_the_disk_of_a_worker_is_full(scene: Scene) -> None:
    with scene.under_load():
        post = scene.rng.choice(scene.posts)
        with full(Path(post.settings["data_folder"])):
            scene.until_sent(round(RATE * scene.rng.uniform(1, 3)))
            assert post.stop() == 0, "it winds up as ever"
            post.start()
            scene.until(lambda: scene.held_by(post), "it is back, and has partitions")
            assert "cannot be written" in post.worker.log()
            scene.until_sent(round(RATE * scene.rng.uniform(1, 3)))
    judge(scene)
    assert sum(post.restarted for post in scene.posts) == 0, "a worker keeps nothing on its disk"


def test_a_worker_is_frozen_until_others_have_its_partitions(scene: Scene) -> None:
    with scene.under_load():
        frozen = scene.rng.choice(scene.posts).worker
        frozen.pause()
        scene.pass_time(FROZEN_S)
        frozen.resume()
    judge(scene)
