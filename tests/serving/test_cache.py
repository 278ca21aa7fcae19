"""Models in memory: loaded once, counted, given back."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from locutor.engines.base import Engine
from locutor.engines.card import ModelCard
from locutor.engines.checkpoints import Checkpoint
from locutor.errors import CheckpointError, ConflictError, NotFoundError
from locutor.serving.cache import ModelCache
from locutor.serving.limits import ServingLimits
from locutor.serving.models import LoadedModel, weight_bytes


class Models:
    """Loads tone engines of 100 bytes, slowly; keeps them to look at. `clock` is moved by hand."""

    def __init__(self, tone: Any) -> None:
        self.tone, self.loaded, self.now = tone, list[tuple[str, Any]](), 0.0

    def __call__(self, model: str) -> LoadedModel:
        time.sleep(0.02)
        if model == "broken":
            raise CheckpointError("the weights are damaged")
        card = ModelCard(id=model, engine="tone", title=model, languages=("en",), licence="X", commercial_use=True)
        engine = self.tone.ToneEngine()
        self.loaded.append((model, engine))
        return LoadedModel(engine=engine, checkpoint=Checkpoint(card, {}, "f" * 64), device="cpu", n_bytes=100)

    def cache(self, **limits: Any) -> ModelCache:
        return ModelCache(self, ServingLimits(**limits), clock=lambda: self.now)

    @property
    def names(self) -> list[str]:
        return [name for name, _ in self.loaded]


@pytest.fixture
def models(tone: Any) -> Models:
    return Models(tone)


def held(cache: ModelCache) -> set[str]:
    return {state.model for state in cache.states()}


def test_many_at_once_load_once(models: Models) -> None:
    cache = models.cache()
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(cache.acquire, ["a"] * 8))
    assert models.names == ["a"] and len({id(f) for f in found}) == 1
    assert (cache.n_misses, cache.n_hits) == (1, 7) and cache.states()[0].users == 8


def test_the_thread_that_loads_takes_its_own_threads_with_it(models: Models) -> None:
    """Else they would crowd those of the device's thread."""
    threads = list[threading.Thread]()

    def load(model: str) -> LoadedModel:
        threads.append(threading.current_thread())
        return models(model)

    ModelCache(load, ServingLimits()).acquire("a")
    assert len(threads) == 1 and threads[0] is not threading.current_thread() and not threads[0].is_alive()


def test_a_load_that_fails_is_tried_again_and_holds_nothing(models: Models) -> None:
    cache = models.cache()
    for _ in range(2):
        with pytest.raises(CheckpointError, match="damaged"):
            cache.acquire("broken")
    assert cache.states() == () and cache.n_misses == 2


def test_over_the_budget_the_one_unused_for_longest_goes(models: Models) -> None:
    cache = models.cache(memory_bytes=250)
    for now, model in enumerate(["a", "b", "a", "c"]):
        models.now = now
        cache.acquire(model)
        cache.release(model)
    assert held(cache) == {"a", "c"} and models.loaded[1][1].closed and not models.loaded[0][1].closed


def test_models_in_use_stay_until_they_are_released(models: Models) -> None:
    cache = models.cache(memory_bytes=100)
    for model in "ab":
        cache.acquire(model)
    assert held(cache) == {"a", "b"}
    cache.release("a")
    assert held(cache) == {"b"}


def test_idle_models_are_swept(models: Models) -> None:
    cache = models.cache(idle_ttl_s=10)
    for model in ("a", "b"):
        cache.acquire(model)
        cache.release(model)
    cache.acquire("b")
    models.now = 11
    assert cache.sweep() == ["a"] and held(cache) == {"b"}
    assert models.cache().sweep() == []


def test_low_vram_holds_nothing_that_is_not_used(models: Models) -> None:
    cache = models.cache(low_vram=True)
    cache.acquire("a")
    cache.acquire("a")
    cache.release("a")
    assert held(cache) == {"a"}
    cache.release("a")
    assert held(cache) == set() and models.loaded[0][1].closed
    cache.acquire("a")
    assert cache.states()[0].n_loads == 2


def test_explicit_loading_keeps_and_explicit_unloading_removes(models: Models) -> None:
    cache = models.cache(idle_ttl_s=1, memory_bytes=100)
    cache.pin("a")
    models.now = 100
    cache.acquire("b")
    cache.release("b")
    assert cache.sweep() == [] and held(cache) == {"a"}
    cache.acquire("a")
    with pytest.raises(ConflictError, match="in use by 1 calls"):
        cache.unload("a")
    cache.release("a")
    cache.unload("a")
    with pytest.raises(NotFoundError, match="'a' is not loaded"):
        cache.unload("a")


def test_threads_that_come_and_go_leave_nothing_in_use(models: Models) -> None:
    cache = models.cache(memory_bytes=100, low_vram=True)
    failures: list[BaseException] = []

    def use(model: str) -> None:
        try:
            for _ in range(10):
                assert not cache.acquire(model).engine.closed  # type: ignore[attr-defined]
                cache.release(model)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=use, args=(model,)) for model in "abab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == [] and cache.states() == ()


def test_weights_are_counted_once(builtin: Engine, tone: Any) -> None:
    assert 80e6 < weight_bytes(builtin) < 130e6  # a third of it in half as many bytes where the CPU has a use for them
    assert weight_bytes(tone.ToneEngine()) == 0
