"""What the events mean: from the log and nothing else."""
