"""Reading: the questions that the read models and the log answer, a module each."""
