"""XTTS-v2: a voice and a text prompt a language model of audio codes, whose states a HiFi-GAN turns into sound."""
