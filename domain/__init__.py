"""Every decision about money, pure: no clock, no I/O, nothing of ours outside this package."""
