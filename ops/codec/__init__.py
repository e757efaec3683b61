"""The codec server: opens sealed payloads for the Temporal Web UI and the `temporal` command."""
