"""Training runs and the models they save, over the stores of an installation: started, watched, compared, promoted."""
