"""One run of plan or apply, for the command line and for other programs."""
