"""The profiles that come with Locutor. Names and values of those for F5 and XTTS are what
users of earlier tools know; loudness is a static gain."""

from dataclasses import replace

from locutor.profiles.profile import QualityProfile


def _profile(engine: str, profile_id: str, name: str, description: str, **parameters: float) -> QualityProfile:
    return QualityProfile(
        id=profile_id, engine=engine, name=name, description=description, parameters=parameters, is_builtin=True
    )


BUILTINS: dict[str, QualityProfile] = {
    p.id: p
    for p in (
        _profile("builtin", "builtin_balanced", "Balanced", "The model's own choice of steps.", nfe_step=8),
        _profile("builtin", "builtin_fast", "Fast", "Half the time, a little rougher.", nfe_step=4),
        _profile("builtin", "builtin_quality", "Quality", "Twice the time.", nfe_step=16, cfg_strength=2.0),
        _profile("f5", "f5tts_balanced", "Balanced", "As published.", nfe_step=32, cfg_strength=2.0, loudness_lufs=-14),
        _profile("f5", "f5tts_fast", "Fast", "Half the steps.", nfe_step=16, cfg_strength=1.5, loudness_lufs=-14),
        _profile("f5", "f5tts_ultra_quality", "Ultra quality", "Twice the steps.", nfe_step=64, cfg_strength=2.0,
                 loudness_lufs=-14),
        _profile("f5", "f5tts_ultra_natural", "Ultra natural", "Slower, closer to the reference.", nfe_step=48,
                 cfg_strength=2.5, speed=0.9, loudness_lufs=-16),
        _profile("xtts", "xtts_balanced", "Balanced", "For most texts.", temperature=0.75, repetition_penalty=1.5,
                 top_p=0.9, top_k=60, length_penalty=1.2),
        _profile("xtts", "xtts_expressive", "Expressive", "Livelier, less predictable.", temperature=0.85,
                 repetition_penalty=1.3, top_p=0.95, top_k=70, length_penalty=1.3, speed=0.98),
        _profile("xtts", "xtts_stable", "Stable", "Calmer, more predictable.", temperature=0.7,
                 repetition_penalty=1.7, top_p=0.85, top_k=55, length_penalty=1.1),
    )
}  # fmt: skip
DEFAULTS = {"builtin": "builtin_balanced", "f5": "f5tts_ultra_natural", "xtts": "xtts_balanced"}


def default_of(engine: str) -> QualityProfile:
    """The default one where nobody has chosen another. An engine without profiles has an empty one."""
    if engine in DEFAULTS:
        return replace(BUILTINS[DEFAULTS[engine]], is_default=True)
    return QualityProfile(id=f"{engine}_plain", engine=engine, name="Plain", parameters={}, is_builtin=True)
