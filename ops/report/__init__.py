"""Reports: figures of a run, and the judgement of our books by the sim's own."""
