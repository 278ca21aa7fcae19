"""XTTS-v2: text and a voice as a prompt to a language model of audio codes, whose states a HiFi-GAN turns into sound."""
