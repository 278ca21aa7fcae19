"""What each kind of job does, over the stores and the speech backend."""

from dataclasses import asdict, dataclass, replace
from typing import Any

from locutor.audio import io
from locutor.audio.formats import find_format
from locutor.bootstrap import Stores
from locutor.jobs.kinds import JobContext, JobKind, JobKinds
from locutor.jobs.model import JobOutcome
from locutor.serving.backend import SpeechBackend, SpeechCall
from locutor.serving.script import as_parts
from locutor.types import SpeechRequest, SynthesisOptions
from locutor.voices.library import NewClip
from locutor.voices.record import Consent


@dataclass(frozen=True)
class SpeechTasks:
    """The kinds of jobs that speak or make voices; others add theirs to the JobKinds they get."""

    stores: Stores
    speech: SpeechBackend

    def kinds(self) -> JobKinds:
        return JobKinds(
            JobKind(name="synthesize", run=self.synthesize),
            JobKind(name="clone_voice", run=self.clone_voice, lane="voices"),
        )

    def synthesize(self, context: JobContext) -> JobOutcome:
        """params: text (a script, where it has tags), language, voice; model, profile, options (of SynthesisOptions),
        normalize, format ("wav"), ref_text (in place of the voice's own).

        output "audio"; result: duration_s, sample_rate, warnings.
        """
        params = context.job.params
        format = find_format(params.get("format", "wav"))
        request = SpeechRequest(
            text=params["text"], language=params["language"], options=self._options(params),
            normalize=params.get("normalize", True),
        )  # fmt: skip
        voice = self.stores.voices.get(params["voice"])
        if params.get("ref_text"):
            voice = replace(voice, ref_text=params["ref_text"])
        parts = as_parts(request, voice, self.stores.voices.get)
        call = SpeechCall(parts=parts, model=params.get("model"), cancelled=context.cancelled)
        speech = self.speech.speak(call, lambda done, total: context.progress(done, total, "speaking"))
        audio = context.stage(
            io.encode(speech.waveform, format.name),
            filename=f"{context.job.id}{format.suffix}",
            media_type=format.mime_type,
        )
        result = {
            "duration_s": speech.waveform.duration_s,
            "sample_rate": speech.waveform.sample_rate,
            "warnings": list(speech.warnings),
        }
        return JobOutcome(result=result, outputs={"audio": audio}, recipe=asdict(speech.recipe))

    def clone_voice(self, context: JobContext) -> JobOutcome:
        """params: clips [{"artefact": id, "transcript": text or None}], name; description, language, licence, consent
        (Consent as JSON), transcribe. result: voice_id, report.
        """
        params, artefacts = context.job.params, self.stores.artefacts
        clips = [NewClip(audio=artefacts.path(c["artefact"]), transcript=c.get("transcript")) for c in params["clips"]]
        consent = params.get("consent")
        new = self.stores.voices.prepare(
            clips, name=params["name"], description=params.get("description", ""), language=params.get("language"),
            licence=params.get("licence"), consent=None if consent is None else Consent(**consent),
            transcribe=params.get("transcribe", False),
        )  # fmt: skip
        context.staged += [new.reference, *(staged for staged, _, _ in new.clips)]
        return JobOutcome(
            result={"voice_id": new.id, "report": new.report.to_json()},
            also=lambda session: self.stores.voices.insert(session, new),
        )

    def _options(self, params: dict[str, Any]) -> SynthesisOptions:
        return SynthesisOptions(**params.get("options", {}))
