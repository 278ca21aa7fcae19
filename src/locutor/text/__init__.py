"""From what a person wrote to what will be spoken."""
