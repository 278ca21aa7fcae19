"""Durable work: kinds of jobs are registered from outside; nothing here knows of speech."""
