"""What the service measures of itself, for Prometheus."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from locutor.serving.executor import BatchDone

_SECONDS = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 3, 5, 10, 20, 60)
_RATIOS = (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1, 1.5, 2, 5)


class SpeechMetrics:
    """Figures of one service, in a registry of its own unless one is given."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        self.registry = registry or CollectorRegistry()
        r = self.registry
        self.calls = Counter("locutor_speech_calls", "Calls by how they ended", ["outcome"], registry=r)
        self.ttfa = Histogram(
            "locutor_ttfa_seconds", "From a call's arrival to its first audio", buckets=_SECONDS, registry=r
        )
        self.rtf = Histogram(
            "locutor_rtf_ratio", "A call's time, waiting included, over its speech", buckets=_RATIOS, registry=r
        )
        self.audio = Counter("locutor_audio_seconds", "Speech made", registry=r)
        self.waiting = Gauge("locutor_queue_depth", "Calls that wait for their first audio", registry=r)
        self.running = Gauge("locutor_calls_running", "Calls whose audio has begun", registry=r)
        self.batch_size = Histogram(
            "locutor_batch_size", "Utterances of a batch", buckets=(1, 2, 4, 8, 16, 32), registry=r
        )
        self.batch_rtf = Histogram(
            "locutor_batch_rtf_ratio", "A batch's time over its speech", buckets=_RATIOS, registry=r
        )
        self.lookups = Counter(
            "locutor_cache_lookups", "Models and voices by whether they were in memory", ["cache", "result"], registry=r
        )
        self.models = Gauge("locutor_models_loaded", "Models in memory", registry=r)
        self.model_loads = Gauge("locutor_model_loads", "Loads of the models in memory", registry=r)
        self.model_bytes = Gauge("locutor_models_bytes", "Weights in memory", registry=r)
        self.worker_restarts = Counter("locutor_worker_restarts", "Workers that had to be started again", registry=r)
        self.retries = Counter("locutor_call_retries", "Calls begun again after a worker ended", registry=r)

    def batch_done(self, batch: BatchDone) -> None:
        self.batch_size.observe(batch.n_utterances)
        self.batch_rtf.observe(batch.elapsed_s / max(batch.duration_s, 1e-9))
        for (cache, result), n in batch.lookups.items():
            self.lookups.labels(cache, result).inc(n)
