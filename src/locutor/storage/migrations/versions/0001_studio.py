"""Artefacts, jobs and their events, voices and their clips, quality profiles."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "artefacts",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("owner", sa.String, nullable=False, index=True),
        sa.Column("filename", sa.String, nullable=False),
        sa.Column("media_type", sa.String, nullable=False),
        sa.Column("n_bytes", sa.Integer, nullable=False),
        sa.Column("sha256", sa.String, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
    )
    op.create_table(
        "jobs",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("kind", sa.String, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("params", sa.JSON, nullable=False),
        sa.Column("key", sa.String, index=True),
        sa.Column("priority", sa.Integer, nullable=False),
        sa.Column("progress", sa.Double, nullable=False),
        sa.Column("message", sa.String, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("max_attempts", sa.Integer, nullable=False),
        sa.Column("cancel_requested", sa.Boolean, nullable=False),
        sa.Column("owner", sa.String),
        sa.Column("lease_until", sa.Double),
        sa.Column("not_before", sa.Double, nullable=False),
        sa.Column("result", sa.JSON),
        sa.Column("outputs", sa.JSON, nullable=False),
        sa.Column("recipe", sa.JSON),
        sa.Column("error", sa.String),
        sa.Column("error_kind", sa.String),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("updated_at", sa.Double, nullable=False),
        sa.Column("started_at", sa.Double),
        sa.Column("finished_at", sa.Double),
        sa.Column("ttl_s", sa.Double),
        sa.Column("expires_at", sa.Double, index=True),
    )
    op.create_index("ix_jobs_queue", "jobs", ["status", "kind", "priority", "created_at"])
    op.create_index("ix_jobs_created_at", "jobs", ["created_at"])
    op.create_table(
        "job_events",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("job_id", sa.String, sa.ForeignKey("jobs.id", ondelete="CASCADE"), nullable=False, index=True),
        sa.Column("at", sa.Double, nullable=False),
        sa.Column("status", sa.String, nullable=False),
        sa.Column("progress", sa.Double, nullable=False),
        sa.Column("message", sa.String, nullable=False),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "voices",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("description", sa.String, nullable=False),
        sa.Column("language", sa.String),
        sa.Column("licence", sa.String),
        sa.Column("reference", sa.String, sa.ForeignKey("artefacts.id")),
        sa.Column("ref_text", sa.String),
        sa.Column("ref_text_sha256", sa.String),
        sa.Column("report", sa.JSON),
        sa.Column("consent", sa.JSON),
        sa.Column("blend", sa.JSON),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("updated_at", sa.Double, nullable=False),
        sa.Column("last_used_at", sa.Double),
        sa.Column("usage_count", sa.Integer, nullable=False),
    )
    op.create_table(
        "voice_clips",
        sa.Column("artefact", sa.String, sa.ForeignKey("artefacts.id"), primary_key=True),
        sa.Column("voice_id", sa.String, sa.ForeignKey("voices.id", ondelete="CASCADE"), nullable=False, index=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("audio_sha256", sa.String, nullable=False),
        sa.Column("transcript", sa.String),
        sa.Column("report", sa.JSON, nullable=False),
    )
    op.create_table(
        "quality_profiles",
        sa.Column("id", sa.String, primary_key=True),
        sa.Column("engine", sa.String, nullable=False, index=True),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("description", sa.String, nullable=False),
        sa.Column("parameters", sa.JSON, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("updated_at", sa.Double, nullable=False),
    )
    op.create_table(
        "default_profiles",
        sa.Column("engine", sa.String, primary_key=True),
        sa.Column("profile_id", sa.String, nullable=False),
    )
