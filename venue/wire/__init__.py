"""The venue's wire formats: pure codecs, no I/O, shared by the bot and by the sim."""
