"""Workers that keep their names: relieved, frozen while their name is taken, killed; and after it the same verdict."""

import time

import pytest

from tests.faults.scene import FULL, RATE, SETTINGS, SOON_S, WORKERS, Post, Scene
from tests.faults.test_faults import PAUSE_RATE_MAX, PAUSE_S_MAX, judge
from tests.faults.verdict import longest_waits

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(900)]

ASLEEP_S = 60.0 if FULL else 10.0
"""Longer than what the group has said of it lets a worker write (9 s): from there on it has to ask before it does."""
STEPS_ASIDE_WITHIN_S = 30.0
LOOK_EVERY_S = 0.02
STEPPED_ASIDE = "stepped aside"


@pytest.mark.alone
@pytest.mark.parametrize("named", [WORKERS])
def test_all_workers_are_relieved_one_by_one(scene: Scene) -> None:
    with scene.under_load():
        scene.until_steady()
        for post in scene.rng.sample(scene.posts, len(scene.posts)):
            before = post.relieve()
            scene.until(lambda post=post: scene.held_by(post), "the new one has partitions")  # type: ignore[misc]
            assert before.stop() == 0, before.log()[-2000:]
    waits = longest_waits(scene)
    judge(scene, waits=[f"{wait.seconds:.1f} s in {wait.partition} since {wait.arrived}" for wait in waits])
    assert sum(post.restarted for post in scene.posts) == 0
    assert RATE > PAUSE_RATE_MAX or waits[0].seconds <= PAUSE_S_MAX


@pytest.mark.parametrize("named", [WORKERS])
def test_a_frozen_worker_whose_name_is_taken_wakes_up_and_steps_aside(scene: Scene) -> None:
    with scene.under_load():
        post = scene.rng.choice(scene.posts)
        scene.until(lambda: paused_between_checkpoints(post), "it stands still between two checkpoints")
        frozen = post.relieve()
        scene.until(
            lambda: scene.held_by(post), "the new one has partitions, whether or not it came in time for the same"
        )
        scene.pass_time(ASLEEP_S)
        written = overwritten(scene)
        frozen.resume()
        scene.until(lambda: STEPPED_ASIDE in frozen.get("/readyz")[1], "it steps aside", STEPS_ASIDE_WITHIN_S)
        assert frozen.get("/healthz")[0] == 200, "whoever runs it has no reason to start it again"
        assert f"another worker has joined as HOMEBEAT_WORKER_ID={post.name}" in frozen.log()
    judge(scene)
    assert overwritten(scene) == written, "it wrote pages when it woke up"
    assert STEPPED_ASIDE in frozen.get("/readyz")[1], "it has not come back"
    assert frozen.stop() == 0
    assert sum(other.restarted for other in scene.posts) == 0


@pytest.mark.parametrize("named", [1])
def test_a_worker_with_a_name_is_killed_among_some_without(scene: Scene) -> None:
    """It is back before the group has given it up, or after that: as the seed has it."""
    with scene.under_load():
        post = scene.posts[0]
        post.kill()
        scene.pass_time(scene.rng.uniform(0, 12))
        post.start()
        scene.until(lambda: scene.held_by(post), "it is back, and has partitions")
    judge(scene)
    assert sum(post.restarted for post in scene.posts) == 0, "nobody else goes"


def paused_between_checkpoints(post: Post) -> bool:
    """Let it stand still when one has just ended, so that none of its pages is on its way: those that are go out when
    it wakes up, and nothing can call them back. Where the next may have begun by then, it goes on: False."""
    before, not_yet_s, end = checkpoints(post), 0.0, time.monotonic() + SOON_S
    while True:
        looked_s = time.monotonic()
        if checkpoints(post) > before:
            break
        assert looked_s < end, "no checkpoint"
        not_yet_s = looked_s
        time.sleep(LOOK_EVERY_S)
    post.worker.pause()
    if time.monotonic() - not_yet_s < float(SETTINGS["checkpoint_s"]):
        return True
    post.worker.resume()
    return False


def checkpoints(post: Post) -> float:
    return post.worker.metric("homebeat_checkpoint_seconds_count")


def overwritten(scene: Scene) -> float:
    """How often workers found that somebody else had written pages of theirs."""
    return sum(post.worker.metric("homebeat_pages_overwritten_total") for post in scene.posts)
