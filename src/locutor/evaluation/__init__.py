"""Measuring speech: are the words right, is it the voice, does it sound natural, how fast is it."""
