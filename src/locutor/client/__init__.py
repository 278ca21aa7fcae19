"""A client of the service, for scripts: `Client` waits, `AsyncClient` is awaited; both have the same methods.

with Client("http://127.0.0.1:8005") as locutor:
    Path("hello.wav").write_bytes(locutor.speak("Hello!").audio)
"""

from locutor.client.blocking import Client
from locutor.client.calls import Spoken
from locutor.client.concurrent import AsyncClient

__all__ = ["AsyncClient", "Client", "Spoken"]
