"""The profiles that come with Locutor. Names of the F5 ones, and their steps and guidance, are those that users of
earlier F5 tools know; loudness is a static gain."""

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
        _profile("builtin", "builtin_quality", "Quality", "Twice the time.", nfe_step=16, cfg_strength=1.5),
        _profile("f5", "f5tts_balanced", "Balanced", "As published.", nfe_step=32, cfg_strength=2.0, loudness_lufs=-14),
        _profile("f5", "f5tts_fast", "Fast", "Half the steps.", nfe_step=16, cfg_strength=1.5, loudness_lufs=-14),
        _profile("f5", "f5tts_ultra_quality", "Ultra quality", "Twice the steps.", nfe_step=64, cfg_strength=2.0,
                 loudness_lufs=-14),
        _profile("f5", "f5tts_ultra_natural", "Ultra natural", "Slower, closer to the reference.", nfe_step=48,
                 cfg_strength=2.5, speed=0.9, loudness_lufs=-16),
    )
}  # fmt: skip
DEFAULTS = {"builtin": "builtin_balanced", "f5": "f5tts_ultra_natural"}
