"""From a request to audio: splitting, batching, joining."""
