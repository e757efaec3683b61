"""The process that runs workflows and activities: composition root, registration, versions."""
